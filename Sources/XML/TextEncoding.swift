// SPDX-License-Identifier: Apache-2.0

/// The encodings that documents come in, turned into UTF-8 (XML 1.0, 4.3.3 and appendix F).
package enum TextEncoding {
    /// The document in UTF-8 without a byte order mark; its bytes as they are where it is that already. Whether
    /// they are well-formed UTF-8 is left to the parser.
    static func utf8(_ bytes: [UInt8]) throws(XMLError) -> [UInt8] {
        if bytes.starts(with: [0xFF, 0xFE]) { return try utf16(bytes.dropFirst(2), isBigEndian: false) }
        if bytes.starts(with: [0xFE, 0xFF]) { return try utf16(bytes.dropFirst(2), isBigEndian: true) }
        if bytes.starts(with: [0x3C, 0x00]) { return try utf16(bytes[...], isBigEndian: false) }
        if bytes.starts(with: [0x00, 0x3C]) { return try utf16(bytes[...], isBigEndian: true) }
        let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        let name = declaredEncoding(hasMark ? bytes.dropFirst(3) : bytes[...])
        guard !hasMark || name == nil || name == "utf-8" else {
            throw XMLError(.encoding, "found a UTF-8 byte order mark, expected the declared encoding")
        }
        switch name {
        case nil, "utf-8", "utf8": return hasMark ? Array(bytes.dropFirst(3)) : bytes
        case "us-ascii", "ascii": return try singleByte(bytes) { $0 < 0x80 ? UInt32($0) : nil }
        case "iso-8859-1", "latin1": return try singleByte(bytes) { UInt32($0) }
        case "iso-8859-15", "latin-9": return try singleByte(bytes) { latin9($0).value }
        case "windows-1252", "cp1252": return try singleByte(bytes, windows1252)
        case "utf-16", "utf-16le", "utf-16be":
            throw XMLError(.encoding, "found bytes of 8 bits, expected the declared UTF-16")
        default:
            throw XMLError(
                .encoding,
                "found another encoding, expected UTF-8, UTF-16, ISO-8859-1, ISO-8859-15 or windows-1252"
            )
        }
    }

    /// The name in the XML declaration, in lower case; nil where there is none.
    private static func declaredEncoding(_ bytes: ArraySlice<UInt8>) -> String? {
        let head = bytes.prefix(512)
        guard head.starts(with: Array("<?xml".utf8)), let end = head.firstIndex(of: 0x3E) else { return nil }
        let declaration = Array(head[..<end])
        let word = Array("encoding".utf8)
        let starts = declaration.indices.dropFirst().first {
            isSpace(declaration[$0 - 1]) && declaration[$0...].starts(with: word)
        }
        guard let start = starts else { return nil }
        var rest = declaration[(start + word.count)...].drop(while: isSpace)
        guard rest.popFirst() == UInt8(ascii: "=") else { return nil }
        rest = rest.drop(while: isSpace)
        guard let quote = rest.popFirst(), let last = rest.firstIndex(of: quote) else { return nil }
        return String(decoding: rest[..<last], as: UTF8.self).lowercased()
    }

    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    // MARK: - One byte, one character

    private static func singleByte(
        _ bytes: [UInt8],
        _ scalar: (UInt8) -> UInt32?
    ) throws(XMLError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 8)
        for (offset, byte) in bytes.enumerated() {
            if byte < 0x80 {
                output.append(byte)
            } else if let scalar = scalar(byte).flatMap(Unicode.Scalar.init) {
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            } else {
                throw XMLError(
                    .encoding,
                    "found at byte \(offset) one that the declared encoding does not have"
                )
            }
        }
        return output
    }

    /// A character of ISO-8859-15, which differs from ISO-8859-1 in eight places.
    package static func latin9(_ byte: UInt8) -> Unicode.Scalar {
        switch byte {
        case 0xA4: "\u{20AC}"
        case 0xA6: "\u{160}"
        case 0xA8: "\u{161}"
        case 0xB4: "\u{17D}"
        case 0xB8: "\u{17E}"
        case 0xBC: "\u{152}"
        case 0xBD: "\u{153}"
        case 0xBE: "\u{178}"
        default: Unicode.Scalar(byte)
        }
    }

    /// 0x80 to 0x9F of windows-1252; 0 where it has no character.
    private static let windowsControls: [UInt32] = [
        0x20AC, 0, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0,
        0x17D, 0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A,
        0x153, 0, 0x17E, 0x178,
    ]

    private static func windows1252(_ byte: UInt8) -> UInt32? {
        guard (0x80...0x9F).contains(byte) else { return UInt32(byte) }
        let scalar = windowsControls[Int(byte) - 0x80]
        return scalar == 0 ? nil : scalar
    }

    // MARK: - UTF-16

    private static func utf16(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) throws(XMLError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var units = UTF16Units(bytes: bytes, isBigEndian: isBigEndian)
        var decoder = UTF16()
        guard bytes.count.isMultiple(of: 2) else {
            throw XMLError(.encoding, "found \(bytes.count) bytes of UTF-16, expected an even count")
        }
        decoding: while true {
            switch decoder.decode(&units) {
            case .scalarValue(let scalar):
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            case .emptyInput: break decoding
            case .error: throw XMLError(.encoding, "found a surrogate of UTF-16 without its other half")
            }
        }
        let name = declaredEncoding(output[...])
        guard name == nil || ["utf-16", isBigEndian ? "utf-16be" : "utf-16le"].contains(name) else {
            throw XMLError(.encoding, "found UTF-16, expected the declared encoding")
        }
        return output
    }

    private struct UTF16Units: IteratorProtocol {
        var bytes: ArraySlice<UInt8>
        let isBigEndian: Bool

        mutating func next() -> UInt16? {
            guard let first = bytes.popFirst(), let second = bytes.popFirst() else { return nil }
            return isBigEndian ? UInt16(first) << 8 | UInt16(second) : UInt16(second) << 8 | UInt16(first)
        }
    }
}
