// SPDX-License-Identifier: Apache-2.0

/// A unique identifier (PS3.5 9). Holds what the field sends: 1 to 64 digits and dots, a digit first, so that it is
/// safe in a file name, a URL and a log line; leading zeros of a component occur and are kept.
package struct UID: Hashable, Sendable, CustomStringConvertible {
    package let string: String

    /// The UID in `text`, or nil where it is empty, longer than 64 characters or has another character.
    /// Trailing NUL (PS3.5 9.1) and space padding is not part of it.
    package init?(_ text: some StringProtocol) {
        var characters = Array(text.utf8)
        while let last = characters.last, last == 0 || last == 0x20 { characters.removeLast() }
        guard (1...64).contains(characters.count), characters[0] != UInt8(ascii: ".") else { return nil }
        guard characters.allSatisfy({ $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }) else {
            return nil
        }
        string = String(decoding: characters, as: UTF8.self)
    }

    package init(literal: StaticString) {
        string = "\(literal)"
    }

    package var description: String { string }
}
