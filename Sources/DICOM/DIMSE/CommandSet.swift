// SPDX-License-Identifier: Apache-2.0

/// The elements of group 0000 that the box reads or writes (PS3.7 E.1).
package enum CommandElement: UInt16, Sendable {
    case commandGroupLength = 0x0000
    case affectedSOPClassUID = 0x0002
    case requestedSOPClassUID = 0x0003
    case commandField = 0x0100
    case messageID = 0x0110
    case messageIDBeingRespondedTo = 0x0120
    case moveDestination = 0x0600
    case priority = 0x0700
    case commandDataSetType = 0x0800
    case status = 0x0900
    case offendingElement = 0x0901
    case errorComment = 0x0902
    case errorID = 0x0903
    case affectedSOPInstanceUID = 0x1000
    case requestedSOPInstanceUID = 0x1001
    case eventTypeID = 0x1002
    case actionTypeID = 0x1008
    case numberOfRemainingSuboperations = 0x1020
    case numberOfCompletedSuboperations = 0x1021
    case numberOfFailedSuboperations = 0x1022
    case numberOfWarningSuboperations = 0x1023
    case moveOriginatorApplicationEntityTitle = 0x1030
    case moveOriginatorMessageID = 0x1031

    package var tag: Tag { Tag(0x0000, rawValue) }
}

/// A command set: Implicit VR Little Endian, group 0000 only (PS3.7 6.3.1).
package struct CommandSet: Hashable, Sendable {
    /// Bytes of an encoded command set; real ones have 60 to 300.
    package static let maximumLength = 64 << 10
    package static let maximumElements = 64
    /// (0000,0800): no data set follows.
    static let noDataSet: UInt16 = 0x0101
    /// (0000,0800): one follows; any value but `noDataSet` says so.
    static let dataSetPresent: UInt16 = 0x0000

    private struct Element: Hashable, Sendable {
        let element: UInt16
        let range: Range<Int>
    }

    /// Holds the values; those decoded lie where they lay.
    private var bytes: [UInt8] = []
    private var elements: [Element] = []

    package init() {}
}

// MARK: - Coding

extension CommandSet {
    private static let elementHeaderLength = 8

    /// `bytes` is the whole command set. Of an element that occurs twice the first counts; the group length
    /// is not tested, since wrong ones occur in the field.
    package init(decoding bytes: [UInt8]) throws(DIMSEError) {
        guard bytes.count <= Self.maximumLength else { throw .commandTooLong(limit: Self.maximumLength) }
        self.bytes = bytes
        elements.reserveCapacity(12)
        var offset = 0
        while offset < bytes.count {
            guard bytes.count - offset >= Self.elementHeaderLength else {
                throw .truncated(nil, offset: bytes.count)
            }
            let tag = Tag(uint16(at: offset), uint16(at: offset + 2))
            guard tag.group == 0 else { throw .unexpectedTag(tag, offset: offset) }
            let length = Int(uint16(at: offset + 4)) | Int(uint16(at: offset + 6)) << 16
            offset += Self.elementHeaderLength
            guard length <= bytes.count - offset else { throw .truncated(tag, offset: bytes.count) }
            guard elements.count < Self.maximumElements else {
                throw .tooManyElements(limit: Self.maximumElements)
            }
            elements.append(Element(element: tag.element, range: offset..<offset + length))
            offset += length
        }
        elements.removeAll { $0.element == CommandElement.commandGroupLength.rawValue }
    }

    /// The elements in ascending order after their group length.
    package func encode() -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(256)
        for element in elements.sorted(by: { $0.element < $1.element }) {
            Self.append(element.element, bytes[element.range], &body)
        }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(body.count + 12)
        let length = Self.littleEndian(UInt32(truncatingIfNeeded: body.count))
        Self.append(CommandElement.commandGroupLength.rawValue, length[...], &encoded)
        return encoded + body
    }

    private static func append(_ element: UInt16, _ value: ArraySlice<UInt8>, _ body: inout [UInt8]) {
        body.append(contentsOf: [0, 0])
        body.append(contentsOf: littleEndian(element))
        body.append(contentsOf: littleEndian(UInt32(truncatingIfNeeded: value.count)))
        body.append(contentsOf: value)
    }

    private static func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private func uint16(at offset: Int) -> UInt16 {
        UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }
}

// MARK: - Values

extension CommandSet {
    /// US; nil where absent or empty.
    package func uint16(_ element: CommandElement) throws(DIMSEError) -> UInt16? {
        guard let range = range(element) else { return nil }
        guard range.count == 2 else { throw .invalid(element.tag, expected: "2 bytes") }
        return uint16(at: range.lowerBound)
    }

    /// UI; nil where absent or empty.
    package func uid(_ element: CommandElement) throws(DIMSEError) -> UID? {
        guard let range = range(element) else { return nil }
        guard let uid = UID(String(decoding: bytes[range], as: UTF8.self)) else {
            throw .invalid(element.tag, expected: "1 to 64 digits and dots")
        }
        return uid
    }

    /// AE; nil where absent, empty or no title, since nothing depends on it.
    package func aeTitle(_ element: CommandElement) -> AETitle? {
        range(element).flatMap { AETitle(Array(bytes[$0])) }
    }

    /// LO of the default repertoire without its padding; nil where absent or empty. Other characters are "?".
    package func text(_ element: CommandElement) -> String? {
        guard let range = range(element) else { return nil }
        var characters = Array(bytes[range].prefix(64))
        while let last = characters.last, last == 0 || last == 0x20 { characters.removeLast() }
        let printable = characters.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: printable, as: UTF8.self)
    }

    /// AT, each tag in turn; an incomplete one at the end is left out.
    package func tags(_ element: CommandElement) -> [Tag] {
        guard let range = range(element) else { return [] }
        return stride(from: range.lowerBound, through: range.upperBound - 4, by: 4).map {
            Tag(uint16(at: $0), uint16(at: $0 + 2))
        }
    }

    package func requiredUInt16(_ element: CommandElement) throws(DIMSEError) -> UInt16 {
        guard let value = try uint16(element) else { throw .missing(element.tag) }
        return value
    }

    package func requiredUID(_ element: CommandElement) throws(DIMSEError) -> UID {
        guard let value = try uid(element) else { throw .missing(element.tag) }
        return value
    }

    package mutating func set(_ element: CommandElement, _ value: UInt16) {
        append(element, Self.littleEndian(value))
    }

    package mutating func set(_ element: CommandElement, _ value: UID) {
        append(element, Array(value.string.utf8), padding: 0)
    }

    package mutating func set(_ element: CommandElement, _ value: AETitle) {
        append(element, Array(value.string.utf8), padding: 0x20)
    }

    /// ASCII, at most 64 characters (VR LO); backslash would start another value.
    package mutating func set(_ element: CommandElement, text: String) {
        let characters = text.unicodeScalars.prefix(64).map { scalar -> UInt8 in
            let isPlain = (0x20...0x7E).contains(scalar.value) && scalar != "\\"
            return isPlain ? UInt8(truncatingIfNeeded: scalar.value) : UInt8(ascii: "?")
        }
        append(element, characters, padding: 0x20)
    }

    package mutating func set(_ element: CommandElement, _ tags: [Tag]) {
        append(element, tags.flatMap { Self.littleEndian($0.group) + Self.littleEndian($0.element) })
    }

    private func range(_ element: CommandElement) -> Range<Int>? {
        guard let found = elements.first(where: { $0.element == element.rawValue }) else { return nil }
        return found.range.isEmpty ? nil : found.range
    }

    private mutating func append(_ element: CommandElement, _ value: [UInt8], padding: UInt8 = 0) {
        elements.removeAll { $0.element == element.rawValue }
        let start = bytes.count
        bytes.append(contentsOf: value)
        if !value.count.isMultiple(of: 2) { bytes.append(padding) }
        elements.append(Element(element: element.rawValue, range: start..<bytes.count))
    }
}

// MARK: - What every message has

extension CommandSet {
    package func commandField() throws(DIMSEError) -> UInt16 { try requiredUInt16(.commandField) }

    /// (0000,0110), with which a refusal can be sent even where the rest is unreadable.
    package func messageID() throws(DIMSEError) -> UInt16 { try requiredUInt16(.messageID) }

    package func hasDataSet() throws(DIMSEError) -> Bool {
        try requiredUInt16(.commandDataSetType) != Self.noDataSet
    }
}
