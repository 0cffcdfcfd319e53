// SPDX-License-Identifier: Apache-2.0
import TUF

/// Members of the kinds that a release's files have.
extension Fields {
    func integer(
        _ name: String,
        in range: ClosedRange<Int>,
        multipleOf unit: Int = 1
    ) throws(FormatError) -> Int {
        let found = try value(name)
        guard case .integer(let integer) = found, range.contains(integer), integer.isMultiple(of: unit) else {
            let multiple = unit == 1 ? "an integer" : "a multiple of \(unit)"
            throw FormatError(
                place: place(name),
                found: found.evidence,
                expected: "\(multiple) from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return integer
    }

    func bytes(_ name: String, count: ClosedRange<Int>) throws(FormatError) -> [UInt8] {
        try Self.hexadecimal(try value(name), place(name), count: count)
    }

    static func hexadecimal(
        _ value: JSON,
        _ place: String,
        count: ClosedRange<Int>
    ) throws(FormatError) -> [UInt8] {
        guard case .string(let text) = value, let bytes = HexDigits.bytes(of: text),
            count.contains(bytes.count)
        else {
            let digits = "\(2 * count.lowerBound)"
            throw FormatError(
                place: place,
                found: value.evidence,
                expected: count.lowerBound == count.upperBound
                    ? "\(digits) hexadecimal digits"
                    : "\(digits) to \(2 * count.upperBound) hexadecimal digits, two each"
            )
        }
        return bytes
    }

    func array(_ name: String, count: Int) throws(FormatError) -> [JSON] {
        let elements = try array(name)
        if elements.count != count {
            throw FormatError(
                place: place(name),
                found: "\(elements.count) elements",
                expected: "\(count), one for each segment"
            )
        }
        return elements
    }

    /// `[offset, length]`, in a file of `size` bytes.
    static func range(
        _ value: JSON,
        _ place: String,
        within size: Int,
        atMost longest: Int
    ) throws(FormatError) -> Range<Int> {
        guard case .array(let pair) = value, pair.count == 2, case .integer(let offset) = pair[0],
            case .integer(let length) = pair[1]
        else {
            throw FormatError(place: place, found: value.evidence, expected: "[offset, length]")
        }
        guard (0...size).contains(offset), (0...longest).contains(length), length <= size - offset else {
            throw FormatError(
                place: place,
                found: "[\(offset), \(length)]",
                expected: "at most \(longest) bytes within \(size)"
            )
        }
        return offset..<offset + length
    }

    func version(_ name: String) throws(FormatError) -> ReleaseVersion {
        let text = try string(name)
        guard let version = ReleaseVersion(text) else { throw Self.notVersion(text, place(name)) }
        return version
    }

    func version(ifAny name: String) throws(FormatError) -> ReleaseVersion? {
        members[name] == nil ? nil : try version(name)
    }

    static func notVersion(_ text: String, _ place: String) -> FormatError {
        FormatError(place: place, found: "\"\(text.shown)\"", expected: "one to four numbers with dots")
    }
}

/// RFC 4648, section 4: the alphabet with "+" and "/", padded.
enum Base64 {
    /// Nil for anything else, bits behind the last byte included.
    static func bytes(of text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 4) else { return nil }
        let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for digit in digits.dropLast(padding) {
            guard let value = value(of: digit) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= 1 << UInt32(count) - 1
            }
        }
        return bits == 0 ? bytes : nil
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
