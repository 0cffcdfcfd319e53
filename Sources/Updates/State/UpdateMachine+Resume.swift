// SPDX-License-Identifier: Apache-2.0

// What a start finds, and makes of it (UPDATES 4.11).
extension UpdateMachine {
    /// Begins anew after a restart of the process or of the machine. Where the record and the entries in the
    /// boot partition disagree, the entries are right. Without a record, a release that still has a counter is
    /// on trial like any other.
    package static func resume(
        record: UpdateRecord?,
        entries: [BootEntry],
        running: RunningSystem,
        policy: UpdatePolicy,
        at now: Int64
    ) -> (machine: UpdateMachine, actions: [UpdateAction]) {
        var machine = UpdateMachine(record: record ?? UpdateRecord(), running: running, policy: policy)
        machine.hasWayBack = entries.contains { $0.slot != running.slot && $0.hasTries }
        let actions = machine.resume(BootSituation(entries: entries, running: running), at: now)
        return (machine, [.cleanUp] + actions)
    }

    private mutating func resume(_ boot: BootSituation, at now: Int64) -> [UpdateAction] {
        let isRecorded = record.slot == running.slot && record.rootHash == running.rootHash
        switch record.state {
        case .armed where isRecorded, .rebooting where isRecorded: return beginTrial(at: now)
        case .trial where isRecorded, .committing where isRecorded: return continueTrial(boot, at: now)
        case .committed where isRecorded: return stayCommitted(boot)
        case .floorRaised where isRecorded && !boot.isOnTrial: return []
        default:
            if boot.isOnTrial { return isRecorded ? beginTrial(at: now) : adopt(at: now) }
            // The record is about a slot that has other content by now.
            if record.slot == running.slot, record.state != .idle { return forget(boot) }
        }
        switch record.state {
        case .idle, .aborted, .rolledBack, .floorRaised: return dropStray(boot)
        case .checking: return forget(boot)
        case .offered, .fetching, .staged: return dropStray(boot) + [.check]
        case .armed, .rebooting: return notStarted(boot, at: now)
        case .trial, .committing:
            return cameBack(boot, record.reason.isEmpty ? "all tries were in vain" : record.reason)
        case .committed:
            return cameBack(
                boot,
                record.reason.isEmpty ? "could not be started after its commit" : record.reason
            )
        }
    }

    // MARK: - The release runs

    private mutating func beginTrial(at now: Int64) -> [UpdateAction] {
        record.state = .trial
        record.boots = 1
        record.bootID = running.bootID
        record.deadline = now + record.trialTime
        record.interruptions = 0
        record.restorations = 0
        record.wasGood = false
        record.reason = ""
        return [write]
    }

    private mutating func continueTrial(_ boot: BootSituation, at now: Int64) -> [UpdateAction] {
        record.state = .trial
        let isDecided = !record.reason.isEmpty
        if record.bootID == running.bootID {
            if isDecided { return goBack(record.reason, at: now) }
            return now >= record.deadline ? goBack("deadline: the agent had been restarted", at: now) : []
        }
        record.boots = UInt8(clamping: Int(record.boots) + 1)
        record.bootID = running.bootID
        record.deadline = now + record.trialTime
        if isDecided { return goBack(record.reason, at: now) }
        if Int(record.boots) > policy.maximumTrialBoots { return goBack("\(record.boots) boots", at: now) }
        // A cut in a boot that was good costs no try, some times.
        let restores = record.wasGood && Int(record.restorations) < policy.maximumRestorations
        record.wasGood = false
        guard restores, boot.isOnTrial else { return [write] }
        record.restorations += 1
        return [write, .restoreTries(running.slot)]
    }

    /// A release of which the record knows nothing.
    private mutating func adopt(at now: Int64) -> [UpdateAction] {
        var next = UpdateRecord()
        next.failures = record.failures
        next.sequence = record.sequence
        next.release = running.release
        next.rootHash = running.rootHash
        next.rollbackIndex = running.rollbackIndex
        next.slot = running.slot
        next.attempt = 1
        next.trialTime = Self.unrecordedTrialTime
        record = next
        return beginTrial(at: now) + [report("on trial without a record")]
    }

    /// Milliseconds (UPDATES 4.4).
    private static let unrecordedTrialTime: Int64 = 15 * 60 * 1000

    private mutating func stayCommitted(_ boot: BootSituation) -> [UpdateAction] {
        if !record.reason.isEmpty, hasWayBack { return leaveCommitted(record.reason) }
        let commit: [UpdateAction] = boot.isOnTrial ? [.commit(running.slot)] : []
        let keep: [UpdateAction] =
            boot.others.isEmpty ? [] : [.keepPrevious(of: running.slot.other), report("committed")]
        return commit + keep
    }

    // MARK: - The other slot runs

    /// An entry that nobody is waiting for would be started at the next reboot.
    private func dropStray(_ boot: BootSituation) -> [UpdateAction] {
        boot.others.contains { ($0.counter?.left ?? 0) > 0 } ? [.disarm(running.slot.other)] : []
    }

    private mutating func forget(_ boot: BootSituation) -> [UpdateAction] {
        var next = UpdateRecord()
        next.failures = record.failures
        next.sequence = record.sequence
        record = next
        return dropStray(boot) + [write]
    }

    /// The release had or was to get an entry, and another runs.
    private mutating func notStarted(_ boot: BootSituation, at now: Int64) -> [UpdateAction] {
        let slot = running.slot.other
        let counters = boot.others.map(\.counter)
        if !counters.isEmpty, counters.allSatisfy({ $0?.left == 0 }) {
            return cameBack(boot, "all tries were in vain")
        }
        if let actions = interrupted("not started") { return actions }
        // No entry, or one whose counter is lost: the slot is proven and armed again.
        guard counters.contains(where: { ($0?.left ?? 0) > 0 }), counters.allSatisfy({ $0 != nil }) else {
            record.state = .fetching
            return [.disarm(slot), write, .check]
        }
        let hold = hold(policy.reboot, at: now)
        if hold != .nothing {
            record.state = .staged(hold)
            return [.disarm(slot), write, .check]
        }
        record.state = .rebooting
        return [write, .reboot(.trial)]
    }

    private mutating func cameBack(_ boot: BootSituation, _ reason: String) -> [UpdateAction] {
        record.countFailure()
        record.state = .rolledBack
        record.reason = reason
        record.interruptions = 0
        record.consentUntil = 0
        // Before the record: it is what keeps the release from being started again.
        let mark: [UpdateAction] =
            boot.others.contains(where: \.hasTries) ? [.markBad(running.slot.other)] : []
        return mark + [write, report(reason)]
    }
}

/// The entries, seen from the system that runs.
private struct BootSituation {
    /// Of the slot that does not run.
    let others: [BootEntry]
    /// The running system's entry still has its counter.
    let isOnTrial: Bool

    init(entries: [BootEntry], running: RunningSystem) {
        others = entries.filter { $0.slot != running.slot }
        let own = entries.filter { $0.slot == running.slot }
        isOnTrial = !own.isEmpty && own.allSatisfy { $0.counter != nil } && running.start != .previous
    }
}
