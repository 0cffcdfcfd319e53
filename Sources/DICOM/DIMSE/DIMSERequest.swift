// SPDX-License-Identifier: Apache-2.0

/// (0000,0100) of the messages the box reads or writes (PS3.7 E.1-1).
package enum DIMSECommandField: UInt16, Sendable {
    case cStoreRQ = 0x0001
    case cStoreRSP = 0x8001
    case cGetRQ = 0x0010
    case cGetRSP = 0x8010
    case cFindRQ = 0x0020
    case cFindRSP = 0x8020
    case cMoveRQ = 0x0021
    case cMoveRSP = 0x8021
    case cEchoRQ = 0x0030
    case cEchoRSP = 0x8030
    case nEventReportRQ = 0x0100
    case nEventReportRSP = 0x8100
    case nActionRQ = 0x0130
    case nActionRSP = 0x8130
    case cCancelRQ = 0x0FFF

    /// Set in every response, and in no request.
    static let responseBit: UInt16 = 0x8000
}

extension CommandSet {
    func expect(_ expected: DIMSECommandField) throws(DIMSEError) {
        let found = try commandField()
        guard found == expected.rawValue else {
            throw .unexpectedCommandField(found, expected: "\(expected)")
        }
    }
}

/// A request of a peer.
package enum DIMSERequest: Hashable, Sendable {
    case cEcho(CEchoRQ)
    case cStore(CStoreRQ)
    case nEventReport(NEventReportRQ)
    /// Has no response of its own (PS3.7 9.3.2.3).
    case cCancel(messageIDBeingRespondedTo: UInt16)
    /// A request for a service the box does not give: `OperationRefusal` answers it, after its data set if
    /// any.
    case unsupported(commandField: UInt16, messageID: UInt16, hasDataSet: Bool, sopClassUID: UID?)

    package static func decode(_ command: CommandSet) throws(DIMSEError) -> DIMSERequest {
        let field = try command.commandField()
        switch DIMSECommandField(rawValue: field) {
        case .cEchoRQ: return .cEcho(try CEchoRQ(command))
        case .cStoreRQ: return .cStore(try CStoreRQ(command))
        case .nEventReportRQ: return .nEventReport(try NEventReportRQ(command))
        case .cCancelRQ:
            return .cCancel(messageIDBeingRespondedTo: try command.requiredUInt16(.messageIDBeingRespondedTo))
        default: break
        }
        guard field & DIMSECommandField.responseBit == 0 else {
            throw .unexpectedCommandField(field, expected: "a request")
        }
        var sopClassUID = try command.uid(.affectedSOPClassUID)
        if sopClassUID == nil { sopClassUID = try command.uid(.requestedSOPClassUID) }
        return .unsupported(
            commandField: field,
            messageID: try command.messageID(),
            hasDataSet: try command.hasDataSet(),
            sopClassUID: sopClassUID
        )
    }
}

/// The response to a request that is not carried out, whatever its service (PS3.7 9.3, 10.3): the command
/// field is the request's with the response bit.
package struct OperationRefusal: Hashable, Sendable {
    package var requestCommandField: UInt16
    package var messageIDBeingRespondedTo: UInt16
    package var affectedSOPClassUID: UID?
    package var status: DIMSEStatus
    package var detail: DIMSEStatusDetail

    package init(
        requestCommandField: UInt16,
        messageIDBeingRespondedTo: UInt16,
        affectedSOPClassUID: UID?,
        status: DIMSEStatus = .unrecognizedOperation,
        detail: DIMSEStatusDetail = DIMSEStatusDetail()
    ) {
        self.requestCommandField = requestCommandField
        self.messageIDBeingRespondedTo = messageIDBeingRespondedTo
        self.affectedSOPClassUID = affectedSOPClassUID
        self.status = status
        self.detail = detail
    }

    /// The answer to a request whose command set is read but not accepted; nil where it is no request that
    /// can be answered.
    package init?(_ command: CommandSet, _ error: DIMSEError) {
        guard let field = try? command.commandField(), let messageID = try? command.messageID() else {
            return nil
        }
        guard field & DIMSECommandField.responseBit == 0, field != DIMSECommandField.cCancelRQ.rawValue else {
            return nil
        }
        self.init(
            requestCommandField: field,
            messageIDBeingRespondedTo: messageID,
            affectedSOPClassUID: try? command.uid(.affectedSOPClassUID),
            status: .mistypedArgument,
            detail: DIMSEStatusDetail(
                offendingElements: error.offendingElement.map { [$0] } ?? [],
                errorComment: error.description
            )
        )
    }

    package var commandSet: CommandSet {
        var command = CommandSet()
        if let affectedSOPClassUID { command.set(.affectedSOPClassUID, affectedSOPClassUID) }
        command.set(.commandField, requestCommandField | DIMSECommandField.responseBit)
        command.set(.messageIDBeingRespondedTo, messageIDBeingRespondedTo)
        command.set(.commandDataSetType, CommandSet.noDataSet)
        command.set(status, detail)
        return command
    }
}
