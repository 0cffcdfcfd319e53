// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import Synchronization

@testable import Store

/// What a test expected and did not find.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

/// One spool over one simulated disk that lives through several cuts, and the model that it is checked against.
/// Everything depends on the seed only.
final class CrashHistory {
    struct Coverage {
        var cuts = 0, cutsInRecovery = 0, lost = 0, promised = 0, duplicates = 0, replaced = 0, evicted = 0
        var oversize = 0, moved = 0, indexLost = 0, full = 0

        mutating func add(_ other: Coverage) {
            cuts += other.cuts
            cutsInRecovery += other.cutsInRecovery
            lost += other.lost
            promised += other.promised
            duplicates += other.duplicates
            replaced += other.replaced
            evicted += other.evicted
            oversize += other.oversize
            moved += other.moved
            indexLost += other.indexLost
            full += other.full
        }
    }

    /// A committed copy of an instance; copies of one data set share a rank, newer data sets have a greater one.
    private struct Version {
        let rank: Int
        let file: [UInt8]
    }

    private struct Promise {
        var rank: Int
        var isHeld: Bool
    }

    private final class Writer {
        let kind: SegmentKind
        let writer: SpoolWriter
        var sending: (instance: SampleInstance, sent: Int)?
        /// Committed here and not flushed yet: instance and rank.
        var committed: [UID: Int] = [:]

        init(_ kind: SegmentKind, _ core: SpoolCore) {
            self.kind = kind
            writer = SpoolWriter(core: core, kind: kind)
        }
    }

    /// A clock that goes on with each look.
    private final class Ticks: Sendable {
        private let milliseconds = Mutex<Int64>(0)

        func next() -> Int64 {
            milliseconds.withLock { milliseconds in
                milliseconds += 1
                return milliseconds
            }
        }
    }

    private static let options = SpoolOptions(capacityBytes: 400_000, segmentBytes: 32_768)

    private(set) var coverage = Coverage()
    private var random: SplitMix64
    private let time = Ticks()
    private let disk: SimulatedDisk
    private let keeper: Keeper
    private var core: SpoolCore?
    private var writers: [Writer] = []
    private var versions: [UID: [Version]] = [:]
    private var promises: [UID: Promise] = [:]
    /// Visible now, as the model has it: rank of the newest. For pulled ones only until they are evicted.
    private var visible: [UID: Int] = [:]
    /// Prints each step behind the count of the disk's operations.
    var isTold = false
    private var pinned: [(instance: StoredInstance, file: [UInt8])] = []

    /// Keeps states of the index while the disk works.
    private final class Keeper: Sendable {
        let index = Mutex<SimulatedIndex?>(nil)
        let count = Mutex(0)

        func willOperate() {
            let keeps = count.withLock { count in
                count += 1
                return count % 3 == 0
            }
            if keeps { index.withLock { $0 }?.keep() }
        }
    }

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        let keeper = Keeper()
        self.keeper = keeper
        disk = SimulatedDisk { keeper.willOperate() }
    }

    func run(cuts: Int) throws {
        try start(SimulatedIndex(nil))
        for _ in 0..<cuts {
            disk.cut(after: 1 + random.below([10, 60, 300][random.below(3)]))
            var steps = 0
            while disk.hasPower, steps < 4000 {
                try step()
                steps += 1
            }
            try crash()
        }
    }

    // MARK: Work

    private func start(_ index: SimulatedIndex) throws {
        keeper.index.withLock { $0 = index }
        let salts = Mutex(SplitMix64(seed: random.next()))
        let time = time
        let clock: @Sendable () -> Int64 = { time.next() }
        let environment = SpoolEnvironment(disk: disk, index: index.index, clock: clock) {
            salts.withLock { $0.next() }
        }
        core = try SpoolCore(environment, options: Self.options)
    }

    /// One action of one writer or reader. An error is right when the power is gone or the spool is full.
    private func step() throws {
        guard let core else { return }
        do {
            try act(core)
        } catch let error as StoreError {
            if case .spoolFull = error {
                coverage.full += 1
                writers.removeAll()
                pinned = []
                coverage.evicted += noteEvictions(core)
                return
            }
            if disk.hasPower { throw error }
        }
        coverage.evicted += noteEvictions(core)
    }

    private func act(_ core: SpoolCore) throws {
        if writers.count < 4 {
            let held = core.statistics.heldBytes > 250_000
            writers.append(Writer(held || random.oneIn(2) ? .pulled : .unsolicited, core))
        }
        let writer = writers[random.below(writers.count)]
        switch random.below(24) {
        case 0: try core.indexPending()
        case 1: try read(core)
        case 2: pinned = pinned.count < 3 ? pinned : []
        case 3: writers.removeAll { $0 === writer }
        case 4: try flush(writer)
        case 5:
            writer.writer.abandon()
            writer.sending = nil
        default: try send(writer)
        }
    }

    private func send(_ writer: Writer) throws {
        guard let (instance, start) = writer.sending else {
            let instance = try nextInstance()
            try writer.writer.begin(fileMeta: instance.fileMeta)
            writer.sending = (instance, 0)
            return
        }
        var sent = start
        if sent == instance.dataSet.count { return try commit(writer, instance) }
        let count = min(instance.dataSet.count - sent, 1 + random.below(12_000))
        let middle = sent + random.below(count + 1)
        do {
            try writer.writer.appendBytes(instance.dataSet, [sent..<middle, middle..<sent + count])
        } catch {
            writer.sending = nil
            throw error
        }
        sent += count
        writer.sending = (instance, sent)
    }

    /// One of 14 instances: as it was sent last, or with another data set, or with another head.
    private func nextInstance() throws -> SampleInstance {
        let number = random.below(14)
        let length = [random.below(3000), random.below(9000), 20_000 + random.below(60_000)][
            min(2, random.below(9) / 4)
        ]
        let content = random.oneIn(2) ? 0 : random.next()
        // The same content always has the same length, so that duplicates are met.
        let fixed = content == 0 ? 700 * (number + 1) : length
        if length > Self.options.segmentBytes { coverage.oversize += 1 }
        var instance = try SampleInstance(
            number,
            study: number % 3,
            series: number % 2,
            length: fixed,
            content: content
        )
        // Tells one copy from another.
        instance.fileMeta = random.bytes(300 + random.below(4))
        return instance
    }

    private func commit(_ writer: Writer, _ instance: SampleInstance) throws {
        let uid = instance.uid
        let known = versions[uid] ?? []
        let next = (known.map(\.rank).max() ?? 0) + 1
        writer.sending = nil
        versions[uid, default: []].append(Version(rank: next, file: instance.file))
        let receipt: Receipt
        do {
            receipt = try writer.writer.commit(instance.header, transferSyntax: instance.transferSyntax)
        } catch {
            tell("commit \(uid) \(next) \(writer.kind) threw \(error)")
            if disk.hasPower { versions[uid] = known }
            throw error
        }
        let before = visible[uid]
        tell(
            "commit \(uid) rank \(next) \(writer.kind) -> \(receipt) at \(String(describing: try? core?.environment.index.location(of: uid))) "
        )
        let isSame = known.contains { version in
            version.rank == before && version.file.count >= instance.dataSet.count
                && version.file[(version.file.count - instance.dataSet.count)...] == instance.dataSet[...]
                && version.file.count - instance.dataSet.count < 304
        }
        switch receipt {
        case .stored:
            tell("stored")
            if let before, promises[uid]?.isHeld == true {
                throw Violation(description: "\(uid): stored although version \(before) is held")
            }
            visible[uid] = next
        case .replaced:
            coverage.replaced += 1
            if isSame { throw Violation(description: "\(uid): replaced by itself") }
            visible[uid] = next
            promises[uid] = Promise(rank: next, isHeld: writer.kind.isHeld)
        case .duplicate:
            coverage.duplicates += 1
            guard let before, isSame else { throw Violation(description: "\(uid): no duplicate of anything") }
            versions[uid] = known
            // A copy that is to be held takes the place of one that may be evicted.
            if try visibleFile(uid) == instance.file {
                coverage.moved += 1
                if !writer.kind.isHeld { throw Violation(description: "\(uid): duplicate not dropped") }
                versions[uid] = known + [Version(rank: before, file: instance.file)]
            }
        }
        writer.committed[uid] = visible[uid]
        guard let file = try visibleFile(uid), isVersion(file, of: uid, from: visible[uid] ?? 0) else {
            throw Violation(description: "\(uid): not visible as committed")
        }
    }

    private func visibleFile(_ uid: UID) throws -> [UInt8]? {
        try core?.instance(uid)?.file()
    }

    private func isVersion(_ file: [UInt8], of uid: UID, from rank: Int) -> Bool {
        versions[uid, default: []].contains { $0.rank >= rank && $0.file == file }
    }

    private func flush(_ writer: Writer) throws {
        try writer.writer.flush()
        for (uid, rank) in writer.committed where visible[uid] != nil {
            let before = promises[uid]
            if rank < before?.rank ?? 0 { continue }
            // A newer version from an archive has taken the place of what was to be held.
            let isHeld = visible[uid] == rank && (writer.kind.isHeld || before?.isHeld ?? false)
            tell("promise \(uid) \(rank) held \(isHeld)")
            promises[uid] = Promise(rank: rank, isHeld: isHeld)
            coverage.promised += 1
        }
        writer.committed = [:]
    }

    private func read(_ core: SpoolCore) throws {
        for pin in pinned where try pin.instance.file() != pin.file {
            throw Violation(description: "\(pin.instance.sopInstanceUID): changed while it was read")
        }
        guard let uid = visible.keys.sorted(by: { $0.string < $1.string }).randomElement(using: &random)
        else { return }
        guard let instance = try core.instance(uid) else { return }
        pinned.append((instance, try instance.file()))
    }

    /// Forgets what was evicted; what is held never is.
    private func noteEvictions(_ core: SpoolCore) -> Int {
        let isEvicting = core.state.withLock { state in
            state.counts.evictedInstances > 0 || state.table.segments.values.contains { $0.use == .changing }
        }
        guard isEvicting else { return 0 }
        var count = 0
        for uid in visible.keys where promises[uid]?.isHeld != true && isGone(uid, core) {
            tell("evicted \(uid)")
            visible[uid] = nil
            promises[uid] = nil
            // A flush of what is gone promises nothing.
            for writer in writers { writer.committed[uid] = nil }
            count += 1
        }
        return count
    }

    private func isGone(_ uid: UID, _ core: SpoolCore) -> Bool {
        do {
            return try core.instance(uid) == nil
        } catch {
            return false
        }
    }

    // MARK: Cuts

    private func crash() throws {
        coverage.cuts += 1
        guard let core, let index = keeper.index.withLock({ $0 }) else { return }
        let keepsCache = random.oneIn(4)
        var state = keepsCache ? index.latest() : index.afterCut(&random)
        tell(
            "CUT keeps \(keepsCache) state \(state == nil ? "lost" : state == index.latest() ? "latest" : "old")"
        )
        if state == nil { coverage.indexLost += 1 }
        coverage.evicted += noteEvictions(core)
        // What another life of the spool had and nobody evicted survives the end of the process alone.
        if keepsCache { for (uid, rank) in visible { raisePromise(uid, rank) } }
        writers = []
        pinned = []
        self.core = nil
        disk.restart(&random, keepsCache: keepsCache)
        while random.oneIn(3) {
            tell("cut in recovery")
            disk.cut(after: random.below(12))
            let index = try SimulatedIndex(state)
            do {
                try start(index)
            } catch let error as StoreError {
                if disk.hasPower { throw error }
                coverage.cutsInRecovery += 1
            }
            self.core = nil
            state = keepsCache ? index.latest() : index.afterCut(&random)
            disk.restart(&random, keepsCache: keepsCache)
        }
        try start(try SimulatedIndex(state))
        try check()
    }

    private func raisePromise(_ uid: UID, _ rank: Int) {
        guard rank >= promises[uid]?.rank ?? 0 else { return }
        promises[uid] = Promise(rank: rank, isHeld: promises[uid]?.isHeld ?? false)
    }

    private func tell(_ step: @autoclosure () -> String) {
        if isTold { print(disk.operations, step()) }
    }

    private func check() throws {
        guard let core else { return }
        if isTold {
            for segment in core.state.withLock({
                $0.table.segments.values.sorted { $0.file.number < $1.file.number }
            }) {
                tell(
                    "  segment \(segment.file.number) \(segment.use) \(segment.committed)"
                )
            }
        }
        var found: [UID: Int] = [:]
        for study in 0..<3 {
            let sample = try SampleInstance(0, study: study, length: 0)
            for instance in try core.instances(
                study: sample.header.studyInstanceUID,
                series: nil,
                instance: nil
            ) {
                let uid = instance.sopInstanceUID
                let file = try instance.file()
                guard let version = versions[uid, default: []].last(where: { $0.file == file }) else {
                    throw Violation(description: "\(uid): visible and never committed")
                }
                if found.updateValue(version.rank, forKey: uid) != nil {
                    throw Violation(description: "\(uid): visible twice")
                }
            }
        }
        for (uid, promise) in promises.sorted(by: { $0.key.string < $1.key.string }) {
            let now = found[uid].map { "version \($0)" } ?? "nothing"
            if found[uid] ?? 0 < promise.rank {
                throw Violation(description: "\(uid): found \(now), promised version \(promise.rank)")
            }
        }
        coverage.lost += visible.filter { found[$0.key] != $0.value }.count
        let counted = core.statistics.instances
        if counted != found.count {
            throw Violation(description: "found \(found.count) instances, counted \(counted)")
        }
        try adopt(found, core)
    }

    /// From here everything visible is promised: recovery has it on the disk.
    private func adopt(_ found: [UID: Int], _ core: SpoolCore) throws {
        let before = promises
        visible = found
        promises = [:]
        for (uid, rank) in found {
            guard let location = try core.environment.index.location(of: uid), let pin = core.pin(location)
            else {
                throw Violation(description: "\(uid): has no place")
            }
            if let promise = before[uid], promise.isHeld, promise.rank == rank, !pin.isHeld {
                throw Violation(description: "\(uid): promised to be held and is not")
            }
            promises[uid] = Promise(rank: rank, isHeld: pin.isHeld)
        }
    }
}
