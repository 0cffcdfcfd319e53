// SPDX-License-Identifier: Apache-2.0
import XML

/// What a VIHF that was sent says of who asked. Read from our own archive, not from who wants to be believed: its
/// signature is not looked at.
package struct AssertionContent: Equatable, Sendable {
    static let saml = "urn:oasis:names:tc:SAML:2.0:assertion"
    private static let hl7 = "urn:hl7-org:v3"

    package var subjectName: String
    package var structureID: String
    /// Profession, then specialty where there is one.
    package var roles: [Coded]
    /// Connexion secrète.
    package var isSecret: Bool

    init(reading assertion: XMLElement) {
        let attributes = assertion.descendants(XMLName("Attribute", in: Self.saml))
        func attribute(_ name: String) -> XMLElement? { attributes.first { $0["Name"] == name } }
        subjectName = attribute("urn:oasis:names:tc:xspa:1.0:subject:subject-id")?.text ?? ""
        structureID = attribute("Identifiant_Structure")?.text ?? ""
        roles =
            attribute("urn:oasis:names:tc:xacml:2.0:subject:role")?
            .descendants(XMLName("Role", in: Self.hl7))
            .map { Coded($0["code"] ?? "", $0["codeSystem"] ?? "", $0["displayName"] ?? "") } ?? []
        isSecret = attribute("urn:oasis:names:tc:xspa:1.0:resource:hl7:confidentiality-code") != nil
    }
}
