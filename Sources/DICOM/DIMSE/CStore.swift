// SPDX-License-Identifier: Apache-2.0

/// (0000,0700)
package enum DIMSEPriority: UInt16, Sendable {
    case medium = 0x0000
    case high = 0x0001
    case low = 0x0002
}

/// C-STORE-RQ (PS3.7 9.3.1.1).
package struct CStoreRQ: Hashable, Sendable {
    package var messageID: UInt16
    package var affectedSOPClassUID: UID
    package var affectedSOPInstanceUID: UID
    package var priority: DIMSEPriority
    /// Who asked for the C-MOVE that this is part of, and by which message.
    package var moveOriginatorAETitle: AETitle?
    package var moveOriginatorMessageID: UInt16?
    package var hasDataSet: Bool

    package init(
        messageID: UInt16,
        affectedSOPClassUID: UID,
        affectedSOPInstanceUID: UID,
        priority: DIMSEPriority = .medium,
        moveOriginatorAETitle: AETitle? = nil,
        moveOriginatorMessageID: UInt16? = nil,
        hasDataSet: Bool = true
    ) {
        self.messageID = messageID
        self.affectedSOPClassUID = affectedSOPClassUID
        self.affectedSOPInstanceUID = affectedSOPInstanceUID
        self.priority = priority
        self.moveOriginatorAETitle = moveOriginatorAETitle
        self.moveOriginatorMessageID = moveOriginatorMessageID
        self.hasDataSet = hasDataSet
    }

    package init(_ command: CommandSet) throws(DIMSEError) {
        try command.expect(.cStoreRQ)
        messageID = try command.messageID()
        affectedSOPClassUID = try command.requiredUID(.affectedSOPClassUID)
        affectedSOPInstanceUID = try command.requiredUID(.affectedSOPInstanceUID)
        priority = try command.uint16(.priority).flatMap(DIMSEPriority.init) ?? .medium
        moveOriginatorAETitle = command.aeTitle(.moveOriginatorApplicationEntityTitle)
        moveOriginatorMessageID = try command.uint16(.moveOriginatorMessageID)
        hasDataSet = try command.hasDataSet()
    }

    package var commandSet: CommandSet {
        var command = CommandSet()
        command.set(.affectedSOPClassUID, affectedSOPClassUID)
        command.set(.commandField, DIMSECommandField.cStoreRQ.rawValue)
        command.set(.messageID, messageID)
        command.set(.priority, priority.rawValue)
        command.set(.commandDataSetType, hasDataSet ? CommandSet.dataSetPresent : CommandSet.noDataSet)
        command.set(.affectedSOPInstanceUID, affectedSOPInstanceUID)
        if let moveOriginatorAETitle {
            command.set(.moveOriginatorApplicationEntityTitle, moveOriginatorAETitle)
        }
        if let moveOriginatorMessageID { command.set(.moveOriginatorMessageID, moveOriginatorMessageID) }
        return command
    }
}

/// C-STORE-RSP (PS3.7 9.3.1.2).
package struct CStoreRSP: Hashable, Sendable {
    package var messageIDBeingRespondedTo: UInt16
    package var affectedSOPClassUID: UID?
    package var affectedSOPInstanceUID: UID?
    package var status: DIMSEStatus
    package var detail: DIMSEStatusDetail

    package init(
        messageIDBeingRespondedTo: UInt16,
        affectedSOPClassUID: UID?,
        affectedSOPInstanceUID: UID?,
        status: DIMSEStatus,
        detail: DIMSEStatusDetail = DIMSEStatusDetail()
    ) {
        self.messageIDBeingRespondedTo = messageIDBeingRespondedTo
        self.affectedSOPClassUID = affectedSOPClassUID
        self.affectedSOPInstanceUID = affectedSOPInstanceUID
        self.status = status
        self.detail = detail
    }

    /// The answer to `request`.
    package init(
        _ request: CStoreRQ,
        _ status: DIMSEStatus,
        _ detail: DIMSEStatusDetail = DIMSEStatusDetail()
    ) {
        self.init(
            messageIDBeingRespondedTo: request.messageID,
            affectedSOPClassUID: request.affectedSOPClassUID,
            affectedSOPInstanceUID: request.affectedSOPInstanceUID,
            status: status,
            detail: detail
        )
    }

    package init(_ command: CommandSet) throws(DIMSEError) {
        try command.expect(.cStoreRSP)
        messageIDBeingRespondedTo = try command.requiredUInt16(.messageIDBeingRespondedTo)
        affectedSOPClassUID = try command.uid(.affectedSOPClassUID)
        affectedSOPInstanceUID = try command.uid(.affectedSOPInstanceUID)
        status = try command.status()
        detail = try command.statusDetail()
    }

    package var commandSet: CommandSet {
        var command = CommandSet()
        if let affectedSOPClassUID { command.set(.affectedSOPClassUID, affectedSOPClassUID) }
        command.set(.commandField, DIMSECommandField.cStoreRSP.rawValue)
        command.set(.messageIDBeingRespondedTo, messageIDBeingRespondedTo)
        command.set(.commandDataSetType, CommandSet.noDataSet)
        command.set(status, detail)
        if let affectedSOPInstanceUID { command.set(.affectedSOPInstanceUID, affectedSOPInstanceUID) }
        return command
    }
}
