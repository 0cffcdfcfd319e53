// SPDX-License-Identifier: Apache-2.0
import Linux

/// Reads an instance's header while its data set arrives, however it is cut up; ends at (0020,0013) or the first
/// greater tag. Elements are in ascending order (PS3.5 7.1), so nothing wanted follows. Holds at most one wanted
/// value; everything else is passed over where it lies.
package struct InstanceHeaderReader: Sendable {
    /// A sequence of undefined length, or an item of undefined length in it.
    private struct Level: Sendable {
        let isItem: Bool
        let encoding: ElementEncoding
    }

    /// The longest piece that is read as one: an element's header and its wanted value.
    private static let maximumUnit = ElementHeader.maximumSize + InstanceHeaderValues.maximumLength
    private static let inflatedBytes = 16 << 10

    private let encoding: ElementEncoding
    private var levels: [Level] = []
    /// Bytes of the current value still to pass over.
    private var skip = 0
    /// Bytes of the data set consumed before the span being scanned.
    private var base = 0
    private var elements = 0
    private var lastTag: Tag?
    /// The start of a unit whose end has not arrived.
    private var carry: [UInt8] = []
    private var values = InstanceHeaderValues()
    private var isComplete = false
    private let isDeflated: Bool
    private var inflater: Inflater?

    package init(transferSyntax: UID) {
        encoding = ElementEncoding(transferSyntax: transferSyntax)
        isDeflated = transferSyntax == TransferSyntax.deflatedExplicitVRLittleEndian
    }

    /// Takes the data set's next bytes. Nil: feed more. Once there is a header, further bytes are not looked at.
    package mutating func feed(_ bytes: RawSpan) throws(DataSetError) -> InstanceHeader? {
        if !isComplete {
            if isDeflated { try inflate(bytes) } else { try feedElements(bytes) }
        }
        return isComplete ? try values.header() : nil
    }

    /// The header of a data set that ends before the stop tag.
    package mutating func finish() throws(DataSetError) -> InstanceHeader {
        if !isComplete {
            guard skip == 0, levels.isEmpty, carry.isEmpty else {
                throw .truncated(lastTag, offset: base + carry.count)
            }
            if let inflater, !inflater.hasEnded { throw .truncated(lastTag, offset: base) }
        }
        return try values.header()
    }

    private mutating func inflate(_ bytes: RawSpan) throws(DataSetError) {
        var offset = 0
        do {
            let inflater = try inflater ?? Inflater()
            self.inflater = inflater
            var window = [UInt8](repeating: 0, count: Self.inflatedBytes)
            while !isComplete {
                let count = try inflater.inflate(bytes, &offset, into: &window)
                try window.withRawSpan { (bytes) throws(DataSetError) in
                    try feedElements(bytes.extracting(0..<count))
                }
                if count < window.count, offset == bytes.byteCount || inflater.hasEnded { return }
            }
        } catch let error as InflateError {
            throw .notDeflated(code: error.code, offset: error.offset)
        } catch let error as DataSetError {
            throw error
        } catch {
            throw .unreadable(offset: base, reason: "\(error)")
        }
    }

    private mutating func feedElements(_ bytes: RawSpan) throws(DataSetError) {
        var position = 0
        if !carry.isEmpty {
            let carried = carry.count
            carry.append(bytes, 0..<min(bytes.byteCount, Self.maximumUnit - carried))
            let unit = carry
            let consumed = try unit.withRawSpan { (bytes) throws(DataSetError) in try scan(bytes) }
            // A unit that was not whole before ends in the new bytes, or all of those were taken.
            guard consumed > 0 || isComplete else { return }
            position = consumed - carried
            carry.removeAll(keepingCapacity: true)
        }
        guard !isComplete else { return }
        let rest = bytes.extracting(position..<bytes.byteCount)
        let consumed = try scan(rest)
        if !isComplete, consumed < rest.byteCount { carry.append(rest, consumed..<rest.byteCount) }
    }

    /// Consumes whole units from the start of `bytes`; returns how many bytes that are.
    private mutating func scan(_ bytes: RawSpan) throws(DataSetError) -> Int {
        var position = 0
        while true {
            let passed = min(skip, bytes.byteCount - position)
            skip -= passed
            position += passed
            guard skip == 0, !isComplete else { break }
            guard let level = levels.last else {
                guard try readTopLevel(bytes, &position) else { break }
                continue
            }
            let size =
                if level.isItem {
                    try readNestedElement(bytes, position, level)
                } else {
                    try readItem(bytes, position, level)
                }
            guard let size else { break }
            position += size
        }
        base += position
        return position
    }

    /// Reads elements from `position` on until one leaves bytes to pass over or opens a sequence (true), or until
    /// the header is complete or the next unit is not (false).
    private mutating func readTopLevel(_ bytes: RawSpan, _ position: inout Int) throws(DataSetError) -> Bool {
        let encoding = encoding
        var offset = position
        defer { position = offset }
        while bytes.byteCount - offset >= 4 {
            if encoding.tag(bytes, at: offset) > .instanceNumber {
                isComplete = true
                return false
            }
            guard let header = try ElementHeader.read(bytes, at: offset, base: base, encoding) else {
                return false
            }
            try check(header, offset)
            let start = offset + header.size
            if header.hasUndefinedLength {
                try enter(header, offset, encoding)
                offset = start
                return true
            }
            guard InstanceHeaderValues.isWanted(header.tag) else {
                if header.length <= bytes.byteCount - start {
                    offset = start + header.length
                    continue
                }
                skip = header.length
                offset = start
                return true
            }
            let kept = min(header.length, InstanceHeaderValues.maximumLength)
            guard bytes.byteCount - start >= kept else {
                // Comes back with its value.
                elements -= 1
                return false
            }
            try values.take(header.tag, bytes, start..<start + kept)
            offset = start + kept
            // The last wanted one: no need to see what follows.
            isComplete = header.tag == .instanceNumber
            guard !isComplete else { return false }
            if kept < header.length {
                skip = header.length - kept
                return true
            }
        }
        return false
    }

    /// Reads the header of an element in an item, or the item's end.
    private mutating func readNestedElement(
        _ bytes: RawSpan,
        _ position: Int,
        _ level: Level
    ) throws(DataSetError) -> Int? {
        guard let header = try ElementHeader.read(bytes, at: position, base: base, level.encoding) else {
            return nil
        }
        if header.tag == .itemDelimitationItem {
            levels.removeLast()
            return header.size
        }
        try check(header, position)
        if header.hasUndefinedLength { try enter(header, position, level.encoding) }
        skip = header.length
        return header.size
    }

    /// Reads an item's header, or the end of its sequence.
    private mutating func readItem(
        _ bytes: RawSpan,
        _ position: Int,
        _ level: Level
    ) throws(DataSetError) -> Int? {
        guard let header = try ElementHeader.read(bytes, at: position, base: base, level.encoding) else {
            return nil
        }
        switch header.tag {
        case .sequenceDelimitationItem:
            levels.removeLast()
        case .item:
            try check(header, position)
            if header.hasUndefinedLength {
                try push(Level(isItem: true, encoding: level.encoding), header.tag, position)
            }
            skip = header.length
        default:
            throw .unexpectedTag(header.tag, offset: base + position)
        }
        return header.size
    }

    @inline(__always)
    private mutating func check(_ header: ElementHeader, _ position: Int) throws(DataSetError) {
        elements += 1
        guard elements <= DataSetLimits.elements else {
            throw .tooManyElements(limit: DataSetLimits.elements)
        }
        let offset = base + position
        // The command set and File Meta Information are no part of a data set (PS3.7 6.3, PS3.10 7.1).
        guard header.tag.rawValue >= 0x0003_0000, header.tag.rawValue >> 16 != 0xFFFE || header.tag == .item
        else {
            throw .unexpectedTag(header.tag, offset: offset)
        }
        let end = offset + header.size + header.length
        guard end <= DataSetLimits.headerBytes else {
            throw .headerTooLong(header.tag, end: end, limit: DataSetLimits.headerBytes)
        }
        lastTag = header.tag
    }

    private mutating func enter(
        _ header: ElementHeader,
        _ position: Int,
        _ encoding: ElementEncoding
    ) throws(DataSetError) {
        guard header.mayHoldItems else { throw .undefinedLength(header.tag, offset: base + position) }
        let inner = header.vr == .un ? encoding.insideUnknown : encoding
        try push(Level(isItem: false, encoding: inner), header.tag, position)
    }

    private mutating func push(_ level: Level, _ tag: Tag, _ position: Int) throws(DataSetError) {
        guard levels.count < 2 * DataSetLimits.nesting else {
            throw .nestingTooDeep(tag, offset: base + position)
        }
        levels.append(level)
    }
}
