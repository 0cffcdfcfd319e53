// SPDX-License-Identifier: Apache-2.0

/// C-ECHO-RQ (PS3.7 9.3.5.1).
package struct CEchoRQ: Hashable, Sendable {
    package var messageID: UInt16
    package var affectedSOPClassUID: UID

    package init(messageID: UInt16, affectedSOPClassUID: UID = SOPClass.verification) {
        self.messageID = messageID
        self.affectedSOPClassUID = affectedSOPClassUID
    }

    package init(_ command: CommandSet) throws(DIMSEError) {
        try command.expect(.cEchoRQ)
        messageID = try command.messageID()
        affectedSOPClassUID = try command.requiredUID(.affectedSOPClassUID)
        guard try !command.hasDataSet() else {
            throw .invalid(CommandElement.commandDataSetType.tag, expected: "0101H in a C-ECHO-RQ")
        }
    }

    package var commandSet: CommandSet {
        var command = CommandSet()
        command.set(.affectedSOPClassUID, affectedSOPClassUID)
        command.set(.commandField, DIMSECommandField.cEchoRQ.rawValue)
        command.set(.messageID, messageID)
        command.set(.commandDataSetType, CommandSet.noDataSet)
        return command
    }
}

/// C-ECHO-RSP (PS3.7 9.3.5.2).
package struct CEchoRSP: Hashable, Sendable {
    package var messageIDBeingRespondedTo: UInt16
    package var affectedSOPClassUID: UID?
    package var status: DIMSEStatus
    package var detail: DIMSEStatusDetail

    package init(
        messageIDBeingRespondedTo: UInt16,
        affectedSOPClassUID: UID?,
        status: DIMSEStatus,
        detail: DIMSEStatusDetail = DIMSEStatusDetail()
    ) {
        self.messageIDBeingRespondedTo = messageIDBeingRespondedTo
        self.affectedSOPClassUID = affectedSOPClassUID
        self.status = status
        self.detail = detail
    }

    /// The answer to `request`.
    package init(_ request: CEchoRQ, _ status: DIMSEStatus, _ detail: DIMSEStatusDetail = DIMSEStatusDetail())
    {
        self.init(
            messageIDBeingRespondedTo: request.messageID,
            affectedSOPClassUID: request.affectedSOPClassUID,
            status: status,
            detail: detail
        )
    }

    package init(_ command: CommandSet) throws(DIMSEError) {
        try command.expect(.cEchoRSP)
        messageIDBeingRespondedTo = try command.requiredUInt16(.messageIDBeingRespondedTo)
        affectedSOPClassUID = try command.uid(.affectedSOPClassUID)
        status = try command.status()
        detail = try command.statusDetail()
    }

    package var commandSet: CommandSet {
        var command = CommandSet()
        if let affectedSOPClassUID { command.set(.affectedSOPClassUID, affectedSOPClassUID) }
        command.set(.commandField, DIMSECommandField.cEchoRSP.rawValue)
        command.set(.messageIDBeingRespondedTo, messageIDBeingRespondedTo)
        command.set(.commandDataSetType, CommandSet.noDataSet)
        command.set(status, detail)
        return command
    }
}
