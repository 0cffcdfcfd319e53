// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

/// The machine among events that make no sense together, actions that fail, kills and reboots.
private struct RandomWorld {
    private var random: SplitMix
    private var machine: UpdateMachine
    private var queue: [[UpdateAction]] = []
    private var now: Int64 = 1_000_000
    private var record: UpdateRecord?
    private var entries: [BootEntry] = [
        BootEntry(slot: .a, counter: nil), BootEntry(slot: .b, counter: nil),
    ]
    private var slots: [Slot: Int] = [.a: 1, .b: 0]
    private var running: RunningSystem
    private var boots = 1
    private var policy = UpdatePolicy()
    private var installing: (slot: Slot, release: String, number: Int)?
    /// What the slot's root hash was read back as, since the process began.
    private var sealed: Int?
    private var wasGood = false
    private(set) var commits = 0
    private(set) var returns = 0
    private(set) var arms = 0

    init(seed: UInt64) {
        random = SplitMix(state: seed)
        policy.download = [.open, .window, .consent, .windowAndConsent][random.next(4)]
        policy.reboot = [.open, .window, .consent, .windowAndConsent][random.next(4)]
        running = Self.system(.a, 1, 1)
        let actions: [UpdateAction]
        (machine, actions) = UpdateMachine.resume(
            record: nil,
            entries: entries,
            running: running,
            policy: policy,
            at: now
        )
        queue = [actions]
    }

    private static func hash(_ release: Int) -> [UInt8] { [UInt8](repeating: UInt8(release), count: 32) }

    private static func system(_ slot: Slot, _ release: Int, _ boot: Int) -> RunningSystem {
        RunningSystem(
            slot: slot,
            release: "\(release)",
            rootHash: hash(release),
            rollbackIndex: 1,
            bootID: "boot \(boot)",
            start: .unknown
        )
    }

    private static func offer(_ release: Int) -> UpdateOffer {
        UpdateOffer(
            release: "\(release)",
            rootHash: hash(release),
            rollbackIndex: UInt64(release),
            trialTime: 900_000
        )
    }

    mutating func step() {
        now += Int64(random.next(60_000))
        while queue.first?.isEmpty == true { queue.removeFirst() }
        if !queue.isEmpty, random.next(10) < 8 { return perform(queue[0].removeFirst()) }
        switch random.next(80) {
        case 0: restart()
        case 1: reboot()
        default: send(event())
        }
    }

    private mutating func event() -> UpdateEvent {
        switch random.next(20) {
        case 0: return .checkStarted
        case 1: return .checkFailed
        case 2: return .checked(nil)
        case 3, 4:
            return .checked(
                Self.offer(random.next(5)),
                random.next(4) == 0 ? Hold.allCases[random.next(Hold.allCases.count)] : .nothing
            )
        case 5, 6:
            return .consent(release: machine.record.release, until: now + Int64(random.next(3_600_000)))
        case 7, 8, 18: return .windowOpened(until: now + Int64(random.next(3_600_000)))
        case 9: return random.next(4) == 0 ? .windowClosed : .tick
        case 10, 11:
            guard let (slot, release, number) = installing else { return .installationProgressed }
            installing = nil
            if random.next(5) == 0 {
                return .installationFailed(number: number, [.gone("x"), .refused("x")][random.next(2)])
            }
            slots[slot] = Int(release) ?? 0
            sealed = random.next(10) == 0 ? 9 : slots[slot]
            return .installationFinished(number: number, rootHash: Self.hash(sealed ?? 9))
        case 12: return .baselineTaken(hash: Self.hash(7))
        case 13, 14, 15:
            switch random.next(3) {
            case 0: return .health(.failing(["x"]))
            case 1: return .health(.holding(since: now))
            default:
                wasGood = true
                return .health(.good)
            }
        case 16: return [.healthFailed("x"), .abort, .plannedReboot, .revert][random.next(4)]
        case 17: return .retry(machine.record.release)
        default: return .tick
        }
    }

    private mutating func send(_ event: UpdateEvent) {
        queue.append(machine.handle(event, at: now))
        let state = machine.state
        #expect(record == nil || state != .checking || machine.record.state != .trial)
    }

    private mutating func perform(_ action: UpdateAction) {
        if random.next(12) == 0 {
            if !action.mayFail { queue[0] = [] }
            return send(.failed(action, "random"))
        }
        switch action {
        case .write(let new): record = new
        case .disarm(let slot):
            #expect(slot != running.slot, "disarms the running slot")
            entries.removeAll { $0.slot == slot }
        case .install(let offer, let slot, let number):
            #expect(slot != running.slot, "writes to the running slot")
            #expect(!entries.contains { $0.slot == slot }, "writes to a slot that can be started")
            slots[slot] = -1
            installing = (slot, offer.release, number)
            sealed = nil
        case .stopInstallation: installing = nil
        case .arm(let slot, let tries):
            arms += 1
            #expect(slot != running.slot)
            #expect(sealed.map { "\($0)" } == record?.release && slots[slot] == sealed, "not sealed")
            #expect(record?.state == .armed && record?.slot == slot, "armed before its record")
            entries.removeAll { $0.slot == slot }
            entries.append(BootEntry(slot: slot, counter: BootCounter(left: tries)))
        case .commit(let slot):
            commits += 1
            #expect(slot == running.slot && wasGood, "committed without a good verdict")
            rename(slot, nil)
        case .restoreTries(let slot): rename(slot, BootCounter(left: 3))
        case .markBad(let slot):
            #expect(entries.contains { $0.slot != slot && $0.hasTries }, "marks the last resort")
            rename(slot, BootCounter(left: 0, done: 1))
        case .reboot(let reason):
            if reason == .trial { #expect(record?.state == .rebooting) }
            if reason == .goingBack { returns += 1 }
            return reboot()
        case .takeBaseline: send(.baselineTaken(hash: Self.hash(7)))
        case .raiseFloor: #expect(machine.record.state == .committed)
        case .check, .cleanUp, .keepPrevious, .report: break
        }
        let running = entries.filter { $0.slot == self.running.slot }
        #expect(!running.isEmpty, "the running system has no entry")
        send(.done(action))
    }

    private mutating func rename(_ slot: Slot, _ counter: BootCounter?) {
        guard let index = entries.firstIndex(where: { $0.slot == slot }), entries[index].counter != nil else {
            return
        }
        entries[index] = BootEntry(slot: slot, counter: counter)
    }

    private mutating func restart() {
        installing = nil
        sealed = nil
        wasGood = false
        let actions: [UpdateAction]
        (machine, actions) = UpdateMachine.resume(
            record: record,
            entries: entries,
            running: running,
            policy: policy,
            at: now
        )
        queue = [actions]
    }

    private mutating func reboot() {
        for _ in 0..<8 {
            boots += 1
            let candidates = entries.compactMap {
                BootLoader.Candidate(name: $0.name, version: "\(slots[$0.slot] ?? 0)")
            }
            guard let next = BootLoader.next(in: candidates), let entry = BootEntry(name: next.file.name),
                let started = BootEntry(name: BootLoader.nameAfterStart(of: next.file))
            else { break }
            entries.removeAll { $0 == entry }
            entries.append(started)
            // A release on trial may panic; one that was found good does not.
            if started.counter != nil, random.next(3) == 0 { continue }
            let release = slots[started.slot] ?? -1
            #expect(release >= 0, "starts a slot that is not whole")
            running = Self.system(started.slot, release, boots)
            return restart()
        }
        Issue.record("nothing starts: \(entries)")
    }
}

private struct SplitMix {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((z ^ (z >> 31)) % UInt64(bound))
    }
}

@Suite("Events at random") struct RandomEventTests {
    @Test("10,000 sequences of events, failures, kills and reboots break no rule") func invariants() {
        var (commits, returns, arms) = (0, 0, 0)
        for seed in 0..<10_000 as Range<UInt64> {
            var world = RandomWorld(seed: seed)
            for _ in 0..<80 { world.step() }
            commits += world.commits
            returns += world.returns
            arms += world.arms
        }
        // It does get somewhere.
        #expect(
            arms > 1000 && commits > 100 && returns > 50,
            "\(arms) armed, \(commits) committed, \(returns) back"
        )
    }
}
