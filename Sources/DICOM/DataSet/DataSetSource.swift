// SPDX-License-Identifier: Apache-2.0
import Linux

/// Where a stored data set's bytes come from, piece by piece: long values stay where they are.
package protocol DataSetSource {
    /// Bytes of the data set as stored.
    var count: Int { get }
    /// The bytes at `offset`: `count` of them, fewer only where the data set ends.
    mutating func read(at offset: Int, count: Int) throws(DataSetError) -> [UInt8]
}

/// A data set in memory.
package struct ByteSource: DataSetSource {
    private let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var count: Int { bytes.count }

    package func read(at offset: Int, count: Int) -> [UInt8] {
        let start = min(offset, bytes.count)
        return Array(bytes[start..<min(bytes.count, start + count)])
    }
}

/// A deflated data set (PS3.5 A.5) inflated as far as it is read: forward only, since what has been passed is
/// not kept. Inflates `DataSetLimits.headerBytes` at most.
struct InflatingSource<Source: DataSetSource>: DataSetSource {
    private static var pieceLength: Int { 32 << 10 }

    private var source: Source
    private let inflater: Inflater
    private var sourceOffset = 0
    private var piece: [UInt8] = []
    private var pieceOffset = 0
    /// Inflated bytes from `start`, of which some may not have been read.
    private var buffer: [UInt8] = []
    private var start = 0
    private var hasEnded = false

    init(_ source: Source) throws(DataSetError) {
        self.source = source
        do throws(InflateError) {
            inflater = try Inflater()
        } catch {
            throw .notDeflated(code: error.code, offset: 0)
        }
    }

    /// Unknown until the stream's end.
    var count: Int { .max }

    mutating func read(at offset: Int, count: Int) throws(DataSetError) -> [UInt8] {
        discard(upTo: offset)
        while !hasEnded, start + buffer.count < offset + count {
            guard start + buffer.count <= DataSetLimits.headerBytes else {
                throw .inflatedTooLong(limit: DataSetLimits.headerBytes)
            }
            try inflateMore()
            discard(upTo: offset)
        }
        let first = min(max(offset - start, 0), buffer.count)
        return Array(buffer[first..<min(buffer.count, first + count)])
    }

    private mutating func discard(upTo offset: Int) {
        let passed = min(max(offset - start, 0), buffer.count)
        buffer.removeFirst(passed)
        start += passed
    }

    private mutating func inflateMore() throws(DataSetError) {
        if pieceOffset == piece.count {
            piece = try source.read(at: sourceOffset, count: Self.pieceLength)
            sourceOffset += piece.count
            pieceOffset = 0
        }
        var window = [UInt8](repeating: 0, count: Self.pieceLength)
        var offset = pieceOffset
        do throws(InflateError) {
            let filled = try piece.withRawSpan { (bytes) throws(InflateError) in
                try inflater.inflate(bytes, &offset, into: &window)
            }
            buffer.append(contentsOf: window[..<filled])
            hasEnded = inflater.hasEnded || piece.isEmpty && filled == 0
        } catch {
            throw .notDeflated(code: error.code, offset: sourceOffset - piece.count + error.offset)
        }
        pieceOffset = offset
    }
}

/// A data set read through a window: short values and headers without a read of their own.
struct DataSetWindow<Source: DataSetSource> {
    private static var length: Int { 32 << 10 }

    private var source: Source
    private var bytes: [UInt8] = []
    /// Offset of the window in the data set.
    private var start = 0

    init(_ source: Source) {
        self.source = source
    }

    var count: Int { source.count }

    /// The header at `offset`; nil where the data set ends there.
    mutating func header(
        at offset: Int,
        _ encoding: ElementEncoding
    ) throws(DataSetError) -> ElementHeader? {
        let available = try load(offset, ElementHeader.maximumSize)
        guard available > 0 else { return nil }
        let local = offset - start
        let start = start
        let header = try bytes.withRawSpan { (bytes) throws(DataSetError) in
            try ElementHeader.read(bytes, at: local, base: start, encoding)
        }
        guard let header else { throw .truncated(nil, offset: offset + available) }
        return header
    }

    mutating func value(_ tag: Tag, at offset: Int, count: Int) throws(DataSetError) -> [UInt8] {
        let available = try load(offset, count)
        guard available >= count else { throw .truncated(tag, offset: offset + available) }
        return Array(bytes[(offset - start)..<(offset - start + count)])
    }

    /// Brings `count` bytes at `offset` into the window; returns how many of them there are.
    private mutating func load(_ offset: Int, _ count: Int) throws(DataSetError) -> Int {
        if offset < start || offset + count > start + bytes.count {
            bytes = try source.read(at: offset, count: max(count, Self.length))
            start = offset
        }
        return min(count, start + bytes.count - offset)
    }
}
