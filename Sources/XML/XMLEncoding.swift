// SPDX-License-Identifier: Apache-2.0

/// The encodings that reports come in, brought to UTF-8.
enum XMLEncoding {
    /// The bytes 0x80 to 0x9F of Windows-1252; 0 where it has none.
    private static let windows: [UInt32] = [
        0x20AC, 0, 0x201A, 0x192, 0x201E, 0x2026, 0x2020, 0x2021, 0x2C6, 0x2030, 0x160, 0x2039, 0x152, 0,
        0x17D, 0,
        0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x2DC, 0x2122, 0x161, 0x203A, 0x153, 0,
        0x17E, 0x178,
    ]
    /// Where ISO-8859-15 differs from ISO-8859-1.
    private static let latin9: [UInt8: UInt32] = [
        0xA4: 0x20AC, 0xA6: 0x160, 0xA8: 0x161, 0xB4: 0x17D, 0xB8: 0x17E, 0xBC: 0x152, 0xBD: 0x153,
        0xBE: 0x178,
    ]

    static func utf8(_ bytes: [UInt8]) throws(XMLError) -> [UInt8] {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        guard !bytes.starts(with: [0xFE, 0xFF]), !bytes.starts(with: [0xFF, 0xFE]), bytes.first != 0 else {
            throw XMLError(.encoding, "found UTF-16 or UTF-32, expected UTF-8")
        }
        switch declared(bytes) {
        case nil, "UTF-8", "UTF8", "US-ASCII", "ASCII": return bytes
        case "ISO-8859-1", "LATIN1": return widened(bytes) { UInt32($0) }
        case "ISO-8859-15", "LATIN-9", "LATIN9": return widened(bytes) { latin9[$0] ?? UInt32($0) }
        case "WINDOWS-1252", "CP1252":
            return widened(bytes) { (0x80...0x9F).contains($0) ? windows[Int($0) - 0x80] : UInt32($0) }
        case let other?:
            throw XMLError(.encoding, line: 1, "found encoding \"\(other.prefix(20))\", expected UTF-8")
        }
    }

    /// The declaration's encoding, in capital letters; nil where it names none.
    private static func declared(_ bytes: [UInt8]) -> String? {
        guard bytes.starts(with: Array("<?xml".utf8)) else { return nil }
        let head = bytes.prefix(200)
        guard let end = head.firstIndex(of: UInt8(ascii: ">")) else { return nil }
        let text = String(decoding: head[..<end], as: UTF8.self)
        guard let match = text.firstMatch(of: /encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/) else { return nil }
        return match.1.uppercased()
    }

    private static func widened(_ bytes: [UInt8], _ scalar: (UInt8) -> UInt32) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + bytes.count / 8)
        for byte in bytes {
            guard byte >= 0x80 else {
                result.append(byte)
                continue
            }
            // U+FFFD is no character of these encodings: the parser passes it on, and nobody takes it for a name.
            let value = scalar(byte)
            result.append(contentsOf: String(UnicodeScalar(value == 0 ? 0xFFFD : value) ?? "?").utf8)
        }
        return result
    }
}
