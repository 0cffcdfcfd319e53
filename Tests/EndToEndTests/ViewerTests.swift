// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Viewer: from the link of a report to the images",
        .enabled(if: SourceUnderTest.canRun, "needs the release build, Orthanc, xmlsec1 and .build/python")
    )
    struct ViewerLinkTests {
        private static let doctor = "899700000002"
        /// Who answers for the lab's reports.
        private static let author = "899700000001"

        private func report(_ study: String, _ event: String, _ document: Int, _ more: [String] = [])
            -> [String]
        {
            [
                "--type", "ORU", "--event", event, "--study", "\(study),modality=CT", "--accession", "ACN101",
                "--ipp", "IPP101", "--document-id", "1.2.250.1.999.5.\(document)", "--physician", Self.author,
            ] + more
        }

        private func link(_ study: String, _ document: Int, accession: String = "ACN101") -> String {
            "/IHEInvokeImageDisplay?requestType=STUDY&studyUID=\(study)&accessionNumber=\(accession)"
                + "&idCDA=1.2.250.1.999.5.\(document)"
        }

        @Test("a doctor follows the link, signs in and has the frames of this study, and of no other")
        func path() throws {
            let bench = try SourceUnderTest(identity: true, hasViewer: true)
            let (study, files) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 1)
            let (other, _) = try bench.study(accession: "ACN102", patient: "IPP101", seed: 2)
            #expect(try bench.send(report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved"])

            let reader = try ViewerVisitor(bench.viewerURL, certificates: bench.certificates)
            let back = try reader.signIn(link(study, 1), as: Self.doctor)
            try #require(back.status == 303 && back.location.contains("/viewer/s/"), "\(back)")
            let page = back.location
            let shown = try reader.ask(page)
            #expect(shown.status == 200 && shown.text.contains("<title>viewer"))
            #expect(shown.head.lowercased().contains("content-security-policy: default-src 'none'"))
            let context = try reader.ask(page + "context.json").json
            #expect((context["patient"] as? [String: Any])?["ins"] as? String == "279035121518989")
            let exam = try #require((context["exams"] as? [[String: Any]])?.first, "\(context)")
            #expect(exam["studyUID"] as? String == study && exam["accession"] as? String == "ACN101")
            let root = page + (exam["root"] as? String ?? "")

            // The images are in the archive alone: what is described is fetched first.
            let metadata = try reader.ask(root + "/metadata", ["--header", "Accept: application/dicom+json"])
            #expect(metadata.status == 200, "\(metadata.text)")
            let instances = try #require(
                try JSONSerialization.jsonObject(with: metadata.body) as? [[String: [String: Any]]]
            )
            #expect(instances.count == 4)
            func uid(_ instance: [String: [String: Any]], _ tag: String) -> String {
                (instance[tag]?["Value"] as? [String])?.first ?? ""
            }
            let bulk = try #require(instances[0]["7FE00010"]?["BulkDataURI"] as? String)
            #expect(bulk.hasPrefix("/viewer/s/") && bulk.contains("/e/0/series/"), "\(bulk)")
            #expect(try reader.ask(bulk, ["--header", "Accept: application/octet-stream"]).status == 200)
            for instance in instances {
                let series = uid(instance, "0020000E")
                let path = "\(root)/series/\(series)/instances/\(uid(instance, "00080018"))"
                let accept = "Accept: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
                let frame = try reader.ask(path + "/frames/1", ["--header", accept])
                #expect(frame.status == 200 && frame.body.count == 64 * 64 * 2, "\(frame.status)")
                // The pixels are a file's last bytes.
                let isOriginal = try Bench.files(in: files).contains { file in
                    try Data(contentsOf: file).suffix(frame.body.count) == frame.body
                }
                #expect(isOriginal)
            }
            let thumbnail = try reader.ask(root + "/thumbnail", ["--header", "Accept: image/jpeg"])
            #expect(thumbnail.status == 200 && thumbnail.body.prefix(2) == Data([0xFF, 0xD8]))

            // Taken away as a file-set.
            #expect((context["rights"] as? [String: Any])?["download"] as? Bool == true)
            let taken = try reader.ask(root + "/download")
            #expect(taken.status == 200 && taken.head.contains("filename=\"exam.zip\""), "\(taken.head)")
            let archive = bench.directory.appending("exam.zip")
            try taken.body.write(to: archive)
            let read = try run(
                Bench.python,
                [Bench.support.appending(path: "file_set.py").path, archive.path, files.path]
            )
            #expect(read.status == 0 && read.output.hasPrefix("4 instances"), "\(read.errors)")

            // Another study is not there, however it is named; nor is anything else on this host.
            for path in [
                page + "e/1/metadata", root + "/../../../../../dicomweb/studies/\(other)",
                "/dicomweb/studies/\(study)", "/dicomweb/studies/\(other)/metadata", "/dicomweb/studies",
                root + "/studies/\(other)", page + "dicomweb/studies/\(other)",
            ] {
                #expect(try reader.ask(path).status == 404, "\(path)")
            }
            #expect(try reader.ask(root + "/series").status == 400)

            try foreign(bench, reader, page)
            let rows = try traces(bench)
            #expect(
                rows.contains {
                    $0["user"] as? String == Self.doctor && $0["action"] as? String == "viewer"
                        && $0["subject"] as? String == "study \(study)"
                        && $0["reason"] as? String == "report 1.2.250.1.999.5.1"
                },
                "\(rows)"
            )
            // Nothing of the patient is in the log, in the traces of the viewer or in an address.
            let texts = [bench.gateway.server.logText, "\(rows.filter(isViewers))", page]
            for word in ["279035121518989", "PAT-TROIS", "DOMINIQUE", "IPP101", "19790328"] {
                #expect(texts.allSatisfy { !$0.contains(word) }, "\(word)")
            }
        }

        private func traces(_ bench: SourceUnderTest) throws -> [[String: Any]] {
            try #require(try bench.gateway.call("/v1/pipeline/traces")["rows"] as? [[String: Any]])
        }

        private func isViewers(_ row: [String: Any]) -> Bool {
            (row["action"] as? String)?.hasPrefix("viewer") == true
        }

        /// Neither the handle nor the cookie of somebody else's session opens it, and nothing does when it has ended.
        private func foreign(_ bench: SourceUnderTest, _ owner: ViewerVisitor, _ page: String) throws {
            let thief = try ViewerVisitor(bench.viewerURL, certificates: bench.certificates)
            #expect(try thief.ask(page + "context.json").status == 401)
            let known = try owner.cookies()
            #expect(!known.isEmpty)
            #expect(try thief.ask(page + "context.json", cookies: known).status == 200)
            let (name, secret) = (known.prefix { $0 != "=" }, String(known.drop { $0 != "=" }.dropFirst()))
            for cookies in [
                "\(name)=\(String(repeating: "0", count: 64))", "\(name)x=\(secret)",
                "\(known); \(name)=\(String(repeating: "0", count: 64))",
            ] {
                #expect(try thief.ask(page + "context.json", cookies: cookies).status == 401, "\(cookies)")
            }
            let out = try owner.ask(page + "sign-out", ["--request", "POST"])
            #expect(out.status == 303)
            #expect(try thief.ask(page + "context.json", cookies: known).status == 401)
        }

        @Test(
            "the page as it ships, behind its door, in a browser: a link, signing in, every image drawn, no policy broken",
            .enabled(if: ConsumerUnderTest.hasBrowser, "needs chromium and chromium-driver")
        )
        func browser() throws {
            let bench = try SourceUnderTest(
                identity: true,
                hasViewer: true,
                patients:
                    "[{\"sub\": \"p\", \"preferred_username\": \"patient\", \"ins\": \"279035121518989\"}]",
                page: Bench.repository.appending(path: "web/viewer")
            )
            let (study, files) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 1)
            #expect(try bench.send(report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved"])
            for (desk, name) in [("professionals", Self.doctor), ("patients", "patient")] {
                let result = try run(
                    Bench.python,
                    [
                        Bench.support.appending(path: "viewer_link.py").path, "--url", bench.viewerURL,
                        "--link", link(study, 1), "--certificate", "\(bench.certificates)/server.pem",
                        "--desk", desk, "--name", name, "--files", files.path,
                    ]
                )
                let seen = try #require(
                    try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any],
                    "\(result.errors.suffix(2000))"
                )
                #expect(seen["images"] as? Int == 4)
                #expect((seen["console"] as? [String])?.isEmpty == true, "\(seen)")
                #expect((seen["inaccessible"] as? [Any])?.isEmpty == true, "\(seen)")
                #expect(seen["banner"] as? Bool == true)
                #expect(seen["withoutCookie"] as? Int == 401, "\(seen)")
            }
        }

        @Test("links that contradict the record lead nowhere, and all to the same nowhere") func invalid()
            throws
        {
            let bench = try SourceUnderTest(identity: true, hasViewer: true)
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 1)
            let (other, _) = try bench.study(accession: "ACN102", patient: "IPP101", seed: 2)
            #expect(try bench.send(report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved"])
            let second = ["--accession", "ACN102"]
            #expect(try bench.send(report(other, "new", 2, second)) == "AA")
            try bench.awaitEntries(["Approved", "Approved"])
            let reader = try ViewerVisitor(bench.viewerURL, certificates: bench.certificates)
            var bodies: Set<String> = []
            for bad in [
                link("1.2.3", 1), link(study, 1, accession: "ACN102"), link(study, 2), link(other, 1),
                link(study, 3), link(study, 1, accession: "acn101"), link(study, 1) + "&studyUID=\(study)",
                "/IHEInvokeImageDisplay?requestType=STUDY&studyUID=\(study)&accessionNumber=ACN101",
                "/IHEInvokeImageDisplay", link(study, 1).replacing("STUDY", with: "PATIENT"),
            ] {
                let answer = try reader.ask(bad)
                #expect(answer.status == 404 && !answer.head.lowercased().contains("set-cookie"), "\(bad)")
                bodies.insert(answer.text)
            }
            #expect(bodies.count == 1)
            #expect(try reader.ask(link(study, 1)).status == 303)
            #expect(try reader.ask(link(other, 2, accession: "ACN102")).status == 303)
        }

        @Test(
            "a link of a replaced report leads to the new one, of a withdrawn one says so, of a hidden one refuses"
        )
        func lifecycle() throws {
            let bench = try SourceUnderTest(identity: true, hasViewer: true)
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 1)
            #expect(try bench.send(report(study, "new", 1)) == "AA")
            try bench.awaitEntries(["Approved"])
            let reader = try ViewerVisitor(bench.viewerURL, certificates: bench.certificates)
            let page = try reader.signIn(link(study, 1), as: Self.doctor).location
            #expect(try reader.ask(page + "context.json").json["notices"] as? [String] == [])

            // Replaced, and from now on masked from professionals: at once, whatever the record shows yet.
            let masked = ["--parent-id", "1.2.250.1.999.5.1", "--flag", "MASQUE_PS=Y"]
            #expect(try bench.send(report(study, "replace", 2, masked)) == "AA")
            let late = try reader.ask(page + "context.json")
            #expect(late.json["exams"] as? [String] == [], "\(late.text)")
            #expect(try reader.ask(page + "e/0/metadata").status == 410)
            let refused = try reader.signIn(link(study, 2), as: Self.doctor)
            #expect(refused.status == 403, "\(refused)")
            // Who answers for it has seen it.
            let author = try reader.signIn(link(study, 1), as: Self.author)
            try #require(author.status == 303, "\(author)")
            let context = try reader.ask(author.location + "context.json").json
            #expect(context["notices"] as? [String] == ["replaced"])
            #expect((context["exams"] as? [[String: Any]])?.count == 1)

            #expect(try bench.send(report(study, "delete", 2)) == "AA")
            for document in [1, 2] {
                let gone = try reader.ask(link(study, document))
                #expect(gone.status == 410 && gone.text.contains("Examen retiré"), "\(gone.status)")
            }
            #expect(try reader.ask(author.location + "e/0/metadata").status == 410)
        }
    }

    @Suite(
        "Viewer: from the consumer's list",
        .enabled(if: ConsumerUnderTest.canRun, "needs the release build, Orthanc, xmlsec1 and .build/python")
    )
    struct ViewerConsumerTests {
        @Test(
            "what was fetched from another box opens in the viewer, for who fetched it and for as long as they stay"
        )
        func path() throws {
            let page = try TemporaryDirectory()
            let bench = try ConsumerUnderTest(viewer: ["directory": try ViewerPage.directory(in: page)])
            _ = try bench.publish(instances: 4)
            try bench.source.patient([
                "patientId": ConsumerUnderTest.patientID, "authorization": "VALIDE",
            ])
            let visitor = Visitor(bench)
            let patient = try visitor.signIn()
            let images = try visitor.open("CT", patient)
            #expect(images.answer.status == 303)
            #expect(try eventually { try visitor.ask(images.path + "/instances/3").status == 200 })
            let list = try visitor.ask(images.path)
            #expect(list.body.contains("Ouvrir dans la visionneuse"))
            #expect(try visitor.post(images.path + "/view", ["token=x"]).status == 403)
            let opened = try visitor.post(images.path + "/view", ["token=\(list.formToken)"])
            try #require(opened.status == 303 && opened.location.contains("/viewer/s/"), "\(opened)")
            let viewer = opened.location
            #expect(try visitor.ask(viewer).body.contains("<title>viewer"))
            let context = try visitor.ask(viewer + "context.json").body
            #expect(
                context.contains("\"ins\":\"279035121518989\"")
                    && context.contains("\"report\":\"e/0/report\"")
            )
            let metadata = try visitor.ask(
                viewer + "e/0/metadata",
                ["--header", "Accept: application/dicom+json"]
            )
            let instances =
                try JSONSerialization.jsonObject(with: Data(metadata.body.utf8)) as? [[String: Any]]
            #expect(instances?.count == 4)
            let report = try bench.ask(bench.url + "/viewer/s/x/", [])
            #expect(report.status == 401)
            #expect(try visitor.ask(viewer + "e/0/report", ["--range", "0-4"]).status == 200)
            #expect(try Visitor(bench).ask(viewer + "context.json").status == 401)
            let thief = Visitor(bench)
            _ = try thief.signIn()
            #expect(try thief.ask(viewer + "e/0/metadata").status == 401)
            #expect(try bench.hasTrace("viewer", "consumer"))
            // Signed out there, there is nothing to see here.
            #expect(try visitor.post("/consumer/sign-out", ["token=\(list.formToken)"]).status == 303)
            #expect(try visitor.ask(viewer + "e/0/metadata").status == 401)
            try bench.expectDiscretion()
        }
    }
}
