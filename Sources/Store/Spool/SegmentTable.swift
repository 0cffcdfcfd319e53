// SPDX-License-Identifier: Apache-2.0

/// What the spool knows of one segment.
struct SegmentState: Sendable {
    enum Use: Sendable, Equatable {
        /// Holds nothing that counts; waits for its next life.
        case free
        /// A writer has it.
        case open
        /// Nobody writes; it is continued when it is not full.
        case closed
        /// Being emptied, or being given its next life.
        case changing
        /// Its header or its disk is bad: read where possible, never written.
        case failed
    }

    let file: SegmentFile
    var header: SegmentHeader
    var use: Use
    /// Where the next record starts.
    var committed: LogPosition
    /// Up to here everything is on the disk.
    var durable: LogPosition
    /// Bytes of disk taken.
    var reserved: Int64
    /// Smallest sequence of any record of this life: what is said of an earlier one is out of date.
    var firstSequence: UInt64

    /// Up to where recovery need not look, once all that is committed is in the index.
    var row: SegmentRow {
        SegmentRow(
            number: header.number,
            generation: header.generation,
            salt: header.salt,
            kind: header.kind,
            indexed: durable.offset < committed.offset ? durable : committed
        )
    }

    /// Whether readers may have this record's bytes.
    func holds(_ location: RecordLocation) -> Bool {
        switch use {
        case .open, .closed, .failed: location.sequence >= firstSequence && location.end <= committed.offset
        case .free, .changing: false
        }
    }
}

/// All segments and the account of their space.
struct SegmentTable: Sendable {
    private(set) var segments: [Int: SegmentState] = [:]
    /// Bytes of disk taken by all segments.
    private(set) var used: Int64 = 0
    let options: SpoolOptions

    init(options: SpoolOptions) {
        self.options = options
    }

    subscript(number: Int) -> SegmentState? { segments[number] }

    var nextNumber: Int { (segments.keys.max() ?? 0) + 1 }

    mutating func insert(_ state: SegmentState) {
        used += state.reserved - (segments[state.file.number]?.reserved ?? 0)
        segments[state.file.number] = state
    }

    mutating func remove(_ number: Int) {
        used -= segments.removeValue(forKey: number)?.reserved ?? 0
    }

    mutating func setUse(_ number: Int, _ use: SegmentState.Use) {
        segments[number]?.use = use
    }

    mutating func setReserved(_ number: Int, _ bytes: Int64) {
        guard let before = segments[number]?.reserved else { return }
        used += bytes - before
        segments[number]?.reserved = bytes
    }

    mutating func setCommitted(_ number: Int, _ position: LogPosition) {
        segments[number]?.committed = position
    }

    /// Notes that the disk has everything up to `position`, which this life of the segment had committed.
    mutating func setDurable(_ number: Int, generation: UInt32, _ position: LogPosition) {
        guard let state = segments[number], state.header.generation == generation,
            state.durable.offset < position.offset
        else { return }
        segments[number]?.durable = position
    }

    /// The fullest segment of the kind that has room, now open.
    mutating func takePartial(_ kind: SegmentKind) -> SegmentState? {
        let partial = segments.values.filter { state in
            state.use == .closed && state.header.kind == kind && state.committed.offset < options.segmentBytes
        }
        let best = partial.max {
            ($0.committed.offset, $1.file.number) < ($1.committed.offset, $0.file.number)
        }
        guard let best else { return nil }
        segments[best.file.number]?.use = .open
        return segments[best.file.number]
    }

    /// A segment with nothing in it and no reader, now changing.
    mutating func takeFree() -> SegmentState? {
        let free = segments.values.filter { $0.use == .free && !$0.file.isRead }
        guard let first = free.min(by: { $0.file.number < $1.file.number }) else { return nil }
        segments[first.file.number]?.use = .changing
        return segments[first.file.number]
    }

    private var evictable: [SegmentState] {
        segments.values.filter { $0.use == .closed && !$0.header.kind.isHeld && !$0.file.isRead }
    }

    var canEvict: Bool { !evictable.isEmpty }

    /// The closed, unread segment that is not held and whose last record is the oldest, now changing.
    mutating func takeOldest() -> SegmentState? {
        let oldest = evictable.min {
            ($0.committed.sequence, $0.file.number) < ($1.committed.sequence, $1.file.number)
        }
        guard let oldest else { return nil }
        segments[oldest.file.number]?.use = .changing
        return segments[oldest.file.number]
    }
}
