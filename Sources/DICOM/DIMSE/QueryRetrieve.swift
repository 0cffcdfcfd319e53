// SPDX-License-Identifier: Apache-2.0

/// C-FIND-RQ (PS3.7 9.3.2.1). The identifier follows as its data set.
package struct CFindRQ: Hashable, Sendable {
    package var messageID: UInt16
    package var affectedSOPClassUID: UID
    package var priority: DIMSEPriority

    package init(
        messageID: UInt16,
        affectedSOPClassUID: UID = SOPClass.studyRootFind,
        priority: DIMSEPriority = .medium
    ) {
        self.messageID = messageID
        self.affectedSOPClassUID = affectedSOPClassUID
        self.priority = priority
    }

    package var commandSet: CommandSet {
        .query(.cFindRQ, messageID, affectedSOPClassUID, priority)
    }
}

/// C-MOVE-RQ (PS3.7 9.3.4.1). The identifier follows as its data set.
package struct CMoveRQ: Hashable, Sendable {
    package var messageID: UInt16
    package var affectedSOPClassUID: UID
    package var moveDestination: AETitle
    package var priority: DIMSEPriority

    package init(
        messageID: UInt16,
        affectedSOPClassUID: UID = SOPClass.studyRootMove,
        moveDestination: AETitle,
        priority: DIMSEPriority = .medium
    ) {
        self.messageID = messageID
        self.affectedSOPClassUID = affectedSOPClassUID
        self.moveDestination = moveDestination
        self.priority = priority
    }

    package var commandSet: CommandSet {
        var command = CommandSet.query(.cMoveRQ, messageID, affectedSOPClassUID, priority)
        command.set(.moveDestination, moveDestination)
        return command
    }
}

/// C-GET-RQ (PS3.7 9.3.3.1). The identifier follows as its data set.
package struct CGetRQ: Hashable, Sendable {
    package var messageID: UInt16
    package var affectedSOPClassUID: UID
    package var priority: DIMSEPriority

    package init(
        messageID: UInt16,
        affectedSOPClassUID: UID = SOPClass.studyRootGet,
        priority: DIMSEPriority = .medium
    ) {
        self.messageID = messageID
        self.affectedSOPClassUID = affectedSOPClassUID
        self.priority = priority
    }

    package var commandSet: CommandSet {
        .query(.cGetRQ, messageID, affectedSOPClassUID, priority)
    }
}

/// C-CANCEL-RQ (PS3.7 9.3.2.3): has no response of its own; the request it names ends with status FE00.
package struct CCancelRQ: Hashable, Sendable {
    package var messageIDBeingRespondedTo: UInt16

    package init(messageIDBeingRespondedTo: UInt16) {
        self.messageIDBeingRespondedTo = messageIDBeingRespondedTo
    }

    package var commandSet: CommandSet {
        var command = CommandSet()
        command.set(.commandField, DIMSECommandField.cCancelRQ.rawValue)
        command.set(.messageIDBeingRespondedTo, messageIDBeingRespondedTo)
        command.set(.commandDataSetType, CommandSet.noDataSet)
        return command
    }
}

extension CommandSet {
    fileprivate static func query(
        _ field: DIMSECommandField,
        _ messageID: UInt16,
        _ sopClassUID: UID,
        _ priority: DIMSEPriority
    ) -> CommandSet {
        var command = CommandSet()
        command.set(.affectedSOPClassUID, sopClassUID)
        command.set(.commandField, field.rawValue)
        command.set(.messageID, messageID)
        command.set(.priority, priority.rawValue)
        command.set(.commandDataSetType, dataSetPresent)
        return command
    }
}

/// The sub-operations of a C-MOVE or C-GET (PS3.7 9.1.4.1, 9.1.3.1). `remaining` is nil in a final response.
package struct SubOperations: Hashable, Sendable {
    package var remaining: Int?
    package var completed: Int
    package var failed: Int
    package var warning: Int

    package init(remaining: Int? = nil, completed: Int = 0, failed: Int = 0, warning: Int = 0) {
        self.remaining = remaining
        self.completed = completed
        self.failed = failed
        self.warning = warning
    }
}

/// A response of any service to a request of ours.
package struct DIMSEResponse: Hashable, Sendable {
    package let commandField: UInt16
    package let messageIDBeingRespondedTo: UInt16
    package let status: DIMSEStatus
    package let detail: DIMSEStatusDetail
    package let subOperations: SubOperations
    package let hasDataSet: Bool

    package init(_ command: CommandSet) throws(DIMSEError) {
        commandField = try command.commandField()
        guard commandField & DIMSECommandField.responseBit != 0 else {
            throw .unexpectedCommandField(commandField, expected: "a response")
        }
        messageIDBeingRespondedTo = try command.requiredUInt16(.messageIDBeingRespondedTo)
        status = DIMSEStatus(rawValue: try command.requiredUInt16(.status))
        detail = try command.statusDetail()
        hasDataSet = try command.hasDataSet()
        subOperations = SubOperations(
            remaining: try command.uint16(.numberOfRemainingSuboperations).map(Int.init),
            completed: Int(try command.uint16(.numberOfCompletedSuboperations) ?? 0),
            failed: Int(try command.uint16(.numberOfFailedSuboperations) ?? 0),
            warning: Int(try command.uint16(.numberOfWarningSuboperations) ?? 0)
        )
    }

    /// "A702: unable to process": the status, and what the peer says about it.
    package var description: String {
        detail.errorComment.map { "\(status): \($0)" } ?? "\(status)"
    }
}
