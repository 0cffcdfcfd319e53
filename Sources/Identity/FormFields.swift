// SPDX-License-Identifier: Apache-2.0

/// Names and values of a form or a query, in order: application/x-www-form-urlencoded.
package struct FormFields: Equatable, Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var fields: [(name: String, value: String)]

    package init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { (name: $0.0, value: $0.1) }
    }

    package mutating func append(_ name: String, _ value: String) { fields.append((name, value)) }

    /// The first value under a name.
    package subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

    package var encoded: String {
        fields.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }.joined(separator: "&")
    }

    package static func == (left: FormFields, right: FormFields) -> Bool { left.encoded == right.encoded }

    /// RFC 3986's unreserved characters stay; a space is %20, which both encodings read.
    package static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                escaped += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return escaped
    }
}
