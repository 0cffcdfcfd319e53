// SPDX-License-Identifier: Apache-2.0

/// The name of a release: one to four numbers with dots, "2026.9.0".
///
/// Releases are in the order of their numbers, one by one, where a number that is not there counts as 0.
package struct ReleaseVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// As written, and so the name of the release's directory.
    package let description: String
    /// Always four.
    private let numbers: [UInt32]

    /// Nil for any other form; a number has at most nine digits and no zero before them.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        var numbers: [UInt32] = []
        for part in parts {
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            guard (1...9).contains(part.count), part.allSatisfy(digits.contains),
                part.count == 1 || part.first != UInt8(ascii: "0")
            else { return nil }
            numbers.append(part.reduce(0) { $0 * 10 + UInt32($1 - UInt8(ascii: "0")) })
        }
        description = text
        self.numbers = numbers + [UInt32](repeating: 0, count: 4 - numbers.count)
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.numbers.lexicographicallyPrecedes(right.numbers)
    }

    package static func == (left: Self, right: Self) -> Bool { left.numbers == right.numbers }

    package func hash(into hasher: inout Hasher) { hasher.combine(numbers) }
}
