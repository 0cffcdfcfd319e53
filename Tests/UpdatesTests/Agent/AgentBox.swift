// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import Linux
import Synchronization

@testable import Updates

/// A box of files: two slots, a boot partition, records; the agent itself, a boot loader, and a supply of power.
final class AgentBox: Sendable {
    static let hour: Int64 = 3600 * 1000

    let old: TestRelease
    let new: TestRelease
    let directory: String
    let power: Power
    let time = Mutex<Int64>(1_800_000_000_000)
    let reports = Mutex<[String]>([])
    let reboots = Mutex<[RebootReason]>([])
    let floor = Mutex<UInt64>(1)
    /// What the checks of health say, by release.
    let health: Mutex<[String: [String: Bool]]> = Mutex([:])
    let source: TestSource
    let hold = Mutex(Hold.nothing)

    /// The old release runs from slot A; slot B holds noise.
    init(
        in directory: String,
        answer: @escaping @Sendable (TestSource.Request, Int) -> TestSource.Answer = {
            _,
            _ in .right
        }
    ) throws {
        (old, new) = try TestRelease.pair.get()
        self.directory = directory
        power = Power(records: directory + "/records")
        source = TestSource(new.files, answer: answer)
        try MountedPartition(mountPoint: directory).prepare()
        func write(_ name: String, _ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(filePath: "\(directory)/\(name)"))
        }
        let room = 1 << 20
        try write("A.data", old.image + [UInt8](repeating: 0, count: room - old.image.count))
        try write("A.hashes", old.tree + [UInt8](repeating: 0, count: room - old.tree.count))
        try write("B.data", Pseudorandom.bytes(room, seed: 9))
        try write("B.hashes", Pseudorandom.bytes(room, seed: 10))
        try write("EFI/Linux/A.efi", kernel(old))
    }

    func kernel(_ release: TestRelease) -> [UInt8] {
        release.files[release.manifest.path("uki.efi")] ?? []
    }

    func advance(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }

    // MARK: Boot

    var entryNames: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory + "/EFI/Linux")) ?? []).sorted()
    }

    struct Unbootable: Error { let why: String }

    /// What the boot loader starts, and counts; its slot is whole.
    func boot(_ id: String) throws -> RunningSystem {
        let candidates = try entryNames.compactMap { name -> BootLoader.Candidate? in
            let content = try readFile("\(directory)/EFI/Linux/\(name)", limit: 1 << 20)
            guard let release = [old, new].first(where: { kernel($0) == content }) else {
                throw Unbootable(why: "\(name) is no kernel image of a release")
            }
            return BootLoader.Candidate(name: name, version: release.manifest.release.description)
        }
        guard let next = BootLoader.next(in: candidates), let entry = BootEntry(name: next.file.name) else {
            throw Unbootable(why: "nothing to start in \(entryNames)")
        }
        let name = BootLoader.nameAfterStart(of: next.file)
        if name != next.file.name {
            try FileManager.default.moveItem(
                atPath: "\(directory)/EFI/Linux/\(next.file.name)",
                toPath: "\(directory)/EFI/Linux/\(name)"
            )
        }
        let release = next.version == old.manifest.release.description ? old : new
        let slot = entry.slot
        guard try content("\(slot.name).data", release.image.count) == release.image,
            try content("\(slot.name).hashes", release.tree.count) == release.tree
        else { throw Unbootable(why: "\(next.file.name) starts a slot that is not whole") }
        return RunningSystem(
            slot: slot,
            release: release.manifest.release.description,
            rootHash: release.manifest.verity.rootHash,
            rollbackIndex: release.manifest.release == old.manifest.release ? 1 : 2,
            bootID: id,
            start: .entry(name)
        )
    }

    private func content(_ name: String, _ count: Int) throws -> [UInt8] {
        Array(try readFile("\(directory)/\(name)", limit: 2 << 20).prefix(count))
    }

    // MARK: Agent

    func agent(_ running: RunningSystem, policy: UpdatePolicy = .eager) throws -> UpdateAgent {
        var limits = InstallationLimits()
        limits.attempts = 2
        return try UpdateAgent(
            UpdateAgent.Parts(
                running: running,
                directory: directory + "/records",
                partition: PoweredPartition(MountedPartition(mountPoint: directory), power),
                storage: { [directory, power] slot, isWritable in
                    func open(_ part: String) throws -> PoweredStorage {
                        let path = "\(directory)/\(slot.name).\(part)"
                        return PoweredStorage(try BlockStorage(opening: path, isWritable: isWritable), power)
                    }
                    return TargetSlot(data: try open("data"), hashes: try open("hashes"))
                },
                lookUp: { [self] in
                    running.release == new.manifest.release.description
                        ? nil
                        : UpdateAgent.Found(
                            manifest: new.manifest,
                            document: new.json,
                            rollbackIndex: 2,
                            isUrgent: false,
                            hold: hold.withLock { $0 }
                        )
                },
                source: source,
                limits: limits,
                checks: { [self] in
                    health.withLock { $0[running.release] } ?? ["gateway": true, "link": true]
                },
                required: ["gateway"],
                raiseFloor: { [self] index, _ in floor.withLock { $0 = max($0, index) } },
                reboot: { [self] reason in reboots.withLock { $0.append(reason) } },
                report: { [self] report in reports.withLock { $0.append(report.reason) } },
                now: { [self] in time.withLock { $0 } }
            ),
            policy: policy
        )
    }

    /// From a start, and a check where one `asks`, to the reboot that the agent asks for, the commit, or a cut; minutes pass.
    func run(_ id: String, policy: UpdatePolicy = .eager, asks: Bool = false) async throws
        -> UpdateAgent.Status
    {
        let asked = reboots.withLock { $0.count }
        let agent = try agent(try boot(id), policy: policy)
        await agent.start()
        if asks { await agent.check() }
        for _ in 0..<40 {
            await agent.settle()
            let state = await agent.status.state
            if power.isCut || reboots.withLock({ $0.count }) > asked { break }
            if [.committed, .floorRaised, .rolledBack].contains(state) { break }
            switch state {
            case .idle, .aborted: await agent.check()
            default:
                advance(30_000)
                await agent.tick()
            }
        }
        await agent.settle()
        return await agent.status
    }
}

extension UpdatePolicy {
    /// Waits for nobody.
    static var eager: UpdatePolicy {
        var policy = UpdatePolicy()
        policy.reboot = .open
        return policy
    }
}

// MARK: - Power

/// Ends after a number of changes to disks, and keeps what was recorded until then.
final class Power: Sendable {
    struct Cut: Error {}

    private struct State {
        var left: Int?
        var used = 0
        var isCut = false
        var kept: [String: Data?] = [:]
    }

    private let records: String
    private let state = Mutex(State())

    init(records: String) { self.records = records }

    var isCut: Bool { state.withLock { $0.isCut } }
    var used: Int { state.withLock { $0.used } }

    func last(_ changes: Int?) { state.withLock { $0.left = changes } }

    /// Before each change. False once there is no power.
    func step() -> Bool {
        state.withLock { state in
            if state.isCut { return false }
            if state.left == 0 {
                state.isCut = true
                // What the agent writes from here on it did not write.
                for name in ["state.a", "state.b", "baseline", "manifest.A", "manifest.B"] {
                    state.kept[name] = try? Data(contentsOf: URL(filePath: "\(records)/\(name)"))
                }
                return false
            }
            state.left = state.left.map { $0 - 1 }
            state.used += 1
            return true
        }
    }

    func restore() throws {
        let kept = state.withLock { state in
            defer { (state.isCut, state.left, state.kept) = (false, nil, [:]) }
            return state.kept
        }
        for (name, content) in kept {
            let url = URL(filePath: "\(records)/\(name)")
            if let content {
                try content.write(to: url)
            } else {
                try? FileManager.default.removeItem(at: url)
            }
        }
    }
}

private struct PoweredStorage: SlotStorage {
    private let storage: BlockStorage
    private let power: Power

    init(_ storage: BlockStorage, _ power: Power) { (self.storage, self.power) = (storage, power) }

    var size: Int { storage.size }

    func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        try storage.read(count, at: offset)
    }

    /// The write that the cut meets is torn.
    func write(_ bytes: [UInt8], at offset: Int) throws(SystemCallError) {
        if power.isCut { throw Self.dark }
        if !power.step() {
            try storage.write(Array(bytes.prefix(bytes.count / 2 / 4096 * 4096)), at: offset)
            throw Self.dark
        }
        try storage.write(bytes, at: offset)
    }

    func synchronize() throws(SystemCallError) {
        if !power.step() { throw Self.dark }
    }

    private static let dark = SystemCallError(call: "write", subject: "slot", errno: EIO)
}

private struct PoweredPartition: BootPartition {
    private let partition: MountedPartition
    private let power: Power

    init(_ partition: MountedPartition, _ power: Power) { (self.partition, self.power) = (partition, power) }

    private func step(_ operation: BootPartitionError.Operation) throws(BootPartitionError) {
        if !power.step() { throw BootPartitionError(operation, "", reason: "no power") }
    }

    func names(in directory: BootPath.Directory) throws(BootPartitionError) -> [String] {
        try partition.names(in: directory)
    }

    func read(_ path: BootPath, limit: Int) throws(BootPartitionError) -> [UInt8] {
        try partition.read(path, limit: limit)
    }

    func create(_ path: BootPath, with content: [UInt8]) throws(BootPartitionError) {
        try step(.create)
        try partition.create(path, with: content)
    }

    func rename(_ path: BootPath, to other: BootPath) throws(BootPartitionError) {
        try step(.rename)
        try partition.rename(path, to: other)
    }

    func remove(_ path: BootPath) throws(BootPartitionError) {
        try step(.remove)
        try partition.remove(path)
    }

    func synchronize(_ directory: BootPath.Directory) throws(BootPartitionError) {
        try step(.synchronize)
        try partition.synchronize(directory)
    }
}
