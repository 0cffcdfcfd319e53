// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOHTTP1
import NIOPosix

/// Why an HTTP exchange over a Unix socket gave no answer.
package enum UnixHTTPError: Error, Sendable, CustomStringConvertible {
    /// Nobody listens, or we may not connect.
    case unreachable(socket: String, errno: Int32?)
    case deadline(target: String, Duration)
    case bodyTooLong(target: String, limit: Int)
    /// The connection ended before the answer did, or the answer is not HTTP.
    case incomplete(target: String, cause: String)

    package var description: String {
        switch self {
        case .unreachable(let socket, let errno):
            "\(socket): found \(errno.map { "errno \($0)" } ?? "no connection"), expected a listening socket"
        case .deadline(let target, let duration):
            "\(target): found no answer, expected one within \(duration)"
        case .bodyTooLong(let target, let limit):
            "\(target): found more than \(limit) bytes, expected at most that"
        case .incomplete(let target, let cause): "\(target): found \(cause), expected a whole answer"
        }
    }
}

/// HTTP/1.1 on a Unix socket; one connection per request.
package struct UnixHTTPClient: Sendable {
    package struct Response: Sendable {
        package let status: Int
        /// Names in lower case; the last of repeated ones.
        package let headers: [String: String]
        package let body: [UInt8]
    }

    package let socketPath: String

    package init(socketPath: String) {
        self.socketPath = socketPath
    }

    /// `target` is path and query.
    package func get(
        _ target: String,
        headers: [String: String] = [:],
        deadline: Duration,
        bodyLimit: Int = 4 << 20
    ) async throws -> Response {
        try await request("GET", target, headers: headers, deadline: deadline, bodyLimit: bodyLimit)
    }

    /// `method` is one of HTTP's in upper case.
    package func request(
        _ method: String,
        _ target: String,
        headers: [String: String] = [:],
        body: [UInt8] = [],
        deadline: Duration,
        bodyLimit: Int = 4 << 20
    ) async throws -> Response {
        try await withThrowingTaskGroup(of: Response.self) { group in
            group.addTask {
                try await exchange(method, target, headers, body) { head, parts in
                    try await collect(head, &parts, target, bodyLimit)
                }
            }
            group.addTask {
                try await Task.sleep(for: deadline)
                throw UnixHTTPError.deadline(target: target, deadline)
            }
            defer { group.cancelAll() }
            guard let response = try await group.next() else { throw CancellationError() }
            return response
        }
    }

    /// Hands over the body of a 200 answer piece by piece as it comes; the peer waits while `receive` runs.
    /// Returns nil at the end of the body, or the whole answer where its status is another.
    package func stream(
        _ target: String,
        headers: [String: String] = [:],
        receive: @Sendable ([UInt8]) async throws -> Void
    ) async throws -> Response? {
        try await exchange("GET", target, headers, []) { head, parts in
            guard head.status == .ok else { return try await collect(head, &parts, target, 64 << 10) }
            while let part = try await parts.next() {
                switch part {
                case .body(let buffer): try await receive(Array(buffer.readableBytesView))
                case .end: return nil
                case .head: break
                }
            }
            try Task.checkCancellation()
            throw UnixHTTPError.incomplete(target: target, cause: "the end of the connection")
        }
    }

    private typealias Parts = NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator

    private func exchange<Result: Sendable>(
        _ method: String,
        _ target: String,
        _ headers: [String: String],
        _ content: [UInt8],
        _ body: (HTTPResponseHead, inout Parts) async throws -> Result
    ) async throws -> Result {
        let channel = try await connect()
        var fields = HTTPHeaders([("host", "localhost"), ("connection", "close")])
        for (name, value) in headers { fields.replaceOrAdd(name: name, value: value) }
        if !content.isEmpty { fields.replaceOrAdd(name: "content-length", value: "\(content.count)") }
        let request = HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: method),
            uri: target,
            headers: fields
        )
        do {
            return try await channel.executeThenClose { inbound, outbound in
                // A peer may answer, and end the connection, before it has read everything: its answer counts.
                var refusal: String?
                do {
                    try await outbound.write(contentsOf: Self.parts(request, content))
                } catch let error as CancellationError {
                    throw error
                } catch {
                    refusal = "\(error)"
                }
                var parts = inbound.makeAsyncIterator()
                while let part = try await parts.next() {
                    if case .head(let head) = part { return try await body(head, &parts) }
                }
                try Task.checkCancellation()
                throw UnixHTTPError.incomplete(
                    target: target,
                    cause: refusal ?? "the end of the connection"
                )
            }
        } catch let error as HTTPParserError {
            throw UnixHTTPError.incomplete(target: target, cause: "\(error)")
        } catch let error as IOError {
            throw UnixHTTPError.incomplete(target: target, cause: "errno \(error.errnoCode)")
        } catch let error as ChannelError {
            throw UnixHTTPError.incomplete(target: target, cause: "\(error)")
        }
    }

    /// In one write, so that no answer can come between its parts.
    private static func parts(_ head: HTTPRequestHead, _ content: [UInt8]) -> [HTTPClientRequestPart] {
        let body =
            content.isEmpty ? [] : [HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: content)))]
        return [.head(head)] + body + [.end(nil)]
    }

    private func connect() async throws -> NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart> {
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(unixDomainSocketPath: socketPath) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError {
            throw UnixHTTPError.unreachable(socket: socketPath, errno: error.errnoCode)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw UnixHTTPError.unreachable(socket: socketPath, errno: nil)
        }
    }

    private func collect(
        _ head: HTTPResponseHead,
        _ parts: inout Parts,
        _ target: String,
        _ limit: Int
    ) async throws -> Response {
        var body: [UInt8] = []
        while let part = try await parts.next() {
            switch part {
            case .body(let buffer):
                guard body.count + buffer.readableBytes <= limit else {
                    throw UnixHTTPError.bodyTooLong(target: target, limit: limit)
                }
                body += buffer.readableBytesView
            case .end:
                let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { $1 }
                return Response(status: Int(head.status.code), headers: headers, body: body)
            case .head:
                break
            }
        }
        try Task.checkCancellation()
        throw UnixHTTPError.incomplete(target: target, cause: "the end of the connection")
    }
}
