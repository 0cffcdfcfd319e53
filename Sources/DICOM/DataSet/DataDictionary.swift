// SPDX-License-Identifier: Apache-2.0

/// The VR of a data element where the data set does not say it (PS3.6 6).
package enum DataDictionary {
    /// Sorted; the tag in the upper 32 bits, below it the VR's two letters.
    private static let entries = parse(table)
    /// "US or SS" in the table: SS where Pixel Representation (0028,0103) is 1.
    private static let usOrSS: UInt16 = 0x5853

    /// UN for what is not in the registry. `isSigned` is Pixel Representation (0028,0103).
    package static func vr(of tag: Tag, isSigned: Bool = false) -> VR {
        if tag.element == 0 { return .ul }
        if tag.group % 2 == 1 { return (0x0010...0x00FF).contains(tag.element) ? .lo : .un }
        var group = tag.group
        // PS3.5 7.6: curves and overlays repeat in 50xx and 60xx.
        if group >> 8 == 0x50 || group >> 8 == 0x60 { group &= 0xFF00 }
        guard let letters = find(Tag(group, tag.element)) else { return .un }
        if letters == usOrSS { return isSigned ? .ss : .us }
        return VR(rawValue: letters) ?? .un
    }

    private static func find(_ tag: Tag) -> UInt16? {
        var range = entries.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let found = UInt32(entries[middle] >> 32)
            if found == tag.rawValue { return UInt16(truncatingIfNeeded: entries[middle]) }
            range = found < tag.rawValue ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    private static func parse(_ table: String) -> [UInt64] {
        var entries: [UInt64] = []
        for line in table.utf8.split(separator: UInt8(ascii: "\n")) {
            // "gggg " and then six characters for each element.
            let line = Array(line)
            let group = hexadecimal(line[0..<4])
            for start in stride(from: 5, to: line.count - 5, by: 6) {
                let tag = group << 16 | hexadecimal(line[start..<start + 4])
                entries.append(tag << 32 | UInt64(line[start + 4]) << 8 | UInt64(line[start + 5]))
            }
        }
        return entries
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64 {
        digits.reduce(0) { $0 << 4 | UInt64($1 < 0x3A ? $1 - 0x30 : $1 - 0x37) }
    }
}
