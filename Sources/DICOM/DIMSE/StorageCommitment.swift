// SPDX-License-Identifier: Apache-2.0

/// N-ACTION-RQ (PS3.7 10.3.4.1) as storage commitment uses it (PS3.4 J.3.2).
package struct NActionRQ: Hashable, Sendable {
    package var messageID: UInt16
    package var requestedSOPClassUID: UID
    package var requestedSOPInstanceUID: UID
    package var actionTypeID: UInt16

    package init(
        messageID: UInt16,
        requestedSOPClassUID: UID = SOPClass.storageCommitmentPushModel,
        requestedSOPInstanceUID: UID = SOPClass.storageCommitmentPushModelInstance,
        actionTypeID: UInt16 = 1
    ) {
        self.messageID = messageID
        self.requestedSOPClassUID = requestedSOPClassUID
        self.requestedSOPInstanceUID = requestedSOPInstanceUID
        self.actionTypeID = actionTypeID
    }

    package var commandSet: CommandSet {
        var command = CommandSet()
        command.set(.requestedSOPClassUID, requestedSOPClassUID)
        command.set(.commandField, DIMSECommandField.nActionRQ.rawValue)
        command.set(.messageID, messageID)
        command.set(.commandDataSetType, CommandSet.dataSetPresent)
        command.set(.requestedSOPInstanceUID, requestedSOPInstanceUID)
        command.set(.actionTypeID, actionTypeID)
        return command
    }
}

/// N-EVENT-REPORT-RQ (PS3.7 10.3.1.1).
package struct NEventReportRQ: Hashable, Sendable {
    package var messageID: UInt16
    package var affectedSOPClassUID: UID
    package var affectedSOPInstanceUID: UID
    package var eventTypeID: UInt16
    package var hasDataSet: Bool

    package init(_ command: CommandSet) throws(DIMSEError) {
        try command.expect(.nEventReportRQ)
        messageID = try command.messageID()
        affectedSOPClassUID = try command.requiredUID(.affectedSOPClassUID)
        affectedSOPInstanceUID = try command.requiredUID(.affectedSOPInstanceUID)
        eventTypeID = try command.requiredUInt16(.eventTypeID)
        hasDataSet = try command.hasDataSet()
    }

    /// N-EVENT-REPORT-RSP (PS3.7 10.3.1.2).
    package func response(_ status: DIMSEStatus, _ detail: DIMSEStatusDetail = DIMSEStatusDetail())
        -> CommandSet
    {
        var command = CommandSet()
        command.set(.affectedSOPClassUID, affectedSOPClassUID)
        command.set(.commandField, DIMSECommandField.nEventReportRSP.rawValue)
        command.set(.messageIDBeingRespondedTo, messageID)
        command.set(.commandDataSetType, CommandSet.noDataSet)
        command.set(status, detail)
        command.set(.affectedSOPInstanceUID, affectedSOPInstanceUID)
        command.set(.eventTypeID, eventTypeID)
        return command
    }
}

/// What is asked of, and said by, a storage commitment SCP (PS3.4 J.3).
package struct StorageCommitment: Equatable, Sendable {
    package struct Reference: Hashable, Sendable {
        package let sopClassUID: UID
        package let sopInstanceUID: UID

        package init(sopClassUID: UID, sopInstanceUID: UID) {
            self.sopClassUID = sopClassUID
            self.sopInstanceUID = sopInstanceUID
        }
    }

    package var transactionUID: UID
    /// Asked for, or committed to.
    package var referenced: [Reference]
    /// Not committed to: the reason by SOP Instance UID (PS3.3 C.14.1.1).
    package var failed: [UID: UInt16] = [:]

    package init(transactionUID: UID, referenced: [Reference]) {
        self.transactionUID = transactionUID
        self.referenced = referenced
    }

    /// The action information of an N-ACTION (PS3.4 Table J.3-1).
    package var actionInformation: DataSet {
        var information = DataSet()
        information.set(.transactionUID, uids: [transactionUID])
        information.set(
            .referencedSOPSequence,
            items: referenced.map { reference in
                var item = DataSet()
                item.set(.referencedSOPClassUID, uids: [reference.sopClassUID])
                item.set(.referencedSOPInstanceUID, uids: [reference.sopInstanceUID])
                return item
            }
        )
        return information
    }

    /// Reads the event information of an N-EVENT-REPORT (PS3.4 Table J.3-2).
    package init(eventInformation: DataSet) throws(DataSetError) {
        guard let uid = eventInformation.uid(.transactionUID) else { throw .missing(.transactionUID) }
        transactionUID = uid
        referenced = eventInformation.items(.referencedSOPSequence).compactMap { item in
            guard let sopClass = item.uid(.referencedSOPClassUID),
                let instance = item.uid(.referencedSOPInstanceUID)
            else { return nil }
            return Reference(sopClassUID: sopClass, sopInstanceUID: instance)
        }
        for item in eventInformation.items(.failedSOPSequence) {
            guard let instance = item.uid(.referencedSOPInstanceUID) else { continue }
            failed[instance] = UInt16(clamping: item.integer(.failureReason) ?? 0x0110)
        }
    }
}
