// SPDX-License-Identifier: Apache-2.0
import HL7
import Linux
package import NIOCore
package import NIOPosix
import Synchronization

/// Takes HL7 v2 messages over MLLP, plain or in TLS, and answers each before it reads the next of its connection.
package final class MLLPListener: Sendable {
    package struct Limits: Sendable {
        package var connections = 64
        /// Of one message, in bytes; a report with its document in Base64 may have fifty millions.
        package var message = 64 << 20
        /// Of all messages that are being received at a time.
        package var held = 512 << 20
        package var idleSeconds: Int64 = 3600

        package init() {}
    }

    package let localAddress: SocketAddress
    private let channel: any Channel

    private init(_ channel: any Channel, _ localAddress: SocketAddress) {
        self.channel = channel
        self.localAddress = localAddress
    }

    /// Binds and listens. `answer` makes the acknowledgement of a message, on threads of `workers`, and may block; what
    /// it acknowledges it has kept.
    package static func start(
        host: String,
        port: Int,
        group: any EventLoopGroup,
        workers: NIOThreadPool,
        tls: TLSServer? = nil,
        limits: Limits = Limits(),
        answer: @escaping @Sendable (_ message: [UInt8]) -> [UInt8],
        onFailure: @escaping @Sendable (_ peer: String, _ reason: String) -> Void
    ) async throws -> MLLPListener {
        let open = ConnectionCounter(limit: limits.connections)
        let budget = ByteBudget(limits.held)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard open.enter() else {
                        channel.close(promise: nil)
                        return
                    }
                    channel.closeFuture.whenComplete { _ in open.leave() }
                    try channel.pipeline.syncOperations.addHandlers([
                        IdleStateHandler(allTimeout: .seconds(limits.idleSeconds)),
                        MLLPConnection(
                            limit: limits.message,
                            budget: budget,
                            workers: workers,
                            answer: answer,
                            onFailure: onFailure
                        ),
                    ])
                    // Last, since it puts itself in front: what follows the handshake is for the handler.
                    if let tls { try tls.configure(channel) }
                }
            }
        let channel = try await bootstrap.bind(host: host, port: port).get()
        guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        return MLLPListener(channel, address)
    }

    /// Takes no more connections; those that are open end with the group.
    package func close() async {
        try? await channel.close()
    }
}

/// Bytes that all connections hold together.
private final class ByteBudget: Sendable {
    private let limit: Int
    private let used = Mutex(0)

    init(_ limit: Int) {
        self.limit = limit
    }

    /// Whether `change` more bytes may be held.
    func take(_ change: Int) -> Bool {
        used.withLock { used in
            guard change <= 0 || used + change <= limit else { return false }
            used += change
            return true
        }
    }
}

private final class MLLPConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var reader: MLLPReader
    private let budget: ByteBudget
    /// Bytes of ours in the budget: received, waiting, and being worked on.
    private var held = 0
    private var worked = 0
    private let workers: NIOThreadPool
    private let answer: @Sendable ([UInt8]) -> [UInt8]
    private let onFailure: @Sendable (String, String) -> Void
    private var waiting: [[UInt8]] = []
    private var isBusy = false
    private var hasEnded = false

    init(
        limit: Int,
        budget: ByteBudget,
        workers: NIOThreadPool,
        answer: @escaping @Sendable ([UInt8]) -> [UInt8],
        onFailure: @escaping @Sendable (String, String) -> Void
    ) {
        reader = MLLPReader(limit: limit)
        self.budget = budget
        self.workers = workers
        self.answer = answer
        self.onFailure = onFailure
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        let bytes = buffer.readBytes(length: buffer.readableBytes) ?? []
        do throws(MLLPReader.Failure) {
            waiting += try reader.feed(bytes)
        } catch {
            return fail(context, "\(error)")
        }
        let now = worked + reader.heldBytes + waiting.reduce(0) { $0 + $1.count }
        guard budget.take(now - held) else {
            return fail(context, "MLLP: too much is being received at a time")
        }
        held = now
        work(context)
    }

    /// One message at a time: its sender waits for the acknowledgement.
    private func work(_ context: ChannelHandlerContext) {
        guard !isBusy, !waiting.isEmpty, !hasEnded else { return }
        isBusy = true
        let message = waiting.removeFirst()
        worked = message.count
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let own = NIOLoopBound(self, eventLoop: context.eventLoop)
        workers.runIfActive(eventLoop: context.eventLoop) { [answer] in answer(message) }.whenComplete {
            result in
            own.value.isBusy = false
            own.value.worked = 0
            guard case .success(let acknowledgement) = result else {
                // Not taken over: the sender will try again.
                bound.value.close(promise: nil)
                return
            }
            own.value.send(acknowledgement, bound.value, message.count)
        }
    }

    private func send(_ acknowledgement: [UInt8], _ context: ChannelHandlerContext, _ count: Int) {
        guard !hasEnded else { return }
        _ = budget.take(-count)
        held -= count
        guard context.channel.isActive else { return }
        let frame = ByteBuffer(bytes: MLLPReader.frame(acknowledgement))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        work(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, "\(error)")
    }

    private func fail(_ context: ChannelHandlerContext, _ reason: String) {
        onFailure(context.remoteAddress?.ipAddress ?? "unknown", reason)
        end()
        context.close(promise: nil)
    }

    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        _ = budget.take(-held)
        held = 0
    }
}
