// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

/// UPDATES 4.11, a test for each line that this level can produce. "State record write" is in RecordStoreTests;
/// metadata, segments, blocks, hash tree, keys and media belong to others.
@Suite("The failure table") struct FailureTableTests {
    private let box = SimulatedBox()
    private let now: Int64 = 1_800_000_000_000

    /// On the new release, as many good minutes as are asked for; the end of the power is the end of a step.
    private func bootIntoTrial(_ behaviour: SimulatedBox.Behaviour = .good) throws {
        box.behaviours["2"] = behaviour
        try box.boot()
        #expect(try box.live() == .reboot)
        try box.boot()
        #expect(box.running?.release == "2")
    }

    private func running(_ release: String, boot: String = "boot 9") -> RunningSystem {
        RunningSystem(
            slot: release == "2" ? .b : .a,
            release: release,
            rootHash: SimulatedBox.rootHash(release),
            rollbackIndex: 1,
            bootID: boot,
            start: .unknown
        )
    }

    private func record(_ state: UpdateState, _ change: (inout UpdateRecord) -> Void = { _ in })
        -> UpdateRecord
    {
        var record = UpdateRecord()
        record.state = state
        record.release = "2"
        record.rootHash = SimulatedBox.rootHash("2")
        record.rollbackIndex = 5
        record.slot = .b
        record.bootID = "boot 8"
        record.trialTime = 900_000
        change(&record)
        return record
    }

    /// Without `cleanUp`, which is always first.
    private func resume(
        _ record: UpdateRecord?,
        _ names: [String],
        on release: String,
        boot: String = "boot 9"
    ) -> (machine: UpdateMachine, actions: [UpdateAction]) {
        let (machine, actions) = UpdateMachine.resume(
            record: record,
            entries: names.compactMap(BootEntry.init(name:)),
            running: running(release, boot: boot),
            policy: UpdatePolicy(),
            at: now
        )
        #expect(actions.first == .cleanUp)
        return (machine, Array(actions.dropFirst()))
    }

    private func kinds(_ actions: [UpdateAction]) -> [String] {
        actions.map { action in
            switch action {
            case .write(let record): "write \(record.state)"
            case .report: "report"
            case .install(_, let slot, _): "install \(slot)"
            default: "\(action)"
            }
        }
    }

    @Test(
        "removal of the old entry: present or gone, it is removed before the slot is written to",
        arguments: [true, false]
    )
    func removal(isLost: Bool) throws {
        var steps = 0
        // Up to the record FETCHING, and the removal that nobody synchronised.
        repeat {
            let box = SimulatedBox()
            _ = try PowerCutTests.cut(box, after: steps)
            steps += 1
            if box.partition.log.last == "remove EFI/Linux/B.efi" {
                box.partition.cut(isLost ? .everything : .nothing)
                #expect(box.partition.entryNames == (isLost ? ["A.efi", "B.efi"] : ["A.efi"]))
                #expect(box.slots[.b] == "0", "nothing was written yet")
                box.power = nil
                try PowerCutTests.settle(box)
                #expect(box.running?.release == "2")
                return
            }
        } while steps < 20
        Issue.record("no removal")
    }

    @Test("network lost for weeks: the installation goes on, and gives way to a newer release") func weeks() {
        var (machine, actions) = resume(record(.fetching), ["A.efi"], on: "1")
        #expect(actions == [.check])
        for day in 1...40 as ClosedRange<Int64> {
            let time = now + day * 86_400_000
            #expect(machine.handle(.checkFailed, at: time) == [])
            // A link that comes and goes: begun, and lost again.
            let begun = machine.handle(.checked(box.offer), at: time)
            #expect(kinds(begun).last == "install b", "day \(day): \(begun)")
            let lost = machine.handle(
                .installationFailed(number: machine.installationNumber, .unreachable("no route")),
                at: time
            )
            #expect(kinds(lost) == ["write fetching", "report"])
            #expect(machine.record.failures.isEmpty)
        }
        box.offered = "3"
        let superseded = machine.handle(.checked(box.offer), at: now)
        #expect(
            kinds(superseded) == [
                "write fetching", "keepPrevious(of: Updates.Slot.a)", "disarm(Updates.Slot.b)", "install b",
            ]
        )
        #expect(machine.record.release == "3")
    }

    @Test("kernel image copy: what was on its way is no entry, and goes") func copy() throws {
        try box.partition.create(.new, with: Array("uki 2".utf8))
        box.partition.cut(.nothing)
        try box.boot()
        #expect(box.running?.release == "1")
        box.power = 1
        #expect(try box.live() == .cut)
        #expect(box.partition.files[.new] == nil)
    }

    @Test(
        "rename to B+3: record ARMED, and no entry: proven and armed again; an entry that nobody may start goes"
    )
    func rename() {
        let (_, gone) = resume(record(.armed), ["A.efi"], on: "1")
        #expect(kinds(gone) == ["disarm(Updates.Slot.b)", "write fetching", "check"])
        let (_, closed) = resume(record(.armed), ["A.efi", "B+3.efi"], on: "1")
        #expect(kinds(closed) == ["disarm(Updates.Slot.b)", "write staged(Updates.Hold.window)", "check"])
        let (_, open) = resume(
            record(.armed) { $0.consentUntil = now + 1 },
            ["A.efi", "B+3.efi"],
            on: "1"
        )
        #expect(kinds(open) == ["write rebooting", "reboot(Updates.RebootReason.trial)"])
        let (started, trial) = resume(record(.armed), ["A.efi", "B+2-1.efi"], on: "2")
        #expect(kinds(trial) == ["write trial"] && started.record.deadline == now + 900_000)
    }

    @Test("ARMED, and the window closes: the entry goes, and the release waits") func window() {
        var (machine, _) = resume(record(.fetching), ["A.efi"], on: "1")
        _ = machine.handle(.windowOpened(until: now + 1000), at: now)
        _ = machine.handle(.checked(box.offer), at: now)
        let sealed = machine.handle(.installationFinished(number: 1, rootHash: box.offer.rootHash), at: now)
        #expect(kinds(sealed) == ["write staged(Updates.Hold.nothing)", "takeBaseline"])
        let armed = machine.handle(.baselineTaken(hash: [1]), at: now)
        #expect(kinds(armed) == ["write armed", "arm(Updates.Slot.b, tries: 3)"])
        let closed = machine.handle(.done(.arm(.b, tries: 3)), at: now + 1000)
        #expect(kinds(closed) == ["disarm(Updates.Slot.b)", "write staged(Updates.Hold.window)"])
    }

    @Test("firmware decrement: the worst of it is an entry that is lost, and made again") func decrement()
        throws
    {
        try box.boot()
        #expect(try box.live() == .reboot)
        try box.partition.remove(.entry("B+3.efi"))
        box.partition.cut(.nothing)
        try box.boot()
        #expect(box.running?.release == "1" && box.record?.state == .rebooting)
        try PowerCutTests.settle(box)
        #expect(box.running?.release == "2" && box.record?.state == .committed)
    }

    @Test("kernel panic: after three tries the old system, and the reason") func panic() throws {
        box.behaviours["2"] = .panics
        try box.boot()
        #expect(try box.live() == .reboot)
        let boots = box.boots
        try box.boot()
        #expect(box.boots - boots == 4 && box.running?.release == "1")
        #expect(box.partition.entryNames == ["A.efi", "B+0-3.efi"])
        let (machine, actions) = resume(box.record, box.partition.entryNames, on: "1")
        #expect(kinds(actions) == ["write rolledBack", "report"])
        #expect(machine.record.reason == "all tries were in vain")
    }

    @Test(
        "kernel image unloadable: within one boot the old system; a committed one that rots: the previous image"
    )
    func unloadable() throws {
        box.behaviours["2"] = .unloadable
        try box.boot()
        #expect(try box.live() == .reboot)
        let boots = box.boots
        try box.boot()
        #expect(box.boots - boots == 1 && box.running?.release == "1")

        let rotten = SimulatedBox()
        try PowerCutTests.settle(rotten)
        rotten.behaviours["2"] = .unloadable
        try rotten.boot()
        #expect(rotten.running?.release == "1" && rotten.running?.start == .previous)
        rotten.offered = "1"
        for _ in 0..<3 where rotten.record?.state != .rolledBack {
            rotten.power = 2
            _ = try? rotten.live()
        }
        #expect(rotten.record?.reason == "could not be started after its commit")
        #expect(rotten.partition.entryNames == ["A.efi", "B+0-1.efi"])
    }

    @Test("cut during a healthy trial: the try is given back, three times") func healthyTrial() throws {
        try bootIntoTrial()
        for round in 0..<8 {
            // The record of the boot, the tries, that it was good, and then no power.
            box.power = (1...3).contains(round) ? 4 : 2
            #expect(try box.live() == .cut)
            if (1...3).contains(round) { #expect(box.partition.entryNames == ["A.efi", "B+3.efi"]) }
            box.partition.cut(.nothing)
            try box.boot()
            if box.running?.release == "1" { break }
        }
        #expect(box.running?.release == "1", "a release that is cut for ever is not tried for ever")
    }

    @Test("health fails: at the deadline marked bad, back, and reported") func unhealthy() throws {
        try bootIntoTrial(.unhealthy)
        #expect(try box.live() == .reboot)
        #expect(box.partition.entryNames == ["A.efi", "B+0-1.efi"])
        #expect(box.record?.state == .trial && box.record?.reason == "deadline: gateway")
        let (machine, actions) = resume(box.record, box.partition.entryNames, on: "1")
        #expect(kinds(actions) == ["write rolledBack", "report"])
        #expect(machine.record.reason == "deadline: gateway" && machine.record.failures(of: "2") == 1)
    }

    @Test("health fails, and the mark was lost: it is made again, from either slot") func markLost() {
        let decided = record(.trial) { $0.reason = "deadline: gateway" }
        let (_, same) = resume(decided, ["A.efi", "B+1-2.efi"], on: "2")
        #expect(
            kinds(same) == [
                "write trial", "markBad(Updates.Slot.b)", "reboot(Updates.RebootReason.goingBack)",
            ]
        )
        let (_, other) = resume(decided, ["A.efi", "B+1-2.efi"], on: "1")
        #expect(kinds(other) == ["markBad(Updates.Slot.b)", "write rolledBack", "report"])
    }

    @Test("cut before the commit's rename: on trial again") func beforeRename() {
        let (machine, actions) = resume(record(.trial), ["A.efi", "B+1-2.efi"], on: "2")
        #expect(kinds(actions) == ["write trial"])
        #expect(machine.record.boots == 1 && machine.record.deadline == now + 900_000)
    }

    @Test("cut after the rename, before the record: health again, then committed") func afterRename() {
        var (machine, actions) = resume(record(.trial), ["A.efi", "B.efi"], on: "2")
        #expect(kinds(actions) == ["write trial"])
        #expect(machine.handle(.health(.good), at: now) == [.commit(.b)])
        let done = machine.handle(.done(.commit(.b)), at: now)
        #expect(kinds(done) == ["write committed", "keepPrevious(of: Updates.Slot.a)", "report"])
    }

    @Test("cut before prev.efi or the report: done again at the start") func redone() {
        let (_, actions) = resume(record(.committed), ["A.efi", "B.efi"], on: "2")
        #expect(kinds(actions) == ["keepPrevious(of: Updates.Slot.a)", "report"])
        let (_, counted) = resume(record(.committed), ["A.efi", "B+2-1.efi"], on: "2")
        #expect(kinds(counted).first == "commit(Updates.Slot.b)")
    }

    @Test("floor write: after the soak time and two good boots, tried again each hour until it is done")
    func floor() {
        let committed = record(.committed) {
            $0.deadline = now + 1000
            $0.boots = 1
        }
        var (machine, _) = resume(committed, ["A.efi", "B.efi"], on: "2")
        #expect(machine.handle(.tick, at: now + 1000) == [], "one boot is not enough")
        #expect(kinds(machine.handle(.health(.good), at: now)) == ["write committed"])
        #expect(machine.handle(.health(.good), at: now) == [])
        #expect(machine.handle(.tick, at: now + 999) == [])
        #expect(machine.handle(.tick, at: now + 1000) == [.raiseFloor(5)])
        #expect(kinds(machine.handle(.failed(.raiseFloor(5), "TPM busy"), at: now + 1001)) == ["report"])
        #expect(machine.handle(.tick, at: now + 2000) == [])
        #expect(machine.handle(.tick, at: now + 3_601_000) == [.raiseFloor(5)])
        #expect(kinds(machine.handle(.done(.raiseFloor(5)), at: now)) == ["write floorRaised", "report"])
        #expect(machine.handle(.tick, at: now + 9_999_000) == [])
    }

    @Test("update agent of the new release broken: nobody commits, and the old system comes back") func mute()
        throws
    {
        box.behaviours["2"] = .mute
        try PowerCutTests.settle(box)
        #expect(box.running?.release == "1" && box.state == .offered(.failed))
        #expect(box.reasons.contains("all tries were in vain"))
    }

    @Test("no other slot can be started: a bad release stays, and says so, without rebooting for ever")
    func lastSlot() {
        let late = record(.trial) { $0.deadline = now - 1 }
        var (machine, _) = resume(late, ["B+0-3.efi"], on: "2", boot: "boot 8")
        #expect(machine.record.deadline > now)
        for minute in 1...100 as ClosedRange<Int64> {
            let actions = machine.handle(.tick, at: now + minute * 60_000)
            #expect(!actions.contains(.reboot(.goingBack)) && !actions.contains(.markBad(.b)))
        }
    }

    @Test(
        "both copies of the record lost: a release that still has its counter is on trial, a stray entry goes"
    )
    func noRecord() {
        let (trial, actions) = resume(nil, ["A.efi", "B+2-1.efi"], on: "2")
        #expect(kinds(actions) == ["write trial", "report"])
        #expect(trial.record.release == "2" && trial.record.deadline == now + 900_000)
        let (_, stray) = resume(nil, ["A.efi", "B+3.efi"], on: "1")
        #expect(kinds(stray) == ["disarm(Updates.Slot.b)"])
        let (idle, nothing) = resume(nil, ["A.efi", "B.efi"], on: "2")
        #expect(nothing.isEmpty && idle.state == .idle)
    }
}
