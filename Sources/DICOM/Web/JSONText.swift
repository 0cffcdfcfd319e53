// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    private static let hexadecimalDigits = Array("0123456789abcdef".utf8)
    private static let base64Digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )

    /// JSON as it is.
    mutating func append(json text: String) {
        append(contentsOf: text.utf8)
    }

    /// The start of an attribute's member: `"00080018":{"vr":"UI"`, after a comma where one is needed.
    mutating func append(jsonMember tag: Tag, _ vr: VR) {
        appendSeparator()
        append(UInt8(ascii: "\""))
        append(jsonDigits: tag)
        append(json: "\":{\"vr\":\"")
        append(UInt8(vr.rawValue >> 8))
        append(UInt8(truncatingIfNeeded: vr.rawValue))
        append(UInt8(ascii: "\""))
    }

    /// Eight upper case hexadecimal digits.
    mutating func append(jsonDigits tag: Tag) {
        for shift in stride(from: 28, through: 0, by: -4) {
            let digit = UInt8(tag.rawValue >> UInt32(shift) & 15)
            append(digit < 10 ? 0x30 + digit : 0x37 + digit)
        }
    }

    /// A JSON string (RFC 8259 7). "<", ">" and "&" are escaped too: they mean nothing in JSON and much in HTML.
    mutating func append(jsonString text: some StringProtocol) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case 0x27..<0x3C, 0x3F..<0x5C: append(byte)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(contentsOf: [UInt8(ascii: "\\"), byte])
            case UInt8(ascii: "\n"): append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case UInt8(ascii: "\r"): append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            case UInt8(ascii: "\t"): append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            case ..<0x20, 0x7F, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                append(contentsOf: "\\u00".utf8)
                append(Self.hexadecimalDigits[Int(byte >> 4)])
                append(Self.hexadecimalDigits[Int(byte & 15)])
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    /// `bytes` in base 64 with padding (RFC 4648 4).
    mutating func append(base64 bytes: [UInt8]) {
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<Swift.min(start + 3, bytes.count)]
            var bits: UInt32 = 0
            for offset in 0..<3 {
                bits = bits << 8 | (offset < group.count ? UInt32(group[start + offset]) : 0)
            }
            for digit in 0..<4 {
                let isPadding = digit > group.count
                let value = Int(bits >> (18 - 6 * UInt32(digit)) & 63)
                append(isPadding ? UInt8(ascii: "=") : Self.base64Digits[value])
            }
        }
    }

    /// Before a member or an element: a comma unless it is the first.
    mutating func appendSeparator() {
        guard let last, last != UInt8(ascii: "{"), last != UInt8(ascii: "[") else { return }
        append(UInt8(ascii: ","))
    }
}
