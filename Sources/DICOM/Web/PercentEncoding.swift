// SPDX-License-Identifier: Apache-2.0

/// Percent-encoded text of a URI (RFC 3986 2.1).
package enum PercentEncoding {
    /// Nil where a "%" has no two hexadecimal digits behind it or the result is not UTF-8. In a query "+" is a
    /// space (application/x-www-form-urlencoded).
    package static func decode(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
                else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    /// What a peer sent, fit for a message: at most 64 characters, letters, digits and a few others.
    static func printable(_ text: some StringProtocol) -> String {
        String(text.unicodeScalars.prefix(64).map { $0.isASCII && isPrintable($0) ? Character($0) : "?" })
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_", "/", "=", ";", "*": true
        default: false
        }
    }
}
