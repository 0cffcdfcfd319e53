// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

/// A machine of two slots, a boot partition, a firmware, systemd-boot, a record and the agent, without a real disk.
/// The power may go after any step that changes something, and the agent may be killed in any state.
final class SimulatedBox {
    /// What a release does when it is started.
    enum Behaviour {
        case good
        /// Runs, and a check that passed before fails.
        case unhealthy
        /// Panics before the agent runs.
        case panics
        /// The kernel image cannot be loaded.
        case unloadable
        /// Runs without its agent; systemd's deadline reboots.
        case mute
    }

    enum End: Equatable {
        case settled, cut, reboot, killed
        /// Nothing more happens by itself.
        case stuck(UpdateState)
    }

    struct Bricked: Error { let why: String }
    private struct NoPower: Error {}

    let partition = SimulatedPartition([
        .entry("A.efi"): "uki 1", .entry("B.efi"): "uki 0", .previous: "uki 0",
    ])
    /// The release that a slot holds whole; nil where it holds a part.
    var slots: [Slot: String?] = [.a: "1", .b: "0"]
    var behaviours: [String: Behaviour] = [:]
    var record: UpdateRecord?
    var policy = UpdatePolicy()
    var offered = "2"
    /// Somebody asks for the old system once the new one is committed.
    var wantsBack = false
    /// Milliseconds.
    var now: Int64 = 1_800_000_000_000
    /// Steps until the power goes.
    var power: Int?
    var kill: (state: UpdateState, isBeforeActions: Bool)?

    private(set) var running: RunningSystem?
    private(set) var steps = 0
    private(set) var boots = 0
    private(set) var reboots = 0
    private(set) var installs = 0
    private(set) var reasons: [String] = []
    private(set) var states: [UpdateState] = []
    private var bootTime: Int64 = 0
    private var started = 0

    private var machine: UpdateMachine?
    /// What was returned at once belongs together.
    private var queue: [[UpdateAction]] = []
    private var kernelImage: [UInt8] = []
    private var isSealed = false
    private var isHealthy = false
    private var installation: (release: String, slot: Slot, number: Int)?

    static let trialTime: Int64 = 900_000
    static func rootHash(_ release: String) -> [UInt8] {
        Array(release.utf8) + [UInt8](repeating: 0, count: 32 - release.utf8.count)
    }

    var state: UpdateState? { machine?.state }

    // MARK: - Firmware and boot loader

    /// Power on, until an agent can run.
    func boot() throws {
        machine = nil
        for _ in 0..<40 {
            boots += 1
            guard let (release, start) = loadedRelease() else { throw Bricked(why: "nothing can be loaded") }
            guard let slot = Slot.allCases.first(where: { slots[$0] == release }) else { continue }
            switch behaviours[release] ?? .good {
            case .panics: continue
            case .mute:
                now += Self.trialTime
                continue
            case .good, .unhealthy, .unloadable: break
            }
            started += 1
            bootTime = now
            running = RunningSystem(
                slot: slot,
                release: release,
                rootHash: Self.rootHash(release),
                rollbackIndex: UInt64(release) ?? 0,
                bootID: "boot \(boots)",
                start: start
            )
            return
        }
        throw Bricked(why: "reboots for ever, \(partition.entryNames)")
    }

    /// Four firmware entries for systemd-boot, then one for the previous image (UPDATES 4.4, 3).
    private func loadedRelease() -> (String, RunningSystem.Start)? {
        for _ in 0..<4 {
            let candidates = partition.entryNames.compactMap { name in
                BootLoader.Candidate(name: name, version: release(in: .entry(name)) ?? "")
            }
            guard let next = BootLoader.next(in: candidates) else { continue }
            let path = BootPath.entry(BootLoader.nameAfterStart(of: next.file))
            if path.name != next.file.name { partition.renameAtBoot(.entry(next.file.name), to: path) }
            if let release = release(in: path), behaviours[release] != .unloadable {
                return (release, .entry(path.name))
            }
        }
        return release(in: .previous).map { ($0, .previous) }
    }

    private func release(in path: BootPath) -> String? {
        guard let text = partition.text(path), text.hasPrefix("uki ") else { return nil }
        return String(text.dropFirst(4))
    }

    // MARK: - The agent

    /// Runs the agent from its start until something ends it.
    func live() throws -> End {
        let running = try #require(running)
        kernelImage = []
        isSealed = false
        isHealthy = false
        installation = nil
        goodFor = 0
        let survey = try BootEntries(partition).survey()
        let (resumed, actions) = UpdateMachine.resume(
            record: record,
            entries: survey.entries,
            running: running,
            policy: policy,
            at: now
        )
        machine = resumed
        queue = [actions]
        do {
            for _ in 0..<400 {
                note()
                if isKilled(before: true) { return .killed }
                while let action = nextAction() {
                    if let end = try perform(action) { return end }
                    note()
                    if isKilled(before: true) { return .killed }
                }
                if isKilled(before: false) { return .killed }
                if let end = try surroundings() { return end }
            }
        } catch is NoPower {
            machine = nil
            return .cut
        }
        throw Bricked(why: "the agent goes round in circles: \(states.suffix(8))")
    }

    /// What time, the server and people do while the agent waits.
    private func surroundings() throws -> End? {
        let running = try #require(running)
        let state = try #require(machine?.state)
        switch state {
        case .committed where wantsBack:
            wantsBack = false
            send(.revert)
        case .committed where running.release == offered, .offered(.failed): return .settled
        case .idle, .aborted, .rolledBack, .committed, .floorRaised:
            send(.checkStarted)
        case .checking: send(.checked(offer))
        case .offered(.consent): send(.consent(release: offered, until: now + 3_600_000))
        case .staged(.window): send(.windowOpened(until: now + 3_600_000))
        case .fetching: try install()
        case .trial:
            now += 60_000
            if mayNotRun { return reboot() }
            let isGood = behaviours[running.release] != .unhealthy
            goodFor = isGood ? goodFor + 60_000 : 0
            isHealthy = goodFor > HealthWatch.holdTime
            let standing: HealthWatch.Standing =
                !isGood ? .failing(["gateway"]) : isHealthy ? .good : .holding(since: now - goodFor)
            send(.health(standing))
            send(.tick)
        case .rebooting, .armed: send(.tick)
        case .offered, .staged, .committing: return .stuck(state)
        }
        return nil
    }

    private var goodFor: Int64 = 0

    /// systemd's deadline, which does not ask the agent.
    private var mayNotRun: Bool {
        guard let running, case .entry(let name) = running.start, BootEntry(name: name)?.counter != nil else {
            return false
        }
        return now > bootTime + Self.trialTime + 60_000 && record?.state != .committed
    }

    var offer: UpdateOffer {
        UpdateOffer(
            release: offered,
            rootHash: Self.rootHash(offered),
            rollbackIndex: UInt64(offered) ?? 0,
            trialTime: Self.trialTime
        )
    }

    func send(_ event: UpdateEvent) {
        queue.append(machine?.handle(event, at: now) ?? [])
    }

    private func nextAction() -> UpdateAction? {
        while queue.first?.isEmpty == true { queue.removeFirst() }
        return queue.isEmpty ? nil : queue[0].removeFirst()
    }

    private func note() {
        if let state = machine?.state, states.last != state { states.append(state) }
    }

    private func isKilled(before: Bool) -> Bool {
        guard let kill, kill.isBeforeActions == before, machine?.state == kill.state else { return false }
        machine = nil
        queue = []
        goodFor = 0
        now += 5_000
        return true
    }

    /// After a kill: whether systemd has had enough of a boot without a commit.
    func deadlineReboot() -> Bool {
        if !mayNotRun { return false }
        _ = reboot()
        return true
    }

    private func reboot() -> End {
        reboots += 1
        goodFor = 0
        partition.cut(.nothing)
        machine = nil
        return .reboot
    }

    /// A step that changes something on a disk.
    private func step() throws {
        if power == 0 { throw NoPower() }
        power = power.map { $0 - 1 }
        steps += 1
    }

    private func install() throws {
        guard let job = installation else {
            send(.tick)
            return
        }
        installs += 1
        installation = nil
        let isThere = slots[job.slot] == job.release
        if !isThere {
            try step()
            slots[job.slot] = .some(nil)
            try step()
            slots[job.slot] = job.release
            send(.installationProgressed)
        }
        kernelImage = Array("uki \(job.release)".utf8)
        isSealed = true
        send(.installationFinished(number: job.number, rootHash: Self.rootHash(job.release)))
    }

    private func perform(_ action: UpdateAction) throws -> End? {
        let running = try #require(running)
        do {
            switch action {
            case .check:
                send(.checked(offer))
                return nil
            case .write(let new):
                try step()
                record = new
            case .takeBaseline: send(.baselineTaken(hash: [UInt8](repeating: 7, count: 32)))
            case .install(let offer, let slot, let number):
                #expect(slot != running.slot, "the running slot is not written to")
                let entries = try BootEntries(partition).survey().entries
                #expect(!entries.contains { $0.slot == slot }, "a slot that is written to has no entry")
                installation = (offer.release, slot, number)
            case .stopInstallation: installation = nil
            case .reboot: return reboot()
            case .report(let report): reasons.append(report.reason)
            case .raiseFloor: break
            case .cleanUp: try change { try $0.cleanUp() }
            case .keepPrevious(let slot): try change { try $0.keepPrevious(of: slot) }
            case .disarm(let slot):
                #expect(slot != running.slot)
                try change { try $0.disarm(slot, running: running.slot) }
            case .arm(let slot, let tries):
                #expect(isSealed && slots[slot] == record?.release, "sealed before armed")
                try change {
                    try $0.arm(slot, kernelImage: kernelImage, tries: tries, running: running.slot)
                }
            case .restoreTries(let slot): try change { try $0.restoreTries(slot) }
            case .markBad(let slot): try change { try $0.markBad(slot) }
            case .commit(let slot):
                #expect(isHealthy && slot == running.slot, "committed without a good verdict")
                try change { try $0.commit(slot) }
            }
        } catch let error as BootEntriesError {
            if !action.mayFail { queue[0] = [] }
            send(.failed(action, "\(error)"))
            return nil
        }
        send(.done(action))
        return nil
    }

    /// Every call that changes the partition is a step.
    private func change(_ body: (BootEntries) throws -> Void) throws {
        partition.setBudget(power)
        let before = partition.changes
        defer {
            let made = partition.changes - before
            steps += made
            power = power.map { $0 - made }
            partition.setBudget(nil)
        }
        do { try body(BootEntries(partition)) } catch {
            if case .partition(let error) = error as? BootEntriesError, error.reason == "no power" {
                throw NoPower()
            }
            throw error
        }
    }

    /// On the disk there is an entry that would not be the last resort, of a slot that is whole.
    func hasWholeSystem() -> Bool {
        partition.durable.contains { path, content in
            guard let entry = BootEntry(name: path.name), path.directory == .entries else { return false }
            let release = String(String(decoding: content, as: UTF8.self).dropFirst(4))
            return entry.hasTries && slots[entry.slot] == release
        }
    }
}
