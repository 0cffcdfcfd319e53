// SPDX-License-Identifier: Apache-2.0

/// Item types of the User Information sub items (PS3.8 D.3, PS3.7 D.3.3).
private enum SubItemType {
    static let maximumLength: UInt8 = 0x51
    static let implementationClassUID: UInt8 = 0x52
    static let asynchronousOperationsWindow: UInt8 = 0x53
    static let roleSelection: UInt8 = 0x54
    static let implementationVersionName: UInt8 = 0x55
    static let sopClassExtendedNegotiation: UInt8 = 0x56
    static let sopClassCommonExtendedNegotiation: UInt8 = 0x57
    static let userIdentity: UInt8 = 0x58
    static let userIdentityResponse: UInt8 = 0x59
}

extension UserInformation {
    init(_ fields: inout PDUFieldReader) throws(PDUError) {
        self.init()
        while !fields.isAtEnd {
            var item = try fields.item(in: "User Information Item")
            try read(item.type, &item.fields)
            let counts = [
                roleSelections.count, sopClassExtendedNegotiations.count,
                sopClassCommonExtendedNegotiations.count,
            ]
            guard counts.allSatisfy({ $0 <= PDULimits.subItems }) else {
                let expected = "at most \(PDULimits.subItems) of type \(item.type)"
                throw .invalid(
                    "User Information sub items",
                    at: item.offset,
                    found: PDULimits.subItems + 1,
                    expected: expected
                )
            }
        }
    }

    private mutating func read(_ type: UInt8, _ fields: inout PDUFieldReader) throws(PDUError) {
        switch type {
        case SubItemType.maximumLength:
            maximumLength = try fields.uint32("Maximum-length-received")
        case SubItemType.implementationClassUID:
            implementationClassUID = try fields.uidIfValid(fields.remaining, "Implementation-class-uid")
        case SubItemType.asynchronousOperationsWindow:
            asynchronousOperationsWindow = try AsynchronousOperationsWindow(&fields)
        case SubItemType.roleSelection:
            roleSelections.append(try RoleSelection(&fields))
        case SubItemType.implementationVersionName:
            implementationVersionName = try Self.versionName(&fields)
        case SubItemType.sopClassExtendedNegotiation:
            sopClassExtendedNegotiations.append(try SOPClassExtendedNegotiation(&fields))
        case SubItemType.sopClassCommonExtendedNegotiation:
            sopClassCommonExtendedNegotiations.append(try SOPClassCommonExtendedNegotiation(&fields))
        case SubItemType.userIdentity:
            userIdentity = try UserIdentity(&fields)
        case SubItemType.userIdentityResponse:
            let length = Int(try fields.uint16("Server-response-length"))
            userIdentityResponse = try fields.bytes(length, "Server-response")
        default: break
        }
    }

    /// At most 16 printable ASCII characters: it goes to logs and files.
    private static func versionName(_ fields: inout PDUFieldReader) throws(PDUError) -> String? {
        let bytes = try fields.bytes(fields.remaining, "Implementation-version-name")
        let printable = bytes.filter { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }
        return AETitle(Array(printable.prefix(AETitle.fieldLength)))?.string
    }

    func encode() -> [UInt8] {
        var value: [UInt8] = []
        if let maximumLength {
            var field: [UInt8] = []
            field.appendBigEndian(maximumLength)
            value.appendItem(SubItemType.maximumLength, field)
        }
        if let implementationClassUID {
            value.appendItem(SubItemType.implementationClassUID, Array(implementationClassUID.string.utf8))
        }
        if let asynchronousOperationsWindow {
            value.appendItem(SubItemType.asynchronousOperationsWindow, asynchronousOperationsWindow.encode())
        }
        for selection in roleSelections { value.appendItem(SubItemType.roleSelection, selection.encode()) }
        if let implementationVersionName {
            value.appendItem(
                SubItemType.implementationVersionName,
                Array(implementationVersionName.utf8.prefix(16))
            )
        }
        for negotiation in sopClassExtendedNegotiations {
            value.appendItem(SubItemType.sopClassExtendedNegotiation, negotiation.encode())
        }
        for negotiation in sopClassCommonExtendedNegotiations {
            value.appendItem(SubItemType.sopClassCommonExtendedNegotiation, negotiation.encode())
        }
        if let userIdentity { value.appendItem(SubItemType.userIdentity, userIdentity.encode()) }
        if let userIdentityResponse {
            var field: [UInt8] = []
            field.appendCounted(userIdentityResponse)
            value.appendItem(SubItemType.userIdentityResponse, field)
        }
        return value
    }
}

extension AsynchronousOperationsWindow {
    fileprivate init(_ fields: inout PDUFieldReader) throws(PDUError) {
        maximumNumberOperationsInvoked = try fields.uint16("Maximum-number-operations-invoked")
        maximumNumberOperationsPerformed = try fields.uint16("Maximum-number-operations-performed")
    }

    fileprivate func encode() -> [UInt8] {
        var value: [UInt8] = []
        value.appendBigEndian(maximumNumberOperationsInvoked)
        value.appendBigEndian(maximumNumberOperationsPerformed)
        return value
    }
}

extension RoleSelection {
    fileprivate init(_ fields: inout PDUFieldReader) throws(PDUError) {
        sopClassUID = try fields.uid(Int(try fields.uint16("UID-length")), "SOP-class-uid")
        scuRole = try fields.uint8("SCU-role") == 1
        scpRole = try fields.uint8("SCP-role") == 1
    }

    fileprivate func encode() -> [UInt8] {
        var value: [UInt8] = []
        value.appendCounted(sopClassUID.string.utf8)
        value.append(contentsOf: [scuRole ? 1 : 0, scpRole ? 1 : 0])
        return value
    }
}

extension SOPClassExtendedNegotiation {
    fileprivate init(_ fields: inout PDUFieldReader) throws(PDUError) {
        sopClassUID = try fields.uid(Int(try fields.uint16("SOP-class-uid-length")), "SOP-class-uid")
        let field = "Service-class-application-information"
        serviceClassApplicationInformation = try fields.bytes(fields.remaining, field)
    }

    fileprivate func encode() -> [UInt8] {
        var value: [UInt8] = []
        value.appendCounted(sopClassUID.string.utf8)
        value.append(contentsOf: serviceClassApplicationInformation)
        return value
    }
}

extension SOPClassCommonExtendedNegotiation {
    fileprivate init(_ fields: inout PDUFieldReader) throws(PDUError) {
        sopClassUID = try fields.uid(Int(try fields.uint16("SOP-class-uid-length")), "SOP-class-uid")
        serviceClassUID = try fields.uid(
            Int(try fields.uint16("Service-class-uid-length")),
            "Service-class-uid"
        )
        relatedGeneralSOPClassUIDs = []
        let length = Int(try fields.uint16("Related-general-sop-class-identification-length"))
        let end = fields.offset + length
        guard length <= fields.remaining else {
            let field = "Related-general-sop-class-identification"
            throw .invalid(
                field,
                at: fields.offset,
                found: length,
                expected: "at most \(fields.remaining) bytes"
            )
        }
        while fields.offset < end {
            let field = "Related-general-sop-class-uid"
            relatedGeneralSOPClassUIDs.append(try fields.uid(Int(try fields.uint16(field)), field))
        }
    }

    fileprivate func encode() -> [UInt8] {
        var related: [UInt8] = []
        for uid in relatedGeneralSOPClassUIDs { related.appendCounted(uid.string.utf8) }
        var value: [UInt8] = []
        value.appendCounted(sopClassUID.string.utf8)
        value.appendCounted(serviceClassUID.string.utf8)
        value.appendCounted(related)
        return value
    }
}

extension UserIdentity {
    fileprivate init(_ fields: inout PDUFieldReader) throws(PDUError) {
        userIdentityType = try fields.uint8("User-Identity-Type")
        positiveResponseRequested = try fields.uint8("Positive-response-requested") == 1
        primaryField = try fields.bytes(Int(try fields.uint16("Primary-field-length")), "Primary-field")
        secondaryField = try fields.bytes(Int(try fields.uint16("Secondary-field-length")), "Secondary-field")
    }

    fileprivate func encode() -> [UInt8] {
        var value: [UInt8] = [userIdentityType, positiveResponseRequested ? 1 : 0]
        value.appendCounted(primaryField)
        value.appendCounted(secondaryField)
        return value
    }
}
