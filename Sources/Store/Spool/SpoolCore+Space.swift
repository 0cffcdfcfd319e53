// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import Synchronization

/// A segment as its writer sees it.
struct OpenSegment: Sendable {
    let file: SegmentFile
    let header: SegmentHeader
    /// Where the next record starts.
    var offset: Int64
    /// Up to here disk space is taken.
    var reserved: Int64
}

// Segments for writers, space for segments, eviction.
extension SpoolCore {
    /// A segment of the kind for one writer: one that has room left, else a new life of a free one, else a new
    /// file, else the oldest that may go.
    func open(_ kind: SegmentKind) throws(StoreError) -> OpenSegment {
        if let partial = try takePartial(kind) { return partial }
        return try space.withLock { (_) throws(StoreError) -> OpenSegment in
            while true {
                if let partial = try takePartial(kind) { return partial }
                if let free = state.withLock({ $0.table.takeFree() }) {
                    if !isOverCapacity { return try recycle(free, kind) }
                    try remove(free)
                    continue
                }
                let (used, number) = state.withLock { ($0.table.used, $0.table.nextNumber) }
                if used + options.segmentBytes <= options.capacityBytes { return try create(number, kind) }
                // A file that has its pages is cheaper than a new one, so the oldest gets a new life before the
                // last space is used up; where none may go, what is left serves.
                let canEvict = state.withLock { $0.table.canEvict }
                let fits = used + options.reservationStep <= options.capacityBytes
                if fits && !canEvict { return try create(number, kind) }
                try evictOldest()
            }
        }
    }

    /// After the spool was opened with a smaller capacity than before.
    private var isOverCapacity: Bool { state.withLock { $0.table.used } > options.capacityBytes }

    private func takePartial(_ kind: SegmentKind) throws(StoreError) -> OpenSegment? {
        try state.withLock { (state) throws(StoreError) in
            if state.isClosed { throw .misuse("begin: found the spool closed, expected it open") }
            guard let segment = state.table.takePartial(kind) else { return nil }
            return OpenSegment(segment)
        }
    }

    /// Gives the segment back; one whose disk failed stays as it is.
    func close(_ segment: OpenSegment) {
        state.withLock { state in
            if state.table[segment.file.number]?.use == .open {
                state.table.setUse(segment.file.number, .closed)
            }
        }
    }

    private func create(_ number: Int, _ kind: SegmentKind) throws(StoreError) -> OpenSegment {
        do throws(SystemCallError) {
            let file = SegmentFile(number: number, file: try environment.disk.create(number))
            do throws(SystemCallError) {
                let segment = try startLife(file, generation: 1, kind, reserved: 0)
                try environment.disk.synchronizeNames()
                return segment
            } catch {
                try environment.disk.remove(number)
                throw error
            }
        } catch {
            throw storeError(error)
        }
    }

    /// The next life of a free segment, its file cut to the usual size.
    private func recycle(_ free: SegmentState, _ kind: SegmentKind) throws(StoreError) -> OpenSegment {
        do throws(SystemCallError) {
            var reserved = free.reserved
            if reserved > options.segmentBytes + 2 * options.reservationStep {
                try free.file.file.truncate(to: options.segmentBytes)
                reserved = options.segmentBytes
            }
            return try startLife(free.file, generation: free.header.generation &+ 1, kind, reserved: reserved)
        } catch {
            state.withLock { $0.table.setUse(free.file.number, .free) }
            throw storeError(error)
        }
    }

    /// Writes the header and waits until it is on the disk: no record of this life is there before.
    private func startLife(
        _ file: SegmentFile,
        generation: UInt32,
        _ kind: SegmentKind,
        reserved: Int64
    ) throws(SystemCallError) -> OpenSegment {
        let header = SegmentHeader(
            number: file.number,
            generation: generation,
            salt: environment.random(),
            kind: kind,
            created: environment.clock()
        )
        try header.write(to: file.file)
        try file.file.synchronize()
        return state.withLock { state in
            let segment = SegmentState(
                file: file,
                header: header,
                use: .open,
                committed: .start,
                durable: .start,
                reserved: max(reserved, Int64(SegmentHeader.size)),
                firstSequence: state.nextSequence
            )
            state.table.insert(segment)
            state.changed.insert(file.number)
            return OpenSegment(segment)
        }
    }

    /// Takes disk space for the segment up to `end`.
    func reserve(_ segment: inout OpenSegment, through end: Int64) throws(StoreError) {
        if end <= segment.reserved { return }
        let step = options.reservationStep
        let target = (end + step - 1) / step * step
        try account(segment.file.number, from: segment.reserved, to: target)
        do throws(SystemCallError) {
            try segment.file.file.reserve(segment.reserved..<target)
        } catch {
            let before = segment.reserved
            state.withLock { $0.table.setReserved(segment.file.number, before) }
            throw storeError(error)
        }
        segment.reserved = target
    }

    /// Enters `target` bytes for the segment, after others have gone where they must.
    private func account(_ number: Int, from reserved: Int64, to target: Int64) throws(StoreError) {
        func enter() -> Bool {
            state.withLock { state in
                guard state.table.used + target - reserved <= options.capacityBytes else { return false }
                state.table.setReserved(number, target)
                return true
            }
        }
        if enter() { return }
        try space.withLock { (_) throws(StoreError) in
            while !enter() {
                if let free = state.withLock({ $0.table.takeFree() }) {
                    try remove(free)
                } else {
                    try evictOldest()
                }
            }
        }
    }

    /// Removes a free segment's file.
    private func remove(_ free: SegmentState) throws(StoreError) {
        do throws(SystemCallError) {
            try environment.disk.remove(free.file.number)
            try environment.disk.synchronizeNames()
        } catch {
            state.withLock { $0.table.setUse(free.file.number, .free) }
            throw storeError(error)
        }
        state.withLock { $0.table.remove(free.file.number) }
    }

    /// Empties the oldest segment that may go; its records leave the index before its file changes.
    private func evictOldest() throws(StoreError) {
        guard let oldest = state.withLock({ $0.table.takeOldest() }) else {
            throw .spoolFull(capacity: options.capacityBytes)
        }
        let number = oldest.file.number
        do throws(StoreError) {
            try indexPending()
            let count = try environment.index.removeSegment(number)
            state.withLock { state in
                state.table.setUse(number, .free)
                state.changed.remove(number)
                state.counts.evictedInstances += count
            }
            emit(.evicted(segment: number, instances: count))
        } catch {
            state.withLock { $0.table.setUse(number, .closed) }
            throw error
        }
    }

    func storeError(_ error: SystemCallError) -> StoreError {
        error.errno == ENOSPC || error.errno == EDQUOT
            ? .spoolFull(capacity: options.capacityBytes) : .system(error)
    }
}

extension OpenSegment {
    fileprivate init(_ segment: SegmentState) {
        file = segment.file
        header = segment.header
        offset = segment.committed.offset
        reserved = segment.reserved
    }
}

extension SegmentHeader {
    /// Writes the header page.
    func write(to file: any SpoolFile) throws(SystemCallError) {
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.size, alignment: Self.size)
        defer { unsafe page.deallocate() }
        unsafe encode(into: page)
        var piece = unsafe iovec(iov_base: page.baseAddress, iov_len: page.count)
        try unsafe withUnsafeMutablePointer(to: &piece) { (piece) throws(SystemCallError) in
            try unsafe file.write(UnsafeMutableBufferPointer(start: piece, count: 1), at: 0)
        }
    }
}
