// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Admin

@Suite("Event log") struct EventLogTests {
    private func filled(_ count: Int, capacity: Int) -> EventLog {
        let log = EventLog(capacity: capacity)
        for _ in 0..<count {
            log.append {
                Event(seq: $0, time: Timestamp(milliseconds: 0), kind: "k", service: "s", message: "m")
            }
        }
        return log
    }

    @Test("events are numbered from 1 and read from anywhere") func reading() {
        let log = filled(5, capacity: 10)
        #expect(log.newest == 5)
        #expect(log.events(after: 0).events.map(\.seq) == [1, 2, 3, 4, 5])
        #expect(log.events(after: 3).events.map(\.seq) == [4, 5])
        #expect(log.events(after: 5).events.isEmpty)
        #expect(log.events(after: 1, limit: 2).events.map(\.seq) == [2, 3])
    }

    @Test("a reader that is too late is told how many are gone") func loss() {
        let log = filled(25, capacity: 10)
        let (events, lost) = log.events(after: 3)
        #expect(events.map(\.seq) == Array(16...25))
        #expect(lost == 12)
        #expect(log.events(after: 15).lost == 0)
    }

    @Test("no number makes it trap", arguments: [0, 25, 26, UInt64.max - 1, UInt64.max]) func edges(
        after: UInt64
    ) {
        _ = filled(25, capacity: 10).events(after: after)
    }

    @Test("a reader hears of each addition", .timeLimit(.minutes(10))) func changes() async {
        let log = EventLog(capacity: 10)
        var seen: UInt64 = 0
        let writer = Task {
            for _ in 0..<50 {
                log.append {
                    Event(seq: $0, time: Timestamp(milliseconds: 0), kind: "k", service: "s", message: "m")
                }
                await Task.yield()
            }
        }
        for await _ in log.changes() {
            seen = log.events(after: seen).events.last?.seq ?? seen
            if seen == 50 { break }
        }
        await writer.value
        #expect(seen == 50)
    }
}
