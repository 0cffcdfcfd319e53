// SPDX-License-Identifier: Apache-2.0
import DICOM
import Identity
import Synchronization
import Testing

@testable import Viewer

final class Clock: Sendable {
    private let milliseconds = Mutex<Int64>(1_700_000_000_000)

    var now: @Sendable () -> Int64 { { self.milliseconds.withLock { $0 } } }

    func advance(minutes: Int64) { milliseconds.withLock { $0 += minutes * 60_000 } }
}

@Suite("Sessions of the viewer") struct ViewSessionTests {
    private let clock = Clock()
    private let reader = Reader(role: .doctor, identifier: "899700000001", purpose: "report 1.2")

    private func table() -> ViewSessionTable {
        ViewSessionTable(idleMinutes: 15, hours: 8, now: clock.now)
    }

    private func begin(_ table: ViewSessionTable) throws -> (ViewSession, String) {
        let begun = table.begin(.open(reader, [], nil), language: .french, isSecure: true)
        return try #require(begun)
    }

    @Test("a session is found by its handle and its own secret together, and by nothing less") func binding()
        throws
    {
        let table = table()
        let (first, secret) = try begin(table)
        let (second, other) = try begin(table)
        #expect(table.find(first.handle, secret: secret) === first)
        for (handle, secret) in [
            (first.handle, other), (second.handle, secret), (first.handle, ""), ("", secret),
            (first.handle, first.handle), (secret, secret), (first.handle, String(secret.dropLast())),
        ] {
            #expect(table.find(handle, secret: secret) == nil)
        }
        // Whoever tries does not end it.
        #expect(table.find(first.handle, secret: secret) === first)
    }

    @Test("a session that nobody uses ends, one that is used goes on, and none beyond its hours")
    func expiry()
        throws
    {
        let table = table()
        let (session, secret) = try begin(table)
        for _ in 0..<10 {
            clock.advance(minutes: 14)
            #expect(table.find(session.handle, secret: secret) != nil)
        }
        #expect(table.expiry(of: session) == clock.now() + 15 * 60_000)
        clock.advance(minutes: 15)
        #expect(table.find(session.handle, secret: secret) == nil)
        #expect(session.reader == nil)

        let (long, key) = try begin(table)
        let end = clock.now() + 8 * 3_600_000
        while clock.now() + 10 * 60_000 < end {
            clock.advance(minutes: 10)
            #expect(table.find(long.handle, secret: key) != nil)
        }
        #expect(table.expiry(of: long) == end)
        clock.advance(minutes: 10)
        #expect(table.find(long.handle, secret: key) == nil)
    }

    @Test("what is swept says whose it was; a sign-in that was not finished is nobody's") func sweep() throws
    {
        let table = table()
        _ = try begin(table)
        let pending = PendingSignIn(state: "s", nonce: "n", verifier: "v", url: "https://psc", began: 0)
        let link = try #require(ImageDisplayLink(query: LinkTests.valid))
        let begun = table.begin(.signingIn(pending, link, .professionals), language: .french, isSecure: true)
        let (waiting, secret) = try #require(begun)
        #expect(table.sweep().isEmpty)
        clock.advance(minutes: 10)
        #expect(table.find(waiting.handle, secret: secret) == nil)
        clock.advance(minutes: 5)
        #expect(table.sweep() == [reader])
        #expect(table.sweep().isEmpty)
    }

    @Test("the cookie is the host's own, of no script, and of no other site's forms") func cookie() throws {
        let (session, secret) = try begin(table())
        let text = ViewSession.cookie(session.handle, secret: secret, isSecure: true)
        #expect(
            text == "__Host-drimbox-view-\(session.handle)=\(secret); Path=/; HttpOnly; SameSite=Lax; Secure"
        )
        let gone = ViewSession.cookie(session.handle, secret: nil, isSecure: true)
        #expect(gone.contains("Max-Age=0") && !gone.contains(secret))
        #expect(session.handle.count == 32 && secret.count == 64)
    }

    @Test("a sign-in ends once") func once() throws {
        let pending = PendingSignIn(state: "s", nonce: "n", verifier: "v", url: "https://psc", began: 0)
        let link = try #require(ImageDisplayLink(query: LinkTests.valid))
        let begun = table().begin(
            .signingIn(pending, link, .professionals),
            language: .english,
            isSecure: true
        )
        let (session, _) = try #require(begun)
        #expect(session.takeSignIn()?.1 == link)
        #expect(session.takeSignIn() == nil)
    }
}
