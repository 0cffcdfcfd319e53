// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import Synchronization

@testable import Store

/// A disk in memory that knows what would be left after a power cut: what was written since the last flush is
/// there or not, sector by sector.
final class SimulatedDisk: SpoolDisk {
    static let sector = 512

    /// What a segment would be after a cut, and what was done to it since.
    fileprivate struct Image: Sendable {
        enum Change: Sendable {
            case write(Int, [UInt8])
            case truncate(Int)
        }

        var current: [UInt8] = []
        var durable: [UInt8] = []
        var changes: [Change] = []
        var reserved = 0
    }

    private enum NameChange: Sendable {
        case create(Int)
        case remove(Int, Image)
    }

    fileprivate struct State: Sendable {
        var images: [Int: Image] = [:]
        private var nameChanges: [NameChange] = []
        /// Operations until the power goes; nil for never.
        var operationsLeft: Int?
        var hasPower = true
        var operations = 0

        mutating func create(_ number: Int) {
            images[number] = Image()
            nameChanges.append(.create(number))
        }

        mutating func remove(_ number: Int) {
            guard let image = images.removeValue(forKey: number) else { return }
            nameChanges.append(.remove(number, image))
        }

        mutating func synchronizeNames() {
            nameChanges = []
        }

        /// Counts one operation; false when the power goes with it.
        mutating func operate() -> Bool {
            operations += 1
            guard let left = operationsLeft else { return hasPower }
            operationsLeft = left - 1
            if left <= 1 { hasPower = false }
            return hasPower
        }

        mutating func loseNames(_ random: inout SplitMix64) {
            for change in nameChanges.reversed() where random.oneIn(2) {
                switch change {
                case .create(let number): images[number] = nil
                case .remove(let number, let image): images[number] = images[number] ?? image
                }
            }
            nameChanges = []
        }
    }

    fileprivate let state = Mutex(State())
    /// Called before each operation.
    let willOperate: @Sendable () -> Void
    /// Bytes of all segments, at most; nil for no limit.
    let capacity: Int?

    init(capacity: Int? = nil, willOperate: @escaping @Sendable () -> Void = {}) {
        self.capacity = capacity
        self.willOperate = willOperate
    }

    var operations: Int { state.withLock { $0.operations } }
    var hasPower: Bool { state.withLock { $0.hasPower } }

    /// The power goes with the operation after `count` others.
    func cut(after count: Int?) {
        state.withLock { $0.operationsLeft = count }
    }

    /// What is left after a cut is what there is now; `keepsCache` when only the process ended.
    func restart(_ random: inout SplitMix64, keepsCache: Bool) {
        let seed = random.next()
        state.withLock { state in
            var random = SplitMix64(seed: seed)
            state.hasPower = true
            state.operationsLeft = nil
            if keepsCache { return }
            state.loseNames(&random)
            for number in state.images.keys.sorted() { state.images[number]?.loseChanges(&random) }
        }
    }

    /// Flips a bit, as a bad disk does.
    func flipBit(of number: Int, at offset: Int) {
        state.withLock { state in
            state.images[number]?.current[offset] ^= 0x04
            state.images[number]?.durable[offset] ^= 0x04
        }
    }

    fileprivate func operate<Result: Sendable>(
        _ call: String,
        _ body: @Sendable (inout State, _ hasPower: Bool) throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        willOperate()
        return try state.withLock { (state) throws(SystemCallError) in
            guard state.hasPower else { throw Self.powerCut(call) }
            let hasPower = state.operate()
            let result = try body(&state, hasPower)
            if !hasPower { throw Self.powerCut(call) }
            return result
        }
    }

    private static func powerCut(_ call: String) -> SystemCallError {
        SystemCallError(call: call, subject: "simulated disk", errno: EIO)
    }

    func segments() throws(SystemCallError) -> [Int] {
        try operate("readdir") { state, _ in Array(state.images.keys) }
    }

    func open(_ number: Int) throws(SystemCallError) -> any SpoolFile {
        SimulatedFile(disk: self, number: number)
    }

    func create(_ number: Int) throws(SystemCallError) -> any SpoolFile {
        try operate("open") { state, _ in state.create(number) }
        return SimulatedFile(disk: self, number: number)
    }

    func remove(_ number: Int) throws(SystemCallError) {
        try operate("unlink") { state, _ in state.remove(number) }
    }

    func synchronizeNames() throws(SystemCallError) {
        try operate("fsync") { state, hasPower in if hasPower { state.synchronizeNames() } }
    }
}

private final class SimulatedFile: SpoolFile {
    let disk: SimulatedDisk
    let number: Int

    init(disk: SimulatedDisk, number: Int) {
        self.disk = disk
        self.number = number
    }

    var descriptor: Int32 { -1 }

    func write(_ pieces: UnsafeMutableBufferPointer<iovec>, at offset: Int64) throws(SystemCallError) {
        let bytes = pieces.reduce(into: [UInt8]()) { bytes, piece in
            bytes += UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len)
        }
        try disk.operate("pwritev") { [number] state, _ in state.images[number]?.write(bytes, at: Int(offset))
        }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemCallError) -> Int {
        let count = buffer.count
        let bytes = disk.state.withLock { state -> [UInt8] in
            guard let current = state.images[number]?.current, Int(offset) < current.count else { return [] }
            return Array(current[Int(offset)..<min(current.count, Int(offset) + count)])
        }
        buffer.copyBytes(from: bytes)
        return bytes.count
    }

    func synchronize() throws(SystemCallError) {
        try disk.operate("fdatasync") { [number] state, hasPower in
            if hasPower { state.images[number]?.synchronize() }
        }
    }

    func reserve(_ range: Range<Int64>) throws(SystemCallError) {
        try disk.operate("fallocate") {
            [number, capacity = disk.capacity] (state, _) throws(SystemCallError) in
            let others = state.images.filter { $0.key != number }.reduce(0) { $0 + $1.value.occupied }
            if let capacity, others + Int(range.upperBound) > capacity {
                throw SystemCallError(call: "fallocate", subject: "simulated disk", errno: ENOSPC)
            }
            let reserved = state.images[number]?.reserved ?? 0
            state.images[number]?.reserved = max(reserved, Int(range.upperBound))
        }
    }

    func truncate(to size: Int64) throws(SystemCallError) {
        try disk.operate("ftruncate") { [number] state, _ in state.images[number]?.truncate(to: Int(size)) }
    }

    func extent() throws(SystemCallError) -> (size: Int64, occupied: Int64) {
        let (size, occupied) = disk.state.withLock { state in
            (state.images[number]?.current.count ?? 0, state.images[number]?.occupied ?? 0)
        }
        return (Int64(size), Int64(occupied))
    }
}

extension SimulatedDisk.Image {
    var occupied: Int { max(current.count, reserved) }

    mutating func write(_ bytes: [UInt8], at offset: Int) {
        changes.append(.write(offset, bytes))
        Self.put(bytes[...], at: offset, in: &current)
    }

    mutating func truncate(to size: Int) {
        changes.append(.truncate(size))
        reserved = min(reserved, size)
        Self.setSize(size, of: &current)
    }

    mutating func synchronize() {
        durable = current
        changes = []
    }

    /// Each change arrives whole, not at all, or in some of its sectors; what grows the file may miss its end.
    mutating func loseChanges(_ random: inout SplitMix64) {
        var image = durable
        let mood = random.below(4)
        for change in changes {
            let fate = mood == 3 ? random.below(3) : mood
            switch change {
            case .truncate(let size): if fate != 0 { Self.setSize(size, of: &image) }
            case .write(let offset, let bytes):
                if fate == 0 { continue }
                var sector = 0
                while sector < bytes.count {
                    let end = min(bytes.count, sector + SimulatedDisk.sector)
                    if fate == 1 || random.oneIn(2) {
                        Self.put(bytes[sector..<end], at: offset + sector, in: &image)
                    }
                    sector = end
                }
            }
        }
        if image.count > durable.count, random.oneIn(4) {
            let sectors = (image.count - durable.count) / SimulatedDisk.sector
            Self.setSize(durable.count + random.below(sectors + 1) * SimulatedDisk.sector, of: &image)
        }
        current = image
        durable = image
        changes = []
    }

    private static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, in image: inout [UInt8]) {
        if image.count < offset + bytes.count { setSize(offset + bytes.count, of: &image) }
        image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    private static func setSize(_ size: Int, of image: inout [UInt8]) {
        if size < image.count {
            image.removeLast(image.count - size)
        } else {
            image.append(contentsOf: repeatElement(0, count: size - image.count))
        }
    }
}
