// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import Foundation
import NIOHTTP1
import Store
import Synchronization
import Testing
import Transfer

@testable import Source

private let patient = "urn:oid:1.2.250.1.213.1.4.10|279035121518989"

/// A responder over a table in memory, and what a client sees of it.
private struct Client {
    let bench: Workbench
    let traces: AuditTable
    let responder: DocumentResponder

    init(
        admits: Bool = true,
        conversion: DocumentResponder.Conversion? = nil,
        _ prepare: (Workbench) async throws -> Void
    ) async throws {
        let bench = try Workbench()
        bench.archive.set([.french, .mado])
        try await prepare(bench)
        let traces = try AuditTable(path: ":memory:")
        (self.bench, self.traces) = (bench, traces)
        let tokens = Mutex(0)
        responder = DocumentResponder(
            table: bench.table,
            access: TracedAccess(
                traces: traces,
                admission: { _ in
                    admits
                        ? .admitted(who: "801 by a box") : .refused(.text(.unauthorized, "no"), reason: "no")
                },
                now: { bench.clock.now }
            ),
            site: .init(viewerHost: nil, mado: MADOSite(), version: "1"),
            conversion: conversion,
            makeToken: {
                tokens.withLock { count in
                    count += 1
                    return "page-\(count)"
                }
            },
            now: { bench.clock.now }
        )
    }

    struct Answer {
        let status: UInt
        let type: String
        let bytes: [UInt8]
        let json: [String: Any]

        var issue: String? { ((json["issue"] as? [[String: Any]])?.first)?["code"] as? String }
        var diagnostics: String {
            ((json["issue"] as? [[String: Any]])?.first)?["diagnostics"] as? String ?? ""
        }
        var total: Int? { json["total"] as? Int }
        var resources: [[String: Any]] {
            (json["entry"] as? [[String: Any]] ?? []).compactMap { $0["resource"] as? [String: Any] }
        }
        var ids: [String] { resources.compactMap { $0["id"] as? String } }
        var next: String? { (json["link"] as? [[String: Any]])?.first?["url"] as? String }
    }

    func ask(
        _ method: HTTPMethod,
        _ uri: String,
        form: [String: String]? = nil,
        accept: String? = nil
    ) async throws -> Answer {
        var headers: HTTPHeaders = ["Host": "db1.example"]
        if let accept { headers.add(name: "Accept", value: accept) }
        var body: [UInt8] = []
        if let form {
            headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            body = Array(
                form.map { name, value in
                    "\(PathSegment.encoded(name))=\(PathSegment.encoded(value))"
                }.joined(separator: "&").utf8
            )
        }
        let response = await responder.respond(
            to: HTTPRequest(method: method, uri: uri, headers: headers, body: body)
        )
        guard case .bytes(let bytes) = response.body else { throw CocoaError(.featureUnsupported) }
        let json = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        return Answer(
            status: response.status.code,
            type: response.headers.first(name: "Content-Type") ?? "",
            bytes: bytes,
            json: json ?? [:]
        )
    }

    func search(_ form: [String: String]) async throws -> Answer {
        try await ask(.POST, "/fhir/DocumentReference/_search", form: form)
    }
}

@Suite("Others find and read manifests: MHD") struct DocumentResponderTests {
    /// Two exams of one patient, each in both forms.
    private func two(_ bench: Workbench) async throws {
        for number in 1...2 {
            bench.archive.set("1.2.\(number)", [1])
            var context = ReportContext.test(report: "1.9.\(number)", study: "1.2.\(number)")
            context.order = .init(value: "OPN\(number)", authority: "1.2.6")
            context.regions = [.init(value: "69536005", scheme: "1.2.250.1.213.1.1.5.695", meaning: "Tête")]
            context.serviceStart = "2024010\(number)080000"
            context.serviceStop = "2024010\(number)090000"
            try bench.intake.apply([.publish(context)], message: nil)
        }
        await bench.publisher.settle()
    }

    @Test("a capability statement says what can be asked") func capability() async throws {
        let client = try await Client { _ in }
        let answer = try await client.ask(.GET, "/fhir/metadata")
        #expect(answer.status == 200)
        #expect(answer.type.hasPrefix("application/fhir+json"))
        #expect(answer.json["resourceType"] as? String == "CapabilityStatement")
        #expect(answer.json["fhirVersion"] as? String == "4.0.1")
        let rest = try #require((answer.json["rest"] as? [[String: Any]])?.first)
        let types = (rest["resource"] as? [[String: Any]])?.compactMap { $0["type"] as? String }
        #expect(types == ["DocumentReference", "Binary"])
    }

    @Test("an exam is found by patient, study, accession, document and what narrows them, in each form")
    func search() async throws {
        let client = try await Client(two)
        let all = try await client.search(["patient.identifier": patient])
        #expect(all.total == 4)
        let study = "urn:dicom:uid|urn:oid:1.2.1"
        for (more, count) in [
            (["related:identifier": study], 2),
            (["related:ImagingStudy.identifier": study], 2),
            (["related:identifier": "urn:oid:1.2.5|ACN-1.2.2"], 2),
            (["related:identifier": "urn:oid:1.2.9|ACN-1.2.2"], 0),
            (["related:ServiceRequest.identifier": "urn:oid:1.2.6|OPN1"], 2),
            (["event": "CT"], 4), (["event": "http://dicom.nema.org/resources/ontology/DCM|CT"], 4),
            (["event": "MR"], 0), (["event": "MR,CT"], 4), (["event": "http://snomed.info/sct|774007"], 4),
            (["type": "http://loinc.org|18748-4"], 4), (["type": "http://loinc.org|11528-7"], 0),
            (["format": "urn:oid:1.2.840.10008.2.6.1|1.2.840.10008.5.1.4.1.1.88.59"], 4),
            (["format": "urn:ihe:rad:MADO:fhir-manifest:2026"], 0),
            (["status": "current"], 4), (["status": "superseded"], 0),
            (["date": "ge2023-11-14"], 4), (["date": "2023-11"], 4), (["date": "lt2023-11-14"], 0),
            (["date": "gt2023"], 0), (["creation": "le2023-11-14T22:13:20Z"], 4),
            (["creation": "lt2023-11-14T22:13:20Z"], 0),
            (["creation": "2023-11-14T23:13:20+01:00"], 4),
            (["period": "2024-01-01"], 2), (["period": "ge2024-01-02"], 2), (["period": "2024-01"], 4),
        ] as [([String: String], Int)] {
            let found = try await client.search(more.merging(["patient.identifier": patient]) { $1 })
            #expect(found.total == count, "\(more): \(found.diagnostics)")
        }
        let alone = try await client.ask(
            .GET,
            "/fhir/DocumentReference?related:identifier=urn:dicom:uid%7Curn:oid:1.2.2"
        )
        #expect(alone.total == 2)
        let first = try #require(all.ids.first)
        for query in ["identifier=urn:ietf:rfc:3986%7Curn:oid:\(first)", "_id=\(first)"] {
            let found = try await client.ask(.GET, "/fhir/DocumentReference?\(query)")
            #expect(found.ids == [first], "\(query)")
        }
        let others = try await client.search(["patient.identifier": "urn:oid:1.2.250.1.213.1.4.10|1"])
        #expect(others.total == 0)
    }

    @Test("an entry says what MADO's table wants of it") func resource() async throws {
        let client = try await Client(two)
        let found = try await client.search([
            "patient.identifier": patient, "related:identifier": "urn:dicom:uid|urn:oid:1.2.1",
        ])
        let mado = try #require(
            try client.bench.exams().first { $0.studyInstanceUID == "1.2.1" }?.madoManifest
        )
        let resource = try #require(found.resources.first { $0["id"] as? String == mado })
        #expect(resource["resourceType"] as? String == "DocumentReference")
        #expect(resource["status"] as? String == "current")
        let content = try #require((resource["content"] as? [[String: Any]])?.first)
        let attachment = try #require(content["attachment"] as? [String: Any])
        #expect(attachment["url"] as? String == "http://db1.example/fhir/Binary/\(mado)")
        #expect(attachment["contentType"] as? String == "application/dicom")
        let file = try await client.ask(.GET, "/fhir/Binary/\(mado)")
        #expect(attachment["size"] as? Int == file.bytes.count)
        let context = try #require(resource["context"] as? [String: Any])
        let period = try #require(context["period"] as? [String: String])
        #expect(period == ["start": "2024-01-01T08:00:00Z", "end": "2024-01-01T09:00:00Z"])
        let related = (context["related"] as? [[String: Any]] ?? []).compactMap {
            ($0["identifier"] as? [String: String])?["value"]
        }
        #expect(related == ["urn:oid:1.2.1", "ACN-1.2.1", "OPN1"])
    }

    @Test("a patient is never named in a URL, and what is not understood is not passed over") func refusals()
        async throws
    {
        let client = try await Client(two)
        for (uri, issue, status) in [
            ("/fhir/DocumentReference?patient.identifier=urn:oid:1.2%7C1", "security", 400),
            ("/fhir/DocumentReference?patient=Patient/1", "security", 400),
            ("/fhir/DocumentReference?subject:identifier=1", "security", 400),
            ("/fhir/DocumentReference/_search?Patient.identifier=1", "security", 400),
            ("/fhir/DocumentReference", "required", 400),
            ("/fhir/DocumentReference?event=CT", "required", 400),
            ("/fhir/DocumentReference?author.family=X", "not-supported", 400),
            ("/fhir/DocumentReference?date=today", "invalid", 400),
            ("/fhir/DocumentReference?_id=1&_count=0", "invalid", 400),
            ("/fhir/DocumentReference?_page=other", "not-found", 404),
            ("/fhir/DocumentReference?%zz=1", "invalid", 400), ("/fhir/Patient", "not-supported", 405),
            ("/fhir/DocumentReference/1.2", "not-found", 404), ("/fhir/Binary/1.2", "not-found", 404),
            ("/fhir", "not-supported", 405),
        ] {
            let answer = try await client.ask(.GET, uri)
            #expect(answer.json["resourceType"] as? String == "OperationOutcome", "\(uri)")
            #expect(answer.issue == issue && answer.status == UInt(status), "\(uri): \(answer.diagnostics)")
        }
        let refused = try await client.ask(.GET, "/fhir/DocumentReference?patient.identifier=x")
        #expect(refused.diagnostics.contains("POST DocumentReference/_search"))
        for form in [["patient.identifier": "279035121518989"], ["patient": "Patient/1"]] {
            #expect(try await client.search(form).status == 400)
        }
        #expect(try await client.ask(.POST, "/fhir/DocumentReference", form: [:]).status == 405)
        let type = try await client.ask(.POST, "/fhir/DocumentReference/_search")
        #expect(type.issue == "invalid")
    }

    @Test("what left the record, or is hidden from professionals, is not found and not given") func hidden()
        async throws
    {
        let client = try await Client(two)
        let before = try await client.search(["patient.identifier": patient]).ids
        try client.bench.intake.apply(
            [.withdraw(reports: ["1.9.1"], study: nil, reason: "deleted")],
            message: nil
        )
        var context = ReportContext.test(report: "1.9.2", study: "1.2.2")
        context.visibility.isMaskedFromProfessionals = true
        try client.bench.intake.apply([.publish(context)], message: nil)
        await client.bench.publisher.settle()
        #expect(client.bench.record.approved().count == 2)
        #expect(try await client.search(["patient.identifier": patient]).total == 0)
        for id in before + client.bench.record.approved().map(\.uniqueID) {
            #expect(try await client.ask(.GET, "/fhir/Binary/\(id)").status == 404)
            #expect(try await client.ask(.GET, "/fhir/DocumentReference/\(id)").status == 404)
        }
    }

    @Test("a manifest is given in the form that is accepted: KOS, and FHIR of those in MADO's form")
    func forms() async throws {
        let client = try await Client(conversion: { Array("{\"of\":\($0.count)}".utf8) }, two)
        let exam = try #require(try client.bench.exams().first)
        let (french, mado) = (try #require(exam.manifest), try #require(exam.madoManifest))
        for (id, accept, type) in [
            (french, nil, "application/dicom"), (mado, nil, "application/dicom"),
            (mado, "application/dicom", "application/dicom"), (mado, "*/*", "application/dicom"),
            (mado, "application/fhir+json", "application/fhir+json"),
            (mado, "application/json", "application/fhir+json"),
            (mado, "application/dicom;q=0.5, application/fhir+json", "application/fhir+json"),
            ("fhir." + mado, nil, "application/fhir+json"),
            (french, "application/fhir+json", nil), (mado, "image/png", nil),
            ("fhir." + mado, "application/dicom", nil),
        ] as [(String, String?, String?)] {
            let answer = try await client.ask(.GET, "/fhir/Binary/\(id)", accept: accept)
            #expect(answer.status == (type == nil ? 406 : 200), "\(id) \(accept ?? "")")
            if let type { #expect(answer.type == type) }
        }
        #expect(try await client.ask(.GET, "/fhir/Binary/fhir.\(french)").status == 404)
        let found = try await client.search([
            "patient.identifier": patient, "format": "urn:ihe:rad:MADO:fhir-manifest:2026",
        ])
        #expect(found.total == 2)
        let relations = found.resources.first?["relatesTo"] as? [[String: Any]]
        #expect(relations?.first?["code"] as? String == "transforms")
    }

    @Test("many answers come in pages, whose URLs say nothing of what was asked") func pages() async throws {
        let client = try await Client(two)
        var answer = try await client.search(["patient.identifier": patient, "_count": "3"])
        #expect(answer.total == 4 && answer.ids.count == 3)
        var ids = answer.ids
        let next = try #require(answer.next)
        #expect(next == "http://db1.example/fhir/DocumentReference?_page=page-1")
        answer = try await client.ask(.GET, "/fhir/DocumentReference?_page=page-1")
        ids += answer.ids
        #expect(answer.total == 4 && answer.next == nil && Set(ids).count == 4)
        client.bench.clock.pass(seconds: 601)
        #expect(try await client.ask(.GET, "/fhir/DocumentReference?_page=page-1").status == 404)
    }

    @Test("who is not let in learns nothing, and every answer leaves a trace without a name") func traced()
        async throws
    {
        let refused = try await Client(admits: false, two)
        let answer = try await refused.search(["patient.identifier": patient])
        #expect(answer.status == 401 && answer.issue == "security")
        let client = try await Client(two)
        let found = try await client.search(["patient.identifier": patient])
        _ = try await client.ask(.GET, "/fhir/Binary/\(found.ids[0])")
        _ = try await client.ask(.GET, "/fhir/DocumentReference?patient=1")
        let rows = try client.traces.rows(after: 0, limit: 10)
        #expect(rows.map(\.action) == ["ITI-67", "ITI-68", "ITI-67"])
        #expect(rows.map(\.outcome) == ["200", "200", "400"])
        #expect(rows.allSatisfy { $0.user == "no certificate for 801 by a box" })
        #expect(rows.first?.subject.contains(found.ids[3]) == true)
        #expect(!rows.contains { $0.subject.contains("279035121518989") || $0.subject.contains("PAT-TROIS") })
        #expect(try refused.traces.rows(after: 0, limit: 10).map(\.outcome) == ["401"])
    }

    @Test("what an earlier release wrote is found by its patient, once that is completed") func earlier()
        async throws
    {
        let client = try await Client(two)
        try client.bench.table.transaction { (session) throws(SQLiteError) in
            for exam in 1...2 {
                for var manifest in try session.manifests(exam: Int64(exam)) {
                    manifest.patient = nil
                    try session.put(manifest)
                }
            }
        }
        #expect(try await client.search(["patient.identifier": patient]).total == 0)
        #expect(try PatientKeys.complete(client.bench.table) == 4)
        #expect(try PatientKeys.complete(client.bench.table) == 0)
        #expect(try await client.search(["patient.identifier": patient]).total == 4)
    }
}
