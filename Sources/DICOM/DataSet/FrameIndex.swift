// SPDX-License-Identifier: Apache-2.0
import Linux

/// Where each frame's bytes lie in a stored data set: one run for a native frame, the fragments' values for an
/// encapsulated one (PS3.5 A.4).
package struct FrameIndex: Equatable, Sendable {
    /// Fragments that are looked at.
    package static let maximumFragments = 1_000_000
    package static let maximumFrames = 1_000_000

    /// By frame, from the first; offsets in the data set.
    package let frames: [[Range<Int>]]

    package init(
        _ locator: PixelDataLocator,
        _ source: some DataSetSource,
        transferSyntax: UID
    ) throws(FrameIndexError) {
        guard locator.numberOfFrames <= Self.maximumFrames else {
            throw .tooMany("frames", limit: Self.maximumFrames)
        }
        switch locator.layout {
        case .native(let range): frames = try Self.native(locator, range)
        case .encapsulated(let offset): frames = try Self.encapsulated(locator, offset, source)
        }
    }

    private static func native(
        _ locator: PixelDataLocator,
        _ range: Range<Int>
    ) throws(FrameIndexError) -> [[Range<Int>]] {
        if locator.numberOfFrames == 1, locator.frameBits == 0 { return [[range]] }
        guard locator.frameBits > 0 else { throw .undescribed }
        // Frames of one bit per pixel follow each other without padding (PS3.5 8.1.1).
        guard locator.frameBits.isMultiple(of: 8) || locator.numberOfFrames == 1 else { throw .notAtBytes }
        let length = (locator.frameBits + 7) / 8
        let (needed, overflow) = length.multipliedReportingOverflow(by: locator.numberOfFrames)
        guard !overflow, needed <= range.count else { throw .tooShort(found: range.count) }
        return (0..<locator.numberOfFrames).map {
            [range.lowerBound + $0 * length..<range.lowerBound + ($0 + 1) * length]
        }
    }

    private static func encapsulated<Source: DataSetSource>(
        _ locator: PixelDataLocator,
        _ offset: Int,
        _ source: Source
    ) throws(FrameIndexError) -> [[Range<Int>]] {
        var reader = FragmentReader(source)
        guard let table = try reader.item(at: offset) else { throw .broken("no Basic Offset Table") }
        let first = table.upperBound
        if let frames = try extended(locator, first, &reader) { return frames }
        let fragments = try reader.fragments(from: first)
        if locator.numberOfFrames == 1 { return [fragments] }
        if table.count == 4 * locator.numberOfFrames {
            let starts = try reader.integers(table, width: 4).map { first + $0 }
            if let frames = group(fragments, starts) { return frames }
        }
        if fragments.count == locator.numberOfFrames { return fragments.map { [$0] } }
        // Without a table that can be trusted, a frame begins where a code stream does.
        let starts = try reader.codeStreamStarts(fragments)
        if starts.count == locator.numberOfFrames, let frames = group(fragments, starts) { return frames }
        throw .ambiguous(fragments: fragments.count, frames: locator.numberOfFrames)
    }

    /// PS3.3 C.7.6.3.1.8: one fragment per frame, offsets and lengths of 64 bit.
    private static func extended<Source>(
        _ locator: PixelDataLocator,
        _ first: Int,
        _ reader: inout FragmentReader<Source>
    ) throws(FrameIndexError) -> [[Range<Int>]]? {
        guard let offsets = locator.extendedOffsets, let lengths = locator.extendedLengths,
            offsets.count == 8 * locator.numberOfFrames, lengths.count == offsets.count
        else { return nil }
        let sizes = try reader.integers(lengths, width: 8)
        var frames: [[Range<Int>]] = []
        for (offset, size) in zip(try reader.integers(offsets, width: 8), sizes) {
            guard offset <= reader.end, let item = try reader.item(at: first + offset), size <= item.count,
                size > 0
            else { return nil }
            frames.append([item.lowerBound..<item.lowerBound + size])
        }
        return frames
    }

    /// Fragments by frame; `starts` are offsets of item headers, the first fragment's first. Nil where they are
    /// not such.
    private static func group(_ fragments: [Range<Int>], _ starts: [Int]) -> [[Range<Int>]]? {
        var frames: [[Range<Int>]] = []
        var next = starts[...]
        for fragment in fragments {
            if let start = next.first, start == fragment.lowerBound - FragmentReader<ByteSource>.headerLength
            {
                next.removeFirst()
                frames.append([])
            }
            guard !frames.isEmpty else { return nil }
            frames[frames.count - 1].append(fragment)
        }
        return next.isEmpty ? frames : nil
    }
}

/// Reads the items of encapsulated pixel data, which are in little endian (PS3.5 A.4).
private struct FragmentReader<Source: DataSetSource> {
    static var headerLength: Int { 8 }

    private var source: Source

    init(_ source: Source) {
        self.source = source
    }

    var end: Int { source.count }

    /// The item's value; nil at the sequence's end.
    mutating func item(at offset: Int) throws(FrameIndexError) -> Range<Int>? {
        let bytes = try read(offset, Self.headerLength)
        guard bytes.count == Self.headerLength else { throw .broken("the data set's end at byte \(offset)") }
        let (group, element, length) = bytes.withRawSpan {
            (
                $0.littleEndian(UInt16.self, at: 0), $0.littleEndian(UInt16.self, at: 2),
                $0.littleEndian(UInt32.self, at: 4)
            )
        }
        let tag = Tag(group, element)
        if tag == .sequenceDelimitationItem { return nil }
        let start = offset + Self.headerLength
        guard tag == .item, length != .max else { throw .broken("\(tag) at byte \(offset)") }
        guard Int(length) <= source.count - start else { throw .broken("a fragment beyond the data set") }
        return start..<start + Int(length)
    }

    mutating func fragments(from offset: Int) throws(FrameIndexError) -> [Range<Int>] {
        var fragments: [Range<Int>] = []
        var offset = offset
        while let fragment = try item(at: offset) {
            guard fragments.count < FrameIndex.maximumFragments else {
                throw .tooMany("fragments", limit: FrameIndex.maximumFragments)
            }
            fragments.append(fragment)
            offset = fragment.upperBound
        }
        return fragments
    }

    /// Little endian integers of `width` bytes.
    mutating func integers(_ range: Range<Int>, width: Int) throws(FrameIndexError) -> [Int] {
        let bytes = try read(range.lowerBound, range.count)
        guard bytes.count == range.count else { throw .broken("the data set's end in an offset table") }
        return bytes.withRawSpan { bytes in
            stride(from: 0, to: bytes.byteCount, by: width).map { offset in
                width == 4
                    ? Int(bytes.littleEndian(UInt32.self, at: offset))
                    : Int(clamping: bytes.littleEndian(UInt64.self, at: offset) & (1 << 48 - 1))
            }
        }
    }

    /// Header offsets of the fragments that begin with JPEG's SOI or JPEG 2000's SOC marker.
    mutating func codeStreamStarts(_ fragments: [Range<Int>]) throws(FrameIndexError) -> [Int] {
        var starts: [Int] = []
        for fragment in fragments {
            let bytes = try read(fragment.lowerBound, 2)
            guard bytes == [0xFF, 0xD8] || bytes == [0xFF, 0x4F] else { continue }
            starts.append(fragment.lowerBound - Self.headerLength)
        }
        return starts
    }

    private mutating func read(_ offset: Int, _ count: Int) throws(FrameIndexError) -> [UInt8] {
        do throws(DataSetError) {
            return try source.read(at: offset, count: count)
        } catch {
            throw .unreadable(error)
        }
    }
}

/// Frames that cannot be told apart as runs of bytes.
package enum FrameIndexError: Error, Equatable, CustomStringConvertible {
    case unreadable(DataSetError)
    case broken(String)
    case ambiguous(fragments: Int, frames: Int)
    case tooShort(found: Int)
    /// Rows, Columns or Bits Allocated are missing.
    case undescribed
    /// Frames of one bit per pixel that do not begin at a byte.
    case notAtBytes
    case tooMany(String, limit: Int)

    package var description: String {
        switch self {
        case .unreadable(let error): "\(error)"
        case .broken(let found): "pixel data: found \(found), expected items to a sequence delimiter"
        case .ambiguous(let fragments, let frames):
            "pixel data: found \(fragments) fragments without offsets, expected \(frames) frames"
        case .tooShort(let found): "pixel data: found \(found) bytes, expected Rows * Columns of each frame"
        case .undescribed: "pixel data: found no Rows, Columns or Bits Allocated, expected all three"
        case .notAtBytes: "pixel data: found frames that begin within a byte, expected whole bytes"
        case .tooMany(let what, let limit): "pixel data: found more \(what), expected at most \(limit)"
        }
    }
}
