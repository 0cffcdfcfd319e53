// SPDX-License-Identifier: Apache-2.0

/// Where a value lies in a stored data set.
package struct LocatedValue: Equatable, Sendable {
    package let tag: Tag
    /// Nil in Implicit VR.
    package let vr: VR?
    /// Bytes from the start of the data set. Of a value of undefined length: its first item, with no bytes.
    package let range: Range<Int>
    package let hasUndefinedLength: Bool
}

/// Walks a stored data set for some of its elements; reads headers, and passes over values where they lie.
struct ElementSearch<Source: DataSetSource> {
    private var window: DataSetWindow<Source>
    private var elements = 0
    private let encoding: ElementEncoding

    init(_ source: Source, transferSyntax: UID) {
        window = DataSetWindow(source)
        encoding = ElementEncoding(transferSyntax: transferSyntax)
    }

    /// The element at `path`; nil where there is none.
    mutating func find(_ path: ElementPath) throws(DataSetError) -> LocatedValue? {
        var level = encoding
        var range: Range<Int>? = 0..<window.count
        for step in path.steps {
            guard let region = range else { return nil }
            guard let (header, offset) = try find(step.sequence, in: region, level) else { return nil }
            if header.vr == .un { level = level.insideUnknown }
            let end = header.hasUndefinedLength ? region.upperBound : offset + header.length
            range = try item(step.item, in: offset..<end, level)
        }
        guard let region = range, let (header, offset) = try find(path.tag, in: region, level) else {
            return nil
        }
        return LocatedValue(
            tag: header.tag,
            vr: header.vr,
            range: offset..<offset + header.length,
            hasUndefinedLength: header.hasUndefinedLength
        )
    }

    /// Visits the top level elements in ascending order until `visit` returns false or the data set ends.
    mutating func forEach(
        _ visit: (ElementHeader, _ value: Int, inout DataSetWindow<Source>) throws(DataSetError) -> Bool
    ) throws(DataSetError) {
        var offset = 0
        while let header = try window.header(at: offset, encoding) {
            try count(header)
            guard try visit(header, offset + header.size, &window) else { return }
            offset = try end(of: header, at: offset, encoding, depth: 0)
        }
    }

    /// The header of the element and the offset of its value.
    private mutating func find(
        _ tag: Tag,
        in region: Range<Int>,
        _ encoding: ElementEncoding
    ) throws(DataSetError) -> (ElementHeader, Int)? {
        var offset = region.lowerBound
        while offset < region.upperBound, let header = try window.header(at: offset, encoding) {
            try count(header)
            if header.tag == tag { return (header, offset + header.size) }
            // Elements are in ascending order (PS3.5 7.1); an item's end is no element.
            guard header.tag < tag, header.tag != .itemDelimitationItem else { return nil }
            offset = try end(of: header, at: offset, encoding, depth: 0)
        }
        return nil
    }

    /// The bytes of the item with this number; up to the region's end where its length is undefined.
    private mutating func item(
        _ number: Int,
        in region: Range<Int>,
        _ encoding: ElementEncoding
    ) throws(DataSetError) -> Range<Int>? {
        var offset = region.lowerBound
        var found = 0
        while offset < region.upperBound, let header = try window.header(at: offset, encoding) {
            try count(header)
            if header.tag == .sequenceDelimitationItem { return nil }
            guard header.tag == .item else { throw .unexpectedTag(header.tag, offset: offset) }
            found += 1
            let start = offset + header.size
            if found == number {
                return start..<(header.hasUndefinedLength ? region.upperBound : start + header.length)
            }
            offset = try endOfItem(header, start, encoding, depth: 0)
        }
        return nil
    }

    /// The offset behind an element.
    private mutating func end(
        of header: ElementHeader,
        at offset: Int,
        _ encoding: ElementEncoding,
        depth: Int
    ) throws(DataSetError) -> Int {
        let start = offset + header.size
        guard header.hasUndefinedLength else { return start + header.length }
        guard header.mayHoldItems else { throw .undefinedLength(header.tag, offset: offset) }
        guard depth < DataSetLimits.nesting else { throw .nestingTooDeep(header.tag, offset: offset) }
        let inner = header.vr == .un ? encoding.insideUnknown : encoding
        var position = start
        while let item = try window.header(at: position, inner) {
            try count(item)
            position += item.size
            if item.tag == .sequenceDelimitationItem { return position }
            guard item.tag == .item else { throw .unexpectedTag(item.tag, offset: position - item.size) }
            position = try endOfItem(item, position, inner, depth: depth + 1)
        }
        throw .truncated(header.tag, offset: position)
    }

    private mutating func endOfItem(
        _ item: ElementHeader,
        _ start: Int,
        _ encoding: ElementEncoding,
        depth: Int
    ) throws(DataSetError) -> Int {
        guard item.hasUndefinedLength else { return start + item.length }
        var offset = start
        while let header = try window.header(at: offset, encoding) {
            try count(header)
            if header.tag == .itemDelimitationItem { return offset + header.size }
            offset = try end(of: header, at: offset, encoding, depth: depth)
        }
        throw .truncated(item.tag, offset: offset)
    }

    private mutating func count(_ header: ElementHeader) throws(DataSetError) {
        elements += 1
        guard elements <= DataSetLimits.elements else {
            throw .tooManyElements(limit: DataSetLimits.elements)
        }
    }
}

extension DataSetSource {
    /// Where the value at `path` lies; nil where there is none. Deflated data sets have no bytes to point at.
    package func locate(_ path: ElementPath, transferSyntax: UID) throws(DataSetError) -> LocatedValue? {
        guard transferSyntax != TransferSyntax.deflatedExplicitVRLittleEndian else { return nil }
        var search = ElementSearch(self, transferSyntax: transferSyntax)
        return try search.find(path)
    }
}
