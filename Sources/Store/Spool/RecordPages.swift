// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux

/// The pages of the record that is being written. Only whole pages go to the file, so that no write makes the
/// kernel read a page first, and the caller's bytes go there straight from where they are. The first page, which
/// makes the record valid, is kept to the end.
///
/// Memory: three pages and a list of 1024 pieces, whatever the length of the payload.
@safe
final class RecordPages {
    /// Most pieces that one gathered write takes (IOV_MAX).
    private static let pieceLimit = 1024
    private static let page = RecordHeader.pageSize

    private let memory: UnsafeMutableRawBufferPointer
    private let pieces: UnsafeMutableBufferPointer<iovec>
    private let checksum: Checksum
    /// Pieces gathered, the tail among them, and their bytes.
    private var pieceCount = 0
    private var gathered = 0
    /// Bytes that wait for their page to be full; which of two pages holds them changes with each write.
    private var tailCount = 0
    private var tailIsFirst = true

    /// Bytes of the Part 10 file so far.
    private(set) var length: Int64 = 0
    private(set) var dataSetOffset = 0
    /// Bytes of the record that are in the file, counted from the record's second page.
    private(set) var written: Int64 = 0

    /// What takes gathered pages: the bytes they hold and where they go, from the start of the record.
    typealias Sink = (UnsafeMutableBufferPointer<iovec>, _ at: Int64, _ count: Int) throws(StoreError) -> Void

    /// Nil when there is no memory.
    init?() {
        guard let checksum = Checksum() else { return nil }
        self.checksum = checksum
        unsafe memory = .allocate(byteCount: 3 * Self.page, alignment: Self.page)
        unsafe pieces = .allocate(capacity: Self.pieceLimit)
        unsafe pieces.initialize(repeating: iovec())
    }

    deinit {
        unsafe memory.deallocate()
        unsafe pieces.deallocate()
    }

    /// The record's first page: 1024 bytes for the header, then the start of the payload.
    private var firstPage: UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<Self.page])
    }

    private func tailPage(first: Bool) -> UnsafeMutableRawBufferPointer {
        let start = first ? Self.page : 2 * Self.page
        return unsafe UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + Self.page])
    }

    private var tail: UnsafeMutableRawBufferPointer { unsafe tailPage(first: tailIsFirst) }

    /// Starts a record; `fileMeta` has room in the first page.
    func begin(fileMeta: [UInt8]) {
        pieceCount = 0
        gathered = 0
        tailCount = 0
        written = 0
        checksum.reset()
        unsafe fileMeta.withUnsafeBytes { bytes in
            unsafe UnsafeMutableRawBufferPointer(rebasing: firstPage[RecordHeader.size...]).copyMemory(
                from: bytes
            )
        }
        length = Int64(fileMeta.count)
        dataSetOffset = fileMeta.count
    }

    /// Adds a run of the data set; `write` gets all whole pages there are.
    func append(
        _ bytes: UnsafeRawBufferPointer,
        _ ranges: [Range<Int>],
        write: Sink
    ) throws(StoreError) {
        startGathering()
        for range in ranges where !range.isEmpty {
            guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
                throw .misuse("append: found range \(range), expected one within \(bytes.count) bytes")
            }
            var piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            unsafe checksum.update(piece)
            unsafe fillFirstPage(&piece)
            if unsafe piece.isEmpty { continue }
            if pieceCount == Self.pieceLimit {
                try unsafe writePages(write)
                startGathering()
            }
            unsafe gather(piece)
            length += Int64(piece.count)
        }
        try unsafe writePages(write)
    }

    /// Takes what the first page still has room for off `piece`.
    private func fillFirstPage(_ piece: inout UnsafeRawBufferPointer) {
        guard length < Int64(RecordHeader.firstPayload) else { return }
        let start = RecordHeader.size + Int(length)
        let count = min(piece.count, Self.page - start)
        unsafe UnsafeMutableRawBufferPointer(rebasing: firstPage[start...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: piece[..<count]))
        unsafe piece = UnsafeRawBufferPointer(rebasing: piece[count...])
        length += Int64(count)
    }

    private func startGathering() {
        pieceCount = 0
        gathered = 0
        if tailCount > 0 {
            unsafe gather(UnsafeRawBufferPointer(rebasing: tail[..<tailCount]))
        }
    }

    /// The bytes are only read (writev(2)), although the piece's type does not say so.
    private func gather(_ bytes: UnsafeRawBufferPointer) {
        let base = unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        unsafe pieces[pieceCount] = iovec(iov_base: base, iov_len: bytes.count)
        pieceCount += 1
        gathered += bytes.count
    }

    /// Writes the whole pages of what is gathered and keeps the rest as the tail.
    private func writePages(_ write: Sink) throws(StoreError) {
        let rest = gathered % Self.page
        let whole = gathered - rest
        let next = unsafe tailPage(first: !tailIsFirst)
        unsafe takeRest(rest, into: next)
        if whole > 0 {
            let run = unsafe UnsafeMutableBufferPointer(rebasing: pieces[..<pieceCount])
            try unsafe write(run, Int64(Self.page) + written, whole)
            written += Int64(whole)
        }
        tailIsFirst.toggle()
        tailCount = rest
        pieceCount = 0
        gathered = 0
    }

    /// Copies the last `count` gathered bytes and takes them off the pieces.
    private func takeRest(_ count: Int, into page: UnsafeMutableRawBufferPointer) {
        var end = count
        while end > 0 {
            let last = unsafe pieces[pieceCount - 1]
            let taken = unsafe min(last.iov_len, end)
            let kept = unsafe last.iov_len - taken
            if let base = unsafe last.iov_base {
                let bytes = unsafe UnsafeRawBufferPointer(start: base + kept, count: taken)
                unsafe UnsafeMutableRawBufferPointer(rebasing: page[(end - taken)..<end]).copyMemory(
                    from: bytes
                )
            }
            end -= taken
            if kept == 0 { pieceCount -= 1 } else { unsafe pieces[pieceCount - 1].iov_len = kept }
        }
    }

    /// The checksum of the data set so far.
    var dataSetChecksum: UInt64 { checksum.value }

    /// Writes what is left: the last page, padded, and then the first page under `header`.
    func finish(_ header: RecordHeader, salt: UInt64, write: Sink) throws(StoreError) {
        let used = RecordHeader.size + Int(min(length, Int64(RecordHeader.firstPayload)))
        unsafe Self.clear(firstPage, from: used)
        unsafe header.encode(into: firstPage, salt: salt)
        pieceCount = 0
        gathered = 0
        // A record of at most two pages goes in one write; its checksum tells whether all of it arrived.
        let isShort = written == 0
        if isShort { unsafe gather(UnsafeRawBufferPointer(firstPage)) }
        if tailCount > 0 {
            unsafe Self.clear(tail, from: tailCount)
            unsafe gather(UnsafeRawBufferPointer(tail))
        }
        if pieceCount > 0 {
            let run = unsafe UnsafeMutableBufferPointer(rebasing: pieces[..<pieceCount])
            try unsafe write(run, isShort ? 0 : Int64(Self.page) + written, gathered)
        }
        if isShort { return }
        unsafe pieces[0] = iovec(iov_base: firstPage.baseAddress, iov_len: Self.page)
        try unsafe write(UnsafeMutableBufferPointer(rebasing: pieces[..<1]), 0, Self.page)
    }

    private static func clear(_ page: UnsafeMutableRawBufferPointer, from start: Int) {
        unsafe UnsafeMutableRawBufferPointer(rebasing: page[start...]).initializeMemory(
            as: UInt8.self,
            repeating: 0
        )
    }

    /// Copies payload bytes from `offset` on to `buffer`; what is in the file comes through `read`, which gets
    /// a place counted from the start of the record.
    func copyPayload(
        at offset: Int64,
        to buffer: UnsafeMutableRawBufferPointer,
        read: (UnsafeMutableRawBufferPointer, _ at: Int64) throws(StoreError) -> Void
    ) throws(StoreError) {
        let start = Int64(RecordHeader.size) + offset
        let page = Int64(Self.page)
        let end = start + Int64(buffer.count)
        let fileEnd = page + written
        /// The part of `range` that is wanted, in the record and in `buffer`.
        func place(_ range: Range<Int64>) -> (record: Range<Int64>, buffer: Range<Int>)? {
            let wanted = range.clamped(to: start..<end)
            if wanted.isEmpty { return nil }
            return (wanted, Int(wanted.lowerBound - start)..<Int(wanted.upperBound - start))
        }
        if let first = place(0..<page) {
            let bytes = unsafe firstPage[Int(first.record.lowerBound)..<Int(first.record.upperBound)]
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[first.buffer])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
        }
        if let middle = place(page..<fileEnd) {
            try unsafe read(
                UnsafeMutableRawBufferPointer(rebasing: buffer[middle.buffer]),
                middle.record.lowerBound
            )
        }
        if let last = place(fileEnd..<fileEnd + Int64(tailCount)) {
            let from = Int(last.record.lowerBound - fileEnd)
            let bytes = unsafe tail[from..<from + last.buffer.count]
            unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[last.buffer])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
        }
    }
}
