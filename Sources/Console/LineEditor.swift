// SPDX-License-Identifier: Apache-2.0

/// Makes lines of bytes from a terminal in raw mode, where nothing but printable ASCII and a few keys counts.
package struct LineEditor: Sendable {
    package enum Outcome: Equatable, Sendable {
        case nothing
        case line(String)
        /// Ctrl-C: the line is dropped.
        case interrupted
    }

    package static let limit = 256

    private enum Sequence {
        case none
        case escape
        /// So many bytes of it at most are swallowed.
        case control(Int)
    }

    package private(set) var text = ""
    /// Nothing of the line is shown.
    private var isSecret = false
    private var sequence = Sequence.none
    /// The last byte was CR: an LF that follows belongs to it.
    private var endedWithCR = false

    package init() {}

    package mutating func begin(isSecret: Bool) {
        self.isSecret = isSecret
        text = ""
        sequence = .none
    }

    /// `echo`: what the terminal shows of it.
    package mutating func feed(_ byte: UInt8) -> (outcome: Outcome, echo: String) {
        defer { endedWithCR = byte == 0x0D }
        if byte == 0x0A, endedWithCR { return (.nothing, "") }
        if swallow(byte) { return (.nothing, "") }
        switch byte {
        case 0x0A, 0x0D:
            let line = text
            text = ""
            return (.line(line), "\r\n")
        case 0x03:
            text = ""
            return (.interrupted, "^C\r\n")
        case 0x08, 0x7F:
            guard !text.isEmpty else { return (.nothing, "") }
            text.removeLast()
            return (.nothing, isSecret ? "" : "\u{8} \u{8}")
        case 0x15:
            let count = text.count
            text = ""
            return (.nothing, isSecret ? "" : String(repeating: "\u{8} \u{8}", count: count))
        case 0x1B:
            sequence = .escape
            return (.nothing, "")
        case 0x20...0x7E:
            guard text.count < Self.limit else { return (.nothing, "") }
            let character = String(Unicode.Scalar(byte))
            text += character
            return (.nothing, isSecret ? "" : character)
        default: return (.nothing, "")
        }
    }

    /// A key such as an arrow sends ESC, `[` or `O`, and more up to a letter (ECMA-48 5.4).
    private mutating func swallow(_ byte: UInt8) -> Bool {
        let current = sequence
        sequence = .none
        guard (0x20...0x7E).contains(byte) else { return false }
        switch current {
        case .none: return false
        case .escape:
            if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") { sequence = .control(8) }
            return true
        case .control(let rest):
            if byte < 0x40, rest > 1 { sequence = .control(rest - 1) }
            return true
        }
    }
}
