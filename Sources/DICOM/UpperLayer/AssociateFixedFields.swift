// SPDX-License-Identifier: Apache-2.0

/// Bytes 7 to 74 of A-ASSOCIATE-RQ and -AC (PS3.8 Tables 9-11 and 9-17).
struct AssociateFixedFields {
    static let length = 68
    static let applicationContextItemType: UInt8 = 0x10

    let protocolVersion: UInt16
    /// Nil where the field holds no title; in an A-ASSOCIATE-AC it is reserved.
    let calledAETitle: AETitle?
    let callingAETitle: AETitle?

    init(_ fields: inout PDUFieldReader) throws(PDUError) {
        protocolVersion = try fields.uint16("Protocol-version")
        try fields.skip(2, "Reserved")
        calledAETitle = AETitle(try fields.bytes(AETitle.fieldLength, "Called-AE-title"))
        callingAETitle = AETitle(try fields.bytes(AETitle.fieldLength, "Calling-AE-title"))
        try fields.skip(32, "Reserved")
    }

    static func encode(_ protocolVersion: UInt16, _ called: AETitle?, _ calling: AETitle?) -> [UInt8] {
        var value: [UInt8] = []
        value.appendBigEndian(protocolVersion)
        value.appendBigEndian(UInt16(0))
        value.append(contentsOf: AETitle.field(called))
        value.append(contentsOf: AETitle.field(calling))
        value.append(contentsOf: repeatElement(0, count: 32))
        return value
    }

    /// A presentation context's identifier is odd and unique (PS3.8 9.3.2.2).
    static func check(id: UInt8, at offset: Int, among others: [UInt8]) throws(PDUError) {
        let field = "Presentation-context-ID"
        guard id & 1 == 1 else {
            throw .invalid(field, at: offset, found: Int(id), expected: "an odd number")
        }
        guard !others.contains(id) else {
            throw .invalid(field, at: offset, found: Int(id), expected: "a number not used before")
        }
        guard others.count < PDULimits.presentationContexts else {
            let expected = "at most \(PDULimits.presentationContexts)"
            throw .invalid(
                "Presentation Context Items",
                at: offset,
                found: others.count + 1,
                expected: expected
            )
        }
    }

    static func missing(_ field: String, _ pdu: [UInt8]) -> PDUError {
        .invalid(field: field, offset: pdu.count, found: "none", expected: "one")
    }

    static func notATitle(_ field: String, _ offset: Int) -> PDUError {
        let expected = "1 to 16 characters without control characters and backslash"
        return .invalid(field: field, offset: offset, found: "no AE title", expected: expected)
    }
}
