// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird
import NIOCore
import ServiceLifecycle
import Transfer

extension AdminRoutes {
    /// A comment goes out after so long without an event, so that both sides see a dead connection.
    private static let keepAlive: Duration = .seconds(15)
    /// Events per write.
    private static let batch = 256

    /// `GET /v1/events`: server-sent events from `since` or `Last-Event-ID` on, all that are kept where
    /// neither is given; without end unless `follow=0`.
    func events(_ request: AdminRequest) throws -> Response {
        let query = try EventQuery(request.query, lastEventID: request.headers["last-event-id"])
        let log = journal.log
        let body = ResponseBody { writer in
            var position = query.since
            var isFirst = true
            let signals = signals(log, endsAtOnce: !query.follows)
            for await _ in signals.cancelOnGracefulShutdown() {
                var hasWritten = false
                while true {
                    let (frames, next) = Self.frames(log, after: position)
                    guard let next else { break }
                    position = next
                    try await writer.write(ByteBuffer(bytes: frames))
                    hasWritten = true
                }
                if !hasWritten, query.follows || isFirst {
                    try await writer.write(ByteBuffer(string: ":\n\n"))
                }
                isFirst = false
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: body
        )
    }

    /// The next frames after `position` and where they end; nil where there is none.
    private static func frames(_ log: EventLog, after position: UInt64) -> (frames: [UInt8], next: UInt64?) {
        // A number from before the supervisor's last start lies ahead of ours: those events are gone.
        let isAhead = position > log.newest
        let (events, lost) = log.events(after: isAhead ? 0 : position, limit: batch)
        guard let last = events.last else { return ([], nil) }
        var frames: [UInt8] = []
        if isAhead || lost > 0, let first = events.first {
            let data = "{\"after\":\(position),\"next\":\(first.seq)}"
            frames += ServerSentEvent(id: nil, name: "gap", data: data).encoded
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for event in events {
            guard let data = try? encoder.encode(event) else { continue }
            let text = String(decoding: data, as: UTF8.self)
            frames += ServerSentEvent(id: "\(event.seq)", name: event.kind, data: text).encoded
        }
        return (frames, last.seq)
    }

    /// One signal now, then one for each change and each keep-alive.
    private func signals(_ log: EventLog, endsAtOnce: Bool) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        continuation.yield()
        if endsAtOnce {
            continuation.finish()
            return stream
        }
        let feeder = Task {
            await withDiscardingTaskGroup { group in
                group.addTask { for await _ in log.changes() { continuation.yield() } }
                group.addTask {
                    while (try? await Task.sleep(for: Self.keepAlive)) != nil { continuation.yield() }
                }
            }
        }
        continuation.onTermination = { _ in feeder.cancel() }
        return stream
    }
}

/// The query of `/v1/events`.
struct EventQuery: Equatable {
    let since: UInt64
    let follows: Bool

    init(_ query: String?, lastEventID: String?) throws {
        var since = try lastEventID.map { try Self.sequence($0, "Last-Event-ID") } ?? 0
        var follows = true
        for item in (query ?? "").split(separator: "&") {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count == 2 ? String(pair[1]) : ""
            switch (pair[0], value) {
            case ("since", _): since = try Self.sequence(value, "since")
            case ("follow", "0"): follows = false
            case ("follow", "1"): follows = true
            default: throw Self.problem("\(item.prefix(80))", "since=NUMBER, follow=0 or follow=1")
            }
        }
        self.since = since
        self.follows = follows
    }

    private static func sequence(_ text: String, _ name: String) throws -> UInt64 {
        guard let value = UInt64(text) else { throw problem("\(name) \(text.prefix(40))", "a number") }
        return value
    }

    private static func problem(_ found: String, _ expected: String) -> Problem {
        Problem(
            status: 400,
            code: "request.query",
            title: "unknown query",
            detail: "found \(found), expected \(expected)",
            path: "/v1/events"
        )
    }
}
