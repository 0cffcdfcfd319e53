// SPDX-License-Identifier: Apache-2.0
internal import Admin

/// Whom a certificate is to name.
package struct CertificateSubject: Codable, Equatable, Sendable {
    package let commonName: String
    package let organization: String?
    package let organizationalUnit: String?

    package init(commonName: String, organization: String? = nil, organizationalUnit: String? = nil) {
        self.commonName = commonName
        self.organization = organization
        self.organizationalUnit = organizationalUnit
    }

    /// Attribute types with their values, from the root of the tree down. Each value has 64 characters at most
    /// (X.520, ub-common-name, ub-organization-name, ub-organizational-unit-name).
    ///
    /// - Throws: `invalid` where a value is empty, too long, or holds control characters.
    func attributes() throws(TPMFailure) -> [(type: [UInt8], value: String)] {
        let all: [(type: [UInt8], value: String?)] = [
            (DER.organization, organization), (DER.organizationalUnit, organizationalUnit),
            (DER.commonName, commonName),
        ]
        var attributes: [(type: [UInt8], value: String)] = []
        for (type, value) in all {
            guard let value else { continue }
            guard (1...64).contains(value.unicodeScalars.count),
                value.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
            else {
                throw TPMFailure(
                    kind: .invalid,
                    call: "the subject",
                    code: "0x0",
                    words: "1 to 64 printable characters for each part of the name"
                )
            }
            attributes.append((type, value))
        }
        return attributes
    }
}
