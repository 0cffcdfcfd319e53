// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Source: from the report to the record and to other boxes",
        .enabled(if: SourceUnderTest.canRun, "needs the release build, Orthanc, xmlsec1 and .build/python")
    )
    struct SourceTests {
        private static let accept =
            "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.1;q=0.4;boundary=**"

        private func report(_ study: String, _ event: String, _ document: Int, _ more: [String] = [])
            -> [String]
        {
            [
                "--event", event, "--study", "\(study),modality=CT", "--accession", "ACN101", "--ipp",
                "IPP101",
                "--document-id", "1.2.250.1.999.5.\(document)",
            ] + more
        }

        @Test("a report is published, served, replaced, corrected by a rejection note, and withdrawn")
        func lifecycle() throws {
            let bench = try SourceUnderTest()
            let (study, files) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 1)
            #expect(try bench.send(["--type", "ORU"] + report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved"])

            // The manifest that the record holds is one that others read.
            let first = try #require(try bench.entries().first).uniqueID
            let manifest = bench.directory.appending("manifest.dcm")
            try bench.content(of: first, to: manifest)
            let dump = try run("dcmdump", ["+L", manifest.path])
            #expect(dump.status == 0)
            #expect(dump.output.contains("https://db1.example/dicomweb/studies/\(study)/series/"))
            #expect(dump.output.contains("ASIP-SANTE-INS-NIR"))
            if Bench.has("dciodvfy") {
                // Retrieve URL and numbers of instances are the profile's: an extension of the class, as in its samples.
                let verdict = try run("dciodvfy", [manifest.path])
                let lines = (verdict.output + verdict.errors).split(separator: "\n")
                #expect(
                    lines.allSatisfy { $0.hasPrefix("Warning") || $0 == "KeyObjectSelectionDocument" },
                    "\(lines)"
                )
            }

            // Images for who names the manifest, and for nobody else.
            func fetch(_ path: String, _ kos: String?) throws -> (status: Int, body: Data) {
                let header = kos.map { ["--header", "KOS-SOPInstanceUID: \($0)"] } ?? []
                return try bench.gateway.fetch(path, accept: Self.accept, header)
            }
            #expect(try fetch("/studies/\(study)", nil).status == 400)
            #expect(try fetch("/studies/\(study)", "1.2.3").status == 404)
            #expect(try fetch("/studies/1.2.3", first).status == 404)
            #expect(try fetch("/studies?limit=1", first).status == 404)
            let images = try fetch("/studies/\(study)", first)
            #expect(images.status == 200)
            #expect(images.body.count > 4 * 2048)
            #expect(images.body.range(of: Data("279035121518989".utf8)) != nil)

            // A new version, with another visibility.
            let hidden = ["--parent-id", "1.2.250.1.999.5.1", "--flag", "INVISIBLE_PATIENT=Y"]
            #expect(try bench.send(["--type", "MDM"] + report(study, "replace", 12, hidden)) == "AA")
            try bench.awaitEntries(["Deprecated", "Approved"])
            let second = try #require(try bench.entries().last)
            #expect(second.codes.contains("INVISIBLE_PATIENT"))
            #expect(try eventually { try fetch("/studies/\(study)", first).status == 404 })

            // The archive rejects an instance.
            let note = bench.directory.appending("note.dcm")
            let rejected = try Bench.files(in: files)[0]
            let made = try run(
                Bench.python,
                [Bench.support.appending(path: "rejection_note.py").path, note.path, rejected.path]
            )
            try #require(made.status == 0, "\(made.errors)")
            let sent = try run(
                "storescu",
                ["-aet", "ORTHANC", "-aec", "DRIMBOX", "127.0.0.1", "\(bench.gateway.dicomPort)", note.path]
            )
            #expect(sent.status == 0, "\(sent.errors)")
            try bench.awaitEntries(["Deprecated", "Deprecated", "Approved"])
            let third = try #require(try bench.entries().last).uniqueID
            let uid = try #require(
                try run("dcmdump", ["+P", "0008,0018", rejected.path]).output.split(separator: "[").last?
                    .split(separator: "]").first
            )
            let rest = try fetch("/studies/\(study)", third)
            #expect(rest.status == 200)
            #expect(rest.body.range(of: Data(uid.utf8)) == nil)

            // The report is withdrawn, and with it the way to its images.
            #expect(try bench.send(["--type", "ORU"] + report(study, "delete", 12)) == "AA")
            try bench.awaitEntries(["Deprecated", "Deprecated", "Deleted"])
            #expect(try eventually { try fetch("/studies/\(study)", third).status == 404 })

            // Who asked and what was answered is traced, without a name.
            let traces = try #require(
                try bench.gateway.call("/v1/pipeline/traces")["rows"] as? [[String: Any]]
            )
            let actions = Set(traces.compactMap { $0["action"] as? String })
            #expect(
                actions.isSuperset(of: ["HL7 publish", "TD2.1a", "TD2.1b", "TD3.3c", "IOCM", "WADO-RS"]),
                "\(actions)"
            )

            // Nothing of the patient is in the log.
            let log = bench.gateway.server.logText
            for identity in ["279035121518989", "PAT-TROIS", "DOMINIQUE", "IPP101"] {
                #expect(!log.contains(identity), "\(identity)")
            }
        }

        @Test(
            "what is acknowledged survives kill -9 and an outage of the record; what comes twice is published once"
        )
        func outage() throws {
            let bench = try SourceUnderTest()
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 2)
            try bench.outage(true)
            let message = bench.directory.appending("kept.hl7")
            let made = try run(
                Bench.repository.appending(path: "Tests/Lab/drimbox-lab").path,
                ["ris", "make", "--type", "ORU"] + report(study, "new", 1) + ["--out", message.path]
            )
            try #require(made.status == 0)
            #expect(try bench.send(file: message) == "AA")
            bench.gateway.server.end(SIGKILL)
            try bench.gateway.restart()
            #expect(try bench.send(file: message) == "AA")
            let queue = try bench.gateway.call("/v1/pipeline/queue")
            #expect((queue["items"] as? [Any])?.count == 1)
            try bench.outage(false)
            try bench.awaitEntries(["Approved"], within: 60)
            // The record took it, and its answer was lost.
            try bench.faults([["action": "publish", "kind": "close-after-commit", "nth": 1]])
            let flag = ["--parent-id", "1.2.250.1.999.5.1", "--flag", "INVISIBLE_PATIENT=Y"]
            #expect(try bench.send(["--type", "ORU"] + report(study, "replace", 2, flag)) == "AA")
            try bench.awaitEntries(["Deprecated", "Approved"], within: 60)
            let isDone = try eventually {
                (try bench.gateway.call("/v1/pipeline/queue")["items"] as? [Any])?.isEmpty == true
            }
            #expect(isDone)
        }

        @Test("images that come after the report are waited for; another exam's are not taken") func waits()
            throws
        {
            let bench = try SourceUnderTest()
            // Of another accession: not this report's images.
            let (study, _) = try bench.study(accession: "ACN999", patient: "IPP101", seed: 3)
            #expect(try bench.send(["--type", "ORU"] + report(study, "new", 1)) == "AA")
            let isWaiting = try eventually {
                let items = try bench.gateway.call("/v1/pipeline/queue")["items"] as? [[String: Any]]
                return items?.first?["state"] as? String == "awaiting-images"
            }
            #expect(isWaiting)
            #expect(try bench.entries().isEmpty)
            #expect(
                try bench.send(["--type", "ORU"] + report(study, "new", 2, ["--accession", "ACN999"])) == "AA"
            )
            try bench.awaitEntries(["Approved"])
        }

        @Test(
            "with Pro Santé Connect images are for who shows a token that is good now, and it is traced whose"
        )
        func identity() throws {
            let bench = try SourceUnderTest(identity: true)
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 6)
            #expect(try bench.send(["--type", "ORU"] + report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved"])
            let manifest = try #require(try bench.entries().first).uniqueID
            func fetch(_ token: String?) throws -> Int {
                var headers = ["--header", "KOS-SOPInstanceUID: \(manifest)"]
                if let token { headers += ["--header", "Authorization: \(token)"] }
                return try bench.gateway.fetch("/studies/\(study)", accept: Self.accept, headers).status
            }
            try bench.token("good.1")
            try bench.token("withdrawn", ["active": false])
            try bench.token("old", ["exp": 1])
            try bench.token("foreign", ["iss": "https://auth.example/realms/other"])
            for (token, status) in [
                (nil, 401), ("Basic Zm9v", 401), ("Bearer ", 401), ("Bearer withdrawn", 401),
                ("Bearer old", 401),
                ("Bearer foreign", 401), ("Bearer unknown", 401), ("Bearer a b", 401), ("Bearer good.1", 200),
                ("bearer good.1", 200),
            ] {
                #expect(try fetch(token) == status, "\(token ?? "none")")
            }
            #expect(try bench.introspections() == 5)
            let traces = try #require(
                try bench.gateway.call("/v1/pipeline/traces")["rows"] as? [[String: Any]]
            )
            let users = traces.filter { $0["outcome"] as? String == "200" }.compactMap {
                $0["user"] as? String
            }
            #expect(users.contains { $0.hasSuffix("for 899700367909 by another-box") }, "\(users)")
            let reasons = Set(traces.compactMap { $0["reason"] as? String })
            #expect(reasons.contains("token: the provider calls it inactive"), "\(reasons)")
            // Nobody can say any more: not now, and no refusal.
            bench.provider?.end()
            #expect(try fetch("Bearer good.1") == 200)
            #expect(try fetch("Bearer another") == 503)
            let log = bench.gateway.server.logText
            #expect(!log.contains("good.1") && !traces.contains { "\($0)".contains("good.1") })
        }

        @Test(
            "a white list says which boxes may ask: the newest good one, across restarts, and nobody without one"
        )
        func whiteList() throws {
            let bench = try SourceUnderTest(whiteList: true)
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 8)
            #expect(try bench.send(["--type", "ORU"] + report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved"])
            let manifest = try #require(try bench.entries().first).uniqueID
            func fetch() throws -> Int {
                let header = ["--header", "KOS-SOPInstanceUID: \(manifest)"]
                return try bench.gateway.fetch("/studies/\(study)", accept: Self.accept, header).status
            }
            #expect(try fetch() == 503)
            let own = "CN=DRIMbox, OU=1750803447, O=Centre de radiologie Ambroise, ST=Paris (75), C=FR"
            try bench.whiteList(own)
            #expect(try eventually(within: 60) { try fetch() == 200 })
            // Another list, that has another box; then one that is older, and one that somebody has changed.
            try bench.whiteList("CN=DRIMbox,OU=1999999999,O=Another,C=FR")
            #expect(try eventually(within: 60) { try fetch() == 403 })
            try bench.whiteList(own, age: 86_400)
            let isRefused = eventually(within: 60) {
                bench.gateway.server.logText.contains("white-list.refused")
            }
            #expect(isRefused)
            #expect(try fetch() == 403)
            bench.gateway.server.end(SIGKILL)
            // What a power cut may leave beside the kept list.
            try Data("<ListeBlanche".utf8).write(
                to: bench.gateway.directory.appending(path: "data/white-list/9999999999999.xml.new")
            )
            try bench.gateway.restart()
            #expect(try eventually { try fetch() == 403 })
            let log = bench.gateway.server.logText
            #expect(log.contains("code=older"), "\(log.suffix(500))")
        }

        @Test("a patient without a record is no failure, and the queue says why nothing is published")
        func noRecord() throws {
            let bench = try SourceUnderTest()
            try bench.patient([
                "patientId": "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH", "exists": false,
            ])
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 5)
            #expect(try bench.send(["--type", "ORU"] + report(study, "new", 1)) == "AA")
            let isSettled = try eventually {
                (try bench.gateway.call("/v1/pipeline/queue/1")["state"] as? String) == "undestined"
            }
            let item = try bench.gateway.call("/v1/pipeline/queue/1")
            #expect(isSettled, "\(item)")
            #expect(item["reason"] as? String == "the patient has no DMP")
            #expect(try bench.entries().isEmpty)
        }

        @Test("a message that cannot be used is refused by name and kept") func refused() throws {
            let bench = try SourceUnderTest()
            let study = "1.2.3.4"
            for (more, code) in [
                (["--set", "ORC-1=XX"], "AE"), (["--structure", "1999999999"], "AE"),
                (["--set", "MSH-9=ADT^A01"], "AR"),
                (["--flag", "MASQUE_PS=Y", "--flag", "INVISIBLE_PATIENT=Y"], "AE"),
            ] {
                #expect(try bench.send(["--type", "ORU"] + report(study, "new", 1, more)) == code, "\(more)")
            }
            let queue = try bench.gateway.call("/v1/pipeline/queue")
            let refused = try #require(queue["refused"] as? [[String: Any]])
            #expect(refused.count == 4)
            #expect(refused.allSatisfy { ($0["reason"] as? String)?.isEmpty == false })
            #expect((queue["items"] as? [Any])?.isEmpty == true)
            // Whoever has to find out why gets it as it came.
            let digest = try #require(refused.last?["digest"] as? String)
            let file = bench.directory.appending("refused.hl7")
            let fetched = try run(
                Bench.release.appending(path: "drimboxctl").path,
                [
                    "--socket", bench.gateway.directory.appending(path: "gateway.sock").path, "pipeline",
                    "queue",
                    "message", String(digest.prefix(12)), file.path,
                ]
            )
            #expect(fetched.status == 0, "\(fetched.errors)")
            #expect(try Data(contentsOf: file).starts(with: Data("MSH|".utf8)))
        }
    }
}
