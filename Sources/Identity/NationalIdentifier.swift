// SPDX-License-Identifier: Apache-2.0

/// The matricule of the national health identity (INS).
package enum NationalIdentifier {
    /// 13 characters and 97 less their remainder by 97; 2A and 2B (Corsica) count as 19 and 18.
    package static func isValid(_ text: String) -> Bool {
        var digits = Array(text.utf8)
        guard digits.count == 15 else { return false }
        if digits[5] == UInt8(ascii: "2") {
            if digits[6] == UInt8(ascii: "A") { (digits[5], digits[6]) = (0x31, 0x39) }
            if digits[6] == UInt8(ascii: "B") { (digits[5], digits[6]) = (0x31, 0x38) }
        }
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return false }
        let number = digits.prefix(13).reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
        let key = digits.suffix(2).reduce(Int64(0)) { $0 * 10 + Int64($1 - 0x30) }
        return 97 - number % 97 == key
    }
}
