// SPDX-License-Identifier: Apache-2.0
import Linux

extension DataSet {
    /// Bytes of a data set that is held whole, at most: a C-FIND identifier has some hundred, a commitment request
    /// of 10,000 instances 2 MB, a manifest of as many 4 MB.
    package static let maximumLength = 16 << 20

    /// Reads all of `bytes`, a data set of so many elements at most, in a transfer syntax that is not deflated.
    package init(
        decoding bytes: [UInt8],
        transferSyntax: UID,
        elements: Int = DataSetLimits.elements
    ) throws(DataSetError) {
        guard bytes.count <= Self.maximumLength else {
            throw .headerTooLong(.specificCharacterSet, end: bytes.count, limit: Self.maximumLength)
        }
        var decoder = DataSetDecoder(bytes: bytes, limit: elements)
        var offset = 0
        let encoding = ElementEncoding(transferSyntax: transferSyntax)
        self = try decoder.dataSet(&offset, end: bytes.count, isItem: false, encoding, .default)
    }

    /// The data set in Implicit or Explicit VR Little Endian; sequences and items with their lengths.
    package func encode(transferSyntax: UID = TransferSyntax.explicitVRLittleEndian) -> [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes, isExplicit: transferSyntax != TransferSyntax.implicitVRLittleEndian)
        return bytes
    }

    private func append(to bytes: inout [UInt8], isExplicit: Bool) {
        for element in elements {
            var value: [UInt8] = []
            switch element.value {
            case .bytes(let content): value = content
            case .items(let items):
                for item in items {
                    var content: [UInt8] = []
                    item.append(to: &content, isExplicit: isExplicit)
                    value.appendTag(.item)
                    value.appendLittleEndian(UInt32(truncatingIfNeeded: content.count))
                    value += content
                }
            }
            bytes.appendTag(element.tag)
            if isExplicit {
                bytes.append(UInt8(element.vr.rawValue >> 8))
                bytes.append(UInt8(truncatingIfNeeded: element.vr.rawValue))
            }
            if isExplicit && !element.vr.hasLongLength {
                bytes.appendLittleEndian(UInt16(truncatingIfNeeded: value.count))
            } else {
                if isExplicit { bytes += [0, 0] }
                bytes.appendLittleEndian(UInt32(truncatingIfNeeded: value.count))
            }
            bytes += value
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendTag(_ tag: Tag) {
        appendLittleEndian(tag.group)
        appendLittleEndian(tag.element)
    }

    fileprivate mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
        for shift in stride(from: 0, to: value.bitWidth, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}

/// Reads elements, sequences and items of known and of undefined length (PS3.5 7).
private struct DataSetDecoder {
    let bytes: [UInt8]
    let limit: Int
    private var count = 0
    private var depth = 0

    init(bytes: [UInt8], limit: Int) {
        self.bytes = bytes
        self.limit = limit
    }

    mutating func dataSet(
        _ offset: inout Int,
        end: Int,
        isItem: Bool,
        _ encoding: ElementEncoding,
        _ characterSet: SpecificCharacterSet
    ) throws(DataSetError) -> DataSet {
        var elements: [DataSet.Element] = []
        var characterSet = characterSet
        while offset < end {
            let header = try header(&offset, end, encoding)
            if isItem, header.tag == .itemDelimitationItem { break }
            guard header.tag.group != 0xFFFE else {
                throw .unexpectedTag(header.tag, offset: offset - header.size)
            }
            let vr = header.vr ?? DataDictionary.vr(of: header.tag)
            if vr == .sq || header.hasUndefinedLength {
                let inner = vr == .un ? encoding.insideUnknown : encoding
                let items = try items(&offset, header, end, inner, characterSet)
                elements.append(.init(tag: header.tag, vr: .sq, value: .items(items)))
            } else {
                let value = try self.value(&offset, header, end)
                if header.tag.element != 0 {
                    elements.append(
                        .init(tag: header.tag, vr: vr, value: .bytes(swapped(value, vr, encoding)))
                    )
                }
                if header.tag == .specificCharacterSet {
                    characterSet = value.withRawSpan { SpecificCharacterSet($0, 0..<$0.byteCount) }
                }
            }
        }
        return DataSet(elements, characterSet)
    }

    private mutating func items(
        _ offset: inout Int,
        _ sequence: ElementHeader,
        _ end: Int,
        _ encoding: ElementEncoding,
        _ characterSet: SpecificCharacterSet
    ) throws(DataSetError) -> [DataSet] {
        depth += 1
        defer { depth -= 1 }
        guard depth <= DataSetLimits.nesting else { throw .nestingTooDeep(sequence.tag, offset: offset) }
        let end = try self.end(offset, sequence, end)
        var items: [DataSet] = []
        while offset < end {
            let header = try header(&offset, end, encoding)
            if header.tag == .sequenceDelimitationItem, sequence.hasUndefinedLength { return items }
            guard header.tag == .item else { throw .unexpectedTag(header.tag, offset: offset - header.size) }
            let itemEnd = try self.end(offset, header, end)
            items.append(
                try dataSet(&offset, end: itemEnd, isItem: header.hasUndefinedLength, encoding, characterSet)
            )
        }
        guard !sequence.hasUndefinedLength else { throw .truncated(sequence.tag, offset: end) }
        return items
    }

    private func end(_ offset: Int, _ header: ElementHeader, _ end: Int) throws(DataSetError) -> Int {
        if header.hasUndefinedLength { return end }
        guard header.length <= end - offset else { throw .truncated(header.tag, offset: end) }
        return offset + header.length
    }

    private mutating func header(
        _ offset: inout Int,
        _ end: Int,
        _ encoding: ElementEncoding
    ) throws(DataSetError) -> ElementHeader {
        count += 1
        guard count <= limit else { throw .tooManyElements(limit: limit) }
        let position = offset
        let header = try bytes.withRawSpan { (bytes) throws(DataSetError) in
            try ElementHeader.read(bytes, at: position, base: 0, encoding)
        }
        guard let header, header.size <= end - offset else { throw .truncated(nil, offset: end) }
        offset += header.size
        return header
    }

    private func value(
        _ offset: inout Int,
        _ header: ElementHeader,
        _ end: Int
    ) throws(DataSetError) -> [UInt8] {
        guard header.length <= end - offset else { throw .truncated(header.tag, offset: end) }
        defer { offset += header.length }
        return Array(bytes[offset..<offset + header.length])
    }

    /// Numbers of a big endian data set in little endian.
    private func swapped(_ value: [UInt8], _ vr: VR, _ encoding: ElementEncoding) -> [UInt8] {
        guard encoding == .explicitBigEndian else { return value }
        let width =
            switch vr {
            case .at, .ow, .ss, .us: 2
            case .fl, .of, .ol, .sl, .ul: 4
            case .fd, .od, .ov, .sv, .uv: 8
            default: 1
            }
        guard width > 1, value.count.isMultiple(of: width) else { return value }
        return stride(from: 0, to: value.count, by: width).flatMap { value[$0..<$0 + width].reversed() }
    }
}
