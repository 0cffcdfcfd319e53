// SPDX-License-Identifier: Apache-2.0
package import XML

/// The identification and authorisation of who asks (vecteur d'identification et d'habilitation formelles, 3.0): a signed
/// SAML 2.0 assertion.
package struct VIHF: Sendable {
    package enum Authentication: String, Sendable {
        /// The structure's machine, for a professional.
        case indirect = "INDIRECTE"
        /// The structure's machine, for a professional who signed in by Pro Santé Connect.
        case strengthened = "INDIRECTE_RENFORCEE"
        case direct = "DIRECTE"
    }

    /// Mode d'accès (1.2.250.1.213.1.1.4.248).
    package enum Purpose: Equatable, Sendable {
        case normal
        /// Bris de glace: the patient cannot say that they agree, and care cannot wait. With its reason.
        case breakGlass(reason: String)
    }

    private static let saml = "urn:oasis:names:tc:SAML:2.0:assertion"
    private static let hl7 = "urn:hl7-org:v3"
    private static let instance = "http://www.w3.org/2001/XMLSchema-instance"

    /// A UUID
    package var id: String
    /// Such as 2024-01-01T08:00:00Z
    package var issueInstant: String
    package var authentication: Authentication
    /// The professional, never the patient.
    package var subjectID: String
    package var subjectName: String
    package var structureID: String
    /// Such as SA08
    package var sector: String
    /// CX
    package var patientID: String
    package var software: (identifier: String, name: String, version: String, homologation: String)
    /// Profession, then specialty where there is one.
    package var roles: [Coded]
    /// Connexion secrète.
    package var isSecret: Bool
    package var purpose: Purpose

    package init(
        id: String,
        issueInstant: String,
        authentication: Authentication,
        subjectID: String,
        subjectName: String,
        structureID: String,
        sector: String,
        patientID: String,
        software: (identifier: String, name: String, version: String, homologation: String),
        roles: [Coded],
        isSecret: Bool = false,
        purpose: Purpose = .normal
    ) {
        self.id = id
        self.issueInstant = issueInstant
        self.authentication = authentication
        self.subjectID = subjectID
        self.subjectName = subjectName
        self.structureID = structureID
        self.sector = sector
        self.patientID = patientID
        self.software = software
        self.roles = roles
        self.isSecret = isSecret
        self.purpose = purpose
    }

    /// The signed assertion, to be put into an envelope as it is.
    package func signed(with key: SigningKey, algorithm: SignatureAlgorithm) throws(XMLError) -> XMLElement {
        try XMLElement(parsing: key.sign(template(key, algorithm).serialized()))
    }

    private func template(_ key: SigningKey, _ algorithm: SignatureAlgorithm) -> XMLElement {
        let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
        let signature = XMLElement.make(
            "Signature",
            in: DSig.namespace,
            [
                .make(
                    "SignedInfo",
                    in: DSig.namespace,
                    [
                        DSig.algorithm("CanonicalizationMethod", exclusive),
                        DSig.algorithm("SignatureMethod", algorithm.signature),
                        DSig.reference(
                            ["URI": "#\(identifier)"],
                            transforms: ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", exclusive],
                            algorithm
                        ),
                    ]
                ),
                .make("SignatureValue", in: DSig.namespace), DSig.keyInfo,
            ]
        )
        return .make(
            "Assertion",
            in: Self.saml,
            ["ID": identifier, "IssueInstant": issueInstant, "Version": "2.0"],
            [
                .make(
                    "Issuer",
                    in: Self.saml,
                    ["Format": "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"],
                    text: key.subject
                ),
                signature,
                .make("Subject", in: Self.saml, [.make("NameID", in: Self.saml, text: subjectID)]),
                .make(
                    "AuthnStatement",
                    in: Self.saml,
                    ["AuthnInstant": issueInstant],
                    [
                        .make("AuthnContext", in: Self.saml, authenticationContext)
                    ]
                ),
                .make("AttributeStatement", in: Self.saml, attributes),
            ]
        )
    }

    private var authenticationContext: [XMLElement] {
        let transport = XMLElement.make(
            "AuthnContextClassRef",
            in: Self.saml,
            text: "urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient"
        )
        guard authentication == .strengthened else { return [transport] }
        return [transport, .make("AuthnContextDecl", in: Self.saml, text: "APP_BROWSER_AUTH")]
    }

    /// An XML ID begins with a letter.
    private var identifier: String { "_\(id)" }

    private var attributes: [XMLElement] {
        func attribute(_ name: String, _ value: String) -> XMLElement {
            .make(
                "Attribute",
                in: Self.saml,
                ["Name": name],
                [.make("AttributeValue", in: Self.saml, text: value)]
            )
        }
        func coded(_ element: String, _ code: Coded, _ schemeName: String) -> XMLElement {
            var value = XMLElement.make(
                element,
                in: Self.hl7,
                [
                    "code": code.value, "codeSystem": code.scheme, "codeSystemName": schemeName,
                    "displayName": code.meaning,
                ]
            )
            value.attributes.append(.init(name: XMLName("type", in: Self.instance), value: "CE"))
            return .make("AttributeValue", in: Self.saml, [value])
        }
        var attributes = [
            attribute("VIHF_Version", "3.0"), attribute("Secteur_Activite", "\(sector)^1.2.250.1.71.4.2.4"),
            attribute("Ressource_URN", "urn:dmp"),
            attribute("urn:oasis:names:tc:xspa:1.0:subject:subject-id", subjectName),
            attribute("Identifiant_Structure", structureID), attribute("LPS_ID", software.identifier),
            attribute("LPS_Nom", software.name), attribute("LPS_ID_HOMOLOGATION_DMP", software.homologation),
            attribute("LPS_Version", software.version),
            attribute("urn:oasis:names:tc:xacml:2.0:resource:resource-id", patientID),
            attribute("Authentification_Mode", authentication.rawValue),
            .make(
                "Attribute",
                in: Self.saml,
                ["Name": "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"],
                [
                    coded(
                        "PurposeOfUse",
                        purpose.code,
                        "mode acces VIHF 1.0"
                    )
                ]
            ),
            .make(
                "Attribute",
                in: Self.saml,
                ["Name": "urn:oasis:names:tc:xacml:2.0:subject:role"],
                roles.map { coded("Role", $0, "") }
            ),
        ]
        if case .breakGlass(let reason) = purpose {
            attributes.append(attribute("Mode_Acces_Raison", reason))
        }
        if isSecret {
            attributes.append(attribute("urn:oasis:names:tc:xspa:1.0:resource:hl7:confidentiality-code", "S"))
        }
        return attributes
    }
}

extension VIHF.Purpose {
    fileprivate var code: Coded {
        let scheme = "1.2.250.1.213.1.1.4.248"
        return switch self {
        case .normal: Coded("normal", scheme, "Acces normal")
        case .breakGlass: Coded("bris_de_glace", scheme, "Acces bris de glace")
        }
    }
}
