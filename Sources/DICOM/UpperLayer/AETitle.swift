// SPDX-License-Identifier: Apache-2.0

/// An Application Entity title (PS3.5 6.2 VR AE, PS3.8 9.3.2): 1 to 16 characters of ISO 646 without control
/// characters and backslash; leading and trailing spaces are not part of it.
package struct AETitle: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of the field in A-ASSOCIATE PDUs, padded with spaces.
    static let fieldLength = 16

    package let string: String

    /// The title in `text`, or nil where it is empty, too long or has another character. Padding by NUL,
    /// which occurs in the field, is accepted.
    package init?(_ text: some StringProtocol) {
        self.init(Array(text.utf8))
    }

    package init(literal: StaticString) {
        string = "\(literal)"
    }

    init?(_ bytes: [UInt8]) {
        var bytes = bytes[...]
        while let last = bytes.last, last == 0 || last == 0x20 { bytes.removeLast() }
        while bytes.first == 0x20 { bytes.removeFirst() }
        guard (1...Self.fieldLength).contains(bytes.count) else { return nil }
        guard bytes.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else { return nil }
        string = String(decoding: bytes, as: UTF8.self)
    }

    package var description: String { string }

    /// The 16 bytes of the field; only spaces for no title.
    static func field(_ title: AETitle?) -> [UInt8] {
        let characters = Array((title?.string ?? "").utf8.prefix(fieldLength))
        return characters + Array(repeating: 0x20, count: fieldLength - characters.count)
    }
}
