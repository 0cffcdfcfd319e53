// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

@Suite("Event streams as WHATWG has them") struct ServerSentEventsTests {
    private typealias Event = ServerSentEvents.Event

    /// The events of `text`, the same however it is cut.
    private func events(_ text: String) throws -> (events: [Event], parser: ServerSentEvents) {
        let bytes = Array(text.utf8)
        var whole = ServerSentEvents()
        let expected = try whole.take(bytes)
        for cut in 0...bytes.count {
            var parser = ServerSentEvents()
            let events = try parser.take(bytes[..<cut]) + parser.take(bytes[cut...])
            #expect(events == expected, "cut at \(cut)")
            #expect(parser.lastEventID == whole.lastEventID)
        }
        return (expected, whole)
    }

    @Test(
        "lines end with CR, LF or both, wherever the bytes are cut",
        arguments: ["\n", "\r", "\r\n"]
    ) func lineEnds(end: String) throws {
        let text = [": comment", "event: é", "id: 7", "data: a", "data:b", "data", "", "data", "", ""]
        let (events, parser) = try events(text.joined(separator: end))
        #expect(events == [Event(type: "é", data: "a\nb\n"), Event(type: "message", data: "")])
        #expect(parser.lastEventID == "7")
    }

    @Test("one space after the colon is no part of the value") func spaces() throws {
        #expect(try events("data:  x\n\n").events == [Event(type: "message", data: " x")])
    }

    @Test("an event without data is none, but its id counts") func noData() throws {
        let (events, parser) = try events("event: a\nid: 3\n\ndata: x\n\n")
        #expect(events == [Event(type: "message", data: "x")])
        #expect(parser.lastEventID == "3")
    }

    @Test("the id of an event that is not complete does not count") func incomplete() throws {
        let (events, parser) = try events("id: 1\ndata: x\n\nid: 2\ndata: y\n")
        #expect(events.count == 1)
        #expect(parser.lastEventID == "1")
    }

    @Test("an id with a zero byte is ignored, an empty one forgets") func ids() throws {
        #expect(try events("id: 4\n\nid: a\0b\n\n").parser.lastEventID == "4")
        #expect(try events("id: 4\n\nid\n\n").parser.lastEventID == "")
    }

    @Test("retry is taken if it is digits") func retry() throws {
        #expect(try events("retry: 1500\n").parser.retryMilliseconds == 1500)
        #expect(try events("retry: 1500\nretry: 2s\nretry: -1\nretry:\n").parser.retryMilliseconds == 1500)
    }

    @Test("a byte order mark may come first, once") func byteOrderMark() throws {
        #expect(try events("\u{FEFF}data: x\n\n").events.count == 1)
        #expect(try events("\u{FEFF}\u{FEFF}data: x\n\n").events.isEmpty)
    }

    @Test("endless lines and endless events are refused") func tooLong() throws {
        let limit = ServerSentEvents.maximumLength
        var parser = ServerSentEvents()
        #expect(throws: ServerSentEvents.TooLong(limit: limit)) {
            try parser.take(repeatElement(UInt8(ascii: "a"), count: limit + 1))
        }
        parser = ServerSentEvents()
        #expect(throws: ServerSentEvents.TooLong(limit: limit)) {
            for _ in 0...limit { _ = try parser.take("data:\n".utf8) }
        }
    }

    @Test("pauses stay within their bounds, grow with failures, and are the server's at least") func pauses()
    {
        var generator = Pseudorandom.Generator(state: 5)
        var pause = ReconnectionPause(device: "box-1")
        let first = pause.next(retry: nil, using: &generator)
        #expect(first >= .seconds(1) && first <= .seconds(9))
        let all = (0..<2000).map { _ in pause.next(retry: nil, using: &generator) }
        #expect(all.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(300) })
        #expect(all.contains { $0 > .seconds(100) })
        pause.reset()
        #expect(pause.next(retry: nil, using: &generator) <= .seconds(9))
        pause.reset()
        let asked = pause.next(retry: .seconds(20), using: &generator)
        #expect(asked >= .seconds(20) && asked <= .seconds(40))
        #expect(pause.next(retry: .seconds(86_400), using: &generator) == .seconds(300))
        let shares = Set(
            (0..<50).map { device in
                var pause = ReconnectionPause(device: "box-\(device)")
                return pause.next(retry: .seconds(60), using: &generator)
            }
        )
        #expect(shares.count == 50)
    }
}
