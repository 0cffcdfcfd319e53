// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOCore

/// Time that an association gives its peer.
package struct RequestorTimeouts: Sendable {
    /// For the TCP connection and the TLS handshake.
    package var connectSeconds = 10
    /// For the A-ASSOCIATE-AC or -RJ, and for the A-RELEASE-RP.
    package var associateSeconds = 30
    /// For anything to come while a response is due.
    package var responseSeconds = 60

    package init() {}
}

/// One association as requestor: sends requests, several at once where a window was agreed, and takes their
/// responses. Everything happens on the association's own loop, reading from the disk included.
final class RequestorHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A request whose responses are still coming.
    struct Exchange {
        let name: String
        /// Nil data set where the response has none.
        let onResponse: (DIMSEResponse, [UInt8]?) -> Void
        let onEnd: (AssociationError?) -> Void
    }

    let proposal: AssociationProposal
    let timeouts: RequestorTimeouts
    /// Takes the C-STORE sub-operations of a C-GET.
    var reception: InstanceReception?
    let events: (any EventReportReceiver)?
    let journal: TransferJournal
    private let bandwidth: BandwidthLimit?

    private let established: EventLoopPromise<NegotiatedAssociation>
    private var agreement: NegotiatedAssociation?
    var contexts: [UInt8: AcceptedContext] = [:]
    var reader: PDUReader
    var machine = UpperLayerStateMachine()
    var dimse: DIMSEReader?

    private var nextMessageID: UInt16 = 1
    var exchanges: [UInt16: Exchange] = [:]
    var incoming: Incoming?
    var queue: StoreQueue?
    private var queueEnd: EventLoopPromise<Void>?
    /// Whose responses are due.
    var sent: [UInt16: StorableInstance] = [:]
    private var sender: StoreSender?
    /// The instance that is being sent; it becomes one of `sent` with its last byte.
    private var sending: (id: UInt16, instance: StorableInstance)?

    /// The command set of `sending`, to go with the first piece of its data set.
    private var storeHead: ByteBuffer?
    /// Waits while an instance is being sent: messages do not mix (PS3.8 E.2).
    private var output = ByteBuffer()
    var failure: AssociationError?
    private var released: EventLoopPromise<Void>?
    /// When the peer last sent or took something.
    private var lastProgress = NIODeadline.now()
    private var silenceCheck: Scheduled<Void>?
    private var resumption: Scheduled<Void>?
    private var isPumping = false

    /// What a message with a data set is, while that arrives.
    enum Incoming {
        case response(DIMSEResponse, [UInt8])
        case eventReport(NEventReportRQ, contextID: UInt8, [UInt8])
        case instance(contextID: UInt8)
        /// Refused; its data set is passed over.
        case other(OperationRefusal, contextID: UInt8)
    }

    init(
        proposal: AssociationProposal,
        timeouts: RequestorTimeouts,
        reception: InstanceReception?,
        events: (any EventReportReceiver)?,
        bandwidth: BandwidthLimit?,
        journal: TransferJournal,
        established: EventLoopPromise<NegotiatedAssociation>
    ) {
        self.proposal = proposal
        self.timeouts = timeouts
        self.reception = reception
        self.events = events
        self.bandwidth = bandwidth
        self.journal = journal
        self.established = established
        reader = PDUReader(maximumLength: proposal.maximumPDULength)
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        apply(.associateRequest(proposal.request), context)
        apply(.transportConnected, context)
        send(context)
        watchForSilence(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        TCPAcknowledgement.now(context.channel)
        lastProgress = .now()
        receive(buffer, context)
        send(context)
        pump(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        apply(.transportClosed, context)
        end(context, failure ?? .connectionLost)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.notConnected(TLSFailure.reason(of: error)))
        context.close(promise: nil)
    }

    // MARK: Requests

    /// Sends a request and, where given, its data set; the number to cancel it with. To be called on the loop.
    func perform(
        _ command: (UInt16) -> CommandSet,
        identifier: [UInt8]?,
        contextID: UInt8,
        messageID: UInt16?,
        _ exchange: Exchange,
        _ context: ChannelHandlerContext
    ) -> UInt16 {
        let id = messageID ?? freeMessageID()
        guard machine.state == .established, let agreement, failure == nil else {
            exchange.onEnd(failure ?? .connectionLost)
            return id
        }
        exchanges[id] = exchange
        lastProgress = .now()
        let limit = agreement.peerMaximumPDULength
        output.writeBytes(
            DIMSEMessageEncoder.pDataTF(
                contextID: contextID,
                command: command(id).encode(),
                maximumLength: limit
            )
        )
        if let identifier {
            output.writeBytes(
                DIMSEMessageEncoder.pDataTF(contextID: contextID, dataSet: identifier, maximumLength: limit)
            )
        }
        send(context)
        return id
    }

    /// Asks the peer to end a C-FIND, C-MOVE or C-GET early; its last response comes all the same.
    func cancel(_ messageID: UInt16, contextID: UInt8, _ context: ChannelHandlerContext) {
        guard exchanges[messageID] != nil, machine.state == .established else { return }
        respond(CCancelRQ(messageIDBeingRespondedTo: messageID).commandSet, contextID)
        send(context)
    }

    /// Sends what `queue` has for as long as it has something; completes when all of it is answered.
    func drain(_ queue: StoreQueue, _ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        let promise = context.eventLoop.makePromise(of: Void.self)
        guard machine.state == .established, let agreement, failure == nil, self.queue == nil else {
            promise.fail(failure ?? AssociationError.connectionLost)
            return promise.futureResult
        }
        sender = StoreSender(peerMaximumPDULength: agreement.peerMaximumPDULength)
        self.queue = queue
        queueEnd = promise
        lastProgress = .now()
        pump(context)
        return promise.futureResult
    }

    func release(_ context: ChannelHandlerContext) -> EventLoopFuture<Void> {
        let promise = context.eventLoop.makePromise(of: Void.self)
        guard machine.state == .established, exchanges.isEmpty, sent.isEmpty, sending == nil else {
            promise.succeed()
            abort(.cancelled, context)
            return promise.futureResult
        }
        released = promise
        lastProgress = .now()
        apply(.releaseRequest, context)
        send(context)
        return promise.futureResult
    }

    func abort(_ reason: AssociationError, _ context: ChannelHandlerContext) {
        fail(reason)
        apply(.abortRequest, context)
        send(context)
        context.close(promise: nil)
    }

    private func freeMessageID() -> UInt16 {
        while exchanges[nextMessageID] != nil || sent[nextMessageID] != nil || sending?.id == nextMessageID
            || nextMessageID == 0
        {
            nextMessageID &+= 1
        }
        defer { nextMessageID &+= 1 }
        return nextMessageID
    }

    // MARK: Sending instances

    /// Sends while the peer takes bytes and the window has room.
    private func pump(_ context: ChannelHandlerContext) {
        guard !isPumping, failure == nil, machine.state == .established, let agreement, let queue else {
            return
        }
        isPumping = true
        defer { isPumping = false }
        while context.channel.isWritable {
            if sending == nil {
                guard sent.count < agreement.window.invoked else { return }
                guard let instance = queue.next() else { return endQueueIfAnswered() }
                begin(instance, agreement, queue)
            } else if let delay = bandwidth?.delay(for: StoreSender.chunk) {
                return resume(in: delay, context)
            } else {
                write(context)
            }
        }
    }

    private func begin(_ instance: StorableInstance, _ agreement: NegotiatedAssociation, _ queue: StoreQueue)
    {
        let context = contexts.first {
            $0.value.abstractSyntax == instance.sopClassUID
                && $0.value.transferSyntax == instance.transferSyntax
        }
        guard let context else {
            let missing = AssociationError.noPresentationContext(abstractSyntax: instance.sopClassUID)
            return queue.finish(instance, .failed(missing))
        }
        let edits: [DataSetEdit]
        do throws(DataSetError) { edits = try instance.edits() } catch {
            return queue.finish(instance, .failed(.notCoerced(error)))
        }
        let id = freeMessageID()
        let request = CStoreRQ(
            messageID: id,
            affectedSOPClassUID: instance.sopClassUID,
            affectedSOPInstanceUID: instance.sopInstanceUID
        )
        if let head = sender?.begin(request, instance, edits, contextID: context.key) {
            storeHead = ByteBuffer(bytes: head)
            sending = (id, instance)
        }
    }

    private func write(_ context: ChannelHandlerContext) {
        guard let (id, instance) = sending else { return }
        do throws(SystemCallError) {
            let head = storeHead.take()
            guard let buffer = try sender?.next(head: head, allocator: context.channel.allocator) else {
                return
            }
            if sender?.isSending == false {
                sending = nil
                sent[id] = instance
            }
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenSuccess {
                bound.value.lastProgress = .now()
                bound.value.sender?.recycle(buffer)
            }
            context.writeAndFlush(wrapOutboundOut(buffer), promise: promise)
            if sending == nil { send(context) }
        } catch {
            // The peer waits for the rest of a data set that cannot be read: only an abort ends that.
            sending = nil
            queue?.finish(instance, .refused(.processingFailure, comment: "\(error)"))
            abort(.aborted("the instance cannot be read"), context)
        }
    }

    private func resume(in delay: TimeAmount, _ context: ChannelHandlerContext) {
        guard resumption == nil else { return }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        resumption = context.eventLoop.scheduleTask(in: delay) {
            let (handler, context) = bound.value
            handler.resumption = nil
            handler.lastProgress = .now()
            handler.pump(context)
        }
    }

    private func endQueueIfAnswered() {
        guard sent.isEmpty, sending == nil else { return }
        queue = nil
        queueEnd?.succeed()
        queueEnd = nil
    }

    // MARK: Upper layer

    func apply(_ event: UpperLayerStateMachine.Event, _ context: ChannelHandlerContext) {
        for action in machine.apply(event) ?? [] {
            switch action {
            case .send(let pdu): output.writeBytes(pdu.encode())
            case .closeTransport:
                send(context)
                context.close(promise: nil)
            case .indicate(let indication): indicated(indication, context)
            case .openTransport, .sendDataTF, .startARTIM, .stopARTIM: break
            }
        }
    }

    private func indicated(_ indication: UpperLayerStateMachine.Indication, _ context: ChannelHandlerContext)
    {
        switch indication {
        case .associateAccepted(let accept):
            let agreement = proposal.agreement(accept)
            self.agreement = agreement
            contexts = agreement.contexts
            dimse = DIMSEReader(contextIDs: Set(agreement.contexts.keys))
            established.succeed(agreement)
        case .associateRejected(let pdu): fail(.rejected(pdu))
        case .release, .releaseCollision: apply(.releaseResponse, context)
        case .releaseConfirmed:
            released?.succeed()
            released = nil
        case .abort(let pdu): fail(.aborted("by the peer, \(pdu.reasonDescription)"))
        case .providerAbort(let pdu):
            fail(pdu.map { .aborted($0.reasonDescription) } ?? .connectionLost)
        case .associate, .data: break
        }
    }

    /// The first reason counts.
    func fail(_ reason: AssociationError) {
        if failure == nil { failure = reason }
    }

    private func end(_ context: ChannelHandlerContext, _ reason: AssociationError) {
        fail(reason)
        silenceCheck?.cancel()
        resumption?.cancel()
        established.fail(reason)
        released?.succeed()
        released = nil
        if var reception = reception.take() { _ = reception.end() }
        let exchanges = exchanges
        self.exchanges = [:]
        for exchange in exchanges.values { exchange.onEnd(reason) }
        let unanswered = Array(sent.values) + (sending.map { [$0.instance] } ?? [])
        sent = [:]
        sending = nil
        for instance in unanswered { queue?.finish(instance, .failed(reason)) }
        queue = nil
        queueEnd?.fail(reason)
        queueEnd = nil
        sender = nil
    }

    // MARK: Time

    /// Whether the peer owes something, and how long it has.
    private var owed: (what: String, seconds: Int)? {
        switch machine.state {
        case .awaitingAssociateACOrRJ: return ("A-ASSOCIATE-RQ", timeouts.associateSeconds)
        case .awaitingReleaseRP: return ("A-RELEASE-RQ", timeouts.associateSeconds)
        default: break
        }
        if let exchange = exchanges.values.first { return (exchange.name, timeouts.responseSeconds) }
        return sent.isEmpty && sending == nil ? nil : ("C-STORE-RQ", timeouts.responseSeconds)
    }

    private func watchForSilence(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        silenceCheck = context.eventLoop.scheduleTask(in: .seconds(1)) {
            let (handler, context) = bound.value
            if let owed = handler.owed,
                NIODeadline.now() >= handler.lastProgress + .seconds(Int64(owed.seconds))
            {
                handler.abort(.timedOut(waitingFor: owed.what, seconds: owed.seconds), context)
            } else {
                handler.watchForSilence(context)
            }
        }
    }

    /// Something else shows that the peer works on a request of ours: instances of a C-MOVE arrive.
    func noteProgress() {
        lastProgress = .now()
    }

    // MARK: Output

    func respond(_ command: CommandSet, _ contextID: UInt8) {
        output.writeBytes(
            DIMSEMessageEncoder.pDataTF(
                contextID: contextID,
                command: command.encode(),
                maximumLength: agreement?.peerMaximumPDULength ?? 0
            )
        )
    }

    private func send(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0, sending == nil else { return }
        let bytes = output
        output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
