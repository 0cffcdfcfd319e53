// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOCore
import NIOPosix

/// One association as acceptor: drives the protocol values with what the socket brings and does what they say.
/// Everything, the writing to disk included, happens on the association's own loop, so that a peer that sends
/// faster than the disk writes is held back by TCP.
final class AssociationHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let configuration: StorageListenerConfiguration
    let associations: AssociationTable
    let receiver: any InstanceReceiver
    let journal: TransferJournal

    private var reader: PDUReader
    private var machine = UpperLayerStateMachine()
    private var dimse: DIMSEReader?
    private var association: EstablishedAssociation?
    private var reception: InstanceReception?
    /// Answers an operation of another service once its data set has passed.
    private var refusal: OperationRefusal?
    /// An N-EVENT-REPORT whose event information is arriving.
    private var eventReport: (request: NEventReportRQ, information: [UInt8])?
    private var artim: Scheduled<Void>?
    private var idleCheck: Scheduled<Void>?
    private var lastRead = NIODeadline.now()
    private var peer = ""
    /// Why the association ends without a release; the first reason counts.
    private var failure: String?
    private var isReleased = false
    private var ignoresInput = false
    private var releaseIsWanted = false
    private var output = ByteBuffer()

    init(
        configuration: StorageListenerConfiguration,
        associations: AssociationTable,
        receiver: any InstanceReceiver,
        journal: TransferJournal
    ) {
        self.configuration = configuration
        self.associations = associations
        self.receiver = receiver
        self.journal = journal
        reader = PDUReader(maximumLength: configuration.policy.maximumPDULength)
    }

    // MARK: Channel

    func channelActive(context: ChannelHandlerContext) {
        peer = context.remoteAddress.map(Self.display) ?? "unknown"
        apply(.transportIndication, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        TCPAcknowledgement.now(context.channel)
        lastRead = .now()
        if !ignoresInput { receive(buffer, context) }
        send(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        // A peer that does not read its responses is not read from.
        let isWritable = context.channel.isWritable
        try? context.channel.syncOptions?.setOption(.autoRead, value: isWritable)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event as? AssociationTable.Request {
        case .release:
            releaseIsWanted = true
            releaseIfIdle(context)
        case .abort:
            fail("the gateway ends")
            apply(.abortRequest, context)
        case nil:
            context.fireUserInboundEventTriggered(event)
        }
        send(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail("connection closed by the peer")
        apply(.transportClosed, context)
        artim?.cancel()
        idleCheck?.cancel()
        end()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail("connection: \(error)")
        context.close(promise: nil)
    }

    // MARK: Receiving

    private func receive(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        let bytes = buffer.readableBytesSpan
        var offset = 0
        do {
            while let event = try reader.next(bytes, &offset) {
                if case .fragment(let fragment) = event, machine.receivesData {
                    try take(fragment, bytes)
                } else {
                    // What was received so far is answered before the association changes its state.
                    answer(bytes)
                    apply(Self.upperLayerEvent(event), context)
                }
            }
        } catch let error {
            broken(error, context)
        }
        answer(bytes)
        releaseIfIdle(context)
    }

    /// The peer broke the protocol: nothing that follows can be understood.
    private func broken(_ error: any Error, _ context: ChannelHandlerContext) {
        fail("\(error)")
        if let error = error as? PDUError {
            apply(.invalidPDU(error), context)
        } else {
            apply(.abortRequest, context)
        }
        ignoresInput = true
    }

    private func take(_ fragment: PDUReader.Fragment, _ bytes: RawSpan) throws(DIMSEError) {
        switch try dimse?.read(fragment, bytes) {
        case .command(let command, let contextID): perform(command, contextID)
        case .dataSet(let range, let isLast):
            reception?.dataSet(range, isLast: isLast, in: bytes)
            if eventReport != nil { try takeEventReport(range, isLast, fragment.contextID, bytes) }
            if isLast { sendRefusal(fragment.contextID) }
        case nil: break
        }
    }

    private func perform(_ command: CommandSet, _ contextID: UInt8) {
        do {
            switch try DIMSERequest.decode(command) {
            case .cStore(let request): begin(request, contextID)
            case .cEcho(let request): respond(CEchoRSP(request, .success).commandSet, contextID)
            case .cCancel: break
            case .nEventReport(let request):
                if request.hasDataSet {
                    eventReport = (request, [])
                } else {
                    respond(request.response(.invalidArgumentValue), contextID)
                }
            case .unsupported(let field, let messageID, let hasDataSet, let sopClassUID):
                refusal = OperationRefusal(
                    requestCommandField: field,
                    messageIDBeingRespondedTo: messageID,
                    affectedSOPClassUID: sopClassUID
                )
                if !hasDataSet { sendRefusal(contextID) }
            }
        } catch {
            refusal = OperationRefusal(command, error)
            if (try? command.hasDataSet()) != true { sendRefusal(contextID) }
        }
    }

    private func begin(_ request: CStoreRQ, _ contextID: UInt8) {
        guard let accepted = association?.agreement.contexts[contextID] else { return }
        guard request.hasDataSet else {
            let detail = DIMSEStatusDetail(errorComment: "C-STORE-RQ without a data set")
            respond(CStoreRSP(request, .cannotUnderstand, detail).commandSet, contextID)
            return
        }
        reception?.begin(request, contextID: contextID, transferSyntax: accepted.transferSyntax)
        if accepted.abstractSyntax != request.affectedSOPClassUID {
            reception?.refuse(.sopClassNotSupported, "affected SOP class is not the presentation context's")
        }
    }

    private func takeEventReport(
        _ range: Range<Int>,
        _ isLast: Bool,
        _ contextID: UInt8,
        _ bytes: RawSpan
    ) throws(DIMSEError) {
        guard let (request, received) = eventReport.take() else { return }
        var information = received
        guard information.count + range.count <= DataSet.maximumLength else {
            throw .commandTooLong(limit: DataSet.maximumLength)
        }
        information.append(bytes, range)
        guard isLast else {
            eventReport = (request, information)
            return
        }
        let syntax = association?.agreement.contexts[contextID]?.transferSyntax
        let status = configuration.commitments.receive(
            request,
            information,
            syntax ?? TransferSyntax.implicitVRLittleEndian
        )
        respond(request.response(status), contextID)
    }

    private func sendRefusal(_ contextID: UInt8) {
        guard let refusal = refusal.take() else { return }
        respond(refusal.commandSet, contextID)
    }

    /// Hands the buffer's slices to the disk and queues the responses that are due.
    private func answer(_ bytes: RawSpan) {
        guard let outcomes = reception?.endOfRead(bytes), !outcomes.isEmpty else { return }
        for outcome in outcomes {
            let detail = DIMSEStatusDetail(errorComment: outcome.errorComment)
            respond(CStoreRSP(outcome.request, outcome.status, detail).commandSet, outcome.contextID)
            record(outcome)
        }
    }

    private func record(_ outcome: StoreOutcome) {
        if outcome.status == .success {
            association?.instances += 1
            association?.bytes += outcome.bytes
            journal.countReceived(outcome.bytes)
        } else {
            let status = outcome.status.rawValue
            journal.count { $0.refusals[outcome.status.description, default: 0] += 1 }
            journal.record(
                .instanceRefused(
                    id: association?.id ?? 0,
                    status: status,
                    sopInstanceUID: outcome.request.affectedSOPInstanceUID.string,
                    reason: outcome.errorComment ?? ""
                )
            )
        }
    }

    // MARK: Upper layer

    static func upperLayerEvent(_ event: PDUReader.Event) -> UpperLayerStateMachine.Event {
        switch event {
        case .associateRQ(let pdu): .associateRQ(pdu)
        case .associateAC(let pdu): .associateAC(pdu)
        case .associateRJ(let pdu): .associateRJ(pdu)
        case .releaseRQ: .releaseRQ
        case .releaseRP: .releaseRP
        case .abort(let pdu): .abort(pdu)
        case .fragment: .dataTF
        }
    }

    private func apply(_ event: UpperLayerStateMachine.Event, _ context: ChannelHandlerContext) {
        for action in machine.apply(event) ?? [] {
            switch action {
            case .send(let pdu): output.writeBytes(pdu.encode())
            case .startARTIM: startARTIM(context)
            case .stopARTIM: artim?.cancel()
            case .closeTransport:
                send(context)
                context.close(promise: nil)
            case .indicate(let indication): indicated(indication, context)
            case .openTransport, .sendDataTF: break
            }
        }
    }

    private func indicated(_ indication: UpperLayerStateMachine.Indication, _ context: ChannelHandlerContext)
    {
        switch indication {
        case .associate(let request):
            establish(request, context)
        case .release:
            finishReception()
            isReleased = true
            apply(.releaseResponse, context)
        case .releaseCollision:
            // As acceptor we answer after the peer's response (Sta10), which `releaseConfirmed` tells.
            finishReception()
        case .releaseConfirmed:
            finishReception()
            isReleased = true
            apply(.releaseResponse, context)
        case .abort(let pdu):
            fail("aborted by the peer (\(pdu.reasonDescription))")
        case .providerAbort(let pdu):
            fail(pdu.map { "aborted: \($0.reasonDescription)" } ?? "connection lost")
        case .associateAccepted, .associateRejected, .data:
            break
        }
    }

    private func establish(_ request: AssociateRQ, _ context: ChannelHandlerContext) {
        switch AssociationNegotiation.answer(request, configuration.policy) {
        case .reject(let pdu, let reason):
            reject(pdu, request, reason, context)
        case .accept(let pdu, let agreement):
            guard let id = associations.enter(context.channel) else {
                reject(.localLimitExceeded, request, "all associations are in use", context)
                return
            }
            association = EstablishedAssociation(id: id, agreement: agreement)
            dimse = DIMSEReader(contextIDs: Set(agreement.contexts.keys))
            reception = InstanceReception(
                source: agreement.callingAETitle,
                receiver: receiver,
                origin: origins(of: agreement.callingAETitle)
            )
            journal.count {
                $0.associationsAccepted += 1
                $0.associationsOpen += 1
            }
            journal.record(
                .associationAccepted(
                    id: id,
                    calling: agreement.callingAETitle,
                    peer: peer,
                    contexts: agreement.contexts.count,
                    implementation: agreement.peerImplementationVersionName
                        ?? agreement.peerImplementationClassUID?.string ?? "",
                    certificate: TLSPeerHandler.of(context.channel)?.certificate
                )
            )
            apply(.associateAccept(pdu), context)
            watchForSilence(context)
        }
    }

    /// Pulled is what names a C-MOVE of ours that is under way, and all that comes from a peer that is
    /// configured so.
    private func origins(of calling: AETitle) -> (CStoreRQ) -> InstanceOrigin {
        let isAlwaysPulled = configuration.pullingFrom.contains(calling)
        let (ourTitle, moves) = (configuration.policy.calledAETitle, configuration.moves)
        return { request in
            if isAlwaysPulled { return .pulled }
            guard request.moveOriginatorAETitle == ourTitle, let id = request.moveOriginatorMessageID else {
                return .unsolicited
            }
            return moves.contains(id) ? .pulled : .unsolicited
        }
    }

    private func reject(
        _ pdu: AssociateRJ,
        _ request: AssociateRQ,
        _ reason: String,
        _ context: ChannelHandlerContext
    ) {
        isReleased = true
        journal.count { $0.associationsRejected += 1 }
        journal.record(.associationRejected(peer: peer, calling: "\(request.callingAETitle)", reason: reason))
        apply(.associateReject(pdu), context)
    }

    // MARK: End

    /// Our own A-RELEASE-RQ, when no operation is under way.
    private func releaseIfIdle(_ context: ChannelHandlerContext) {
        guard releaseIsWanted, machine.state == .established, reception?.isReceiving != true else { return }
        releaseIsWanted = false
        apply(.releaseRequest, context)
    }

    private func finishReception() {
        guard var reception = reception.take() else { return }
        if let failure = reception.end() {
            journal.record(.writeFailed(id: association?.id ?? 0, reason: failure))
        }
    }

    private func fail(_ reason: String) {
        if failure == nil { failure = reason }
    }

    private func end() {
        let wasReceiving = reception?.isReceiving == true
        finishReception()
        guard let association = association.take() else { return }
        associations.leave(association.id)
        journal.count { $0.associationsOpen -= 1 }
        if isReleased {
            journal.record(
                .associationReleased(
                    id: association.id,
                    calling: association.agreement.callingAETitle,
                    instances: association.instances,
                    bytes: association.bytes
                )
            )
        } else {
            journal.count { $0.associationsAborted += 1 }
            journal.record(
                .associationAborted(
                    id: association.id,
                    peer: peer,
                    reason: failure ?? "unknown",
                    instances: association.instances,
                    unfinished: wasReceiving
                )
            )
        }
    }

    // MARK: Timers

    private func startARTIM(_ context: ChannelHandlerContext) {
        artim?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        artim = context.eventLoop.scheduleTask(in: .seconds(configuration.artimSeconds)) {
            let (handler, context) = bound.value
            handler.fail("ARTIM timer expired")
            handler.apply(.artimExpired, context)
        }
    }

    private func watchForSilence(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let deadline = lastRead + .seconds(configuration.idleSeconds)
        idleCheck = context.eventLoop.scheduleTask(deadline: deadline) {
            let (handler, context) = bound.value
            guard NIODeadline.now() >= handler.lastRead + .seconds(handler.configuration.idleSeconds) else {
                handler.watchForSilence(context)
                return
            }
            handler.fail("nothing received for \(handler.configuration.idleSeconds) s")
            handler.apply(.abortRequest, context)
            handler.send(context)
        }
    }

    // MARK: Sending

    private func respond(_ command: CommandSet, _ contextID: UInt8) {
        let limit = association?.agreement.peerMaximumPDULength ?? 0
        output.writeBytes(
            DIMSEMessageEncoder.pDataTF(contextID: contextID, command: command.encode(), maximumLength: limit)
        )
    }

    /// One write for all that is due.
    private func send(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        let bytes = output
        output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    private static func display(_ address: SocketAddress) -> String {
        let host = address.ipAddress ?? ""
        return (host.contains(":") ? "[\(host)]" : host) + ":\(address.port ?? 0)"
    }
}

/// What an open association counts.
private struct EstablishedAssociation {
    let id: Int
    let agreement: NegotiatedAssociation
    var instances = 0
    var bytes: Int64 = 0
}
