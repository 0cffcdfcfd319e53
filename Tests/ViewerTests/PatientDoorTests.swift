// SPDX-License-Identifier: Apache-2.0
import Foundation
import Identity
import NIOHTTP1
import Synchronization
import Testing

@testable import Viewer

private let patient = Shelf.patient
/// Somebody else.
private let other = "184127510301118"
private let child = Shelf.patient

@Suite("The patients' door") struct PatientDoorTests {
    private let link: ImageDisplayLink

    init() throws { link = try #require(ImageDisplayLink(query: LinkTests.valid)) }

    private func surgery(represented: String? = "children") throws -> Surgery {
        let surgery = try Surgery(patients: .init(nationalIdentifier: "ins", represented: represented))
        surgery.shelf[link] = .open(exam(link))
        return surgery
    }

    /// Follows the link, says who one is, and comes back from the provider.
    private func signIn(_ surgery: Surgery, _ desk: SignInDesk, as name: String) async -> (
        Visitor, Visitor.Answer
    ) {
        let visitor = Visitor(surgery)
        let begun = await visitor.ask("/viewer/sign-in/\(desk)?" + LinkTests.valid)
        surgery.noteNonce(of: begun.location)
        let state = Visitor.field("state", of: begun.location)
        return (visitor, await visitor.ask("\(desk.returnPath)?state=\(state)&code=\(name)"))
    }

    private func context(_ visitor: Visitor, _ path: String) async throws -> [String: Any] {
        let answer = await visitor.ask(path + "context.json")
        return try #require(try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])
    }

    @Test("where patients have a door, a link asks who follows it, and says nothing of the exam") func desks()
        async throws
    {
        let visitor = Visitor(try surgery())
        let answer = await visitor.follow(LinkTests.valid + "&lang=en")
        #expect(answer.status == 200 && visitor.cookies.isEmpty)
        #expect(answer.text.contains("<html lang=\"en\">") && !answer.text.contains("PAT-TROIS"))
        #expect(answer.text.contains("Mon espace &lt;santé&gt;") && !answer.text.contains("<santé>"))
        let addresses = answer.text.components(separatedBy: "class=\"desk\" href=\"").dropFirst().map {
            String($0.prefix { $0 != "\"" }).replacingOccurrences(of: "&amp;", with: "&")
        }
        #expect(addresses.count == 2)
        for (address, desk) in zip(addresses, SignInDesk.allCases) {
            #expect(address.hasPrefix(desk.path + "?requestType=STUDY") && address.hasSuffix("&lang=en"))
            let begun = await visitor.ask(address)
            #expect(begun.status == 303, "\(address)")
            #expect(
                begun.location.contains(desk == .patients ? "patient-signed-in" : "%2Fviewer%2Fsigned-in")
            )
        }
        #expect(await visitor.follow("requestType=STUDY").status == 404)
    }

    @Test("a patient sees their own exam; traces do not name them") func own() async throws {
        let surgery = try surgery()
        let (visitor, answer) = await signIn(surgery, .patients, as: patient)
        try #require(answer.status == 303, "\(answer)")
        let context = try await context(visitor, answer.location)
        #expect(context["role"] as? String == "patient")
        #expect((context["exams"] as? [Any])?.count == 1)
        #expect(
            surgery.traces == [
                "a patient|viewer sign-in||signed in|",
                "the patient|viewer|study \(link.studyInstanceUID)|1 instances|report \(link.reportID)",
            ]
        )
        #expect(await visitor.ask(answer.location + "sign-out", .POST).status == 303)
    }

    @Test("who represents the patient in law sees it too, where the provider says so") func representative()
        async throws
    {
        let surgery = try surgery()
        let (visitor, answer) = await signIn(surgery, .patients, as: "\(other)-\(child)")
        try #require(answer.status == 303, "\(answer)")
        #expect(try await context(visitor, answer.location)["role"] as? String == "representative")
        #expect(surgery.traces.last?.hasPrefix("a legal representative|viewer|") == true)
        // Where no claim is configured that says it, nobody represents anybody.
        let strict = try self.surgery(represented: nil)
        #expect(await signIn(strict, .patients, as: "\(other)-\(child)").1.status == 403)
        #expect(await signIn(strict, .patients, as: patient).1.status == 303)
    }

    @Test(
        "each sees exactly what the flags leave to them",
        arguments: [
            ([], [true, true, true]), ([.patient, .representative], [true, false, false]),
            ([.representative], [true, true, false]), ([.doctor], [false, true, true]),
        ] as [(Set<Reader.Role>, [Bool])]
    )
    func flags(unseenBy: Set<Reader.Role>, sees: [Bool]) async throws {
        let surgery = try surgery()
        surgery.shelf.unseenBy.withLock { $0 = unseenBy }
        let readers: [(SignInDesk, String)] = [
            (.professionals, "899700000001"), (.patients, patient), (.patients, "\(other)-\(child)"),
        ]
        for ((desk, name), isSeen) in zip(readers, sees) {
            #expect(await signIn(surgery, desk, as: name).1.status == (isSeen ? 303 : 403), "\(name)")
        }
    }

    @Test("whether an exam is another's or hidden, the answer is the same; the trace is not") func strangers()
        async throws
    {
        let surgery = try surgery()
        let (visitor, stranger) = await signIn(surgery, .patients, as: other)
        #expect(stranger.status == 403 && visitor.cookies.isEmpty == false)
        surgery.shelf.unseenBy.withLock { $0 = [.patient] }
        let (_, hidden) = await signIn(surgery, .patients, as: patient)
        #expect(hidden.status == 403 && hidden.text == stranger.text)
        #expect(
            surgery.traces.filter { $0.contains("refused") } == [
                "a patient|viewer refused|study \(link.studyInstanceUID)|403|another patient's",
                "the patient|viewer refused|study \(link.studyInstanceUID)|403|hidden",
            ]
        )
        #expect(surgery.traces.allSatisfy { !$0.contains(patient) && !$0.contains(other) })
    }

    @Test("what becomes hidden while a patient looks at it is gone at once") func late() async throws {
        let surgery = try surgery()
        let (visitor, answer) = await signIn(surgery, .patients, as: patient)
        surgery.shelf.unseenBy.withLock { $0 = [.patient] }
        #expect(await visitor.ask(answer.location + "e/0/metadata").status == 410)
        #expect((try await context(visitor, answer.location)["exams"] as? [Any])?.isEmpty == true)
    }

    @Test("an answer of one provider is none at the other's door") func mixedUp() async throws {
        let surgery = try surgery()
        for (desk, wrong) in [(SignInDesk.patients, SignInDesk.professionals), (.professionals, .patients)] {
            let visitor = Visitor(surgery)
            let begun = await visitor.ask("\(desk.path)?" + LinkTests.valid)
            surgery.noteNonce(of: begun.location)
            let state = Visitor.field("state", of: begun.location)
            #expect(await visitor.ask("\(wrong.returnPath)?state=\(state)&code=\(patient)").status == 403)
            #expect(await visitor.ask("\(desk.returnPath)?state=\(state)&code=\(patient)").status == 303)
        }
    }

    @Test(
        "without an INS of the right form nobody is anybody's patient",
        arguments: ["899700000001", "279035121518988", "", "\(other)-1", "\(patient)-x"]
    )
    func nobody(name: String) async throws {
        let surgery = try surgery()
        let (_, answer) = await signIn(surgery, .patients, as: name)
        #expect(answer.status == 403 && answer.text.contains("Connexion refusée"), "\(answer)")
    }

    @Test("where patients have no door there is none, and a link asks nobody who they are") func closed()
        async throws
    {
        let surgery = try Surgery()
        surgery.shelf[link] = .open(exam(link))
        #expect(await Visitor(surgery).follow(LinkTests.valid).status == 303)
        #expect(await Visitor(surgery).ask("/viewer/sign-in/patients?" + LinkTests.valid).status == 404)
        #expect(await Visitor(surgery).ask("/viewer/sign-in/others?" + LinkTests.valid).status == 404)
        #expect(await Visitor(surgery).ask("/viewer/patient-signed-in?state=x&code=\(patient)").status == 403)
    }
}
