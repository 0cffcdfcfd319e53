// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Transfer

@Suite("HTML Living Standard 9.2 server-sent events") struct ServerSentEventsTests {
    private func parse(_ text: String, every size: Int = .max) throws -> [ServerSentEvent] {
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            events += try parser.feed(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return events
    }

    /// The examples of 9.2.6.
    static let examples: [(String, [ServerSentEvent])] = [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [.init(id: nil, data: "YHOO\n+2\n10")]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [
                .init(id: "1", data: "first event"), .init(id: "", data: "second event"),
                .init(id: "", data: " third event"),
            ]
        ),
        ("data\n\ndata\ndata\n\ndata:", [.init(id: nil, data: ""), .init(id: nil, data: "\n")]),
        ("data:test\n\ndata: test\n\n", [.init(id: nil, data: "test"), .init(id: nil, data: "test")]),
        (
            "\u{FEFF}event: gap\r\ndata: 1\r\rretry: 5\n\nid: a\u{0}b\ndata: é\n\n",
            [.init(id: nil, name: "gap", data: "1"), .init(id: nil, data: "é")]
        ),
    ]

    @Test("the standard's examples, split anywhere", arguments: examples)
    func standard(text: String, events: [ServerSentEvent]) throws {
        for size in [1, 2, 3, 7, .max] { #expect(try parse(text, every: size) == events) }
    }

    @Test("what is written reads back") func roundTrip() throws {
        let event = ServerSentEvent(id: "7", name: "a.b", data: "{\"x\":\n1}")
        #expect(try parse(String(decoding: event.encoded, as: UTF8.self)) == [event])
    }

    @Test("an event without end is cut at the limit") func limit() {
        var parser = ServerSentEventParser(limit: 100)
        #expect(throws: ServerSentEventParser.TooLong(limit: 100)) {
            for _ in 0..<30 { _ = try parser.feed(Array("data: 12345\n".utf8)) }
        }
        var oneLine = ServerSentEventParser(limit: 100)
        #expect(throws: ServerSentEventParser.TooLong(limit: 100)) {
            _ = try oneLine.feed(Array(repeating: 0x20, count: 101))
        }
    }
}
