// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Glibc
import Linux

/// What became of a committed instance.
package enum Receipt: Equatable, Sendable {
    case stored
    /// The same data set in the same transfer syntax is there already.
    case duplicate
    /// Another data set was there; this one counts from now on.
    case replaced
}

/// Writes instances to the spool, one after the other. Belongs to one association and is used by one thread at
/// a time. Memory does not depend on the size of an instance.
package final class SpoolWriter {
    /// Bytes written without a flush, at most; keeps the last flush of an association short too.
    private static let flushLimit: Int64 = 67_108_864
    /// Bytes of the two buffers in which records are compared.
    private static let comparison = 65_536

    private let core: SpoolCore
    private let kind: SegmentKind
    private var pages: RecordPages?
    private var segment: OpenSegment?
    private var isWriting = false
    /// Segments with records that this writer promised to nobody yet but will at the next flush.
    private var unflushed: [SegmentFile] = []
    private var unflushedBytes: Int64 = 0

    init(core: SpoolCore, kind: SegmentKind) {
        self.core = core
        self.kind = kind
    }

    deinit {
        close()
    }

    /// Starts an instance with its Part 10 head: preamble, prefix and file meta information (PS3.10 7.1), at most
    /// 3072 bytes. An instance that was begun and not committed is abandoned.
    package func begin(fileMeta: [UInt8]) throws(StoreError) {
        isWriting = false
        guard fileMeta.count <= RecordHeader.firstPayload else {
            throw .misuse(
                "file meta: found \(fileMeta.count) bytes, expected at most \(RecordHeader.firstPayload)"
            )
        }
        guard let pages = pages ?? RecordPages() else {
            throw .misuse("writer: found no memory, expected 16 KiB")
        }
        self.pages = pages
        if let segment, segment.offset >= core.options.segmentBytes || core.hasFailed(segment.file) {
            giveBack(segment)
        }
        if segment == nil { segment = try core.open(kind) }
        pages.begin(fileMeta: fileMeta)
        isWriting = true
    }

    /// Adds the pieces of `bytes` that `ranges` name to the data set, in one gathered write. Keeps nothing of
    /// `bytes`. After an error the instance is abandoned.
    package func append(_ bytes: RawSpan, _ ranges: [Range<Int>]) throws(StoreError) {
        guard isWriting, let pages else { throw Self.notBegun("append") }
        do throws(StoreError) {
            try unsafe bytes.withUnsafeBytes { (bytes) throws(StoreError) in
                try unsafe pages.append(bytes, ranges, write: write)
            }
            if unflushedBytes >= Self.flushLimit, let segment {
                try core.synchronize(segment.file)
                unflushedBytes = 0
            }
        } catch {
            isWriting = false
            throw error
        }
    }

    /// Completes the instance: from here it survives the end of the process, and readers see it.
    package func commit(_ header: InstanceHeader, transferSyntax: UID) throws(StoreError) -> Receipt {
        guard isWriting, let pages, let segment else { throw Self.notBegun("commit") }
        isWriting = false
        let uid = header.sopInstanceUID
        let (sequence, found) = try core.announce(uid)
        var isPublished = false
        defer { if !isPublished { core.withdraw(uid) } }
        let entry = CatalogueEntry(
            instance: header.limited,
            location: RecordLocation(
                segment: segment.file.number,
                offset: segment.offset,
                length: pages.length,
                dataSetOffset: pages.dataSetOffset,
                checksum: pages.dataSetChecksum,
                sequence: sequence,
                transferSyntax: transferSyntax
            ),
            received: core.environment.clock()
        )
        let existing = found.flatMap { location in core.pin(location).map { (location, $0.lease, $0.isHeld) }
        }
        let (isSame, drop) = try compare(entry.location, existing)
        if drop {
            core.withdraw(uid, duplicate: true)
            isPublished = true
            return .duplicate
        }
        let record = RecordHeader(
            location: entry.location,
            generation: segment.header.generation,
            received: entry.received,
            instance: entry.instance
        )
        try unsafe pages.finish(record, salt: segment.header.salt, write: write)
        try publish(entry, isFirst: existing == nil, replaces: existing != nil && !isSame)
        isPublished = true
        if unflushedBytes >= Self.flushLimit { try flush() }
        if existing == nil { return .stored }
        return isSame ? .duplicate : .replaced
    }

    /// Returns when everything committed through this writer, duplicates too, survives a power cut.
    package func flush() throws(StoreError) {
        while let file = unflushed.last {
            try core.synchronize(file)
            unflushed.removeLast()
        }
        unflushedBytes = 0
    }

    /// Forgets the instance that was begun; its space is used by the next.
    package func abandon() {
        isWriting = false
    }

    /// Ends the writer's use without a flush; an instance that was begun is abandoned.
    package func close() {
        isWriting = false
        pages = nil
        if let segment { giveBack(segment) }
    }

    private func giveBack(_ segment: OpenSegment) {
        core.close(segment)
        self.segment = nil
    }

    private static func notBegun(_ call: String) -> StoreError {
        .misuse("\(call): found no instance begun, expected one")
    }

    /// Writes pages of the record that is being written.
    private func write(
        _ pieces: UnsafeMutableBufferPointer<iovec>,
        at offset: Int64,
        count: Int
    ) throws(StoreError) {
        guard var segment else { throw Self.notBegun("write") }
        let start = segment.offset + offset
        defer { self.segment = segment }
        try core.reserve(&segment, through: start + Int64(count))
        do throws(SystemCallError) {
            try unsafe segment.file.file.write(pieces, at: start)
        } catch {
            throw core.storeError(error)
        }
        unflushedBytes += Int64(count)
    }

    /// Makes the record visible and moves on behind it. A record that takes the place of another is on the disk
    /// before: a power cut loses the newer one or neither, never both.
    private func publish(_ entry: CatalogueEntry, isFirst: Bool, replaces: Bool) throws(StoreError) {
        guard let segment else { throw Self.notBegun("publish") }
        var durable: [RecordLocation] = []
        if !isFirst {
            try synchronizeRecord(entry.location)
            durable.append(entry.location)
        }
        while case .flushFirst(let location) = core.publish(entry, replaces: replaces, durable: durable) {
            try synchronizeRecord(location)
            durable.append(location)
        }
        if replaces {
            core.emit(.replaced(sopInstanceUID: entry.instance.sopInstanceUID, segment: segment.file.number))
        }
        self.segment?.offset = entry.location.end
        note(segment.file)
    }

    /// Flushes the segment that a record lies in, this writer's or another's.
    private func synchronizeRecord(_ location: RecordLocation) throws(StoreError) {
        if let segment, segment.file.number == location.segment {
            try core.synchronize(segment.file)
        } else if let (lease, _) = core.pin(location) {
            try core.synchronize(lease.segment)
        }
    }

    /// The next flush covers this segment.
    private func note(_ file: SegmentFile) {
        if !unflushed.contains(where: { $0 === file }) { unflushed.append(file) }
    }

    // MARK: The same instance again

    /// Whether the record that is being written has the data set of `existing`, and whether it may be dropped
    /// for that: not when it is to be held and the other one is not.
    private func compare(
        _ location: RecordLocation,
        _ existing: (location: RecordLocation, lease: SegmentLease, isHeld: Bool)?
    ) throws(StoreError) -> (isSame: Bool, drop: Bool) {
        guard let (existing, lease, isHeld) = existing, existing.transferSyntax == location.transferSyntax,
            existing.dataSetLength == location.dataSetLength, existing.checksum == location.checksum,
            try isSameDataSet(location, existing, lease.segment.file)
        else { return (false, false) }
        if kind.isHeld && !isHeld { return (true, false) }
        if !core.isDurable(existing) { note(lease.segment) }
        return (true, true)
    }

    /// Compares byte by byte. A record that can no longer be read is not the same.
    private func isSameDataSet(
        _ location: RecordLocation,
        _ existing: RecordLocation,
        _ file: any SpoolFile
    ) throws(StoreError) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * Self.comparison, alignment: 4096)
        defer { unsafe buffer.deallocate() }
        var done: Int64 = 0
        while done < location.dataSetLength {
            let count = Int(min(Int64(Self.comparison), location.dataSetLength - done))
            let new = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            let old = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer[Self.comparison..<Self.comparison + count]
            )
            try unsafe pages?.copyPayload(at: Int64(location.dataSetOffset) + done, to: new, read: read)
            let place = existing.payloadOffset + Int64(existing.dataSetOffset) + done
            guard let read = try? unsafe file.read(into: old, at: place), read == count else { return false }
            guard unsafe Self.isEqual(new, old) else { return false }
            done += Int64(count)
        }
        return true
    }

    private static func isEqual(_ one: UnsafeMutableRawBufferPointer, _ other: UnsafeMutableRawBufferPointer)
        -> Bool
    {
        guard one.count == other.count, let first = one.baseAddress, let second = other.baseAddress else {
            return false
        }
        return unsafe memcmp(first, second, one.count) == 0
    }

    /// Reads from the record that is being written.
    private func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) {
        guard let segment else { throw Self.notBegun("read") }
        do throws(SystemCallError) {
            let count = try unsafe segment.file.file.read(into: buffer, at: segment.offset + offset)
            if count < buffer.count {
                throw SystemCallError(call: "pread", subject: "segment \(segment.file.number)", errno: EIO)
            }
        } catch {
            throw .system(error)
        }
    }
}
