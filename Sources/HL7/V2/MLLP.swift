// SPDX-License-Identifier: Apache-2.0

/// Cuts a byte stream into messages (HL7 v2, Minimal Lower Layer Protocol, release 1): `<VT>` message `<FS><CR>`.
package struct MLLPReader: Sendable {
    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case noStart(found: UInt8)
        case tooLong(limit: Int)

        package var description: String {
            switch self {
            case .noStart(let byte): "MLLP: found byte \(byte) between messages, expected 11 (VT)"
            case .tooLong(let limit): "MLLP: found a message of more than \(limit) bytes"
            }
        }
    }

    private static let start: UInt8 = 0x0B
    private static let end: UInt8 = 0x1C

    private let limit: Int
    private var message: [UInt8] = []
    private var isInside = false

    /// - Parameter limit: bytes of a message.
    package init(limit: Int = 64 << 20) {
        self.limit = limit
    }

    /// Bytes that are held back for the message that is not complete.
    package var heldBytes: Int { message.count }

    /// Takes what was received; the messages that are complete with it. After a failure the stream is of no use.
    package mutating func feed(_ bytes: [UInt8]) throws(Failure) -> [[UInt8]] {
        var complete: [[UInt8]] = []
        var position = bytes.startIndex
        while position < bytes.endIndex {
            guard isInside else {
                let byte = bytes[position]
                position += 1
                switch byte {
                case Self.start: isInside = true
                // The CR after FS, and what some senders add to it.
                case 0x0D, 0x0A: continue
                default: throw .noStart(found: byte)
                }
                continue
            }
            let end = bytes[position...].firstIndex(of: Self.end)
            let piece = bytes[position..<(end ?? bytes.endIndex)]
            guard message.count + piece.count <= limit else { throw .tooLong(limit: limit) }
            message.append(contentsOf: piece)
            guard let end else { return complete }
            complete.append(message)
            message = []
            isInside = false
            position = end + 1
        }
        return complete
    }

    /// A message in its frame.
    package static func frame(_ message: [UInt8]) -> [UInt8] {
        [start] + message + [end, 0x0D]
    }
}
