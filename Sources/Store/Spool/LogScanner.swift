// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux

/// Reads the records of one segment out of its file.
///
/// A record counts when its header's checksum, seeded with the salt, and its data set's checksum are right, and when
/// its sequence is greater than the one before: what lies behind is left over from before a power cut.
@safe
final class LogScanner {
    enum Finding {
        case record(CatalogueEntry)
        /// The header is whole, the data set is not.
        case damaged(RecordHeader, offset: Int64)
        /// Behind `offset` there are records again, so what is at `offset` was one.
        case unreadable(offset: Int64)
    }

    private static let bufferSize = 1_048_576
    private static let page = Int64(RecordHeader.pageSize)

    private let file: any SpoolFile
    private let header: SegmentHeader
    private let size: Int64
    private let buffer: UnsafeMutableRawBufferPointer
    private let checksum: Checksum?
    private var offset: Int64
    /// End of the last record that counts.
    private(set) var end: LogPosition
    /// Greatest sequence in any whole header.
    private(set) var highestSequence: UInt64 = 0
    /// Whether a header that is not whole ends the log; otherwise whole ones are looked for behind it.
    private let stopsAtGap: Bool

    init(
        _ file: any SpoolFile,
        _ header: SegmentHeader,
        from start: LogPosition,
        stopsAtGap: Bool
    ) throws(SystemCallError) {
        self.file = file
        self.header = header
        self.stopsAtGap = stopsAtGap
        offset = start.offset
        end = start
        size = try file.extent().size
        unsafe buffer = .allocate(byteCount: Self.bufferSize, alignment: 4096)
        checksum = Checksum()
    }

    deinit {
        unsafe buffer.deallocate()
    }

    /// The next finding; nil at the end.
    func next() throws(SystemCallError) -> Finding? {
        while offset + Self.page <= size {
            let start = offset
            if let record = try record(at: start) {
                offset = start + record.recordLength
                guard try isWhole(record, at: start) else { return .damaged(record, offset: start) }
                end = LogPosition(offset: offset, sequence: record.sequence)
                return .record(record.entry(at: start))
            }
            if stopsAtGap { return nil }
            guard let found = try search(from: start + Self.page) else { return nil }
            offset = found
            return .unreadable(offset: start)
        }
        return nil
    }

    /// The header of a record that could be the next.
    private func record(at offset: Int64) throws(SystemCallError) -> RecordHeader? {
        let page = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<RecordHeader.pageSize])
        guard try unsafe file.read(into: page, at: offset) == page.count else { return nil }
        guard let record = unsafe RecordHeader(page: UnsafeRawBufferPointer(page).bytes, in: header) else {
            return nil
        }
        highestSequence = max(highestSequence, record.sequence)
        return record.sequence > end.sequence ? record : nil
    }

    private func isWhole(_ record: RecordHeader, at start: Int64) throws(SystemCallError) -> Bool {
        let payload = start + Int64(RecordHeader.size)
        let last = payload + record.length
        guard last <= size, let checksum else { return false }
        checksum.reset()
        var position = payload + Int64(record.dataSetOffset)
        while position < last {
            let count = Int(min(Int64(Self.bufferSize), last - position))
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            guard try unsafe file.read(into: part, at: position) == count else { return false }
            unsafe checksum.update(UnsafeRawBufferPointer(part))
            position += Int64(count)
        }
        return checksum.value == record.checksum
    }

    /// The first page from `start` on that is the first of a whole record.
    private func search(from start: Int64) throws(SystemCallError) -> Int64? {
        var position = start
        while position + Self.page <= size {
            let count = try unsafe file.read(into: buffer, at: position)
            let candidates = stride(
                from: 0,
                to: count - count % RecordHeader.pageSize,
                by: RecordHeader.pageSize
            )
            .filter { place in
                unsafe buffer.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self).littleEndian
                    == RecordHeader.magic
            }
            for place in candidates {
                let page = position + Int64(place)
                if let record = try record(at: page), try isWhole(record, at: page) { return page }
            }
            if count < RecordHeader.pageSize { return nil }
            position += Int64(count - count % RecordHeader.pageSize)
        }
        return nil
    }
}

extension RecordHeader {
    func entry(at offset: Int64) -> CatalogueEntry {
        CatalogueEntry(
            instance: instance,
            location: RecordLocation(
                segment: segment,
                offset: offset,
                length: length,
                dataSetOffset: dataSetOffset,
                checksum: checksum,
                sequence: sequence,
                transferSyntax: transferSyntax
            ),
            received: received
        )
    }
}
