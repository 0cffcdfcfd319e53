// SPDX-License-Identifier: Apache-2.0
import DICOM
import Glibc
import Linux
import Synchronization

/// What a spool works with; tests put other things in place.
struct SpoolEnvironment: Sendable {
    var disk: any SpoolDisk
    var index: InstanceIndex
    /// Milliseconds since 1970.
    var clock: @Sendable () -> Int64 = { WallClock.milliseconds() }
    /// Salts of segments; nobody who sends instances may guess them.
    var random: @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }
}

/// The spool's shared state and what writers and readers do with it. No lock is held while instance data is
/// written, read or flushed. Locks are taken in this order: `space`, `batching`, a connection's, `state`.
final class SpoolCore: Sendable {
    struct State: Sendable {
        var table: SegmentTable
        var pending = PendingEntries()
        /// Instances between the question whether they are there already and their commit.
        var committing: [UID: Committing] = [:]
        var nextSequence: UInt64
        /// Segments whose row in the index is out of date.
        var changed: Set<Int> = []
        var counts = SpoolStatistics()
        var isClosed = false
        var indexFailed = false
    }

    struct Committing: Sendable {
        var writers = 0
        /// What another of the writers has committed meanwhile.
        var published: RecordLocation?
    }

    let environment: SpoolEnvironment
    let options: SpoolOptions
    let state: Mutex<State>
    /// Guards the making of room, which takes several steps.
    let space = Mutex<Void>(())
    /// Batches reach the index in the order in which they were taken.
    private let batching = Mutex<Void>(())
    let events: AsyncStream<SpoolEvent>
    private let eventSink: AsyncStream<SpoolEvent>.Continuation
    /// Called when entries wait for the index: for the first, and for every full batch.
    private let entriesWait: @Sendable () -> Void

    init(
        _ environment: SpoolEnvironment,
        options: SpoolOptions,
        entriesWait: @escaping @Sendable () -> Void = {}
    ) throws(StoreError) {
        self.environment = environment
        self.options = try options.checked()
        self.entriesWait = entriesWait
        (events, eventSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1024))
        var recovery = Recovery(environment, options: self.options)
        let table = try recovery.run()
        // By the clock, so that a record lost in a power cut and one written since never share a number.
        let now = UInt64(max(0, environment.clock())) * 1_000_000
        state = Mutex(State(table: table, nextSequence: max(recovery.highestSequence + 1, now)))
        recovery.events.forEach { emit($0) }
    }

    func emit(_ event: SpoolEvent) {
        eventSink.yield(event)
    }

    // MARK: The index

    /// Brings all that is committed into the index. When it returns, readers of the index see it.
    func indexPending() throws(StoreError) {
        try batching.withLock { (_) throws(StoreError) in
            let (entries, rows) = state.withLock { state in
                let rows = state.changed.compactMap { state.table[$0]?.row }
                state.changed = []
                return (state.pending.take(), rows)
            }
            if entries.isEmpty && rows.isEmpty { return }
            do throws(StoreError) {
                try environment.index.add(entries, rows)
            } catch {
                indexFailed(error, entries, rows)
                throw error
            }
            state.withLock { state in
                state.pending.finish(entries)
                state.indexFailed = false
            }
        }
    }

    private func indexFailed(_ error: StoreError, _ entries: [CatalogueEntry], _ rows: [SegmentRow]) {
        let isNew = state.withLock { state in
            state.pending.putBack(entries)
            state.changed.formUnion(rows.map(\.number))
            defer { state.indexFailed = true }
            return !state.indexFailed
        }
        if isNew { emit(.indexFailed(reason: "\(error)")) }
    }

    // MARK: Commit

    /// Says that an instance is about to be committed, and which record of it there is. Every call is followed
    /// by `publish` or `withdraw`.
    func announce(_ uid: UID) throws(StoreError) -> (sequence: UInt64, existing: RecordLocation?) {
        let (sequence, pending) = try state.withLock { (state) throws(StoreError) in
            if state.isClosed { throw .misuse("commit: found the spool closed, expected it open") }
            if state.pending.isFull {
                throw .misuse("index: found \(PendingEntries.limit) entries waiting, expected fewer")
            }
            state.committing[uid, default: Committing()].writers += 1
            defer { state.nextSequence += 1 }
            return (state.nextSequence, state.pending[uid])
        }
        if let pending { return (sequence, pending) }
        do throws(StoreError) {
            return (sequence, try environment.index.location(of: uid))
        } catch {
            withdraw(uid)
            throw error
        }
    }

    /// The instance is not committed after all.
    func withdraw(_ uid: UID, duplicate: Bool = false) {
        state.withLock { state in
            Self.leave(uid, &state)
            if duplicate { state.counts.duplicates += 1 }
        }
    }

    private static func leave(_ uid: UID, _ state: inout State) {
        guard var committing = state.committing[uid] else { return }
        committing.writers -= 1
        state.committing[uid] = committing.writers == 0 ? nil : committing
    }

    enum Publication: Equatable, Sendable {
        case done
        /// Another writer was faster. A record takes the place of another only once it is on the disk: flush
        /// this segment's records up to there, then publish again.
        case flushFirst(RecordLocation)
    }

    /// Makes a written record visible. `durable` are the records that the caller knows to be on the disk.
    func publish(_ entry: CatalogueEntry, replaces: Bool, durable: [RecordLocation]) -> Publication {
        let uid = entry.instance.sopInstanceUID
        let (publication, waiting) = state.withLock { (state) -> (Publication, Int) in
            let other = state.committing[uid]?.published
            let isNewest = (other?.sequence ?? 0) < entry.location.sequence
            if let other {
                let successor = isNewest ? entry.location : other
                if !durable.contains(successor) { return (.flushFirst(successor), 0) }
            }
            let location = entry.location
            state.table.setCommitted(
                location.segment,
                LogPosition(offset: location.end, sequence: location.sequence)
            )
            state.changed.insert(location.segment)
            if isNewest {
                state.pending.append(entry)
                state.committing[uid]?.published = location
            }
            if replaces { state.counts.replaced += 1 }
            Self.leave(uid, &state)
            return (.done, state.pending.queue.count)
        }
        if waiting == 1 || waiting % PendingEntries.batch == 0, waiting > 0 { entriesWait() }
        return publication
    }

    /// Brings everything committed to a segment to the disk.
    func synchronize(_ segment: SegmentFile) throws(StoreError) {
        let before = state.withLock { $0.table[segment.number] }
        guard let before else { return }
        if before.use == .failed {
            throw .system(
                SystemCallError(call: "fdatasync", subject: "segment \(segment.number)", errno: EIO)
            )
        }
        let start = ContinuousClock.now
        do throws(SystemCallError) {
            try segment.file.synchronize()
        } catch {
            // After a failed flush the kernel may call pages clean that are not on the disk (fsync(2)).
            state.withLock { $0.table.setUse(segment.number, .failed) }
            throw .system(error)
        }
        let elapsed = ContinuousClock.now - start
        state.withLock { state in
            state.table.setDurable(segment.number, generation: before.header.generation, before.committed)
            state.changed.insert(segment.number)
            state.counts.flushes += 1
            state.counts.flushSeconds += elapsed / .seconds(1)
        }
    }

    /// Whether a flush of the segment failed: what is in it may not be on the disk, and nothing is added.
    func hasFailed(_ segment: SegmentFile) -> Bool {
        state.withLock { $0.table[segment.number]?.use == .failed }
    }

    /// Whether the record is on the disk.
    func isDurable(_ location: RecordLocation) -> Bool {
        state.withLock { state in
            guard let segment = state.table[location.segment], segment.holds(location) else { return false }
            return segment.durable.offset >= location.end
        }
    }

    // MARK: Reading

    /// Holds the record's bytes in place; nil when they are gone. Also whether it is in a held segment.
    func pin(_ location: RecordLocation) -> (lease: SegmentLease, isHeld: Bool)? {
        state.withLock { state in
            guard let segment = state.table[location.segment], segment.holds(location) else { return nil }
            return (SegmentLease(segment.file), segment.header.kind.isHeld)
        }
    }

    /// Holds all records that are still there, with one lease per segment.
    func pin(_ entries: [CatalogueEntry]) -> [StoredInstance?] {
        state.withLock { state in
            var leases: [Int: SegmentLease] = [:]
            return entries.map { entry in
                let number = entry.location.segment
                guard let segment = state.table[number], segment.holds(entry.location) else { return nil }
                let lease = leases[number] ?? SegmentLease(segment.file)
                leases[number] = lease
                return StoredInstance(entry, lease: lease)
            }
        }
    }

    func instances(study: UID, series: UID?, instance: UID?) throws(StoreError) -> [StoredInstance] {
        try indexPending()
        let entries = try environment.index.entries(study: study, series: series, instance: instance)
        return pin(entries).compactMap { $0 }
    }

    func instance(_ uid: UID) throws(StoreError) -> StoredInstance? {
        try indexPending()
        guard let entry = try environment.index.entry(uid) else { return nil }
        return pin([entry]).first ?? nil
    }

    func search(_ query: SearchQuery) throws(StoreError) -> [SearchMatch] {
        let uids = [
            query.studyInstanceUIDs, query.seriesInstanceUIDs, query.sopInstanceUIDs, query.sopClassUIDs,
        ]
        let count = uids.reduce(0) { $0 + $1.count }
        guard count <= Self.searchLimit else {
            throw .misuse("search: found \(count) UIDs, expected at most \(Self.searchLimit)")
        }
        try indexPending()
        let rows = try environment.index.search(query)
        return zip(rows, pin(rows.map(\.representative))).compactMap { row, instance in
            instance.map { SearchMatch(row, query.level, representative: $0) }
        }
    }

    /// UIDs of one search, at most; SQLite takes 32766 parameters.
    private static let searchLimit = 8192

    var statistics: SpoolStatistics {
        try? indexPending()
        var statistics = state.withLock { state in
            var statistics = state.counts
            let segments = state.table.segments.values
            statistics.usedBytes = state.table.used
            statistics.heldBytes =
                segments.filter { $0.header.kind.isHeld && $0.use != .free && $0.use != .changing }
                .reduce(0) { $0 + $1.reserved }
            statistics.segments = segments.count
            statistics.openSegments = segments.filter { $0.use == .open }.count
            return statistics
        }
        statistics.capacityBytes = options.capacityBytes
        statistics.segmentBytes = options.segmentBytes
        statistics.instances = environment.index.instanceCount
        statistics.studies = (try? environment.index.studyCount()) ?? 0
        return statistics
    }

    /// Brings log and index to the disk and refuses what comes after.
    func close() {
        let files = state.withLock { state in
            defer { state.isClosed = true }
            if state.isClosed { return [SegmentFile]() }
            let unwritten = state.table.segments.values.filter { segment in
                [.open, .closed].contains(segment.use) && segment.durable.offset < segment.committed.offset
            }
            return unwritten.map(\.file)
        }
        for file in files { try? synchronize(file) }
        try? indexPending()
        eventSink.finish()
    }
}

extension SearchMatch {
    init(_ row: SearchRow, _ level: SearchQuery.Level, representative: StoredInstance) {
        let instance = row.representative.instance
        studyInstanceUID = instance.studyInstanceUID
        seriesInstanceUID = level == .study ? nil : instance.seriesInstanceUID
        sopInstanceUID = level == .instance ? instance.sopInstanceUID : nil
        patientID = instance.patientID
        accessionNumber = instance.accessionNumber
        studyDate = instance.studyDate
        studyTime = instance.studyTime
        modality = level == .study ? nil : instance.modality
        seriesNumber = level == .study ? nil : instance.seriesNumber
        instanceNumber = level == .instance ? instance.instanceNumber : nil
        modalitiesInStudy = row.modalitiesInStudy
        numberOfStudyRelatedSeries = row.seriesOfStudy
        numberOfStudyRelatedInstances = row.instancesOfStudy
        numberOfSeriesRelatedInstances = row.instancesOfSeries
        self.representative = representative
    }
}
