// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Viewer: a link as doctor, as patient and as legal representative",
        .enabled(if: SourceUnderTest.canRun, "needs the release build, Orthanc, xmlsec1 and .build/python")
    )
    struct ViewerPatientTests {
        private static let doctor = "899700000002"
        /// Of the lab's reports.
        private static let patient = "279035121518989"
        private static let people = """
            [{"sub": "p", "preferred_username": "patient", "ins": "279035121518989"},
             {"sub": "r", "preferred_username": "parent", "ins": "162018885045327", "represents": ["279035121518989"]},
             {"sub": "o", "preferred_username": "other", "ins": "162018885045327"},
             {"sub": "n", "preferred_username": "nameless"}]
            """

        private func report(_ study: String, _ event: String, _ document: Int, _ more: [String]) -> [String] {
            [
                "--type", "ORU", "--event", event, "--study", "\(study),modality=CT", "--accession", "ACN101",
                "--ipp", "IPP101", "--document-id", "1.2.250.1.999.5.\(document)",
            ] + more
        }

        private func link(_ study: String, _ document: Int, accession: String = "ACN101") -> String {
            "/IHEInvokeImageDisplay?requestType=STUDY&studyUID=\(study)&accessionNumber=\(accession)"
                + "&idCDA=1.2.250.1.999.5.\(document)"
        }

        @Test(
            "each sees what the flags of the report leave to them, and no more, from one message to the next"
        )
        func rights() throws {
            let bench = try SourceUnderTest(identity: true, hasViewer: true, patients: Self.people)
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 1)
            func visitor() throws -> ViewerVisitor {
                try ViewerVisitor(bench.viewerURL, certificates: bench.certificates)
            }
            // Masked from professionals, invisible to the patient, to legal representatives; who sees it: doctor, patient,
            // parent.
            let cases: [(flags: [String], sees: [Bool])] = [
                ([], [true, true, true]), (["INVISIBLE_PATIENT"], [true, false, false]),
                (["INVISIBLE_REP_LEGAUX"], [true, true, false]), (["MASQUE_PS"], [false, true, true]),
                (["MASQUE_PS", "INVISIBLE_REP_LEGAUX"], [false, true, false]),
            ]
            let readers = [("professionals", Self.doctor), ("patients", "patient"), ("patients", "parent")]
            var open: [(ViewerVisitor, String)] = []
            for (number, (flags, sees)) in cases.enumerated() {
                let parent = number == 0 ? [] : ["--parent-id", "1.2.250.1.999.5.\(number)"]
                let all = ["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX"]
                let said = all.flatMap { ["--flag", "\($0)=\(flags.contains($0) ? "Y" : "N")"] }
                let event = number == 0 ? "new" : "replace"
                let message = report(study, event, number + 1, parent + said)
                #expect(try bench.send(message) == "AA", "\(flags)")
                if number == 0 { try bench.awaitEntries(["Approved"]) }
                // Who came before the flags changed is held to what they say now.
                for ((visitor, page), isSeen) in zip(open, sees) {
                    let status = try visitor.ask(page + "e/0/metadata").status
                    #expect(status == (isSeen ? 200 : 410), "\(flags) \(page)")
                }
                for ((desk, name), isSeen) in zip(readers, sees) {
                    let visitor = try visitor()
                    let answer = try visitor.signIn(link(study, number + 1), at: desk, as: name)
                    #expect(answer.status == (isSeen ? 303 : 403), "\(flags) \(name): \(answer.status)")
                    if number == 0 { open.append((visitor, answer.location)) }
                }
                for name in ["other", "nameless"] {
                    let answer = try visitor().signIn(link(study, number + 1), at: "patients", as: name)
                    #expect(answer.status == 403, "\(flags) \(name)")
                }
            }
            let roles = try open.map { visitor, page in
                try visitor.ask(page + "context.json").json["role"] as? String
            }
            #expect(roles == ["doctor", "patient", "representative"])
            for (visitor, page) in open {
                let rights = try visitor.ask(page + "context.json").json["rights"] as? [String: Any]
                #expect(rights?["download"] as? Bool == false)
            }

            let rows = try #require(try bench.gateway.call("/v1/pipeline/traces")["rows"] as? [[String: Any]])
            let views = Set(
                rows.filter { $0["action"] as? String == "viewer" }.compactMap { $0["user"] as? String }
            )
            #expect(views == [Self.doctor, "the patient", "a legal representative"])
            let viewers = rows.filter { ($0["action"] as? String)?.hasPrefix("viewer") == true }
            for word in [Self.patient, "162018885045327", "PAT-TROIS"] {
                #expect(
                    !"\(viewers)".contains(word) && !bench.gateway.server.logText.contains(word),
                    "\(word)"
                )
            }
        }

        @Test("a valid link opens for both, and each invalid variant for neither, without a word of why")
        func variants()
            throws
        {
            let bench = try SourceUnderTest(identity: true, hasViewer: true, patients: Self.people)
            let (study, _) = try bench.study(accession: "ACN101", patient: "IPP101", seed: 1)
            let visible = ["--flag", "INVISIBLE_PATIENT=N"]
            #expect(try bench.send(report(study, "new", 1, visible)) == "AA")
            try bench.awaitEntries(["Approved"])
            let visitor = try ViewerVisitor(bench.viewerURL, certificates: bench.certificates)
            let asked = try visitor.ask(link(study, 1))
            #expect(asked.status == 200 && asked.text.contains("Mon espace santé"), "\(asked.text)")
            #expect(!asked.text.contains("PAT-TROIS") && !asked.text.contains(Self.patient))
            var answers: Set<String> = []
            // Another study, accession, report; one of them missing; another case of the letters; twice; something more.
            for bad in [
                link("1.2.3", 1), link(study, 1, accession: "ACN102"), link(study, 2),
                link(study, 1, accession: "acn101"), link(study, 1) + "&studyUID=\(study)",
                link(study, 1) + "&patientID=IPP101", link(study, 1).replacing("STUDY", with: "PATIENT"),
                link(study, 1).replacing("&accessionNumber=ACN101", with: ""),
                link(study, 1).replacing("&idCDA=1.2.250.1.999.5.1", with: ""),
                link(study, 1).replacing("studyUID=\(study)&", with: ""),
            ] {
                let query = try #require(bad.split(separator: "?").last)
                for path in [
                    "/IHEInvokeImageDisplay", "/viewer/sign-in/patients", "/viewer/sign-in/professionals",
                ] {
                    let answer = try visitor.ask("\(path)?\(query)")
                    #expect(
                        answer.status == 404 && !answer.head.lowercased().contains("set-cookie"),
                        "\(bad)"
                    )
                    answers.insert(answer.text)
                }
            }
            #expect(answers.count == 1)
            for (desk, name) in [("professionals", Self.doctor), ("patients", "patient")] {
                #expect(try visitor.signIn(link(study, 1), at: desk, as: name).status == 303)
            }
        }
    }
}
