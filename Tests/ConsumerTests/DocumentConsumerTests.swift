// SPDX-License-Identifier: Apache-2.0
import DMP
import Foundation
import IHE
import Synchronization
import Testing

@testable import Consumer

/// A site that answers what it is told to, and keeps what it was asked.
private final class Site: Sendable {
    struct Question: Sendable {
        let url: String
        let form: String?
        let token: String
    }

    let answers: Mutex<[DocumentConsumer.Answer]>
    let questions = Mutex<[Question]>([])

    init(_ answers: [(status: Int, body: String)]) {
        self.answers = Mutex(answers.map { .init(status: $0.status, body: Array($0.body.utf8)) })
    }

    var consumer: DocumentConsumer {
        DocumentConsumer(name: "Lac", url: "https://lac.example/fhir/") {
            [self] (url, form, _, token) async throws(RecordError) in
            questions.withLock { $0.append(.init(url: url, form: form, token: token)) }
            return answers.withLock { $0.removeFirst() }
        }
    }
}

private func reference(
    _ uid: String,
    type: String = "application/dicom",
    patient: String = "279035121518989",
    url: String? = nil,
    more: String = ""
) -> String {
    """
    { "search": { "mode": "match" }, "resource": { "resourceType": "DocumentReference", "id": "\(uid)", "status": "current",
      "masterIdentifier": { "system": "urn:ietf:rfc:3986", "value": "urn:oid:\(uid)" },
      "subject": { "identifier": { "system": "urn:oid:1.2.250.1.213.1.4.10", "value": "\(patient)" } },
      "custodian": { "identifier": { "value": "1750803447" }, "display": "Lac" }, \(more)
      "content": [ { "attachment": { "contentType": "\(type)", "url": "\(url ?? "https://lac.example/fhir/Binary/\(uid)")",
                     "size": 3, "hash": "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "creation": "2026-01-15T10:11:12Z" },
                     "format": { "code": "\(type == "application/dicom"
                         ? "1.2.840.10008.5.1.4.1.1.88.59" : "urn:ihe:rad:MADO:fhir-manifest:2026")" } } ],
      "context": { "period": { "start": "2026-01-15T09:00:00Z" },
        "event": [ { "coding": [ { "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT" } ] } ],
        "related": [
          { "type": "ImagingStudy", "identifier": { "system": "urn:dicom:uid", "value": "urn:oid:1.2.3" } },
          { "type": "ImagingStudy", "identifier": { "system": "urn:oid:1.2.9", "value": "ACN1" } } ] } } }
    """
}

private func bundle(_ entries: [String], next: String? = nil) -> (status: Int, body: String) {
    let link = next.map { "\"link\": [ { \"relation\": \"next\", \"url\": \"\($0)\" } ]," } ?? ""
    return (200, "{ \"resourceType\": \"Bundle\", \(link) \"entry\": [ \(entries.joined(separator: ",")) ] }")
}

private func failure(_ body: () async throws -> Void) async -> RecordError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? RecordError
    }
}

@Suite("Manifests that sites share by themselves (ITI-67, ITI-68)") struct DocumentConsumerTests {
    @Test(
        "what is found over several pages; the patient stands in no URL, and the token goes to the site only"
    )
    func search() async throws {
        let transformed =
            #""relatesTo": [ { "code": "transforms", "target": { "reference": "DocumentReference/1.5" } } ],"#
        let site = Site([
            bundle(
                [reference("1.4"), reference("1.5"), reference("1.6", patient: "1")],
                next: "https://lac.example/fhir/DocumentReference?_page=2"
            ),
            bundle([
                reference("1.7", type: "application/fhir+json", more: transformed),
                reference("1.8", url: "https://elsewhere.example/fhir/Binary/1.8"),
                #"{ "search": { "mode": "outcome" }, "resource": { "resourceType": "OperationOutcome" } }"#,
                #"{ "resource": { "resourceType": "DocumentReference" } }"#,
            ]),
        ])
        let found = try await site.consumer.search(patient, token: "T")
        let documents = found.documents
        #expect(found.isWhole)
        #expect(documents.map(\.entry.uniqueID) == ["1.4", "1.5", "1.7"])
        #expect(documents.map(\.manifestForm) == [.french, .mado, .fhir])
        #expect(found.unreadable == 3)
        let first = try #require(documents.first)
        #expect(first.modalities == ["CT"] && first.studyInstanceUIDs == ["1.2.3"])
        #expect(first.accessions == [.init(value: "ACN1", authority: "1.2.9")])
        #expect(first.entry.serviceStartTime == "20260115090000")
        let questions = site.questions.withLock { $0 }
        #expect(questions.map(\.form?.isEmpty) == [false, nil])
        #expect(questions[0].form?.contains("279035121518989") == true)
        #expect(questions.allSatisfy { !$0.url.contains("279035121518989") && $0.token == "T" })
    }

    @Test("a document is what the search said of it, or refused")
    func retrieval() async throws {
        let site = Site([bundle([reference("1.4")]), (200, "abc"), (200, "abd"), (403, ""), (503, "")])
        let consumer = site.consumer
        let found = try #require(try await consumer.search(patient, token: "T").documents.first)
        #expect(consumer.has(found))
        #expect(try await consumer.document(found, token: "T") == Array("abc".utf8))
        let other = await failure { _ = try await consumer.document(found, token: "T") }
        #expect(other?.kind == .permanent && other?.description.contains("hash") == true)
        let refused = await failure { _ = try await consumer.document(found, token: "T") }
        #expect(refused?.kind == .permanent && refused?.description.contains("403") == true)
        let later = await failure { _ = try await consumer.document(found, token: "T") }
        #expect(later?.kind == .temporary)
    }

    @Test(
        "pages and documents of another place are not asked for, so that it gets no token",
        arguments: [
            "https://elsewhere.example/fhir/x", "https://lac.example/other", "https://lac.example/fhir/../x",
            "https://lac.example/fhirx/y",
        ]
    )
    func elsewhere(url: String) async throws {
        let site = Site([bundle([], next: url)])
        let consumer = site.consumer
        let error = await failure { _ = try await consumer.search(patient, token: "T") }
        #expect(error?.description.contains("another place") == true)
        var entry = DocumentEntry(uniqueID: "1", patientID: "", mimeType: "", formatCode: Coded("", "", ""))
        entry.size = 1
        let document = RegisteredDocument(
            entry: entry,
            entryUUID: url,
            status: .approved,
            repositoryUniqueID: "",
            location: url
        )
        #expect(!consumer.has(document))
        #expect(site.questions.withLock { $0.count } == 1)
    }

    @Test("URLs below the service, times with an offset, and comments that tell the form")
    func forms() async throws {
        let more = #""description": "KOS MADO","#
        let entry = reference("1.4", url: "Binary/1.4", more: more)
            .replacingOccurrences(of: "2026-01-15T09:00:00Z", with: "2026-01-15T00:30:00.5+01:00")
        let site = Site([bundle([entry], next: "DocumentReference?_page=2"), bundle([]), (200, "abc")])
        let found = try await site.consumer.search(patient, token: "T")
        let document = try #require(found.documents.first)
        #expect(found.isWhole && document.manifestForm == .mado)
        #expect(document.entry.serviceStartTime == "20260114233000")
        #expect(try await site.consumer.document(document, token: "T") == Array("abc".utf8))
        let urls = site.questions.withLock { $0.map(\.url) }
        #expect(
            urls.dropFirst() == [
                "https://lac.example/fhir/DocumentReference?_page=2", "https://lac.example/fhir/Binary/1.4",
            ]
        )
    }

    @Test("a filter leaves out what is of another region, modality or time, and nothing that may be meant")
    func filters() async throws {
        let site = Site([bundle([reference("1.4")])])
        var document = try #require(try await site.consumer.search(patient, token: "T").documents.first)
        let scheme = ExamFilter.regionScheme
        func takes(_ regions: [String], modality: String? = nil, from: String? = nil, to: String? = nil)
            -> Bool
        {
            var filter = ExamFilter()
            filter.regions = regions
            filter.modalities = modality.map { [$0] } ?? []
            (filter.from, filter.to) = (from, to)
            return filter.takes(document)
        }
        #expect(takes(["69536005"]), "no region is named")
        document.entry.eventCodes.append(Coded("774007", scheme, "Head and neck"))
        #expect(takes(["69536005"]) && takes(["774007"]) && !takes(["61685007"]))
        document.entry.eventCodes.append(Coded("1", scheme, "another code"))
        #expect(!takes(["61685007"]))
        #expect(takes([], modality: "CT") && !takes([], modality: "MR"))
        #expect(takes([], from: "20260115", to: "20260115") && !takes([], from: "20260116"))
        document.entry.serviceStartTime = ""
        #expect(takes([], from: "20260116"), "no time is named")
    }

    @Test("no Bundle, and endless pages") func nonsense() async throws {
        let site = Site([(200, "[]")])
        let consumer = site.consumer
        #expect(
            await failure { _ = try await consumer.search(patient, token: "T") }?.kind == .permanent
        )
        let next = "https://lac.example/fhir/DocumentReference?_page=1"
        let endless = Site(Array(repeating: bundle([reference("1.4")], next: next), count: 20))
        let found = try await endless.consumer.search(patient, token: "T")
        #expect(found.documents.count == 20 && !found.isWhole)
    }
}
