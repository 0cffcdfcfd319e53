// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "The same exam in the French form and in MADO's",
        .enabled(if: SourceUnderTest.canRun, "needs the release build, Orthanc, xmlsec1 and .build/python")
    )
    struct BothFormsTests {
        private static let patient = "urn:oid:1.2.250.1.213.1.4.10|279035121518989"

        private func report(_ study: String, _ event: String, _ document: Int, _ more: [String] = [])
            -> [String]
        {
            [
                "--type", "ORU", "--event", event, "--study", "\(study),modality=CT", "--accession", "ACN101",
                "--ipp", "IPP101", "--document-id", "1.2.250.1.999.5.\(document)",
            ] + more
        }

        private struct Found: Decodable {
            struct Document: Decodable {
                let id: String
                let format: String
                let media: String
                let title: String
                let study: String
                let instances: Int
                let urls: [String]?
            }

            let found: [Document]
            let problems: [String]
        }

        /// What a Document Consumer that is not ours finds and reads.
        private func search(_ bench: SourceUnderTest, _ study: String) throws -> Found {
            let asked = try run(
                Bench.python,
                [
                    Bench.support.appending(path: "mhd_client.py").path,
                    "http://127.0.0.1:\(bench.gateway.webPort)/fhir", "--patient", Self.patient, "--study",
                    study,
                ]
            )
            try #require(asked.status == 0, "\(asked.errors)")
            return try JSONDecoder().decode(Found.self, from: Data(asked.output.utf8))
        }

        @Test("it is published, found over MHD, read in each form, replaced and withdrawn as one")
        func lifecycle() throws {
            let bench = try SourceUnderTest(manifests: "both")
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 11)
            #expect(try bench.send(report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved", "Approved"])
            let entries = try bench.entries().map(\.uniqueID)

            let search = try search(bench, study)
            #expect(search.problems == [])
            let manifests = search.found.filter { $0.media == "application/dicom" }
            #expect(Set(manifests.map(\.id)) == Set(entries))
            #expect(Set(manifests.map(\.title)) == ["DCM 113030", "99IHE MADOTEMP001"])
            let bundles = search.found.filter { $0.media == "application/fhir+json" }
            #expect(bundles.map(\.title) == ["Bundle document"])
            #expect(bundles.map(\.format) == ["urn:ihe:rad:MADO:fhir-manifest:2026"])
            #expect(search.found.count == 3)
            #expect(search.found.allSatisfy { $0.study == study && $0.instances == 4 })
            let urls = Dictionary(grouping: manifests, by: \.title).mapValues { $0.flatMap { $0.urls ?? [] } }
            #expect(urls["99IHE MADOTEMP001"] == ["https://db1.example/dicomweb"])
            #expect(
                urls["DCM 113030"]?.allSatisfy {
                    $0.hasPrefix("https://db1.example/dicomweb/studies/\(study)/series/")
                } == true
            )

            // The images are for who names either.
            func fetch(_ manifest: String) throws -> Int {
                try bench.gateway.fetch(
                    "/studies/\(study)",
                    accept: "multipart/related; type=\"application/dicom\"",
                    ["--header", "KOS-SOPInstanceUID: \(manifest)"]
                ).status
            }
            for manifest in entries { #expect(try fetch(manifest) == 200) }

            let hidden = ["--parent-id", "1.2.250.1.999.5.1", "--flag", "INVISIBLE_PATIENT=Y"]
            #expect(try bench.send(report(study, "replace", 2, hidden)) == "AA")
            try bench.awaitEntries(["Deprecated", "Deprecated", "Approved", "Approved"])
            #expect(try bench.entries().suffix(2).allSatisfy { $0.codes.contains("INVISIBLE_PATIENT") })
            for manifest in entries { #expect(try eventually { try fetch(manifest) == 404 }) }
            let second = try self.search(bench, study)
            #expect(second.problems == [])
            #expect(Set(second.found.map(\.id)).isDisjoint(with: entries))

            #expect(try bench.send(report(study, "delete", 2)) == "AA")
            try bench.awaitEntries(["Deprecated", "Deprecated", "Deleted", "Deleted"])
            #expect(try self.search(bench, study).found.isEmpty)

            let traces = try #require(
                try bench.gateway.call("/v1/pipeline/traces")["rows"] as? [[String: Any]]
            )
            let actions = Set(traces.compactMap { $0["action"] as? String })
            #expect(actions.isSuperset(of: ["ITI-67", "ITI-68", "TD2.1a", "TD2.1b", "TD3.3c"]), "\(actions)")
            let log = bench.gateway.server.logText + "\(traces)"
            for identity in ["279035121518989", "PAT-TROIS", "DOMINIQUE", "IPP101"] {
                #expect(!log.contains(identity), "\(identity)")
            }
        }

        @Test("kill -9 between the two documents: the second comes with the next start, and none twice")
        func crash() throws {
            let bench = try SourceUnderTest(manifests: "both")
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 12)
            // The record takes the second document, and its answer is lost.
            try bench.faults([["action": "publish", "kind": "close-after-commit", "nth": 2]])
            #expect(try bench.send(report(study, "new", 1)) == "AA")
            let isBegun = try eventually { try bench.entries().count >= 1 }
            #expect(isBegun)
            bench.gateway.server.end(SIGKILL)
            try bench.gateway.restart()
            try bench.awaitEntries(["Approved", "Approved"], within: 60)
            let isDone = try eventually(within: 60) {
                (try bench.gateway.call("/v1/pipeline/queue")["items"] as? [Any])?.isEmpty == true
            }
            #expect(isDone)
            #expect(try bench.entries().map(\.status) == ["Approved", "Approved"])
            #expect(try search(bench, study).problems == [])
        }

        @Test(
            "a professional at another box reads the exam from each form",
            .enabled(if: ConsumerUnderTest.canRun, "needs openssl"),
            arguments: [("mado", "french"), ("both", "french"), ("both", "mado"), ("both", "fhir")]
        )
        func consumer(manifests: String, preferred: String) throws {
            let bench = try ConsumerUnderTest(
                ["preferredManifest": preferred],
                manifests: manifests,
                sharesManifests: preferred == "fhir"
            )
            _ = try bench.publish(instances: 4)
            let visitor = Visitor(bench)
            let page = try visitor.signIn()
            let closed = try visitor.ask(page)
            let granted = try visitor.post(
                page + "/authorisation",
                ["token=\(closed.formToken)", "consent=yes"]
            )
            #expect(granted.status == 303)
            let listed = try visitor.ask(page).body
            #expect(listed.components(separatedBy: "/images/").count == 2, "one exam, one way to its images")
            let images = try visitor.open("CT", page)
            #expect(images.answer.status == 303, "\(images.answer)")
            let list = try visitor.ask(images.path)
            #expect(
                try visitor.post(images.path + "/import", ["token=\(list.formToken)"]).status == 303
            )
            var progress: [String: Any] = [:]
            let isOver = try eventually(within: 60) {
                let json = Data(try visitor.ask(images.path + "/progress?seen=0").body.utf8)
                progress = try JSONSerialization.jsonObject(with: json) as? [String: Any] ?? [:]
                return progress["over"] as? Bool == true
            }
            #expect(isOver && progress["imported"] as? String == "Import terminé : 4 images importées")
            let form = manifests == "mado" ? "mado" : preferred
            let traces = try bench.traces().map { ($0["action"] as? String, $0["outcome"] as? String) }
            #expect(traces.contains { $0 == ("manifest", "read in its form \(form)") }, "\(traces)")
            // French and MADO's are in the record; the form in FHIR comes from the site.
            #expect(traces.contains { $0.0 == "ITI-68 client" } == (preferred == "fhir"))
            try bench.expectDiscretion()
        }

        @Test(
            "a site that shares nothing any more is named, and hides nothing of the record",
            .enabled(if: ConsumerUnderTest.canRun, "needs openssl")
        )
        func silentSite() throws {
            let nobody = try Bench.freePort()
            let bench = try ConsumerUnderTest([
                "documentResponders": [
                    ["name": "Clinique du Lac", "url": "https://127.0.0.1:\(nobody)/fhir"]
                ]
            ])
            _ = try bench.publish(instances: 4)
            let visitor = Visitor(bench)
            let page = try visitor.signIn()
            _ = try visitor.post(
                page + "/authorisation",
                ["token=\(try visitor.ask(page).formToken)", "consent=yes"]
            )
            let listed = try visitor.ask(page).body
            #expect(listed.contains("Sites qui n’ont pas répondu") && listed.contains("Clinique du Lac"))
            #expect(listed.contains("/images/"))
        }
    }
}
