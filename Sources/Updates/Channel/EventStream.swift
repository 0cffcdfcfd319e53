// SPDX-License-Identifier: Apache-2.0
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// The vendor's server says when to look again: `GET /v1/events`, kept open, and opened again for as long as somebody
/// listens. What it says has no authority and is not handed on; the metadata tells.
package final class EventStream: Sendable {
    package enum Status: Equatable, Sendable {
        case connecting
        case connected
        /// Not connected, and why; the next attempt comes by itself.
        case waiting(SourceFailure)
    }

    /// A silent connection is taken for dead after so long; the server writes a comment every 15 s.
    package static let silence = Duration.seconds(45)
    private static let events = "v1/events"
    private static let state = "v1/state"

    private let server: UpdateServer
    private let device: String
    private let current = Mutex(Status.connecting)

    /// `device` never changes, and tells the box from all others. `silence` is the stream's own, not that of `options`.
    package init(
        baseURL: String,
        device: String,
        options: UpdateServerOptions = UpdateServerOptions(),
        silence: Duration = EventStream.silence
    ) throws(SourceFailure) {
        var options = options
        options.silence = silence
        server = try UpdateServer(baseURL, options)
        self.device = device
    }

    package var status: Status { current.withLock { $0 } }

    /// To be called when nobody listens any more, before the last reference goes.
    package func close() async { await server.close() }

    /// One element for one or more events since the last was taken. Connections are made until nobody listens.
    package func hints() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let task = Task { await self.run(continuation) }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }

    /// Tells the server what the box does: a JSON document.
    package func report(_ state: [UInt8]) async throws(SourceFailure) {
        let headers = [("Content-Type", "application/json")]
        let response = try await server.execute(
            Self.state,
            method: .POST,
            headers: headers,
            body: state,
            statuses: 200...299
        )
        _ = try await server.collect(response, of: Self.state, limit: 64 << 10)
    }

    private func run(_ continuation: AsyncStream<Void>.Continuation) async {
        var pause = ReconnectionPause(device: device)
        var generator = SystemRandomNumberGenerator()
        var lastEventID = ""
        var retry: Duration?
        while !Task.isCancelled {
            current.withLock { $0 = .connecting }
            let start = ContinuousClock.now
            var parser = ServerSentEvents(lastEventID: lastEventID)
            let failure = await listen(&parser, continuation)
            lastEventID = parser.lastEventID
            if let milliseconds = parser.retryMilliseconds { retry = .milliseconds(milliseconds) }
            current.withLock { $0 = .waiting(failure) }
            // A server that cuts at once is not one that works.
            if ContinuousClock.now - start > Self.silence { pause.reset() }
            try? await Task.sleep(for: pause.next(retry: retry, using: &generator), clock: .continuous)
        }
        continuation.finish()
    }

    /// Returns when the connection is over.
    private func listen(
        _ parser: inout ServerSentEvents,
        _ continuation: AsyncStream<Void>.Continuation
    ) async -> SourceFailure {
        var headers = [("Accept", "text/event-stream"), ("Cache-Control", "no-store")]
        if !parser.lastEventID.isEmpty { headers.append(("Last-Event-ID", parser.lastEventID)) }
        do {
            let response = try await server.execute(Self.events, headers: headers, statuses: 200...200)
            let type = response.headers.first(name: "Content-Type") ?? "none"
            guard type.lowercased().hasPrefix("text/event-stream") else {
                return SourceFailure(
                    .refused,
                    Self.events,
                    "Content-Type: found \(type), expected text/event-stream"
                )
            }
            current.withLock { $0 = .connected }
            for try await buffer in response.body where try !parser.take(buffer.readableBytesView).isEmpty {
                continuation.yield()
            }
            return SourceFailure(.transient, Self.events, "the server closed the connection")
        } catch {
            return server.failure(error, Self.events)
        }
    }
}
