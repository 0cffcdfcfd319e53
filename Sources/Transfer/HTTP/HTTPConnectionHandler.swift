// SPDX-License-Identifier: Apache-2.0
import Linux
import NIOCore
import NIOHTTP1
import NIOPosix

/// One HTTP connection: takes a request, has a worker make the response, sends it as fast as the peer reads.
final class HTTPConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let responder: any HTTPResponder
    private let workers: BlockingExecutor
    private let journal: TransferJournal?
    private let limits: HTTPServer.Limits

    private var head: HTTPRequestHead?
    private var isEncrypted = false
    private var body: [UInt8] = []
    private var sender: ResponseSender?
    /// Of a request with a large body.
    private var reception: BodyReception?
    private var requestDeadline: Scheduled<Void>?

    init(
        responder: any HTTPResponder,
        workers: BlockingExecutor,
        journal: TransferJournal?,
        limits: HTTPServer.Limits
    ) {
        self.responder = responder
        self.workers = workers
        self.journal = journal
        self.limits = limits
    }

    func channelActive(context: ChannelHandlerContext) {
        awaitRequest(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        requestDeadline?.cancel()
        sender?.end()
        sender = nil
        reception?.abandon()
        reception = nil
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            receiveLarge(head, context)
        case .body(let bytes):
            if let reception { return reception.receive(bytes) }
            if body.count <= limits.requestBody { body += bytes.readableBytesView }
        case .end:
            requestDeadline?.cancel()
            guard let head else { return }
            self.head = nil
            if let reception { return reception.end() }
            answer(head, context)
        }
        if body.count > limits.requestBody {
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        reception?.readMore()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        sender?.pump()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Lets the body's receiver have it, where there is one.
    private func receiveLarge(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let request = request(head, context)
        guard !request.isMisdirected, let receiver = responder.receiver(for: request) else { return }
        journal?.count { $0.requests += 1 }
        requestDeadline?.cancel()
        if head.headers[canonicalForm: "Expect"].contains("100-continue") {
            let proceed = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(proceed)), promise: nil)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        reception = BodyReception(receiver, workers: workers, context: context) { response in
            let (handler, context) = bound.value
            handler.reception = nil
            if context.channel.isActive { handler.send(response, to: head, context) }
        }
    }

    private func awaitRequest(_ context: ChannelHandlerContext) {
        let channel = context.channel
        requestDeadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(limits.requestSeconds))
        {
            channel.close(promise: nil)
        }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let request = request(head, context, body)
        body = []
        let responder = responder
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        journal?.count { $0.requests += 1 }
        if request.isMisdirected {
            return send(
                .text(.misdirectedRequest, "Host: found another than the TLS server name"),
                to: head,
                context
            )
        }
        let answered = context.eventLoop.makePromise(of: HTTPResponse.self)
        Task(executorPreference: workers) { answered.succeed(await responder.respond(to: request)) }
        answered.futureResult.whenSuccess { response in
            let (handler, context) = bound.value
            if context.channel.isActive { handler.send(response, to: head, context) }
        }
    }

    private func request(
        _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext,
        _ body: [UInt8] = []
    ) -> HTTPRequest {
        let tls = TLSPeerHandler.of(context.channel)
        isEncrypted = tls != nil
        return HTTPRequest(
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body: body,
            security: tls.map { .init(serverName: $0.serverName, certificate: $0.certificate) }
        )
    }

    private func send(_ response: HTTPResponse, to request: HTTPRequestHead, _ context: ChannelHandlerContext)
    {
        if response.status.code >= 400 {
            journal?.count { $0.errors["\(response.status.code)", default: 0] += 1 }
        }
        var response = response
        if isEncrypted {
            response.headers.replaceOrAdd(name: "Strict-Transport-Security", value: "max-age=31536000")
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let sender = ResponseSender(
            response,
            to: request,
            context: context,
            isEncrypted: isEncrypted,
            journal: journal,
            stalledSeconds: limits.stalledSeconds
        ) {
            let (handler, context) = bound.value
            handler.sender = nil
            if request.isKeepAlive {
                handler.awaitRequest(context)
            } else {
                context.close(promise: nil)
            }
        }
        self.sender = sender
        sender.start()
    }
}
