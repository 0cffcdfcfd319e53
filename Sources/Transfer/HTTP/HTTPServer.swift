// SPDX-License-Identifier: Apache-2.0
import Linux
package import NIOCore
import NIOHTTP1
package import NIOPosix
import Synchronization

/// HTTP/1.1 over TCP or a Unix socket: keep-alive, HEAD, one request at a time per connection.
package final class HTTPServer: Sendable {
    package struct Limits: Sendable {
        package var connections = 256
        /// Time for a whole request head, from the connection's start or the last response's end.
        package var requestSeconds: Int64 = 60
        /// A response of which the peer takes no byte for this long is given up.
        package var stalledSeconds: Int64 = 60
        /// A body that comes with its request is read up to here, in bytes; more is refused.
        package var requestBody = 64 << 10

        package init() {}
    }

    package enum Address: Sendable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    /// Where it really listens (port 0 in the request: any free one).
    package let localAddress: SocketAddress
    private let channel: any Channel

    private init(channel: any Channel, localAddress: SocketAddress) {
        self.channel = channel
        self.localAddress = localAddress
    }

    /// Binds and serves until `close`. Responses are made on threads of `workers`.
    package static func start(
        on address: Address,
        group: any EventLoopGroup,
        workers: NIOThreadPool,
        responder: any HTTPResponder,
        journal: TransferJournal? = nil,
        tls: TLSServer? = nil,
        limits: Limits = Limits()
    ) async throws -> HTTPServer {
        let counter = ConnectionCounter(limit: limits.connections)
        let executor = BlockingExecutor { work in workers.submit { _ in work() } }
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 1 << 20, high: 2 << 20))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard counter.enter() else {
                        channel.close(promise: nil)
                        return
                    }
                    channel.closeFuture.whenComplete { _ in counter.leave() }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    let handler = HTTPConnectionHandler(
                        responder: responder,
                        workers: executor,
                        journal: journal,
                        limits: limits
                    )
                    try channel.pipeline.syncOperations.addHandler(handler)
                    try tls?.configure(channel)
                }
            }
        let channel: any Channel
        switch address {
        case .tcp(let host, let port):
            channel = try await bootstrap.bind(host: host, port: port).get()
        case .unix(let path):
            channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
                .get()
        }
        guard let local = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        return HTTPServer(channel: channel, localAddress: local)
    }

    /// Stops listening; responses under way go on until their loops stop.
    package func close() async {
        try? await channel.close().get()
    }
}

/// How many connections are open, and a ceiling.
final class ConnectionCounter: Sendable {
    private let limit: Int
    private let open = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    func enter() -> Bool {
        open.withLock { open in
            guard open < limit else { return false }
            open += 1
            return true
        }
    }

    func leave() {
        open.withLock { $0 -= 1 }
    }
}
