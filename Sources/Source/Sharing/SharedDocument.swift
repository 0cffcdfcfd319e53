// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import HL7
import IHE
import Store

/// A manifest that is in the record, as an MHD Document Responder shows it (MADO, Appendix A).
struct SharedDocument: Sendable {
    static let dicomType = "application/dicom"
    static let fhirType = "application/fhir+json"
    /// Before the SOP Instance UID, in the id of the FHIR form's own entry.
    static let fhirPrefix = "fhir."
    /// Characters of a FHIR id.
    private static let longestID = 64

    /// The same manifest in DICOM, or in FHIR.
    enum Encoding: Sendable {
        case dicom
        case fhir
    }

    let sopInstanceUID: String
    let encoding: Encoding
    /// Milliseconds since 1970.
    let created: Int64
    private let form: PublicationManifest.Form
    private let context: SubmittedContext
    private let site: MADOSite

    /// Nil where what is kept beside it cannot be read, and where professionals are not to see it: whether one of them may
    /// nevertheless is the record's to say.
    init?(_ listing: PublicationListing, _ encoding: Encoding, _ site: MADOSite) {
        guard let context = try? SubmittedContext(reading: listing.context) else { return nil }
        let visibility = context.report.visibility
        if visibility.isMaskedFromProfessionals || visibility.isSecret { return nil }
        sopInstanceUID = listing.sopInstanceUID
        self.encoding = encoding
        created = listing.created
        form = listing.form
        self.context = context
        self.site = site
        if id.utf8.count > Self.longestID { return nil }
    }

    var id: String { encoding == .fhir ? Self.fhirPrefix + sopInstanceUID : sopInstanceUID }

    private var report: ReportContext { context.report }

    // MARK: What it is found by

    private static let loinc = "http://loinc.org"
    private static let modalities = "http://dicom.nema.org/resources/ontology/DCM"
    private static let snomed = "http://snomed.info/sct"
    private static let uri = "urn:ietf:rfc:3986"

    /// An OID as a system.
    static func system(_ oid: String) -> String { "urn:oid:\(oid)" }

    /// "X-STUDY", and what the record calls it.
    private var type: [FHIRCoding] {
        [
            FHIRCoding(system: Self.loinc, code: "18748-4", display: "Diagnostic imaging study"),
            FHIRCoding(system: Self.system("1.2.250.1.213.1.1.4.12"), code: "IMG-KOS"),
        ]
    }

    private var category: [FHIRCoding] {
        [
            FHIRCoding(
                system: Self.system("1.2.250.1.213.1.1.4.1"),
                code: "31",
                display: "Imagerie médicale"
            )
        ]
    }

    private var format: FHIRCoding {
        switch encoding {
        case .dicom:
            FHIRCoding(system: Self.system("1.2.840.10008.2.6.1"), code: "1.2.840.10008.5.1.4.1.1.88.59")
        case .fhir:
            FHIRCoding(
                system: Self.system("1.3.6.1.4.1.19376.1.2.7.1"),
                code: "urn:ihe:rad:MADO:fhir-manifest:2026"
            )
        }
    }

    /// Modalities, regions of CID IHE-MADO1, acts.
    private var events: [FHIRCoding] {
        context.modalities.map { FHIRCoding(system: Self.modalities, code: $0) }
            + site.targetRegions(report).map {
                FHIRCoding(system: Self.snomed, code: $0.value, display: $0.meaning)
            } + report.acts.map { Self.coding($0) }
    }

    private var study: [FHIRCoding] {
        [
            FHIRCoding(system: "urn:dicom:uid", code: "urn:oid:\(report.studyInstanceUID)"),
            Self.identifier(report.accessionNumber),
        ]
    }

    private var orders: [FHIRCoding] { report.order.map { [Self.identifier($0)] } ?? [] }

    private static func coding(_ code: ReportContext.Code) -> FHIRCoding {
        FHIRCoding(system: system(code.scheme), code: code.value, display: code.meaning)
    }

    private static func identifier(_ identifier: ReportContext.Identifier) -> FHIRCoding {
        FHIRCoding(system: system(identifier.authority), code: identifier.value)
    }

    /// Whether it is what is looked for.
    func matches(_ search: FHIRSearch) -> Bool {
        search.conditions.allSatisfy { condition in
            let codings: [FHIRCoding] =
                switch condition.name {
                case "_id": [FHIRCoding(system: "", code: id)]
                case "identifier": [FHIRCoding(system: Self.uri, code: "urn:oid:\(sopInstanceUID)")]
                case "patient.identifier": [Self.identifier(report.patient.nationalIdentifier)]
                case "status":
                    [FHIRCoding(system: "http://hl7.org/fhir/document-reference-status", code: "current")]
                case "type": type
                case "category": category
                case "format": [format]
                case "event": events
                case "setting": [Self.coding(report.practiceSetting)]
                case "related:identifier": study
                case "related:ServiceRequest.identifier": orders
                default: []
                }
            return condition.tokens.contains { token in codings.contains { token.matches($0) } }
        }
            && search.dates.allSatisfy { condition in
                if condition.name != "period" { return condition.bound.holds(from: created, to: created) }
                guard let start = Self.milliseconds(report.serviceStart) else { return false }
                return condition.bound.holds(from: start, to: Self.milliseconds(report.serviceStop) ?? start)
            }
    }

    /// Of YYYYMMDDhhmmss in UTC.
    private static func milliseconds(_ time: String) -> Int64? {
        DTM.secondsSince1970(time + "+0000").map { Int64($0) * 1000 }
    }

    // MARK: How it is shown

    /// Its document, as far as it is described.
    struct Attachment: Sendable {
        var size: Int
        /// Base64 of the SHA-1.
        var hash: String
    }

    /// A DocumentReference; `base` is the URL of the service.
    func resource(base: String, _ attachment: Attachment?) -> JSONValue {
        var members: [String: JSONValue] = [
            "resourceType": .string("DocumentReference"),
            "id": .string(id),
            "status": .string("current"),
            "masterIdentifier": Self.json(
                identifier: FHIRCoding(system: Self.uri, code: "urn:oid:\(sopInstanceUID)")
            ),
            "type": Self.json(concept: type),
            "category": .array([Self.json(concept: category)]),
            "subject": .object([
                "type": .string("Patient"),
                "identifier": Self.json(identifier: Self.identifier(report.patient.nationalIdentifier)),
            ]),
            "date": .string(Self.instant(created)),
            "custodian": .object([
                "type": .string("Organization"),
                "identifier": Self.json(
                    identifier: FHIRCoding(
                        system: Self.system("1.2.250.1.71.4.2.2"),
                        code: report.structure.identifier
                    )
                ),
                "display": .string(report.structure.name),
            ]),
            "securityLabel": .array(securityLabels.map { Self.json(concept: [$0]) }),
            "content": .array([
                .object([
                    "attachment": json(base, attachment), "format": Self.json(coding: format),
                ])
            ]),
            "context": circumstances,
        ]
        // As the record's entry has them: comments here, the title in the attachment (MHD, mapping to XDS).
        members["description"] = .string(ManifestSubmission.Form(form).comments)
        if !report.legalAuthenticator.identifier.isEmpty {
            members["author"] = .array([professional])
            members["authenticator"] = professional
        }
        if encoding == .fhir {
            members["relatesTo"] = .array([
                .object([
                    "code": .string("transforms"),
                    "target": .object([
                        "reference": .string("DocumentReference/\(sopInstanceUID)")
                    ]),
                ])
            ])
        }
        return .object(members)
    }

    private var professional: JSONValue {
        let person = report.legalAuthenticator
        return .object([
            "type": .string("Practitioner"),
            "identifier": Self.json(
                identifier: FHIRCoding(system: Self.system("1.2.250.1.71.4.2.1"), code: person.identifier)
            ),
            "display": .string(
                [person.givenName, person.familyName].filter { !$0.isEmpty }.joined(separator: " ")
            ),
        ])
    }

    private var securityLabels: [FHIRCoding] {
        let scheme = Self.system("1.2.250.1.213.1.1.4.13")
        var labels = [
            FHIRCoding(
                system: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
                code: "N",
                display: "normal"
            )
        ]
        let visibility = report.visibility
        if visibility.isInvisibleToPatient {
            labels.append(FHIRCoding(system: scheme, code: "INVISIBLE_PATIENT"))
        }
        if visibility.isInvisibleToLegalRepresentatives {
            labels.append(FHIRCoding(system: scheme, code: "INVISIBLE_REPRESENTANTS_LEGAUX"))
        }
        return labels
    }

    private func json(_ base: String, _ attachment: Attachment?) -> JSONValue {
        var members: [String: JSONValue] = [
            "contentType": .string(encoding == .fhir ? Self.fhirType : Self.dicomType),
            "url": .string("\(base)/Binary/\(id)"),
            "creation": .string(Self.instant(created)),
            "language": .string("fr-FR"),
        ]
        if !report.title.meaning.isEmpty { members["title"] = .string(report.title.meaning) }
        if let attachment {
            members["size"] = .integer(attachment.size)
            members["hash"] = .string(attachment.hash)
        }
        return .object(members)
    }

    private var circumstances: JSONValue {
        var period: [String: JSONValue] = [:]
        period["start"] = Self.milliseconds(report.serviceStart).map { .string(Self.instant($0)) }
        period["end"] = Self.milliseconds(report.serviceStop).map { .string(Self.instant($0)) }
        var members: [String: JSONValue] = [
            "event": .array(events.map { Self.json(concept: [$0]) }),
            "facilityType": Self.json(concept: [Self.coding(report.facilityType)]),
            "practiceSetting": Self.json(concept: [Self.coding(report.practiceSetting)]),
            "related": .array(
                (study.map { ("ImagingStudy", $0) } + orders.map { ("ServiceRequest", $0) }).map {
                    .object(["type": .string($0), "identifier": Self.json(identifier: $1)])
                }
            ),
        ]
        // FHIR has no empty objects or arrays.
        if events.isEmpty { members["event"] = nil }
        if !period.isEmpty { members["period"] = .object(period) }
        return .object(members)
    }

    private static func json(coding: FHIRCoding) -> JSONValue {
        var members: [String: JSONValue] = ["system": .string(coding.system), "code": .string(coding.code)]
        if !coding.display.isEmpty { members["display"] = .string(coding.display) }
        return .object(members)
    }

    private static func json(concept codings: [FHIRCoding]) -> JSONValue {
        .object(["coding": .array(codings.map { json(coding: $0) })])
    }

    private static func json(identifier: FHIRCoding) -> JSONValue {
        .object(["system": .string(identifier.system), "value": .string(identifier.code)])
    }

    /// RFC 3339, in UTC.
    private static func instant(_ milliseconds: Int64) -> String {
        let digits = Array(SiteTime.utc(milliseconds))
        func part(_ range: Range<Int>) -> String { String(digits[range]) }
        return
            "\(part(0..<4))-\(part(4..<6))-\(part(6..<8))T\(part(8..<10)):\(part(10..<12)):\(part(12..<14))Z"
    }
}
