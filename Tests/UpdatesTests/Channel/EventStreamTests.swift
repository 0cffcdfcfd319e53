// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

@Suite("News from the server", .serialized) struct EventStreamTests {
    private func eventually(
        _ seconds: Int,
        _ isTrue: () async throws -> Bool
    ) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if (try? await isTrue()) == true { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }

    @Test("an event is told within 5 s, and those of a cut connection after it", .timeLimit(.minutes(1)))
    func hints() async throws {
        try await TestServer.with("/") { server in
            let events = try EventStream(baseURL: server.url, device: "box-1")
            var hints = events.hints().makeAsyncIterator()
            #expect(try await eventually(10) { events.status == .connected })
            var sent = ContinuousClock.now
            try await server.send(#"{"event": "one"}"#)
            #expect(await hints.next() != nil)
            #expect(ContinuousClock.now - sent < .seconds(5))
            try await server.send(#"{"cut": true}"#)
            #expect(try await eventually(5) { events.status != .connected })
            sent = ContinuousClock.now
            try await server.send(#"{"event": "two"}"#)
            #expect(await hints.next() != nil)
            #expect(ContinuousClock.now - sent < .seconds(10))
            #expect(try await server.seen().connections.map(\.lastEventID) == [nil, "1"])
            await events.close()
        }
    }

    @Test("a silent connection is left") func silence() async throws {
        try await TestServer.with("/") { server in
            try await server.send(#"{"fault": "silence", "path": ""}"#)
            let events = try EventStream(baseURL: server.url, device: "box-1", silence: .milliseconds(500))
            let hints = events.hints()
            let timeout = SourceFailure(.transient, "v1/events", "no answer in time")
            #expect(try await eventually(5) { events.status == .waiting(timeout) })
            withExtendedLifetime(hints) {}
            await events.close()
        }
    }

    @Test("the box's state reaches the server, or the failure is told") func state() async throws {
        try await TestServer.with("/") { server in
            let events = try EventStream(baseURL: server.url, device: "box-1")
            try await events.report(Array(#"{"phase": "idle"}"#.utf8))
            #expect(try await server.seen().states == [["phase": "idle"]])
            try await server.send(#"{"fault": "503", "path": "/v1/state"}"#)
            let failure = await #expect(throws: SourceFailure.self) { try await events.report([0x7B, 0x7D]) }
            #expect(failure?.kind == .transient)
            await events.close()
        }
    }

    @Test("200 boxes come back to a restarted server one after the other", .timeLimit(.minutes(1)))
    func fleet() async throws {
        let count = 200
        let first = try TestServer("/")
        let port = first.port
        let boxes = try (0..<count).map { try EventStream(baseURL: first.url, device: "box-\($0)") }
        let hints = boxes.map { $0.hints() }
        #expect(try await eventually(15) { boxes.allSatisfy { $0.status == .connected } })
        await first.stop()
        let second = try TestServer("/", port: port)
        #expect(try await eventually(25) { try await second.seen().connections.count >= count })
        let times = try await second.seen().connections.map(\.seconds).sorted()
        let start = times.first ?? 0
        let burst = times.filter { $0 < start + 1 }.count
        #expect(burst <= count * 4 / 10, "\(burst) within a second; all: \(times)")
        withExtendedLifetime(hints) {}
        for box in boxes { await box.close() }
        await second.stop()
    }
}
