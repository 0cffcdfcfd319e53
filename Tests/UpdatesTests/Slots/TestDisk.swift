// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import Synchronization

@testable import Updates

/// A disk with a cache that forgets, and that can fail: several partitions share it.
final class TestDisk: Sendable {
    enum Fault: Sendable {
        /// The power goes during the operation, counted over writes and flushes from 0: nothing answers any more.
        case cut(at: Int)
        /// This write, counted from 0, fails.
        case write(Int, errno: Int32)
        /// Reads that touch this byte of the partition fail.
        case read(partition: String, byte: Int)
        /// The byte is another than was written, from then on.
        case flip(partition: String, byte: Int)
    }

    private struct State {
        var fault: Fault?
        var operations = 0
        var writes = 0
        var isOff = false
    }

    private let state: Mutex<State>

    init(_ fault: Fault? = nil) { state = Mutex(State(fault: fault)) }

    /// Writes and flushes so far.
    var operations: Int { state.withLock { $0.operations } }
    var writes: Int { state.withLock { $0.writes } }
    var isOff: Bool { state.withLock { $0.isOff } }

    /// Counts an operation; true when the power goes during it.
    fileprivate func operate(isWrite: Bool) throws(SystemCallError) -> Bool {
        let result: (Int32, Bool) = state.withLock { state in
            if state.isOff { return (EIO, false) }
            if case .cut(let operation) = state.fault, state.operations == operation {
                state.isOff = true
                return (0, true)
            }
            if case .write(let write, let errno) = state.fault, isWrite, state.writes == write {
                return (errno, false)
            }
            state.operations += 1
            if isWrite { state.writes += 1 }
            return (0, false)
        }
        if result.0 != 0 { throw SystemCallError(call: "pwrite", subject: "disk", errno: result.0) }
        return result.1
    }

    fileprivate func read(_ partition: String, _ range: Range<Int>) throws(SystemCallError) -> Int? {
        let (isBad, flipped): (Bool, Int?) = state.withLock { state in
            if state.isOff { return (true, nil) }
            switch state.fault {
            case .read(partition, let byte): return (range.contains(byte), nil)
            case .flip(partition, let byte): return (false, range.contains(byte) ? byte : nil)
            default: return (false, nil)
            }
        }
        if isBad { throw SystemCallError(call: "pread", subject: "disk", errno: EIO) }
        return flipped
    }
}

final class TestPartition: SlotStorage {
    private struct State {
        /// What a reader sees.
        var bytes: [UInt8]
        /// What the disk has for good.
        var durable: [UInt8]
        var unsynchronized: [(offset: Int, bytes: [UInt8])] = []
    }

    let name: String
    let size: Int
    private let disk: TestDisk
    private let state: Mutex<State>

    init(_ name: String, _ bytes: [UInt8], on disk: TestDisk = TestDisk()) {
        self.name = name
        self.disk = disk
        size = bytes.count
        state = Mutex(State(bytes: bytes, durable: bytes))
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }

    func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset + count <= size else {
            throw SystemCallError(call: "pread", subject: name, errno: EIO)
        }
        let flipped = try disk.read(name, offset..<offset + count)
        var bytes = state.withLock { Array($0.bytes[offset..<offset + count]) }
        if let flipped { bytes[flipped - offset] ^= 1 }
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(SystemCallError) {
        guard offset >= 0, offset + bytes.count <= size else {
            throw SystemCallError(call: "pwrite", subject: name, errno: ENOSPC)
        }
        guard offset.isMultiple(of: 4096), bytes.count.isMultiple(of: 4096) else {
            throw SystemCallError(call: "pwrite", subject: name, errno: EINVAL)
        }
        let isCut = try disk.operate(isWrite: true)
        state.withLock { state in
            state.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            state.unsynchronized.append((offset, bytes))
        }
        if isCut { throw SystemCallError(call: "pwrite", subject: name, errno: EIO) }
    }

    func synchronize() throws(SystemCallError) {
        let isCut = try disk.operate(isWrite: false)
        if isCut { throw SystemCallError(call: "fdatasync", subject: name, errno: EIO) }
        state.withLock { state in
            state.durable = state.bytes
            state.unsynchronized = []
        }
    }

    /// What is there when the power is back: of what was not waited for, any sectors of 512 bytes.
    func afterPowerCut(_ generator: inout Pseudorandom.Generator) -> [UInt8] {
        var bytes = state.withLock { $0.durable }
        for write in state.withLock({ $0.unsynchronized }) {
            for start in stride(from: 0, to: write.bytes.count, by: 512) where Bool.random(using: &generator)
            {
                bytes.replaceSubrange(
                    write.offset + start..<write.offset + start + 512,
                    with: write.bytes[start..<start + 512]
                )
            }
        }
        return bytes
    }
}

/// A source in memory that fails as it is told.
final class TestSource: ReleaseSource {
    enum Answer: Sendable {
        case right
        case failure(SourceFailure.Kind)
        /// In place of what was asked for.
        case bytes([UInt8])
        /// Nothing until the task is cancelled.
        case stall
    }

    struct Request: Equatable, Sendable {
        let file: String
        let range: Range<Int>
    }

    private struct State {
        var requests: [Request] = []
        var running = 0
        var mostAtOnce = 0
    }

    private let files: [String: [UInt8]]
    /// Told the request and how many times it was made before.
    private let answer: @Sendable (Request, Int) -> Answer
    private let delay: Duration
    private let state = Mutex(State())

    init(
        _ files: [String: [UInt8]],
        delay: Duration = .zero,
        answer: @escaping @Sendable (Request, Int) -> Answer = { _, _ in .right }
    ) {
        self.files = files
        self.delay = delay
        self.answer = answer
    }

    var requests: [Request] { state.withLock { $0.requests } }
    var mostAtOnce: Int { state.withLock { $0.mostAtOnce } }

    func read(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8] {
        let request = Request(file: file, range: range)
        let times = state.withLock { state in
            state.requests.append(request)
            state.running += 1
            state.mostAtOnce = max(state.mostAtOnce, state.running)
            return state.requests.count { $0 == request } - 1
        }
        defer { state.withLock { $0.running -= 1 } }
        if delay > .zero { try? await Task.sleep(for: delay) }
        switch answer(request, times) {
        case .failure(let kind): throw SourceFailure(kind, file, "told to")
        case .bytes(let bytes): return bytes
        case .stall:
            try? await Task.sleep(for: .seconds(3600))
            throw SourceFailure(.transient, file, "cancelled")
        case .right:
            guard let bytes = files[file], range.upperBound <= bytes.count else {
                throw SourceFailure(.gone, file, "no such bytes")
            }
            return Array(bytes[range])
        }
    }
}

extension InstallationClock {
    /// Waiting takes no time, but is remembered.
    static func quick(_ pauses: Pauses = Pauses()) -> InstallationClock {
        InstallationClock(
            now: { pauses.now },
            sleep: { duration in
                // The deadline of a request is not to pass before its answer.
                if duration >= .seconds(30) {
                    try? await Task.sleep(for: .seconds(3600))
                } else {
                    pauses.add(duration)
                }
            }
        )
    }

    final class Pauses: Sendable {
        private let durations = Mutex<[Duration]>([])

        var all: [Duration] { durations.withLock { $0 } }
        var now: Duration { all.reduce(.zero, +) }
        func add(_ duration: Duration) { durations.withLock { $0.append(duration) } }
    }
}
