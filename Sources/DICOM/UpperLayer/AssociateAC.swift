// SPDX-License-Identifier: Apache-2.0

/// A-ASSOCIATE-AC: the acceptor's answer to each presentation context (PS3.8 9.3.3, Table 9-17).
package struct AssociateAC: Hashable, Sendable {
    static let type: UInt8 = 0x02

    package var protocolVersion: UInt16
    /// Sent as in the A-ASSOCIATE-RQ; reserved, so nil where what was received is no title.
    package var calledAETitle: AETitle?
    package var callingAETitle: AETitle?
    package var applicationContextName: UID
    package var presentationContexts: [PresentationContextResult]
    package var userInformation: UserInformation

    package init(
        protocolVersion: UInt16 = 1,
        calledAETitle: AETitle?,
        callingAETitle: AETitle?,
        applicationContextName: UID = .dicomApplicationContextName,
        presentationContexts: [PresentationContextResult],
        userInformation: UserInformation
    ) {
        self.protocolVersion = protocolVersion
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.applicationContextName = applicationContextName
        self.presentationContexts = presentationContexts
        self.userInformation = userInformation
    }
}

/// The answer to one presentation context (PS3.8 9.3.3.2).
package struct PresentationContextResult: Hashable, Sendable {
    static let itemType: UInt8 = 0x21

    package enum Result: UInt8, Sendable {
        case acceptance = 0
        case userRejection = 1
        case noReason = 2
        case abstractSyntaxNotSupported = 3
        case transferSyntaxesNotSupported = 4
    }

    package var id: UInt8
    package var result: Result
    /// Significant where accepted only.
    package var transferSyntax: UID?

    package init(id: UInt8, result: Result, transferSyntax: UID?) {
        self.id = id
        self.result = result
        self.transferSyntax = transferSyntax
    }
}

extension AssociateAC {
    /// `pdu` is the whole PDU. Reserved bytes are not tested (PS3.8 9.3.1), unknown items are passed over.
    package init(decoding pdu: [UInt8]) throws(PDUError) {
        var fields = try PDUFieldReader(pdu, type: Self.type, minimumLength: AssociateFixedFields.length)
        let fixed = try AssociateFixedFields(&fields)
        var name: UID?
        var contexts: [PresentationContextResult] = []
        var information = UserInformation()
        while !fields.isAtEnd {
            var item = try fields.item(in: "A-ASSOCIATE-AC")
            switch item.type {
            case AssociateFixedFields.applicationContextItemType:
                name = try item.fields.uid(item.fields.remaining, "Application-context-name")
            case PresentationContextResult.itemType:
                let context = try PresentationContextResult(&item.fields)
                try AssociateFixedFields.check(id: context.id, at: item.offset + 4, among: contexts.map(\.id))
                contexts.append(context)
            case UserInformation.itemType:
                information = try UserInformation(&item.fields)
            default: break
            }
        }
        guard let name else { throw AssociateFixedFields.missing("Application Context Item", pdu) }
        self.init(
            protocolVersion: fixed.protocolVersion,
            calledAETitle: fixed.calledAETitle,
            callingAETitle: fixed.callingAETitle,
            applicationContextName: name,
            presentationContexts: contexts,
            userInformation: information
        )
    }

    package func encode() -> [UInt8] {
        var value = AssociateFixedFields.encode(protocolVersion, calledAETitle, callingAETitle)
        value.appendItem(
            AssociateFixedFields.applicationContextItemType,
            Array(applicationContextName.string.utf8)
        )
        for context in presentationContexts {
            value.appendItem(PresentationContextResult.itemType, context.encode())
        }
        value.appendItem(UserInformation.itemType, userInformation.encode())
        return .pdu(Self.type, value)
    }
}

extension PresentationContextResult {
    fileprivate init(_ fields: inout PDUFieldReader) throws(PDUError) {
        id = try fields.uint8("Presentation-context-ID")
        try fields.skip(1, "Reserved")
        let offset = fields.offset
        let found = try fields.uint8("Result/Reason")
        guard let result = Result(rawValue: found) else {
            throw .invalid("Result/Reason", at: offset, found: Int(found), expected: "0 to 4")
        }
        self.result = result
        try fields.skip(1, "Reserved")
        while !fields.isAtEnd {
            var item = try fields.item(in: "Presentation Context Item")
            guard item.type == PresentationContext.transferSyntaxItemType else { continue }
            transferSyntax = try item.fields.uidIfValid(item.fields.remaining, "Transfer-syntax-name")
        }
        guard result != .acceptance || transferSyntax != nil else {
            let field = "Transfer Syntax Sub-Item"
            throw .invalid(
                field: field,
                offset: offset,
                found: "no UID",
                expected: "one in accepted context \(id)"
            )
        }
    }

    /// A transfer syntax is sent in any case (Table 9-18); its value is not significant where not accepted.
    fileprivate func encode() -> [UInt8] {
        var value: [UInt8] = [id, 0, result.rawValue, 0]
        let syntax = transferSyntax ?? TransferSyntax.implicitVRLittleEndian
        value.appendItem(PresentationContext.transferSyntaxItemType, Array(syntax.string.utf8))
        return value
    }
}
