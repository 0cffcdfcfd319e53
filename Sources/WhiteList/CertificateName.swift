// SPDX-License-Identifier: Apache-2.0
import Linux
import SwiftASN1
package import X509

/// A distinguished name to be compared: the same names with the same values, however it is written.
///
/// The order of the parts, the spaces around and within them, and small and capital letters do not count (RFC 5280
/// 7.1, RFC 4518). Nothing may be missing, and nothing may be there in addition.
package struct CertificateName: Hashable, Sendable {
    /// How often each part is there.
    private let parts: [Part: Int]

    struct Part: Hashable, Sendable {
        /// Dotted decimal.
        let type: String
        let value: String

        init(type: String, value: String) {
            self.type = type
            self.value = value.split(whereSeparator: \.isWhitespace).joined(separator: " ").lowercased()
        }
    }

    init(_ parts: [Part]) {
        self.parts = Dictionary(parts.map { ($0, 1) }, uniquingKeysWith: +)
    }

    /// Of a certificate. A value that is no text is compared by its bytes.
    package init(_ name: DistinguishedName) {
        self.init(
            name.flatMap { set in
                set.map { Part(type: $0.type.dotted, value: Self.text($0.value)) }
            }
        )
    }

    /// The subject of a certificate in DER; nil where this is none.
    package init?(subjectOf der: [UInt8]) {
        guard let certificate = try? Certificate(derEncoded: der) else { return nil }
        self.init(certificate.subject)
    }

    static func text(_ value: RelativeDistinguishedName.Attribute.Value) -> String {
        if let text = String(value) { return text }
        var serializer = DER.Serializer()
        guard (try? serializer.serialize(ASN1Any(value))) != nil else { return "" }
        return text(der: serializer.serializedBytes)
    }

    /// The text that stands in a string of ASN.1; any other value as `#` and hexadecimal digits (RFC 4514 2.4).
    static func text(der: [UInt8]) -> String {
        if let node = try? DER.parse(der), case .primitive(let content) = node.content {
            switch node.identifier {
            case .utf8String, .printableString, .ia5String, .numericString:
                if let text = String(validating: content, as: UTF8.self) { return text }
            // Latin 1 is what is found in a TeletexString.
            case .teletexString: return String(String.UnicodeScalarView(content.map { UnicodeScalar($0) }))
            case .bmpString where content.count.isMultiple(of: 2):
                let bytes = Array(content)
                let units = stride(from: 0, to: bytes.count, by: 2).map {
                    UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
                }
                if let text = String(validating: units, as: UTF16.self) { return text }
            default: break
            }
        }
        return "#" + der.hexadecimal
    }
}

extension ASN1ObjectIdentifier {
    var dotted: String { oidComponents.map { "\($0)" }.joined(separator: ".") }
}
