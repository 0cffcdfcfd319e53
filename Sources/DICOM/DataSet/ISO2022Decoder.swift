// SPDX-License-Identifier: Apache-2.0
import Linux

/// Text with code extensions (PS3.5 6.1.2.5, ISO/IEC 2022): G0 is used by bytes below 80H, G1 by those above.
/// Runs of one encoding are collected and converted together.
struct ISO2022Decoder {
    private static let escape: UInt8 = 0x1B

    private let initialG1: CodeElement?
    private let isPersonName: Bool
    /// Nil: ISO IR 6, or JIS X 0201 romaji, whose two differences are read as ASCII: 5CH is a delimiter there too.
    private var g0: CodeElement?
    private var g1: CodeElement?
    private var run: [UInt8] = []
    private var encoding = CodeElement.Encoding.latin1
    private var output: [UInt8] = []

    init(initialG1: CodeElement?, isPersonName: Bool) {
        self.initialG1 = initialG1
        self.isPersonName = isPersonName
        g1 = initialG1
    }

    mutating func decode(_ bytes: [UInt8]) -> String {
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case Self.escape: designate(&rest)
            case 0x21..<0x7F where g0 != nil: appendG0Pair(byte, &rest)
            case ..<0x80:
                run.append(byte)
                if isDelimiter(byte) { (g0, g1) = (nil, initialG1) }
            default: appendG1(byte, &rest)
            }
        }
        flush()
        return String(decoding: output, as: UTF8.self)
    }

    /// Where both halves go back to their first state (PS3.5 6.1.2.5.3).
    private func isDelimiter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x09, 0x0A, 0x0C, 0x0D, UInt8(ascii: "\\"): true
        case UInt8(ascii: "^"), UInt8(ascii: "="): isPersonName
        default: false
        }
    }

    private mutating func appendG0Pair(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) {
        guard let second = rest.first, (0x21..<0x7F).contains(second) else { return appendReplacement() }
        rest.removeFirst()
        use(.japanese)
        if g0 == .jisX0212 { run.append(0x8F) }
        run.append(contentsOf: [byte | 0x80, second | 0x80])
    }

    private mutating func appendG1(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) {
        switch g1 {
        case .single(let encoding):
            use(encoding)
            run.append(byte)
        case .katakana where (0xA1...0xDF).contains(byte):
            use(.japanese)
            run.append(contentsOf: [0x8E, byte])
        case .double(let encoding):
            guard let second = rest.first, second >= 0xA1, byte >= 0xA1 else { return appendReplacement() }
            rest.removeFirst()
            use(encoding)
            run.append(contentsOf: [byte, second])
        default: appendReplacement()
        }
    }

    /// What follows ESC (PS3.3 Tables C.12-3 and C.12-4).
    private mutating func designate(_ rest: inout ArraySlice<UInt8>) {
        let sequence = Array(rest.prefix(3))
        let length: Int
        switch (sequence.first, sequence.dropFirst().first, sequence.dropFirst(2).first) {
        case (0x24, 0x28, 0x44): (g0, length) = (.jisX0212, 3)
        case (0x24, 0x29, 0x43): (g1, length) = (.double(.korean), 3)
        case (0x24, 0x29, 0x41): (g1, length) = (.double(.simplifiedChinese), 3)
        case (0x24, 0x42, _), (0x24, 0x40, _): (g0, length) = (.jisX0208, 2)
        case (0x28, 0x42, _), (0x28, 0x4A, _): (g0, length) = (nil, 2)
        case (0x29, 0x49, _): (g1, length) = (.katakana, 2)
        case (0x2D, let final?, _):
            guard let registration = Self.registration(final) else { return appendReplacement() }
            (g1, length) = (CodeElement(registration: registration), 2)
        default: return appendReplacement()
        }
        rest.removeFirst(length)
    }

    /// The 96 character set that ESC 2DH designates to G1, by its final byte.
    private static func registration(_ final: UInt8) -> Int? {
        switch final {
        case 0x41: 100
        case 0x42: 101
        case 0x43: 109
        case 0x44: 110
        case 0x46: 126
        case 0x47: 127
        case 0x48: 138
        case 0x4C: 144
        case 0x4D: 148
        case 0x54: 166
        case 0x62: 203
        default: nil
        }
    }

    private mutating func use(_ next: CodeElement.Encoding) {
        guard next != encoding else { return }
        flush()
        encoding = next
    }

    private mutating func appendReplacement() {
        flush()
        output.append(contentsOf: [0xEF, 0xBF, 0xBD])
    }

    private mutating func flush() {
        if encoding == .latin1 {
            for byte in run {
                // ISO 8859-1 is the first row of Unicode.
                if byte < 0x80 {
                    output.append(byte)
                } else {
                    output += [0xC0 | byte >> 6, 0x80 | byte & 0x3F]
                }
            }
        } else {
            TextConverter.appendUTF8(run, from: encoding.rawValue, to: &output)
        }
        run.removeAll(keepingCapacity: true)
    }
}
