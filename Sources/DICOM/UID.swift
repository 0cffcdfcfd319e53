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

extension UID {
    /// The UID of a UUID of 16 bytes: 2.25 and the UUID as a decimal number (PS3.5 B.2).
    package init(uuid: [UInt8]) {
        // Long division, digit by digit: the number has 128 bits.
        var digits: [UInt8] = []
        var number = uuid
        while number.contains(where: { $0 != 0 }) {
            var remainder = 0
            for index in number.indices {
                let value = remainder << 8 | Int(number[index])
                number[index] = UInt8(value / 10)
                remainder = value % 10
            }
            digits.append(UInt8(ascii: "0") + UInt8(remainder))
        }
        let text = digits.isEmpty ? "0" : String(decoding: digits.reversed(), as: UTF8.self)
        self = UID("2.25.\(text)") ?? UID(literal: "2.25.0")
    }
}
