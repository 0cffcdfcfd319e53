// SPDX-License-Identifier: Apache-2.0
import DICOM
package import DMP
import FoundationEssentials
package import IHE
import Identity
import Linux

/// Manifests that a site shares by itself, beside the national record: what an MHD Document Responder has (IHE ITI-67 and
/// ITI-68 in FHIR R4), asked with the professional's access token.
package struct DocumentConsumer: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let body: [UInt8]

        package init(status: Int, body: [UInt8]) {
            self.status = status
            self.body = body
        }
    }

    /// Sends a form where there is one, else a GET; `accept` and `token` go into headers.
    package typealias Exchange =
        @Sendable (_ url: String, _ form: String?, _ accept: String, _ token: String)
        async throws(RecordError)
        -> Answer

    /// Pages of one search that are followed.
    private static let mostPages = 20
    static let bundleType = "application/fhir+json"
    static let dicomType = "application/dicom"

    /// As the configuration calls the site.
    package let name: String
    /// `https://host[:port]/fhir`, without a slash at its end.
    private let base: String
    private let exchange: Exchange

    package init(name: String, url: String, exchange: @escaping Exchange) {
        self.name = name
        var base = Substring(url)
        while base.last == "/" { base.removeLast() }
        self.base = String(base)
        self.exchange = exchange
    }

    package struct Found: Equatable, Sendable {
        package var documents: [RegisteredDocument] = []
        /// Entries that are no manifest of the patient's, or cannot be had.
        package var unreadable = 0
        /// Whether the search came to its end.
        package var isWhole = false
    }

    /// What is shared of a patient and in force. Who the patient is stands in the body of the request, in no URL.
    package func search(_ patient: PatientContext, token: String) async throws(RecordError) -> Found {
        let identifier = patient.nationalIdentifier
        let wanted = "urn:oid:\(identifier.authority)|\(identifier.value)"
        var url = "\(base)/DocumentReference/_search"
        var form: String? = (["patient.identifier": wanted, "status": "current"] as FormFields).encoded
        var references: [SharedReference] = []
        var found = Found()
        for _ in 0..<Self.mostPages {
            let answer = try await ask(url, form, Self.bundleType, token)
            let page = try bundle(answer)
            for entry in page.entry ?? [] where entry.search?.mode != "outcome" {
                if let reference = entry.resource {
                    references.append(reference)
                } else {
                    found.unreadable += 1
                }
            }
            guard let next = page.link?.first(where: { $0.relation == "next" })?.url else {
                found.isWhole = true
                break
            }
            (url, form) = (try own(next), nil)
        }
        // The FHIR form names the DICOM one that it was made of, which is then MADO's.
        let originals = Set(references.flatMap(\.originals))
        for reference in references {
            guard
                let document = reference.document(
                    patientID: DataTypes.patientIdentifier(identifier.value, authority: identifier.authority),
                    of: wanted,
                    isMADO: reference.id.map(originals.contains) ?? false,
                    at: absolute
                ), has(document)
            else {
                found.unreadable += 1
                continue
            }
            found.documents.append(document)
        }
        return found
    }

    /// Whether the document is had here.
    package func has(_ document: RegisteredDocument) -> Bool { document.location.map(isOwn) ?? false }

    /// What comes is what the search said of it, as far as it said that: hash and size.
    package func document(_ document: RegisteredDocument, token: String) async throws(RecordError) -> [UInt8]
    {
        let answer = try await ask(try own(document.location ?? ""), nil, document.entry.mimeType, token)
        if document.entry.hash.isEmpty { return answer.body }
        do throws(DocumentMismatch) {
            try document.check(answer.body)
        } catch {
            throw RecordError(.permanent, "\(name): \(error)")
        }
        return answer.body
    }

    private func ask(_ url: String, _ form: String?, _ accept: String, _ token: String)
        async throws(RecordError) -> Answer
    {
        let answer = try await exchange(url, form, accept, token)
        guard answer.status == 200 else {
            throw RecordError(
                answer.status >= 500 || answer.status == 429 ? .temporary : .permanent,
                "\(name): found status \(answer.status), expected 200"
            )
        }
        return answer
    }

    private func bundle(_ answer: Answer) throws(RecordError) -> SharedBundle {
        guard let bundle = try? JSONDecoder().decode(SharedBundle.self, from: Data(answer.body)),
            bundle.resourceType == "Bundle"
        else { throw RecordError(.permanent, "\(name): found no Bundle, expected one of DocumentReference") }
        return bundle
    }

    /// The token of a professional goes nowhere but where the configuration says.
    private func own(_ text: String) throws(RecordError) -> String {
        let url = absolute(text)
        guard isOwn(url) else {
            throw RecordError(.permanent, "\(name): found a URL of another place, expected one below its own")
        }
        return url
    }

    /// References may be relative to the service (R4 2.3.4.2).
    private func absolute(_ url: String) -> String {
        url.contains("://") || url.hasPrefix("/") ? url : "\(base)/\(url)"
    }

    private func isOwn(_ url: String) -> Bool {
        (url.hasPrefix(base + "/") || url.hasPrefix(base + "?")) && !url.contains("..") && !url.contains("#")
    }
}

// MARK: - The resources, as far as they are read

private struct SharedBundle: Decodable {
    struct Link: Decodable {
        let relation: String
        let url: String
    }

    struct Entry: Decodable {
        struct Search: Decodable {
            let mode: String?
        }

        /// Nil where it is another resource, or not as it should be.
        let resource: SharedReference?
        let search: Search?

        private enum Key: String, CodingKey {
            case resource
            case search
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            search = try? container.decode(Search.self, forKey: .search)
            resource = try? container.decode(SharedReference.self, forKey: .resource)
        }
    }

    let resourceType: String
    let entry: [Entry]?
    let link: [Link]?
}

/// DocumentReference (R4 2.42).
private struct SharedReference: Decodable {
    struct Identifier: Decodable {
        let system: String?
        let value: String?
    }

    struct Reference: Decodable {
        let type: String?
        let reference: String?
        let identifier: Identifier?
        let display: String?
    }

    struct Coding: Decodable {
        let system: String?
        let code: String?
        let display: String?
    }

    struct Concept: Decodable {
        let coding: [Coding]?
    }

    struct Attachment: Decodable {
        let contentType: String?
        let url: String?
        let size: Int?
        let hash: String?
        let creation: String?
        let title: String?
    }

    struct Content: Decodable {
        let attachment: Attachment
        let format: Coding?
    }

    struct Relation: Decodable {
        let code: String
        let target: Reference
    }

    struct Period: Decodable {
        let start: String?
        let end: String?
    }

    struct Circumstances: Decodable {
        let event: [Concept]?
        let period: Period?
        let related: [Reference]?
    }

    let id: String?
    let status: String
    let masterIdentifier: Identifier?
    let subject: Reference?
    let description: String?
    let custodian: Reference?
    let relatesTo: [Relation]?
    let content: [Content]
    let context: Circumstances?

    /// Ids of what it was made of.
    var originals: [String] {
        (relatesTo ?? []).filter { $0.code == "transforms" }.compactMap { relation in
            relation.target.reference?.split(separator: "/").last.map(String.init)
        }
    }

    private static let modalities = "http://dicom.nema.org/resources/ontology/DCM"
    private static let snomed = "http://snomed.info/sct"

    /// Nil where it is no manifest, names no study, or is of another patient than the one who was asked for.
    func document(
        patientID: String,
        of patient: String,
        isMADO: Bool,
        at absolute: (String) -> String
    ) -> RegisteredDocument? {
        guard status == "current", let identifier = masterIdentifier?.value, identifier.hasPrefix("urn:oid:"),
            let owner = subject?.identifier, "\(owner.system ?? "")|\(owner.value ?? "")" == patient,
            let item = content.first, content.count == 1, let url = item.attachment.url.map(absolute)
        else { return nil }
        let type = item.attachment.contentType ?? ""
        guard [DocumentConsumer.bundleType, DocumentConsumer.dicomType].contains(type) else { return nil }
        let related = (context?.related ?? []).compactMap(\.identifier)
        let studies = related.filter { $0.system == "urn:dicom:uid" }.compactMap(\.value)
        guard !studies.isEmpty else { return nil }
        let study = studies.map { value in
            DataTypes.reference(
                value.hasPrefix("urn:oid:") ? String(value.dropFirst(8)) : value,
                authority: "1.2.840.10008.2.6.1",
                kind: ManifestSubmission.studyInstanceUID
            )
        }
        let accessions = (context?.related ?? []).filter { $0.type == "ImagingStudy" }.compactMap(
            \.identifier
        )
        .filter { $0.system?.hasPrefix("urn:oid:") == true }
        .map { identifier in
            DataTypes.reference(
                identifier.value ?? "",
                authority: String((identifier.system ?? "").dropFirst(8)),
                kind: ManifestSubmission.accession
            )
        }
        var entry = DocumentEntry(
            uniqueID: String(identifier.dropFirst(8)),
            patientID: patientID,
            mimeType: type,
            formatCode: Coded(item.format?.code ?? "", item.format?.system ?? "", "")
        )
        entry.title = item.attachment.title ?? ""
        entry.comments = isMADO ? RegisteredDocument.madoComments : description ?? ""
        entry.creationTime = Self.time(item.attachment.creation)
        entry.serviceStartTime = Self.time(context?.period?.start)
        entry.serviceStopTime = Self.time(context?.period?.end)
        entry.size = item.attachment.size ?? 0
        entry.hash = item.attachment.hash.flatMap { Data(base64Encoded: $0) }?.hexadecimal ?? ""
        entry.authors = [
            Author(
                person: "",
                institution: DataTypes.institution(
                    custodian?.identifier?.value ?? "",
                    name: custodian?.display ?? ""
                )
            )
        ]
        entry.eventCodes = (context?.event ?? []).flatMap { $0.coding ?? [] }.compactMap(Self.event)
        entry.references = study + accessions
        return RegisteredDocument(
            entry: entry,
            entryUUID: url,
            status: .approved,
            repositoryUniqueID: "",
            location: url
        )
    }

    /// As the national record codes it; nil for what says neither the modality nor the region.
    private static func event(_ coding: Coding) -> Coded? {
        switch coding.system {
        case modalities: Coded(coding.code ?? "", ExamFilter.modalityScheme, coding.display ?? "")
        case snomed: Coded(coding.code ?? "", ExamFilter.regionScheme, coding.display ?? "")
        default: nil
        }
    }

    /// As XDS has it; empty where it is none.
    private static func time(_ text: String?) -> String { text.flatMap { FHIRDateTime($0) }?.utc ?? "" }
}
