// SPDX-License-Identifier: Apache-2.0

/// Reads the fields of a PDU in turn; a field that ends beyond its item is an error that names it.
struct PDUFieldReader {
    private let bytes: [UInt8]
    private(set) var offset: Int
    private let end: Int

    /// A reader behind the header of `pdu`, whose type and length are tested.
    init(_ pdu: [UInt8], type: UInt8, minimumLength: Int) throws(PDUError) {
        bytes = pdu
        offset = 0
        end = pdu.count
        let found = try uint8("PDU-type")
        guard found == type else {
            throw .invalid("PDU-type", at: 0, found: Int(found), expected: String(type))
        }
        try skip(1, "Reserved")
        let length = Int(try uint32("PDU-length"))
        guard length == pdu.count - offset else {
            throw .invalid(
                "PDU-length",
                at: 2,
                found: length,
                expected: "the \(pdu.count - offset) bytes present"
            )
        }
        guard length >= minimumLength else {
            throw .invalid("PDU-length", at: 2, found: length, expected: "at least \(minimumLength)")
        }
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { offset == end }
    var remaining: Int { end - offset }

    mutating func uint8(_ field: String) throws(PDUError) -> UInt8 {
        bytes[try take(1, field).lowerBound]
    }

    mutating func uint16(_ field: String) throws(PDUError) -> UInt16 {
        bytes[try take(2, field)].reduce(0) { $0 << 8 | UInt16($1) }
    }

    mutating func uint32(_ field: String) throws(PDUError) -> UInt32 {
        bytes[try take(4, field)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func skip(_ count: Int, _ field: String) throws(PDUError) {
        _ = try take(count, field)
    }

    mutating func bytes(_ count: Int, _ field: String) throws(PDUError) -> [UInt8] {
        Array(bytes[try take(count, field)])
    }

    /// A UID, padding by NUL or space ignored.
    mutating func uid(_ count: Int, _ field: String) throws(PDUError) -> UID {
        let start = offset
        guard let uid = try uidIfValid(count, field) else {
            throw .invalid(field: field, offset: start, found: "no UID", expected: "1 to 64 digits and dots")
        }
        return uid
    }

    mutating func uidIfValid(_ count: Int, _ field: String) throws(PDUError) -> UID? {
        UID(String(decoding: bytes[try take(count, field)], as: UTF8.self))
    }

    /// The next item: type, reserved byte, two bytes of length, that many bytes.
    mutating func item(in parent: String) throws(PDUError) -> PDUItem {
        let start = offset
        let type = try uint8("Item-type in \(parent)")
        try skip(1, "Reserved in \(parent)")
        let length = Int(try uint16("Item-length in \(parent)"))
        return PDUItem(
            type: type,
            offset: start,
            fields: PDUFieldReader(bytes, try take(length, "Item in \(parent)"))
        )
    }

    private mutating func take(_ count: Int, _ field: String) throws(PDUError) -> Range<Int> {
        guard count <= end - offset else {
            let expected = "\(count) bytes"
            throw .invalid(field: field, offset: offset, found: "\(end - offset) bytes", expected: expected)
        }
        defer { offset += count }
        return offset..<offset + count
    }
}

/// An item or sub item of a PDU (PS3.8 9.3.2).
struct PDUItem {
    let type: UInt8
    let offset: Int
    var fields: PDUFieldReader
}

extension [UInt8] {
    mutating func appendBigEndian<Integer: FixedWidthInteger & UnsignedInteger>(_ value: Integer) {
        for shift in stride(from: Integer.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Type, reserved byte (or version), two bytes of length, `value`.
    mutating func appendItem(_ type: UInt8, _ value: [UInt8]) {
        append(contentsOf: [type, 0])
        appendCounted(value)
    }

    /// Two bytes of length, `value`.
    mutating func appendCounted(_ value: some Collection<UInt8>) {
        appendBigEndian(UInt16(truncatingIfNeeded: value.count))
        append(contentsOf: value)
    }

    /// A PDU around `value`.
    static func pdu(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(6 + value.count)
        bytes.append(contentsOf: [type, 0])
        bytes.appendBigEndian(UInt32(truncatingIfNeeded: value.count))
        bytes.append(contentsOf: value)
        return bytes
    }
}
