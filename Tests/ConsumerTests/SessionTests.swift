// SPDX-License-Identifier: Apache-2.0
import Identity
import Synchronization
import Testing

@testable import Consumer

final class Clock: Sendable {
    private let milliseconds = Mutex<Int64>(1_700_000_000_000)

    var now: @Sendable () -> Int64 { { self.milliseconds.withLock { $0 } } }

    func advance(seconds: Int64) { milliseconds.withLock { $0 += seconds * 1000 } }
}

let patient = PatientContext(
    nationalIdentifier: .init(value: "279035121518989", authority: "1.2.250.1.213.1.4.10"),
    birthFamilyName: "PAT-TROIS",
    birthGivenNames: ["DOMINIQUE"],
    usedFamilyName: nil,
    usedGivenName: nil,
    sex: .female,
    birthDate: "19790328",
    birthPlace: "63220",
    hasConsent: true,
    localIdentifier: "IPP101",
    localIssuer: .init(namespace: "HOPITAL", universalID: nil, universalIDType: nil),
    situation: nil
)

private func signedIn(_ identifier: String = "899700000001") -> Session.Stage {
    .signedIn(
        Professional(
            identifier: identifier,
            subject: "f:\(identifier)",
            familyName: "DOC",
            givenName: "ANNE",
            activities: []
        ),
        Tokens(accessToken: "a", refreshToken: nil, idToken: "i", accessExpires: 1, refreshExpires: nil)
    )
}

@Suite("Sessions") struct SessionTests {
    let clock = Clock()

    @Test("a call is opened once, and not after its time") func contexts() throws {
        let table = ContextTable(seconds: 120, now: clock.now)
        let first = try #require(table.add(patient))
        #expect(table.take(first) == patient)
        #expect(table.take(first) == nil)
        let second = try #require(table.add(patient))
        clock.advance(seconds: 120)
        #expect(table.take(second) == nil)
        #expect(table.take("") == nil)
    }

    @Test("calls that nobody opens do not fill the memory") func manyContexts() throws {
        let table = ContextTable(seconds: 120, now: clock.now)
        var kept = 0
        while table.add(patient) != nil { kept += 1 }
        #expect(kept == 1024)
        clock.advance(seconds: 121)
        #expect(table.add(patient) != nil)
    }

    @Test("a session ends when nobody uses it, and takes its patients with it") func idle() throws {
        let table = SessionTable(idleMinutes: 15, now: clock.now)
        let (session, secret) = try #require(table.begin(signedIn()))
        session.change { $0.patients["x"] = OpenedPatient(patient, name: "x", opened: 0) }
        clock.advance(seconds: 14 * 60)
        #expect(table.find(secret) === session)
        clock.advance(seconds: 14 * 60)
        #expect(table.find(secret) === session)
        clock.advance(seconds: 15 * 60)
        #expect(table.find(secret) == nil)
        #expect(session.professional == nil)
        #expect(session.patients.isEmpty)
    }

    @Test("whatever is done, a session has its last hour") func longest() throws {
        let table = SessionTable(idleMinutes: 60, now: clock.now)
        let (_, secret) = try #require(table.begin(signedIn()))
        for _ in 0..<23 {
            clock.advance(seconds: 30 * 60)
            #expect(table.find(secret) != nil)
        }
        clock.advance(seconds: 30 * 60)
        #expect(table.find(secret) == nil)
    }

    @Test("after signing in the former secret is worth nothing, and so is one after signing out")
    func renewed() throws {
        let table = SessionTable(idleMinutes: 15, now: clock.now)
        let (session, former) = try #require(table.begin(.identifying))
        session.change { $0.stage = signedIn() }
        let secret = try #require(table.renew(session, secret: former))
        #expect(table.find(former) == nil)
        #expect(table.find(secret) === session)
        table.end(secret)
        #expect(table.find(secret) == nil)
        #expect(session.tokens == nil)
    }

    @Test("who does not finish signing in is forgotten") func unfinished() throws {
        let table = SessionTable(idleMinutes: 60, now: clock.now)
        let (_, secret) = try #require(table.begin(.identifying))
        clock.advance(seconds: 9 * 60)
        #expect(table.find(secret) != nil)
        clock.advance(seconds: 61)
        #expect(table.sweep().isEmpty)
        #expect(table.find(secret) == nil)
    }

    @Test("idle sessions are told of by whose they were") func swept() throws {
        let table = SessionTable(idleMinutes: 1, now: clock.now)
        _ = table.begin(signedIn("899700000002"))
        clock.advance(seconds: 61)
        #expect(table.sweep().map(\.identifier) == ["899700000002"])
        #expect(table.sweep().isEmpty)
    }

    @Test("another session's patient is not there") func strangers() throws {
        let table = SessionTable(idleMinutes: 15, now: clock.now)
        let (mine, _) = try #require(table.begin(signedIn()))
        let (theirs, _) = try #require(table.begin(signedIn("899700000003")))
        theirs.change { $0.patients["p"] = OpenedPatient(patient, name: "p", opened: 0) }
        #expect(mine.patient("p") == nil)
        #expect(theirs.patient("p") != nil)
        #expect(mine.formToken != theirs.formToken)
    }
}
