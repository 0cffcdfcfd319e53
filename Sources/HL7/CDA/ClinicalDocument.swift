// SPDX-License-Identifier: Apache-2.0
package import XML

/// The header of a report (CDA R2, IMG_CR_IMG): who, what exam, and which study holds its images. Names are read by
/// namespace; display names are for people and decide nothing.
package struct ClinicalDocument: Equatable, Sendable {
    /// An instance identifier (II).
    package struct Identifier: Hashable, Sendable {
        package let root: String
        package let `extension`: String?

        /// `root`, or `root^extension`.
        package var text: String { `extension`.map { "\(root)^\($0)" } ?? root }
    }

    package struct Code: Equatable, Sendable {
        package let value: String
        package let scheme: String
        package let displayName: String
    }

    package struct Person: Equatable, Sendable {
        package let identifier: Identifier
        package let familyName: String
        package let givenName: String
        /// Of the profession and specialty, such as "G15_10/SM44" (1.2.250.1.213.1.1.4.5).
        package let code: Code?
        package let organization: Organization?
    }

    package struct Organization: Equatable, Sendable {
        package let identifier: Identifier?
        package let name: String
        /// 1.2.250.1.213.1.1.4.9
        package let industryClass: Code?
    }

    package struct Patient: Equatable, Sendable {
        package let identifiers: [Identifier]
        package let birthFamilyName: String?
        package let usedFamilyName: String?
        package let firstBirthGivenName: String?
        package let usedGivenName: String?
        /// As they are in the register of births.
        package let givenNames: [String]
        /// YYYYMMDD
        package let birthDate: String?
        /// M, F or UN
        package let gender: String?
        /// INSEE code
        package let birthplace: String?
    }

    package struct Order: Equatable, Sendable {
        package let identifier: Identifier?
        package let accessionNumbers: [Identifier]
    }

    package struct ServiceEvent: Equatable, Sendable {
        package let studyInstanceUID: String?
        package let code: Code?
        package let translations: [(code: Code, qualifier: String?)]
        /// As written: YYYYMMDDhhmmss with or without an offset.
        package let low: String?
        package let high: String?
        package let performer: Organization?

        package static func == (left: Self, right: Self) -> Bool {
            left.studyInstanceUID == right.studyInstanceUID && left.code == right.code
                && left.translations.map(\.code) == right.translations.map(\.code) && left.low == right.low
                && left.high == right.high && left.performer == right.performer
        }
    }

    package static let namespace = "urn:hl7-org:v3"
    private static let imaging = "urn:dicom-org:ps3-20"

    package let identifier: Identifier
    package let code: Code
    package let versionNumber: Int?
    /// The versions that this one takes the place of.
    package let parents: [Identifier]
    package let patient: Patient
    package let legalAuthenticator: Person
    package let orders: [Order]
    package let serviceEvents: [ServiceEvent]
    /// 1.2.250.1.71.4.2.4
    package let facility: Code?

    /// - Throws: `HL7Error` whose location is the path that is missing or wrong.
    package init(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(HL7Error) {
        let root: XMLElement
        do throws(XMLError) {
            root = try XMLElement(parsing: bytes, limits: limits)
        } catch {
            throw HL7Error(.dataType, "OBX-5", found: error.description, expected: "a CDA document")
        }
        try self.init(root)
    }

    package init(_ root: XMLElement) throws(HL7Error) {
        guard root.name == XMLName("ClinicalDocument", in: Self.namespace) else {
            throw HL7Error(
                .dataType,
                "OBX-5",
                found: "another document",
                expected: "ClinicalDocument in urn:hl7-org:v3"
            )
        }
        identifier = try Self.required(root.first("id").flatMap(Identifier.init), "ClinicalDocument/id")
        code = try Self.required(root.first("code").flatMap { Code($0) }, "ClinicalDocument/code")
        versionNumber = root.first("versionNumber")?["value"].flatMap { Int($0) }
        parents = root.elements("relatedDocument").filter { $0["typeCode"] != "XFRM" }.flatMap { related in
            related.elements("parentDocument").flatMap { $0.elements("id").compactMap(Identifier.init) }
        }
        let role = try Self.required(
            root.first(at: ["recordTarget", "patientRole"]),
            "ClinicalDocument/recordTarget/patientRole"
        )
        patient = Patient(role)
        let path = "ClinicalDocument/legalAuthenticator/assignedEntity"
        legalAuthenticator = try Self.required(
            root.first(at: ["legalAuthenticator", "assignedEntity"]).flatMap { Person($0) },
            path
        )
        orders = root.elements("inFulfillmentOf").flatMap { $0.elements("order") }.map { order in
            Order(
                identifier: order.first("id").flatMap(Identifier.init),
                accessionNumbers: order.elements("accessionNumber", in: Self.imaging).compactMap(
                    Identifier.init
                )
            )
        }
        serviceEvents = root.elements("documentationOf").flatMap { $0.elements("serviceEvent") }
            .map(ServiceEvent.init)
        facility = root.first(at: [
            "componentOf", "encompassingEncounter", "location", "healthCareFacility", "code",
        ]).flatMap { Code($0) }
    }

    private static func required<Value>(_ value: Value?, _ path: String) throws(HL7Error) -> Value {
        guard let value else { throw HL7Error(.requiredField, path, found: "nothing", expected: "a value") }
        return value
    }

    /// The INS (1.2.250.1.213.1.4.8 NIR, .9 NIA, .10 and .11 for tests), wherever it stands.
    package var nationalIdentifier: Identifier? { patient.nationalIdentifier }

    /// The site's own identifiers.
    package var localIdentifiers: [Identifier] { patient.localIdentifiers }

    package static let nationalAuthorities: Set<String> = [
        "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11",
    ]
}

extension ClinicalDocument.Identifier {
    init?(_ element: XMLElement) {
        guard let root = element["root"], !root.isEmpty, element["nullFlavor"] == nil else { return nil }
        self.init(root: root, extension: element["extension"].flatMap { $0.isEmpty ? nil : $0 })
    }
}

extension ClinicalDocument.Code {
    init?(_ element: XMLElement) {
        guard let value = element["code"], !value.isEmpty else { return nil }
        self.init(
            value: value,
            scheme: element["codeSystem"] ?? "",
            displayName: element["displayName"] ?? ""
        )
    }
}

extension ClinicalDocument.Organization {
    init(_ element: XMLElement) {
        self.init(
            identifier: element.first("id").flatMap(ClinicalDocument.Identifier.init),
            name: element.first("name")?.plainText ?? "",
            industryClass: element.first("standardIndustryClassCode").flatMap { ClinicalDocument.Code($0) }
        )
    }
}

extension ClinicalDocument.Person {
    init?(_ entity: XMLElement) {
        guard let identifier = entity.first("id").flatMap(ClinicalDocument.Identifier.init),
            let name = entity.first(at: ["assignedPerson", "name"])
        else { return nil }
        self.init(
            identifier: identifier,
            familyName: name.first("family")?.plainText ?? "",
            givenName: name.first("given")?.plainText ?? "",
            code: entity.first("code").flatMap { ClinicalDocument.Code($0) },
            organization: entity.first("representedOrganization").map { ClinicalDocument.Organization($0) }
        )
    }
}

extension ClinicalDocument.Patient {
    var nationalIdentifier: ClinicalDocument.Identifier? {
        identifiers.first { ClinicalDocument.nationalAuthorities.contains($0.root) && $0.extension != nil }
    }

    var localIdentifiers: [ClinicalDocument.Identifier] {
        identifiers.filter { !ClinicalDocument.nationalAuthorities.contains($0.root) && $0.extension != nil }
    }

    init(_ role: XMLElement) {
        let patient = role.first("patient")
        let names = patient?.elements("name") ?? []
        func part(_ local: String, _ qualifier: String?) -> String? {
            names.flatMap { $0.elements(local) }.first { $0["qualifier"] == qualifier }?.plainText
        }
        self.init(
            identifiers: role.elements("id").compactMap(ClinicalDocument.Identifier.init),
            birthFamilyName: part("family", "BR") ?? part("family", nil),
            usedFamilyName: part("family", "CL"),
            firstBirthGivenName: part("given", "BR"),
            usedGivenName: part("given", "CL"),
            givenNames: names.flatMap { $0.elements("given") }.filter { $0["qualifier"] == nil }.map(
                \.plainText
            ),
            birthDate: patient?.first("birthTime")?["value"].map { String($0.prefix(8)) },
            gender: patient?.first("administrativeGenderCode")?["code"],
            birthplace: patient?.first(at: ["birthplace", "place", "addr", "county"])?.plainText
        )
    }
}

extension ClinicalDocument.ServiceEvent {
    init(_ event: XMLElement) {
        let code = event.first("code")
        let performer = event.first("performer").flatMap {
            $0.first(at: ["assignedEntity", "representedOrganization"])
        }
        self.init(
            studyInstanceUID: event.first("id").flatMap { ClinicalDocument.Identifier($0) }?.root,
            code: code.flatMap { ClinicalDocument.Code($0) },
            translations: (code?.elements("translation") ?? []).compactMap { translation in
                ClinicalDocument.Code(translation).map {
                    ($0, translation.first(at: ["qualifier", "name"])?["code"])
                }
            },
            low: event.first("effectiveTime")?.first("low")?["value"]
                ?? event.first("effectiveTime")?["value"],
            high: event.first("effectiveTime")?.first("high")?["value"],
            performer: performer.map { ClinicalDocument.Organization($0) }
        )
    }
}

extension XMLElement {
    /// Its text without the white space around it.
    fileprivate var plainText: String {
        var text = text[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
