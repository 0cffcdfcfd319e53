// SPDX-License-Identifier: Apache-2.0

/// A-ASSOCIATE-RQ: the peer proposes an association (PS3.8 9.3.2, Table 9-11).
package struct AssociateRQ: Hashable, Sendable {
    static let type: UInt8 = 0x01

    /// Bit 0 is version 1, the only one there is; other bits are not tested.
    package var protocolVersion: UInt16
    package var calledAETitle: AETitle
    package var callingAETitle: AETitle
    package var applicationContextName: UID
    package var presentationContexts: [PresentationContext]
    package var userInformation: UserInformation

    package init(
        protocolVersion: UInt16 = 1,
        calledAETitle: AETitle,
        callingAETitle: AETitle,
        applicationContextName: UID = .dicomApplicationContextName,
        presentationContexts: [PresentationContext],
        userInformation: UserInformation
    ) {
        self.protocolVersion = protocolVersion
        self.calledAETitle = calledAETitle
        self.callingAETitle = callingAETitle
        self.applicationContextName = applicationContextName
        self.presentationContexts = presentationContexts
        self.userInformation = userInformation
    }

    package var isProtocolVersionSupported: Bool { protocolVersion & 1 == 1 }
}

/// A proposed abstract syntax and the transfer syntaxes for it (PS3.8 9.3.2.2).
package struct PresentationContext: Hashable, Sendable {
    static let itemType: UInt8 = 0x20
    static let abstractSyntaxItemType: UInt8 = 0x30
    static let transferSyntaxItemType: UInt8 = 0x40

    /// Odd, 1 to 255, unique in its association.
    package var id: UInt8
    package var abstractSyntax: UID
    package var transferSyntaxes: [UID]

    package init(id: UInt8, abstractSyntax: UID, transferSyntaxes: [UID]) {
        self.id = id
        self.abstractSyntax = abstractSyntax
        self.transferSyntaxes = transferSyntaxes
    }
}

extension UID {
    /// PS3.7 A.2.1.
    package static let dicomApplicationContextName = UID(literal: "1.2.840.10008.3.1.1.1")
}

extension AssociateRQ {
    /// `pdu` is the whole PDU. Reserved bytes are not tested (PS3.8 9.3.1), unknown items are passed over.
    package init(decoding pdu: [UInt8]) throws(PDUError) {
        var fields = try PDUFieldReader(pdu, type: Self.type, minimumLength: AssociateFixedFields.length)
        let fixed = try AssociateFixedFields(&fields)
        var name: UID?
        var contexts: [PresentationContext] = []
        var information = UserInformation()
        while !fields.isAtEnd {
            var item = try fields.item(in: "A-ASSOCIATE-RQ")
            switch item.type {
            case AssociateFixedFields.applicationContextItemType:
                name = try item.fields.uid(item.fields.remaining, "Application-context-name")
            case PresentationContext.itemType:
                let context = try PresentationContext(&item.fields)
                try AssociateFixedFields.check(id: context.id, at: item.offset + 4, among: contexts.map(\.id))
                contexts.append(context)
            case UserInformation.itemType:
                information = try UserInformation(&item.fields)
            default: break
            }
        }
        guard let name else { throw AssociateFixedFields.missing("Application Context Item", pdu) }
        guard let calledAETitle = fixed.calledAETitle else {
            throw AssociateFixedFields.notATitle("Called-AE-title", 10)
        }
        guard let callingAETitle = fixed.callingAETitle else {
            throw AssociateFixedFields.notATitle("Calling-AE-title", 26)
        }
        self.init(
            protocolVersion: fixed.protocolVersion,
            calledAETitle: calledAETitle,
            callingAETitle: callingAETitle,
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
            value.appendItem(PresentationContext.itemType, context.encode())
        }
        value.appendItem(UserInformation.itemType, userInformation.encode())
        return .pdu(Self.type, value)
    }
}

extension PresentationContext {
    fileprivate init(_ fields: inout PDUFieldReader) throws(PDUError) {
        let start = fields.offset
        id = try fields.uint8("Presentation-context-ID")
        try fields.skip(3, "Reserved")
        var abstractSyntax: UID?
        transferSyntaxes = []
        while !fields.isAtEnd {
            var item = try fields.item(in: "Presentation Context Item")
            switch item.type {
            case Self.abstractSyntaxItemType:
                abstractSyntax = try item.fields.uid(item.fields.remaining, "Abstract-syntax-name")
            case Self.transferSyntaxItemType:
                transferSyntaxes.append(try item.fields.uid(item.fields.remaining, "Transfer-syntax-name"))
                let limit = PDULimits.transferSyntaxes
                guard transferSyntaxes.count <= limit else {
                    throw .invalid(
                        "Transfer Syntax Sub-Items",
                        at: item.offset,
                        found: limit + 1,
                        expected: "at most \(limit)"
                    )
                }
            default: break
            }
        }
        guard let abstractSyntax else {
            let field = "Abstract Syntax Sub-Item"
            throw .invalid(field: field, offset: start, found: "none", expected: "one in context \(id)")
        }
        self.abstractSyntax = abstractSyntax
    }

    fileprivate func encode() -> [UInt8] {
        var value: [UInt8] = [id, 0, 0, 0]
        value.appendItem(Self.abstractSyntaxItemType, Array(abstractSyntax.string.utf8))
        for syntax in transferSyntaxes {
            value.appendItem(Self.transferSyntaxItemType, Array(syntax.string.utf8))
        }
        return value
    }
}
