// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOCore

/// What the peer sends: responses to our requests, and requests of its own (C-GET's C-STORE, N-EVENT-REPORT).
extension RequestorHandler {
    func receive(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        let bytes = buffer.readableBytesSpan
        var offset = 0
        do {
            while let event = try reader.next(bytes, &offset) {
                if case .fragment(let fragment) = event, machine.receivesData {
                    try take(fragment, bytes)
                } else {
                    answerStores(bytes)
                    apply(AssociationHandler.upperLayerEvent(event), context)
                }
            }
        } catch let error as PDUError {
            fail(.protocolViolation("\(error)"))
            apply(.invalidPDU(error), context)
        } catch {
            abort(.protocolViolation("\(error)"), context)
        }
        answerStores(bytes)
    }

    private func take(_ fragment: PDUReader.Fragment, _ bytes: RawSpan) throws {
        switch try dimse?.read(fragment, bytes) {
        case .command(let command, let contextID): try begin(command, contextID)
        case .dataSet(let range, let isLast): try takeDataSet(range, isLast, bytes)
        case nil: break
        }
    }

    private func begin(_ command: CommandSet, _ contextID: UInt8) throws {
        if try command.commandField() & 0x8000 != 0 {
            let response = try DIMSEResponse(command)
            if response.hasDataSet { incoming = .response(response, []) } else { finish(response, nil) }
            return
        }
        switch try DIMSERequest.decode(command) {
        case .cStore(let request):
            guard let syntax = contexts[contextID]?.transferSyntax, reception != nil else {
                return refuse(command, contextID)
            }
            reception?.begin(request, contextID: contextID, transferSyntax: syntax)
            incoming = .instance(contextID: contextID)
        case .nEventReport(let request):
            if request.hasDataSet {
                incoming = .eventReport(request, contextID: contextID, [])
            } else {
                respond(request.response(.invalidArgumentValue), contextID)
            }
        case .cEcho(let request):
            respond(CEchoRSP(request, .success).commandSet, contextID)
        case .cCancel: break
        case .unsupported: refuse(command, contextID)
        }
    }

    private func refuse(_ command: CommandSet, _ contextID: UInt8) {
        guard let field = try? command.commandField(), let id = try? command.messageID() else { return }
        let refusal = OperationRefusal(
            requestCommandField: field,
            messageIDBeingRespondedTo: id,
            affectedSOPClassUID: try? command.uid(.affectedSOPClassUID)
        )
        if (try? command.hasDataSet()) == true {
            incoming = .other(refusal, contextID: contextID)
        } else {
            respond(refusal.commandSet, contextID)
        }
    }

    private func takeDataSet(_ range: Range<Int>, _ isLast: Bool, _ bytes: RawSpan) throws {
        switch incoming {
        case .instance:
            reception?.dataSet(range, isLast: isLast, in: bytes)
        case .response(let response, var dataSet):
            incoming = nil
            try Self.append(range, bytes, &dataSet)
            if isLast { finish(response, dataSet) } else { incoming = .response(response, dataSet) }
        case .eventReport(let request, let contextID, var dataSet):
            incoming = nil
            try Self.append(range, bytes, &dataSet)
            if isLast {
                report(request, dataSet, contextID)
            } else {
                incoming = .eventReport(request, contextID: contextID, dataSet)
            }
        case .other(let refusal, let contextID):
            if isLast { respond(refusal.commandSet, contextID) }
        case nil: break
        }
        if isLast { incoming = nil }
    }

    private static func append(_ range: Range<Int>, _ bytes: RawSpan, _ dataSet: inout [UInt8]) throws {
        guard dataSet.count + range.count <= DataSet.maximumLength else {
            throw DataSetError.outputTooLong(limit: DataSet.maximumLength)
        }
        dataSet.append(bytes, range)
    }

    private func report(_ request: NEventReportRQ, _ dataSet: [UInt8], _ contextID: UInt8) {
        let syntax = contexts[contextID]?.transferSyntax ?? TransferSyntax.implicitVRLittleEndian
        let status = events?.receive(request, dataSet, syntax) ?? .unrecognizedOperation
        respond(request.response(status), contextID)
    }

    private func finish(_ response: DIMSEResponse, _ dataSet: [UInt8]?) {
        let id = response.messageIDBeingRespondedTo
        if let instance = sent.removeValue(forKey: id) {
            let stored = response.status.category == .success || response.status.category == .warning
            queue?.finish(
                instance,
                stored
                    ? .stored(response.status)
                    : .refused(response.status, comment: response.detail.errorComment)
            )
            return
        }
        guard let exchange = exchanges[id] else { return }
        exchange.onResponse(response, dataSet)
        if response.status.category != .pending {
            exchanges[id] = nil
            exchange.onEnd(nil)
        }
    }

    /// Answers the sub-operations of a C-GET that ended in this read.
    private func answerStores(_ bytes: RawSpan) {
        guard let outcomes = reception?.endOfRead(bytes), !outcomes.isEmpty else { return }
        for outcome in outcomes {
            let detail = DIMSEStatusDetail(errorComment: outcome.errorComment)
            respond(CStoreRSP(outcome.request, outcome.status, detail).commandSet, outcome.contextID)
            if outcome.status == .success { journal.countReceived(outcome.bytes) }
        }
    }
}
