// SPDX-License-Identifier: Apache-2.0
import Linux

extension RawSpan {
    /// `range` without leading spaces and trailing spaces and NUL (PS3.5 6.2: padding is not significant).
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while upper > lower, self[upper - 1] == 0x20 || self[upper - 1] == 0 { upper -= 1 }
        while lower < upper, self[lower] == 0x20 { lower += 1 }
        return lower..<upper
    }

    /// A value of the default repertoire (PS3.5 6.1.1) without its padding.
    func trimmedString(_ range: Range<Int>) -> String {
        string(trimmed(range))
    }

    /// Whether `range` is ASCII without escape sequences: the same in every character set the box knows.
    func isPlainASCII(_ range: Range<Int>) -> Bool {
        for offset in range where self[offset] >= 0x80 || self[offset] == 0x1B { return false }
        return true
    }
}

extension UID {
    /// The UID in `range` of `bytes` without trailing NUL and space; nil as in `init(_:)`.
    package init?(_ bytes: RawSpan, _ range: Range<Int>) {
        var upper = range.upperBound
        while upper > range.lowerBound, bytes[upper - 1] == 0 || bytes[upper - 1] == 0x20 { upper -= 1 }
        guard (1...64).contains(upper - range.lowerBound) else { return nil }
        guard bytes[range.lowerBound] != UInt8(ascii: ".") else { return nil }
        for offset in range.lowerBound..<upper {
            let byte = bytes[offset]
            guard byte == UInt8(ascii: ".") || (0x30...0x39).contains(byte) else { return nil }
        }
        string = bytes.string(range.lowerBound..<upper)
    }
}
