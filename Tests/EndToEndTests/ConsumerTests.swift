// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Consumer: a professional's path from the contextual call to the archive",
        .enabled(
            if: ConsumerUnderTest.hasBrowser,
            "needs the release build, Orthanc, xmlsec1, .build/python, chromium and chromium-driver"
        )
    )
    struct ConsumerPathTests {
        @Test("signed in by Pro Santé Connect, a professional reads, sees and imports an exam of another box")
        func path() throws {
            let bench = try ConsumerUnderTest()
            let files = try bench.publish(instances: 12)
            let seen = try bench.browse("899700367909", images: 12, ["--import"])
            expectPath(seen, images: 12)
            #expect(seen["activities"] as? Int == 0)
            #expect(seen["imported"] as? String == "Import terminé : 12 images importées")
            // In the archive they are the local patient's, and else as they were.
            let stored = try bench.source.directory.directory("stored")
            try bench.archive.download(to: stored)
            let compared = try run(
                Bench.python,
                [
                    Bench.support.appending(path: "imported_study.py").path, files.path, stored.path,
                    "--patient", "IPPB7", "--namespace", "CLINIQUE-B", "--oid", "1.2.250.1.999.7", "--ins",
                    "279035121518989", "--accession", "ACN101",
                ]
            )
            #expect(compared.status == 0, "\(compared.output) \(compared.errors)")
            // Each step is traced, and in no trace is the patient's name.
            let actions = Set(try bench.traces().compactMap { $0["action"] as? String })
            #expect(
                actions.isSuperset(of: [
                    "contextual call", "sign-in", "TD0.2", "TD0.3", "TD3.1", "TD3.2", "WADO-RS client",
                    "C-STORE import", "sign-out",
                ]),
                "\(actions)"
            )
            let served = try bench.source.gateway.call("/v1/pipeline/traces")["rows"] as? [[String: Any]]
            let users = served?.compactMap { $0["user"] as? String } ?? []
            #expect(users.contains { $0.hasSuffix("for 899700367909 by drimbox-b") }, "\(users)")
            try bench.expectDiscretion()
            // The list of boxes is the one that was fetched.
            let list = try bench.box.call("/v1/pipeline")["whiteList"] as? [String: Any]
            #expect(list?["boxes"] as? Int == 1 && list?["problem"] == nil, "\(list ?? [:])")
        }

        @Test(
            "in an emergency, over a slow line: the record opens for its reason, and what is imported lost nothing"
        )
        func emergency() throws {
            let rules = ["PatientName", "PatientBirthDate"].map { ["attribute": $0, "action": "local"] }
            let bench = try ConsumerUnderTest(["viewing": "lossy", "coercion": rules])
            _ = try bench.publish(instances: 4)
            let visitor = Visitor(bench)
            let page = try visitor.signIn()
            let closed = try visitor.ask(page)
            #expect(closed.body.contains("bris de glace") && !closed.body.contains("<ol class=\"exams\">"))
            let declared = try visitor.post(
                page + "/emergency",
                ["token=\(closed.formToken)", "emergency=yes", "reason=unconscious"]
            )
            #expect(declared.status == 303)
            let images = try visitor.open("CT", page)
            #expect(images.answer.status == 303, "\(images.answer)")
            #expect(try visitor.ask(images.path).body.contains("ACCÈS EN BRIS DE GLACE"))
            // The lab's record opens to nobody else who has no authorisation.
            #expect(try bench.hasTrace("bris de glace", "unconscious"))

            let list = try visitor.ask(images.path)
            let begun = try visitor.post(images.path + "/import", ["token=\(list.formToken)"])
            #expect(begun.status == 303)
            var progress: [String: Any] = [:]
            let isOver = try eventually(within: 60) {
                let json = Data(try visitor.ask(images.path + "/progress?seen=0").body.utf8)
                progress = try JSONSerialization.jsonObject(with: json) as? [String: Any] ?? [:]
                return progress["over"] as? Bool == true
            }
            #expect(isOver && progress["imported"] as? String == "Import terminé : 4 images importées")
            // Once to look at, once for the archive.
            let asked = try bench.traces().filter {
                $0["action"] as? String == "WADO-RS client" && $0["outcome"] as? String == "asked"
            }
            #expect(asked.count == 2 * Set(asked.map { "\($0["subject"] ?? "")" }).count)
            let patients = try bench.archive.patients()
            #expect(patients == ["IPPB7 PAT-TROIS^DOMINIQUE 19790328"])
            try bench.expectDiscretion()
        }

        @Test("with the keyboard alone, in the structure that was chosen of two, and in English")
        func keyboard() throws {
            let bench = try ConsumerUnderTest()
            _ = try bench.publish(instances: 4)
            let arguments = [
                "--import", "--keyboard", "--language", "en", "--structure", "499700000012345",
            ]
            let seen = try bench.browse("899700000002", images: 4, arguments)
            expectPath(seen, images: 4)
            #expect(seen["activities"] as? Int == 2)
            #expect(seen["imported"] as? String == "Import finished: 4 images")
            #expect(seen["focusUnseen"] as? [String] == [])
            #expect(try bench.archive.count() == 4)
            let users = Set(try bench.traces().compactMap { $0["user"] as? String })
            #expect(users.contains("899700000002 of 499700000012345"), "\(users)")
        }

        private func expectPath(_ seen: [String: Any], images: Int) {
            #expect(seen["failure"] is NSNull, "\(seen)")
            for pages in ["authorisation", "list", "report", "images", "imported", "signed-out"] {
                #expect((seen["pages"] as? [String])?.contains(pages) == true, "\(pages)")
            }
            #expect(seen["authorised"] as? Bool == true)
            #expect(seen["reports"] as? Int == 1)
            #expect((seen["exams"] as? [String])?.count == 1)
            #expect((seen["document"] as? [Any])?.last as? String == "%PDF-")
            #expect(seen["shown"] as? Int == images)
            #expect(seen["missing"] as? String == "")
            // Held to the rules of axe, from nowhere else, and no wider than a telephone.
            for list in ["violations", "advice", "console", "foreign", "overflow"] {
                #expect(seen[list] as? [String] == [], "\(list)")
            }
            let cookie = seen["cookie"] as? [String: Any]
            #expect(cookie?["secure"] as? Bool == true && cookie?["httpOnly"] as? Bool == true)
            #expect(cookie?["sameSite"] as? String == "Lax")
            #expect(seen["withCookie"] as? Int == 200)
            #expect(seen["withoutCookie"] as? Int == 401)
            #expect(seen["stolenCookie"] as? Int == 401)
        }
    }

    @Suite(
        "Consumer: what is not one's own",
        .enabled(if: ConsumerUnderTest.canRun, "needs the release build, Orthanc, xmlsec1 and .build/python")
    )
    struct ConsumerAttackTests {
        @Test("a call is opened once, a sign-in ended once and by who began it, a session used by its owner")
        func sessions() throws {
            let bench = try ConsumerUnderTest()
            try bench.source.patient(["patientId": ConsumerUnderTest.patientID])
            let (owner, thief) = (Visitor(bench), Visitor(bench))
            // A call that was opened is gone, for its owner and for everybody.
            let call = try bench.call()
            let begun = try owner.ask(call)
            #expect(begun.status == 303)
            #expect(try owner.ask(call).status == 410)
            #expect(try thief.ask(call).status == 410)
            #expect(try bench.hasTrace("refused", "used, expired or unknown"))

            // An answer of the provider without a sign-in, with another's state, and a second time.
            let other = try thief.ask(try bench.call())
            let answer = try thief.choose("899700000002", at: other.location)
            #expect(try Visitor(bench).ask(answer).status == 403)
            #expect(try bench.hasTrace("refused", "no sign-in was begun here"))
            #expect(try owner.ask(answer).status == 403)
            #expect(try bench.hasTrace("sign-in", "state"))
            #expect(try thief.ask(answer).status == 303)
            #expect(try thief.ask(answer).status == 403)

            // A code in the sign-in of somebody else: the state is right, what proves who asked is not.
            let first = try owner.ask(try bench.call())
            let second = try Visitor(bench).ask(try bench.call())
            let foreign = try owner.choose("899700000002", at: second.location)
            let own = try owner.choose("899700367909", at: first.location)
            let mixed = try replaced("code", of: own, by: foreign)
            #expect(try owner.ask(mixed).status == 403)
            #expect(try bench.hasTrace("sign-in", "invalid_grant"))

            // An ID token for another client.
            let unlucky = Visitor(bench)
            let token = try unlucky.ask(try bench.call())
            try bench.source.tellProvider("faults", ["idToken": "aud"])
            #expect(try unlucky.ask(try unlucky.choose("899700367909", at: token.location)).status == 403)
            #expect(try bench.hasTrace("sign-in", "aud"))

            try ownership(bench)
            try bench.expectDiscretion()
        }

        /// What belongs to one session is in no other, and not there when it has ended.
        private func ownership(_ bench: ConsumerUnderTest) throws {
            let (owner, other) = (Visitor(bench), Visitor(bench))
            let page = try owner.signIn()
            let list = try owner.ask(page)
            #expect(list.status == 200 && !list.formToken.isEmpty, "\(list)")
            let otherPage = try other.signIn("899700000002")
            #expect(otherPage == "/consumer/activity")
            #expect(try other.ask(page).status == 404)
            #expect(try other.ask(page + "/images/0/instances/0").status == 404)
            #expect(try bench.hasTrace("refused", "not of this session"))
            #expect(try Visitor(bench).ask(page).status == 401)

            // A form of no page of the session.
            let refused = [[], ["token="], ["token=\(String(repeating: "0", count: 64))"]]
            for fields in refused {
                let answer = try owner.post(page + "/authorisation", ["consent=yes"] + fields)
                #expect(answer.status == 403, "\(fields)")
            }
            let foreign = try other.ask("/consumer/activity").formToken
            #expect(!foreign.isEmpty)
            #expect(
                try owner.post(page + "/authorisation", ["consent=yes", "token=\(foreign)"]).status == 403
            )
            #expect(try bench.hasTrace("refused", "of no page of the session"))

            // The cookie that somebody copied is worth nothing once its owner has signed out.
            let stolen = try owner.cookie()
            #expect(try bench.ask(bench.url + page, ["--cookie", stolen]).status == 200)
            #expect(try owner.post("/consumer/sign-out", ["token=\(list.formToken)"]).status == 303)
            #expect(try bench.ask(bench.url + page, ["--cookie", stolen]).status == 401)
            #expect(try bench.hasTrace("refused", "over or unknown"))
        }

        @Test(
            "images that one professional fetched are nobody else's, and not theirs when they have signed out"
        )
        func images() throws {
            let bench = try ConsumerUnderTest()
            _ = try bench.publish(instances: 4)
            try bench.source.patient([
                "patientId": ConsumerUnderTest.patientID, "authorization": "VALIDE",
            ])
            let (owner, other) = (Visitor(bench), Visitor(bench))
            let page = try owner.signIn()
            let images = try owner.open("CT", page)
            #expect(images.answer.status == 303)
            let first = images.path + "/instances/0"
            #expect(try eventually { try owner.ask(first).status == 200 })
            // The same patient and the same manifest, opened and not fetched; the fetched ones by their name.
            let otherPage = try other.signIn()
            let list = try other.ask("\(otherPage)?modality=CT")
            let number = try #require(list.between("action=\"\(otherPage)/images/", "\""))
            for path in ["\(otherPage)/images/\(number)/instances/0", first, images.path + "/progress"] {
                #expect(try other.ask(path).status == 404, "\(path)")
            }
            let importing = try other.post(images.path + "/import", ["token=\(list.formToken)"])
            #expect(importing.status == 404)
            #expect(try bench.archive.count() == 0)
            #expect(try owner.ask(first).status == 200)
            let token = try owner.ask(page).formToken
            let stolen = try owner.cookie()
            #expect(try owner.post("/consumer/sign-out", ["token=\(token)"]).status == 303)
            #expect(try bench.ask(bench.url + first, ["--cookie", stolen]).status == 401)
            #expect(try other.ask("\(otherPage)/images/\(number)/instances/0").status == 404)
            #expect(try bench.hasTrace("refused", "not of this session"))
            try bench.expectDiscretion()
        }

        /// The address with the value that another address has for a name.
        private func replaced(_ name: String, of address: String, by other: String) throws -> String {
            let value = try #require(URLComponents(string: other)?.queryItems?.first { $0.name == name })
            var changed = try #require(URLComponents(string: address))
            changed.queryItems = changed.queryItems?.map { $0.name == name ? value : $0 }
            return try #require(changed.string)
        }

        /// A host that is asked for images, why it gets no token, and what the page says of it.
        private struct Host {
            let modality: String
            let base: String
            let reason: String
            let words: String

            init(_ modality: String, _ base: String, _ reason: String, _ words: String) {
                self.modality = modality
                self.base = base
                self.reason = reason
                self.words = words
            }
        }

        @Test("a professional's token goes to a box of the white list that proves to be it, and no further")
        func hosts() throws {
            let bench = try ConsumerUnderTest()
            try bench.source.patient(["patientId": ConsumerUnderTest.patientID])
            let elsewhere = bench.elsewhere
            let name = SourceUnderTest.host
            try elsewhere.leaf("misnamed", by: "ca", names: "DNS:db9.lab.test")
            try elsewhere.leaf("foreign", by: "other", names: "DNS:\(name)")
            try elsewhere.leaf("listed", by: "ca", names: "DNS:\(name)")
            let unlisted = try falseBox(bench, "listed")
            let (misnamed, foreign) = (try falseBox(bench, "misnamed"), try falseBox(bench, "foreign"))
            let target = "https://\(name):\(unlisted.port)/stolen"
            let redirecting = try falseBox(bench, "listed", [target])
            let hosts = [
                Host("MR", "https://127.0.0.1:\(unlisted.port)", "white list", "liste blanche"),
                Host("US", "https://db2.lab.test:\(unlisted.port)", "white list", "liste blanche"),
                Host("CR", "http://\(name):\(unlisted.port)", "another scheme", "liste blanche"),
                Host(
                    "PT",
                    "https://\(name)@127.0.0.1:\(unlisted.port)",
                    "a host and a port",
                    "liste blanche"
                ),
                Host("DX", "https://\(name):\(foreign.port)", "does not answer", "ne répond pas"),
                Host("MG", "https://\(name):\(misnamed.port)", "does not answer", "ne répond pas"),
                Host("NM", "https://\(name):\(redirecting.port)", "status 302", "ne peut les envoyer (302)"),
            ]
            for (number, host) in hosts.enumerated() {
                let arguments = ["--base", host.base, "--modality", host.modality]
                try bench.source.publish(arguments + ["--accession", "ACN20\(number)"])
            }
            try bench.source.publish([
                "--kos-patient", "162018885045327^^^&1.2.250.1.213.1.4.10&ISO^NH", "--modality", "XA",
                "--accession", "ACN300",
            ])
            let visitor = Visitor(bench)
            let page = try visitor.signIn()
            // All at once: whoever does not answer is asked again for a while.
            let opened = try hosts.map { host in (host: host, images: try visitor.open(host.modality, page))
            }
            for (host, images) in opened {
                #expect(images.answer.status == 303, "\(host): \(images.answer)")
                var progress: [String: Any] = [:]
                let isOver = try eventually(within: 60) {
                    let json = Data(try visitor.ask(images.path + "/progress?seen=0").body.utf8)
                    progress = try JSONSerialization.jsonObject(with: json) as? [String: Any] ?? [:]
                    return progress["over"] as? Bool == true
                }
                #expect(isOver, "\(host): \(progress)")
                #expect(progress["seen"] as? Int == 0)
                let missing = progress["missing"] as? String ?? ""
                #expect(missing.contains(host.words), "\(host): \(progress)")
                #expect(try bench.hasTrace("WADO-RS client", host.reason), "\(host)")
            }
            // A manifest of another patient's images in this patient's record.
            #expect(try visitor.open("XA", page).answer.status == 502)
            #expect(try bench.hasTrace("refused", "another patient"))

            // Only the box that was what it said it is was asked, and where it led to nobody went.
            for box in [unlisted, misnamed, foreign] { #expect(box.server.logText.isEmpty) }
            #expect(redirecting.server.logText.contains("with a token"))
            let asked = bench.proxy.logText
            #expect(asked.contains("\(name):\(redirecting.port)"))
            for word in ["127.0.0.1", "db2.", ":\(unlisted.port)"] {
                #expect(!asked.contains(word), "\(asked)")
            }
            try bench.expectDiscretion()
            #expect(!"\(try bench.traces())".contains("162018885045327"))
        }

        private func falseBox(
            _ bench: ConsumerUnderTest,
            _ certificate: String,
            _ location: [String] = []
        ) throws -> (server: Server, port: Int) {
            let port = try Bench.freePort()
            let elsewhere = bench.elsewhere
            let server = try Server(
                Bench.python,
                [
                    Bench.support.appending(path: "false_box.py").path, "\(port)",
                    elsewhere.path("\(certificate).pem"), elsewhere.path("\(certificate).key"),
                ] + location,
                log: bench.source.directory.appending("false-\(port).log")
            )
            let listens = "grep -qi ':\(String(port, radix: 16)) ' /proc/net/tcp"
            try #require(try eventually { try run("/bin/sh", ["-c", listens]).status == 0 })
            return (server, port)
        }
    }
}
