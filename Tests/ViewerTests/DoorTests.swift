// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import NIOHTTP1
import Synchronization
import Testing
import Transfer

@testable import Viewer

private let doctor = "899700000001"

@Suite("The viewer's doors") struct DoorTests {
    private let surgery: Surgery
    private let link: ImageDisplayLink

    init() throws {
        surgery = try Surgery()
        link = try #require(ImageDisplayLink(query: LinkTests.valid))
        surgery.shelf[link] = .open(exam(link))
    }

    /// Somebody who has followed the link and signed in, and the path of their session.
    private func reader(_ professional: String = doctor) async -> (Visitor, String) {
        let visitor = Visitor(surgery)
        let answer = await visitor.signIn(LinkTests.valid, as: professional)
        #expect(answer.status == 303 && answer.location.hasPrefix("/viewer/s/"), "\(answer)")
        return (visitor, answer.location)
    }

    @Test("a link leads over Pro Santé Connect to the exam, and each step leaves a trace") func path()
        async throws
    {
        let visitor = Visitor(surgery)
        let begun = await visitor.follow(LinkTests.valid)
        #expect(begun.status == 303 && begun.location.hasPrefix("https://psc.example/auth?"))
        #expect(begun.location.contains("code_challenge_method=S256"))
        let (owner, path) = await reader()
        let page = await owner.ask(path)
        #expect(page.status == 200 && page.text.contains("viewer"))
        let answer = await owner.ask(path + "context.json")
        #expect(answer.status == 200 && answer.headers.first(name: "Content-Type") == "application/json")
        let context = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any]
        )
        #expect(context["role"] as? String == "doctor" && context["language"] as? String == "fr")
        let rights = context["rights"] as? [String: Bool]
        #expect(rights == ["download": false, "print": true, "report": false])
        let patient = try #require(context["patient"] as? [String: String])
        #expect(
            patient == [
                "name": "PAT-TROIS^DOMINIQUE", "birthName": "PAT-TROIS", "givenNames": "DOMINIQUE MARIE",
                "birthDate": "19790328", "sex": "F", "ins": "279035121518989",
                "insOID": "1.2.250.1.213.1.4.10", "birthPlace": "63220", "patientID": "IPP101",
            ]
        )
        let exams = try #require(context["exams"] as? [[String: Any]])
        #expect(exams.count == 1 && exams[0]["root"] as? String == "e/0")
        #expect(exams[0]["report"] is NSNull && exams[0]["isOpened"] as? Bool == true)
        #expect(context["notices"] as? [String] == [])
        #expect(
            surgery.traces == [
                "\(doctor)|viewer sign-in||signed in|",
                "\(doctor)|viewer|study 1.2.250.1.213.4.5.2.1.101|1 instances|report 1.2.250.1.213.4.5.4.401",
            ]
        )
    }

    @Test("of a link that leads nowhere nobody learns why") func sameAnswer() async {
        let parts = LinkTests.valid.split(separator: "&").map(String.init)
        func changed(_ index: Int, _ text: String) -> String {
            var parts = parts
            parts[index] = text
            return parts.joined(separator: "&")
        }
        var answers: Set<String> = []
        for query in [
            changed(1, "studyUID=1.2.3"), changed(2, "accessionNumber=ACN102"), changed(3, "idCDA=1.2.3"),
            changed(0, "requestType=SERIES"), "", "requestType=STUDY", LinkTests.valid + "&patientID=7",
        ] {
            let visitor = Visitor(surgery)
            let answer = await visitor.follow(query)
            #expect(answer.status == 404 && visitor.cookies.isEmpty, "\(query)")
            answers.insert("\(answer.headers)\(answer.text)")
        }
        #expect(answers.count == 1)
        #expect(
            surgery.traces.count == 7 && surgery.traces.allSatisfy { $0.hasPrefix("nobody|viewer refused|") }
        )
    }

    @Test("who tries links all night does not fill the disk") func budget() async {
        let visitor = Visitor(surgery)
        for _ in 0..<200 { _ = await visitor.follow("requestType=STUDY") }
        #expect(surgery.traces.count == RefusalBudget.perMinute)
        surgery.clock.advance(minutes: 1)
        _ = await visitor.follow("requestType=STUDY")
        #expect(surgery.traces.last?.contains("(140 more refusals before this one)") == true)
    }

    @Test("a withdrawn exam says so, at the door and to who is looking at it") func withdrawn() async {
        let (visitor, path) = await reader()
        #expect(await visitor.ask(path + "e/0/metadata").status == 404)
        surgery.shelf[link] = .withdrawn
        #expect(await visitor.ask(path + "e/0/metadata").status == 410)
        let context = await visitor.ask(path + "context.json")
        #expect(context.text.contains("\"notices\":[\"withdrawn\"]"))
        #expect(!context.text.contains("PAT-TROIS") && context.text.contains("\"exams\":[]"))
        let late = await Visitor(surgery).follow(LinkTests.valid)
        #expect(late.status == 410 && late.text.contains("Examen retiré"))
    }

    @Test("a link of an earlier version leads to the exam as it is now, and says so") func replaced() async {
        var current = exam(link)
        current.isReplaced = true
        current.isIncomplete = true
        surgery.shelf[link] = .open(current)
        let (visitor, path) = await reader()
        let context = await visitor.ask(path + "context.json").text
        #expect(context.contains("\"notices\":[\"replaced\",\"incomplete\"]"))
    }

    @Test("of an exam that is on its way the page learns how much of it is there") func arriving() async {
        var current = exam(link)
        current.isArriving = true
        surgery.shelf[link] = .open(current)
        let (visitor, path) = await reader()
        let context = await visitor.ask(path + "context.json").text
        #expect(context.contains("\"notices\":[\"arriving\"]"))
        #expect(context.contains("\"instances\":1") && context.contains("\"isArriving\":true"))
    }

    @Test("what is hidden from professionals is shown to its author alone") func hidden() async {
        surgery.shelf[link] = .hidden
        let visitor = Visitor(surgery)
        let answer = await visitor.signIn(LinkTests.valid, as: doctor)
        #expect(answer.status == 403 && answer.location.isEmpty)
        #expect(surgery.traces.last == "\(doctor)|viewer refused|study \(link.studyInstanceUID)|403|hidden")
        let (author, path) = await reader(surgery.shelf.author)
        #expect(await author.ask(path + "context.json").status == 200)
    }

    @Test("images that are not there yet are to be asked for later") func unavailable() async {
        surgery.shelf.isUnavailable.withLock { $0 = true }
        let answer = await Visitor(surgery).follow(LinkTests.valid)
        #expect(answer.status == 503 && answer.headers.first(name: "Retry-After") != nil)
    }

    // MARK: Whose session it is

    @Test(
        "nobody sees another's session: not with the handle, not with another's cookie, not with both halves"
    )
    func foreign() async {
        let (owner, path) = await reader()
        let (other, otherPath) = await reader("899700000002")
        for target in ["", "context.json", "e/0/metadata", "e/0"] {
            #expect(await Visitor(surgery).ask(path + target).status == 401, "\(target)")
            #expect(await other.ask(path + target).status == 401, "\(target)")
            #expect(await owner.ask(otherPath + target).status == 401, "\(target)")
        }
        // The other's secret under the owner's name.
        let thief = Visitor(surgery)
        if let name = owner.cookies.keys.first, let secret = other.cookies.values.first {
            thief.cookies[name] = secret
        }
        #expect(!thief.cookies.isEmpty)
        #expect(await thief.ask(path + "context.json").status == 401)
        #expect(await owner.ask(path + "context.json").status == 200)
    }

    @Test("a sign-in ends once, and in the browser in which it began") func signIn() async {
        let (owner, thief) = (Visitor(surgery), Visitor(surgery))
        let begun = await owner.follow(LinkTests.valid)
        surgery.noteNonce(of: begun.location)
        let state = Visitor.field("state", of: begun.location)
        let back = "/viewer/signed-in?state=\(state)&code=\(doctor)"
        let former = owner.cookies
        #expect(await thief.ask(back).status == 403)
        #expect(await owner.ask("/viewer/signed-in?state=x&code=\(doctor)").status == 403)
        #expect(await owner.ask("/viewer/signed-in").status == 403)
        let answer = await owner.ask(back)
        #expect(answer.status == 303)
        #expect(await owner.ask(back).status == 403)
        // Who knew the cookie before the sign-in has nothing after it.
        thief.cookies = former
        #expect(await thief.ask(answer.location + "context.json").status == 401)
        #expect(owner.cookies.keys.allSatisfy { former[$0] == nil })
    }

    @Test("two links in one browser are two sessions, whichever sign-in ends first") func two() async {
        let visitor = Visitor(surgery)
        let first = await visitor.follow(LinkTests.valid)
        let second = await visitor.follow(LinkTests.valid)
        var paths: Set<String> = []
        for begun in [second, first] {
            surgery.noteNonce(of: begun.location)
            let state = Visitor.field("state", of: begun.location)
            let answer = await visitor.ask("/viewer/signed-in?state=\(state)&code=\(doctor)")
            #expect(answer.status == 303)
            paths.insert(answer.location)
        }
        #expect(paths.count == 2)
        for path in paths { #expect(await visitor.ask(path + "context.json").status == 200) }
    }

    @Test("a refusal of the provider, or its silence, opens nothing") func refusedSignIn() async {
        let visitor = Visitor(surgery)
        let begun = await visitor.follow(LinkTests.valid)
        let state = Visitor.field("state", of: begun.location)
        #expect(await visitor.ask("/viewer/signed-in?state=\(state)&error=access_denied").status == 403)
        #expect(await visitor.ask("/viewer/signed-in?state=\(state)&code=\(doctor)").status == 403)
        let silent = try? Surgery()
        silent?.shelf[link] = .open(exam(link))
        silent?.silenceProvider()
        if let silent {
            #expect(await Visitor(silent).follow(LinkTests.valid).status == 503)
        }
        #expect(silent != nil)
    }

    @Test("signed out, the cookie and the handle are worth nothing") func signOut() async {
        let (visitor, path) = await reader()
        let copy = Visitor(surgery)
        copy.cookies = visitor.cookies
        // Another site's form does not end it.
        let foreign = await copy.ask(path + "sign-out", .POST, ["Sec-Fetch-Site": "cross-site"])
        #expect(foreign.status == 403)
        #expect(await visitor.ask(path + "sign-out").status == 404)
        let out = await visitor.ask(path + "sign-out", .POST)
        #expect(out.status == 303 && out.location == "/viewer/signed-out" && visitor.cookies.isEmpty)
        #expect(await copy.ask(path + "context.json").status == 401)
        #expect(surgery.traces.contains { $0 == "\(doctor)|viewer sign-out||signed out|" })
        #expect(await visitor.ask(out.location).status == 200)
    }

    @Test("a session that nobody uses ends") func idle() async {
        let (visitor, path) = await reader()
        surgery.clock.advance(minutes: 14)
        #expect(await visitor.ask(path).status == 200)
        surgery.clock.advance(minutes: 15)
        #expect(await visitor.ask(path).status == 401)
    }

    @Test("without a trace nobody sees an exam") func untraced() async {
        let (visitor, path) = await reader()
        surgery.fillDisk()
        let context = await visitor.ask(path + "context.json")
        #expect(context.status == 503 && !context.text.contains("PAT-TROIS"))
        #expect(await visitor.ask(path + "e/0/metadata").status == 503)
    }

    // MARK: What a session shows

    @Test("below an exam's root there is its study, whatever the path says") func images() async {
        let (visitor, path) = await reader()
        let study = link.studyInstanceUID
        for target in [
            "e/0", "e/0/metadata", "e/0/series/1.2.3/metadata", "e/0/series/1.2.3/instances/1.2.3.4",
            "e/0/series/1.2.3/instances/1.2.3.4/frames/1",
        ] {
            #expect(await visitor.ask(path + target, .GET, ["Accept": "*/*"]).status == 404, "\(target)")
        }
        let asked = surgery.shelf.catalogue.asked.withLock { $0 }
        #expect(asked.count == 5 && asked.allSatisfy { $0.study == study })
        for target in [
            "e/1/metadata", "e/00/metadata", "e/-1/metadata", "e/x", "e", "studies/\(study)", "e/0/download",
            "e/0/report", "e/0/../../../../dicomweb/studies/1.2.3", "index.html",
        ] {
            #expect(await visitor.ask(path + target).status == 404, "\(target)")
        }
        #expect(surgery.shelf.catalogue.asked.withLock { $0.count } == 5)
        #expect(await visitor.ask(path + "e/0/series").status == 400)
        #expect(await visitor.ask(path + "e/0", .POST).status == 405)
    }

    @Test("a text of a report stays a text") func markup() async throws {
        let name = "<script>alert(1)</script>\u{2028}\"\\"
        var found = exam(link, birthName: name)
        found.description = "</script><img src=x onerror=alert(1)>"
        surgery.shelf[link] = .open(found)
        let (visitor, path) = await reader()
        let answer = await visitor.ask(path + "context.json")
        #expect(answer.headers.first(name: "X-Content-Type-Options") == "nosniff")
        let context = try #require(
            try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any]
        )
        #expect((context["patient"] as? [String: String])?["birthName"] == name)
        #expect((context["exams"] as? [[String: Any]])?[0]["description"] as? String == found.description)
        #expect(context["site"] as? String == "Nord <b>")
    }

    @Test("a reader whom somebody else let in sees what they were handed, and its report") func handed()
        async throws
    {
        let report = HTTPResponse(
            .ok,
            headers: [
                "Content-Type": "application/pdf", "Content-Security-Policy": "frame-ancestors 'self'",
            ],
            body: .bytes(Array("%PDF-".utf8))
        )
        let isOver = Relay(false)
        let (shelf, link) = (surgery.shelf, link)
        let access = ExamAccess(images: DICOMwebService(catalogue: shelf.catalogue), report: { report }) {
            isOver.value ? .over : .open(exam(link))
        }
        let opened = surgery.service.open(
            [access],
            by: Reader(role: .doctor, identifier: doctor, purpose: "consumer"),
            language: .english,
            isSecure: true
        )
        let (path, cookie) = try #require(opened)
        let visitor = Visitor(surgery)
        let pair = cookie.split(separator: ";")[0].split(separator: "=").map(String.init)
        visitor.cookies[pair[0]] = pair[1]
        let context = await visitor.ask(path + "context.json")
        #expect(context.text.contains("\"report\":\"e/0/report\"") && context.text.contains("\"en\""))
        let shown = await visitor.ask(path + "e/0/report")
        #expect(shown.text == "%PDF-")
        #expect(shown.headers["Content-Security-Policy"] == ["frame-ancestors 'self'"])
        #expect(surgery.traces.map { $0.split(separator: "|")[1] } == ["viewer", "viewer report"])
        #expect(await Visitor(surgery).ask(path + "e/0/report").status == 401)
        isOver.change { $0 = true }
        #expect(await visitor.ask(path + "e/0/report").status == 401)
        isOver.change { $0 = false }
        #expect(await visitor.ask(path + "context.json").status == 401)
    }

    @Test(
        "every answer forbids other sources, frames and guesses of types",
        arguments: [
            "/", "/viewer/a/main.js", "/viewer/a/none.js", "/viewer/page.css", "/viewer/signed-in",
            "/viewer/signed-out", "/viewer/s/x/", "/IHEInvokeImageDisplay", "/dicomweb/studies",
        ]
    )
    func headers(uri: String) async {
        let answer = await Visitor(surgery).ask(uri)
        let policy = answer.headers["Content-Security-Policy"]
        #expect(policy.count == 1)
        for rule in [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'",
            "base-uri 'none'", "form-action 'self'",
        ] {
            #expect(policy[0].components(separatedBy: "; ").contains(rule), "\(rule)")
        }
        #expect(!policy[0].contains("unsafe"))
        #expect(answer.headers["X-Content-Type-Options"] == ["nosniff"])
        #expect(answer.headers["Referrer-Policy"] == ["no-referrer"])
        #expect(answer.headers["Permissions-Policy"].count == 1)
        let cache = answer.headers.first(name: "Cache-Control") ?? ""
        let isSameForAll = uri == "/viewer/a/main.js" || uri == "/viewer/page.css"
        #expect(cache == (isSameForAll ? "public, no-cache" : "no-store"))
    }
}
