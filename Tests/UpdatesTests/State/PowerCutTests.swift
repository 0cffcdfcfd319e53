// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

@Suite("A whole update, cut anywhere") struct PowerCutTests {
    /// Boots and agents until nothing more happens; how often either began is bounded.
    static func settle(_ box: SimulatedBox, maximumLives: Int = 60) throws {
        for _ in 0..<maximumLives {
            try box.boot()
            if try box.live() == .settled { return }
        }
        throw SimulatedBox.Bricked(why: "not settled after \(maximumLives) boots: \(box.states.suffix(9))")
    }

    /// Runs until the power goes after so many steps; false when it is done before.
    static func cut(_ box: SimulatedBox, after steps: Int) throws -> Bool {
        box.power = steps
        for _ in 0..<60 {
            try box.boot()
            switch try box.live() {
            case .settled: return false
            case .cut: return true
            case .reboot, .killed, .stuck: continue
            }
        }
        throw SimulatedBox.Bricked(why: "neither cut nor settled")
    }

    @Test("without a cut, the new release is committed in one reboot, and the old image kept") func noCut()
        throws
    {
        let box = SimulatedBox()
        try Self.settle(box)
        #expect(box.running?.release == "2" && box.record?.state == .committed)
        #expect(box.partition.entryNames == ["A.efi", "B.efi"])
        #expect(box.partition.text(.previous) == "uki 1")
        #expect(box.boots == 2 && box.installs == 1)
        #expect(
            box.states == [
                .idle, .checking, .fetching, .staged(.window), .armed, .rebooting, .trial, .committing,
                .committed,
            ]
        )
    }

    /// Steps of the update from idle to everything done.
    static func steps(_ behaviour: SimulatedBox.Behaviour) throws -> Int {
        let box = SimulatedBox()
        box.behaviours["2"] = behaviour
        try settle(box)
        return box.steps
    }

    @Test(
        "cut after any step, a good release is committed in the end",
        arguments: SimulatedPartition.Loss.allCases
    )
    func good(loss: SimulatedPartition.Loss) throws {
        let count = try Self.steps(.good)
        #expect(count > 20)
        for steps in 0..<count {
            let box = SimulatedBox()
            #expect(try Self.cut(box, after: steps), "\(steps)")
            box.partition.cut(loss)
            #expect(box.hasWholeSystem(), "cut after \(steps) steps, \(loss)")
            box.power = nil
            let boots = box.boots
            try Self.settle(box)
            #expect(box.running?.release == "2" && box.record?.state == .committed, "\(steps), \(loss)")
            #expect(box.boots - boots <= 3, "\(steps), \(loss): \(box.boots - boots) boots")
            #expect(box.partition.text(.entry("A.efi")) == "uki 1")
            #expect(box.partition.text(.previous) == "uki 1")
            #expect(box.partition.text(.entry("B.efi")) == "uki 2")
            #expect(try BootEntries(box.partition).survey().leftovers.isEmpty)
        }
    }

    @Test(
        "cut after any step, a bad release is gone in the end, with a reason, after two attempts",
        arguments: SimulatedPartition.Loss.allCases,
        [SimulatedBox.Behaviour.unhealthy, .panics, .unloadable, .mute]
    )
    func bad(loss: SimulatedPartition.Loss, behaviour: SimulatedBox.Behaviour) throws {
        for steps in 0..<(try Self.steps(behaviour)) {
            let box = SimulatedBox()
            box.behaviours["2"] = behaviour
            #expect(try Self.cut(box, after: steps))
            box.partition.cut(loss)
            #expect(box.hasWholeSystem(), "cut after \(steps) steps, \(loss), \(behaviour)")
            box.power = nil
            let boots = box.boots
            try Self.settle(box)
            #expect(box.running?.release == "1", "\(steps), \(loss), \(behaviour)")
            #expect(box.state == .offered(.failed))
            #expect(box.record?.failures == [.init(release: "2", count: 2)])
            #expect(box.boots - boots <= 16)
            #expect(box.partition.text(.entry("A.efi")) == "uki 1")
            let reason = behaviour == .unhealthy ? "deadline: gateway" : "all tries were in vain"
            // After the last rollback nothing but the record was written: the reason was told before the cut.
            #expect(box.reasons.contains { $0.hasPrefix(reason) }, "\(box.reasons)")
        }
    }

    @Test("a committed release that somebody sends back is not taken up again by itself") func sentBack()
        throws
    {
        let box = SimulatedBox()
        box.wantsBack = true
        try Self.settle(box)
        #expect(box.running?.release == "1" && box.state == .offered(.failed))
        #expect(box.boots == 3 && box.reasons.contains("asked for"))
        #expect(box.record?.failures == [.init(release: "2", count: 2)])
    }

    @Test(
        "cut after any step of the way back: one of the two runs, and nothing goes round in circles",
        arguments: SimulatedPartition.Loss.allCases
    )
    func backCut(loss: SimulatedPartition.Loss) throws {
        let whole = SimulatedBox()
        whole.wantsBack = true
        try Self.settle(whole)
        for steps in (try Self.steps(.good))..<whole.steps {
            let box = SimulatedBox()
            box.wantsBack = true
            #expect(try Self.cut(box, after: steps))
            box.partition.cut(loss)
            #expect(box.hasWholeSystem(), "cut after \(steps) steps, \(loss)")
            box.power = nil
            let boots = box.boots
            try Self.settle(box)
            #expect(box.boots - boots <= 2, "\(steps), \(loss): \(box.boots - boots) boots")
            switch box.running?.release {
            case "1": #expect(box.state == .offered(.failed), "\(steps), \(loss)")
            // The wish was not on the disk yet.
            default: #expect(box.record?.state == .committed && box.record?.reason == "", "\(steps), \(loss)")
            }
        }
    }

    @Test("what was cut short is completed by the second try when the first failed for another cause")
    func secondTry() throws {
        let box = SimulatedBox()
        box.behaviours["2"] = .panics
        try box.boot()
        #expect(try box.live() == .reboot)
        try box.boot()
        #expect(box.running?.release == "1")
        box.behaviours["2"] = .good
        try Self.settle(box)
        #expect(box.running?.release == "2" && box.record?.state == .committed)
        #expect(box.record?.failures == [.init(release: "2", count: 1)] && box.record?.attempt == 2)
        #expect(box.reasons.contains("all tries were in vain"))
    }

    @Test("two cuts in a row, at any two steps") func twice() throws {
        let count = try Self.steps(.good)
        for first in 0..<count {
            for second in [0, 1, 2, 3, 5, 8, 13] {
                let box = SimulatedBox()
                #expect(try Self.cut(box, after: first))
                box.partition.cut(.everything)
                if try Self.cut(box, after: second) {
                    box.partition.cut(.lastOnly)
                    #expect(box.hasWholeSystem())
                }
                box.power = nil
                try Self.settle(box)
                #expect(box.running?.release == "2", "\(first), \(second)")
            }
        }
    }

    // MARK: - kill -9

    private static let killed: [UpdateState] = [
        .checking, .fetching, .staged(.window), .staged(.nothing), .armed, .rebooting, .trial, .committing,
        .committed, .offered(.consent),
    ]

    /// A process that is started again every five seconds: some hours.
    private static let maximumKills = 2500

    private func box(_ state: UpdateState, _ isBeforeActions: Bool) -> SimulatedBox {
        let box = SimulatedBox()
        if state == .offered(.consent) { box.policy.download = .consent }
        if state == .staged(.nothing) { box.policy.reboot = .open }
        box.kill = (state, isBeforeActions)
        return box
    }

    @Test("killed once in any state, the update is completed", arguments: killed, [true, false])
    func once(state: UpdateState, isBeforeActions: Bool) throws {
        let box = box(state, isBeforeActions)
        var kills = 0
        try box.boot()
        for _ in 0..<60 {
            switch try box.live() {
            case .killed:
                kills += 1
                box.kill = nil
            case .settled:
                // Some states end with the actions that they begin with.
                #expect(kills == 1 || !isBeforeActions)
                #expect(box.running?.release == "2" && box.record?.state == .committed)
                return
            case .reboot: try box.boot()
            case .cut, .stuck: Issue.record("\(box.states)")
            }
        }
        Issue.record("not settled: \(box.states)")
    }

    @Test("killed for ever in any state, the attempts are bounded", arguments: killed, [true, false])
    func forEver(state: UpdateState, isBeforeActions: Bool) throws {
        let box = box(state, isBeforeActions)
        try box.boot()
        var kills = 0
        var isSettled = false
        lives: for _ in 0..<Self.maximumKills {
            switch try box.live() {
            case .killed:
                kills += 1
                if box.deadlineReboot() { try box.boot() }
            case .settled:
                isSettled = true
                break lives
            case .reboot: try box.boot()
            case .cut, .stuck: Issue.record("\(box.states.suffix(5))")
            }
        }
        // Whatever happened, it has come to an end, or never began.
        let limit = 2 * (box.policy.maximumInterruptions + 2)
        #expect(
            box.installs <= limit && box.reboots <= limit && box.boots <= limit,
            "\(box.installs) installs, \(box.reboots) reboots, \(box.boots) boots"
        )
        #expect(
            isSettled || box.record?.state == .committed
                || (box.installs <= 1 && box.reboots == 0 && kills == Self.maximumKills),
            "\(kills) kills, \(box.states.suffix(8))"
        )
        #expect(box.hasWholeSystem())
    }
}
