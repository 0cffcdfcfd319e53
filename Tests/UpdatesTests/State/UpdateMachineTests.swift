// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

@Suite("Rules of an update") struct UpdateMachineTests {
    private let now: Int64 = 1_800_000_000_000
    private let policy: UpdatePolicy

    init() {
        var policy = UpdatePolicy()
        policy.reboot = .consent
        self.policy = policy
    }

    private func machine(_ policy: UpdatePolicy? = nil) -> UpdateMachine {
        let running = RunningSystem(
            slot: .a,
            release: "1",
            rootHash: SimulatedBox.rootHash("1"),
            rollbackIndex: 1,
            bootID: "boot 1",
            start: .entry("A.efi")
        )
        let entries = [BootEntry(slot: .a, counter: nil), BootEntry(slot: .b, counter: nil)]
        return UpdateMachine.resume(
            record: nil,
            entries: entries,
            running: running,
            policy: policy ?? self.policy,
            at: now
        ).machine
    }

    private func offer(_ release: String, urgent: Bool = false) -> UpdateOffer {
        UpdateOffer(
            release: release,
            rootHash: SimulatedBox.rootHash(release),
            rollbackIndex: 1,
            trialTime: 900_000,
            isUrgent: urgent
        )
    }

    private func finish(_ machine: inout UpdateMachine, _ release: String) -> [UpdateAction] {
        machine.handle(
            .installationFinished(
                number: machine.installationNumber,
                rootHash: SimulatedBox.rootHash(release)
            ),
            at: now
        )
    }

    /// Up to the entry being there.
    private func arm(_ machine: inout UpdateMachine, _ release: String) {
        _ = machine.handle(.checked(offer(release)), at: now)
        _ = finish(&machine, release)
        _ = machine.handle(.consent(release: release, until: now + 1000), at: now)
        _ = machine.handle(.baselineTaken(hash: [1]), at: now)
    }

    @Test("what runs is not offered again") func noReinstallation() {
        var machine = machine()
        #expect(machine.handle(.checkStarted, at: now) == [] && machine.state == .checking)
        #expect(machine.handle(.checked(offer("1")), at: now) == [] && machine.state == .idle)
        #expect(machine.handle(.checked(nil), at: now) == [])
    }

    @Test("the record is written before the slot is touched") func order() {
        var machine = machine()
        let actions = machine.handle(.checked(offer("2")), at: now)
        #expect(
            actions == [
                .write(machine.record), .keepPrevious(of: .a), .disarm(.b),
                .install(offer("2"), .b, number: 1),
            ]
        )
        #expect(machine.record.state == .fetching && machine.record.attempt == 1)
    }

    @Test(
        "a roll-out that has not come here holds an offer until a check says otherwise",
        arguments: [
            Hold.cohort, .notBefore, .paused,
        ]
    )
    func rollout(hold: Hold) {
        var machine = machine()
        #expect(machine.handle(.checked(offer("2"), hold), at: now) == [.write(machine.record)])
        #expect(machine.state == .offered(hold))
        #expect(
            machine.handle(.tick, at: now) == [] && machine.handle(.windowOpened(until: .max), at: now) == []
        )
        #expect(machine.handle(.checked(offer("2"), hold), at: now) == [])
        _ = machine.handle(.checked(offer("2")), at: now)
        #expect(machine.state == .fetching)
        // And one that is paused stops what is under way.
        let stopped = machine.handle(.checked(offer("2"), hold), at: now)
        #expect(stopped.first == .stopInstallation && machine.state == .offered(hold))
    }

    @Test("a consent opens the reboot, is for one release, and expires") func consent() {
        var machine = machine()
        _ = machine.handle(.checked(offer("2")), at: now)
        #expect(machine.handle(.consent(release: "3", until: now + 1000), at: now) == [])
        #expect(machine.handle(.consent(release: "2", until: now), at: now) == [], "it has expired")
        #expect(
            machine.handle(.consent(release: "2", until: now + 1000), at: now) == [.write(machine.record)]
        )
        #expect(finish(&machine, "2").last == .takeBaseline)
        #expect(machine.handle(.baselineTaken(hash: [1]), at: now + 1000) == [.write(machine.record)])
        #expect(machine.state == .staged(.consent), "it has expired")
        _ = machine.handle(.checked(offer("3")), at: now)
        _ = finish(&machine, "3")
        #expect(machine.state == .staged(.consent), "a consent to another release")
    }

    @Test(
        "gates",
        arguments: [
            (UpdatePolicy.Gate.open, [Hold.nothing, .nothing, .nothing, .nothing]),
            (.window, [.window, .nothing, .nothing, .nothing]),
            (.consent, [.consent, .consent, .nothing, .nothing]),
            (.windowAndConsent, [.consent, .consent, .window, .nothing]),
        ]
    )
    func gates(gate: UpdatePolicy.Gate, holds: [Hold]) {
        for (index, expected) in holds.enumerated() {
            var machine = machine()
            if index & 1 != 0 { _ = machine.handle(.windowOpened(until: now + 1000), at: now) }
            if index & 2 != 0 { machine.record.consentUntil = now + 1000 }
            #expect(machine.hold(gate, at: now) == expected)
            #expect(machine.hold(gate, at: now + 1000) == holds[0], "windows and consents end")
        }
    }

    @Test("what is urgent need not wait for a window, but for a consent") func urgent() {
        var policy = policy
        policy.download = .window
        var machine = machine(policy)
        _ = machine.handle(.checked(offer("2", urgent: true)), at: now)
        #expect(machine.state == .fetching)
        _ = finish(&machine, "2")
        #expect(machine.state == .staged(.consent))
    }

    @Test("a newer release takes the place of one that is under way, without an entry left behind")
    func supersede() {
        for step in 0..<4 {
            var machine = machine()
            _ = machine.handle(.checked(offer("2"), step == 0 ? .cohort : .nothing), at: now)
            if step == 2 { _ = finish(&machine, "2") }
            if step == 3 { arm(&machine, "2") }
            let states: [UpdateState] = [.offered(.cohort), .fetching, .staged(.consent), .armed]
            #expect(machine.state == states[step])
            let actions = machine.handle(.checked(offer("3")), at: now)
            #expect(actions.contains(.stopInstallation) == (step == 1))
            #expect((actions.first == .disarm(.b)) == (step == 3), "before the record that does not know it")
            #expect(machine.state == .fetching && machine.record.release == "3")
            #expect(actions.last == .install(offer("3"), .b, number: machine.installationNumber))
            // The end of the old one says nothing about the new one.
            let late = machine.handle(
                .installationFinished(
                    number: machine.installationNumber - 1,
                    rootHash: SimulatedBox.rootHash("3")
                ),
                at: now
            )
            #expect(late == [] && machine.state == .fetching)
        }
    }

    @Test("nothing takes the place of a release that is about to start") func decisive() {
        var machine = machine()
        arm(&machine, "2")
        let actions = machine.handle(.done(.arm(.b, tries: 3)), at: now)
        #expect(actions == [.write(machine.record), .reboot(.trial)] && machine.state == .rebooting)
        #expect(
            machine.handle(.checked(offer("3")), at: now) == []
                && machine.handle(.checked(nil), at: now) == []
        )
        #expect(machine.handle(.tick, at: now) == [], "the reboot is not asked for yet")
        _ = machine.handle(.done(.reboot(.trial)), at: now)
        #expect(machine.handle(.tick, at: now) == [.reboot(.trial)])
        #expect(machine.handle(.abort, at: now).prefix(2) == [.disarm(.b), .write(machine.record)])
    }

    @Test("a release that failed twice is not tried again, until there is a newer one or somebody asks")
    func failedTwice() {
        var machine = machine()
        for attempt in 1...2 as ClosedRange<UInt8> {
            _ = machine.handle(.checked(offer("2")), at: now)
            #expect(machine.record.attempt == attempt)
            let number = machine.installationNumber
            let actions = machine.handle(
                .installationFailed(number: number, .refused("hash of segment 3")),
                at: now
            )
            #expect(machine.state == .aborted && machine.record.reason == "hash of segment 3")
            #expect(actions.contains(.write(machine.record)))
        }
        _ = machine.handle(.checked(offer("2")), at: now)
        #expect(machine.state == .offered(.failed))
        #expect(machine.handle(.windowOpened(until: .max), at: now) == [])
        var newer = machine
        _ = newer.handle(.checked(offer("3")), at: now)
        #expect(newer.state == .fetching && newer.record.failures(of: "2") == 2)
        #expect(machine.handle(.retry("1"), at: now) == [])
        #expect(machine.handle(.retry("2"), at: now).contains(.disarm(.b)) && machine.state == .fetching)
    }

    @Test("what is gone from the repository, again and again, fails") func gone() {
        var machine = machine()
        var rounds = 0
        while machine.record.failures.isEmpty, rounds < 100 {
            rounds += 1
            _ = machine.handle(.checked(offer("2")), at: now)
            _ = machine.handle(.installationFailed(number: machine.installationNumber, .gone("404")), at: now)
        }
        #expect((2...policy.maximumInterruptions).contains(rounds), "\(rounds)")
    }

    @Test("a slot that reads back as something else is not staged") func wrongRootHash() {
        var machine = machine()
        _ = machine.handle(.checked(offer("2")), at: now)
        _ = finish(&machine, "3")
        #expect(machine.state == .aborted && machine.record.failures(of: "2") == 1)
    }

    @Test("a planned reboot in the trial gives the tries back first") func plannedReboot() throws {
        var machine = machine()
        #expect(machine.handle(.plannedReboot, at: now) == [.reboot(.planned)])
        let box = SimulatedBox()
        try box.boot()
        #expect(try box.live() == .reboot)
        try box.boot()
        machine =
            UpdateMachine.resume(
                record: box.record,
                entries: try BootEntries(box.partition).survey().entries,
                running: try #require(box.running),
                policy: policy,
                at: now
            ).machine
        #expect(machine.handle(.plannedReboot, at: now) == [.restoreTries(.b), .reboot(.planned)])
        let failure = machine.handle(.failed(.restoreTries(.b), "x"), at: now)
        #expect(failure.last == .reboot(.planned))
        let aborted = machine.handle(.abort, at: now)
        #expect(aborted == [.write(machine.record), .markBad(.b), .reboot(.goingBack)])
        #expect(machine.handle(.health(.good), at: now) == [], "it is decided")
    }

    @Test("without its record no release is started") func unwritten() {
        var machine = machine()
        arm(&machine, "2")
        let actions = machine.handle(.failed(.write(machine.record), "disk full"), at: now)
        #expect(actions.last == .disarm(.b) && machine.state == .staged(.nothing))
        let again = machine.handle(.tick, at: now)
        #expect(again == [.write(machine.record), .takeBaseline])
    }

    @Test("an entry that could not be removed is removed later") func undisarmed() {
        var machine = machine()
        arm(&machine, "2")
        _ = machine.handle(.abort, at: now)
        _ = machine.handle(.failed(.disarm(.b), "I/O error"), at: now)
        #expect(machine.handle(.tick, at: now) == [.disarm(.b), .write(machine.record)])
        _ = machine.handle(.done(.disarm(.b)), at: now)
        _ = machine.handle(.done(.write(machine.record)), at: now)
        #expect(machine.handle(.tick, at: now) == [])
    }

    @Test(
        "a release goes back on request while its floor is not raised, and only where something is left to start"
    )
    func revert() {
        func committed(_ state: UpdateState, _ names: [String]) -> UpdateMachine {
            var record = UpdateRecord()
            record.state = state
            record.release = "2"
            record.rootHash = SimulatedBox.rootHash("2")
            record.slot = .b
            record.bootID = "boot 1"
            return UpdateMachine.resume(
                record: record,
                entries: names.compactMap(BootEntry.init(name:)),
                running: RunningSystem(
                    slot: .b,
                    release: "2",
                    rootHash: SimulatedBox.rootHash("2"),
                    rollbackIndex: 1,
                    bootID: "boot 1",
                    start: .entry("B.efi")
                ),
                policy: policy,
                at: now
            ).machine
        }
        var machine = committed(.committed, ["A.efi", "B.efi"])
        let actions = machine.handle(.revert, at: now)
        #expect(actions == [.write(machine.record), .markBad(.b), .reboot(.goingBack)])
        #expect(machine.record.reason == "asked for" && machine.record.failures(of: "2") == 1)
        // Nothing is begun on the way out, and the entry that has to be started is not touched.
        #expect(machine.handle(.checked(offer("3")), at: now) == [])
        #expect(machine.handle(.revert, at: now) == [])
        // Where the boot partition does not take the mark, the release stays.
        _ = machine.handle(.failed(.markBad(.b), "I/O"), at: now)
        #expect(machine.record.reason == "" && machine.state == .committed)

        var alone = committed(.committed, ["B.efi"])
        #expect(alone.handle(.revert, at: now) == [])
        var raised = committed(.floorRaised, ["A.efi", "B.efi"])
        #expect(raised.handle(.revert, at: now) == [])
        var idle = self.machine()
        #expect(idle.handle(.revert, at: now) == [])
    }
}
