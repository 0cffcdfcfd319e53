// SPDX-License-Identifier: Apache-2.0

/// The status of a DIMSE operation (0000,0900) (PS3.7 Annex C, PS3.4 Table B.2-1); values not named here
/// occur.
package struct DIMSEStatus: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let success = DIMSEStatus(rawValue: 0x0000)
    package static let processingFailure = DIMSEStatus(rawValue: 0x0110)
    package static let noSuchSOPInstance = DIMSEStatus(rawValue: 0x0112)
    package static let invalidArgumentValue = DIMSEStatus(rawValue: 0x0115)
    package static let invalidObjectInstance = DIMSEStatus(rawValue: 0x0117)
    package static let sopClassNotSupported = DIMSEStatus(rawValue: 0x0122)
    package static let notAuthorized = DIMSEStatus(rawValue: 0x0124)
    package static let duplicateInvocation = DIMSEStatus(rawValue: 0x0210)
    package static let unrecognizedOperation = DIMSEStatus(rawValue: 0x0211)
    package static let mistypedArgument = DIMSEStatus(rawValue: 0x0212)
    package static let refusedOutOfResources = DIMSEStatus(rawValue: 0xA700)
    /// C-MOVE, C-GET: the SCP cannot make the sub-operations (PS3.4 Table C.4-2).
    package static let unableToPerformSuboperations = DIMSEStatus(rawValue: 0xA702)
    package static let moveDestinationUnknown = DIMSEStatus(rawValue: 0xA801)
    package static let dataSetDoesNotMatchSOPClass = DIMSEStatus(rawValue: 0xA900)
    package static let coercionOfDataElements = DIMSEStatus(rawValue: 0xB000)
    package static let cannotUnderstand = DIMSEStatus(rawValue: 0xC000)
    package static let cancel = DIMSEStatus(rawValue: 0xFE00)
    package static let pending = DIMSEStatus(rawValue: 0xFF00)
    package static let pendingWithWarning = DIMSEStatus(rawValue: 0xFF01)

    package enum Category: Sendable {
        case success, warning, failure, cancel, pending
    }

    /// PS3.7 C.1 to C.5.
    package var category: Category {
        switch rawValue {
        case 0x0000: .success
        case 0xFF00, 0xFF01: .pending
        case 0xFE00: .cancel
        case 0x0001, 0x0107, 0x0116, 0xB000...0xBFFF: .warning
        default: .failure
        }
    }
}

extension DIMSEStatus: CustomStringConvertible {
    /// Four hexadecimal digits: "A700".
    package var description: String {
        let digits = String(rawValue, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.utf8.count) + digits
    }
}

/// What a response may add to its status (PS3.7 C.4, C.5).
package struct DIMSEStatusDetail: Hashable, Sendable {
    /// (0000,0901)
    package var offendingElements: [Tag]
    /// (0000,0902): at most 64 ASCII characters are sent. The peer logs it: no patient data.
    package var errorComment: String?
    /// (0000,0903)
    package var errorID: UInt16?

    package init(offendingElements: [Tag] = [], errorComment: String? = nil, errorID: UInt16? = nil) {
        self.offendingElements = offendingElements
        self.errorComment = errorComment
        self.errorID = errorID
    }
}

extension CommandSet {
    mutating func set(_ status: DIMSEStatus, _ detail: DIMSEStatusDetail) {
        set(.status, status.rawValue)
        if !detail.offendingElements.isEmpty { set(.offendingElement, detail.offendingElements) }
        if let comment = detail.errorComment, !comment.isEmpty { set(.errorComment, text: comment) }
        if let errorID = detail.errorID { set(.errorID, errorID) }
    }

    func status() throws(DIMSEError) -> DIMSEStatus {
        DIMSEStatus(rawValue: try requiredUInt16(.status))
    }

    func statusDetail() throws(DIMSEError) -> DIMSEStatusDetail {
        DIMSEStatusDetail(
            offendingElements: tags(.offendingElement),
            errorComment: text(.errorComment),
            errorID: try uint16(.errorID)
        )
    }
}
