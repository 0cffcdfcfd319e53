// SPDX-License-Identifier: Apache-2.0

// From the first boot of a release to its commit and the floor, or back.
extension UpdateMachine {
    mutating func health(_ standing: HealthWatch.Standing) -> [UpdateAction] {
        switch (record.state, standing) {
        case (.trial, .failing(let names)):
            failingChecks = names
            return []
        case (.trial, .holding):
            failingChecks = []
            if record.wasGood { return [] }
            record.wasGood = true
            return [write]
        case (.trial, .good):
            failingChecks = []
            guard !isGoingBack, !isCommitting, let slot = record.slot else { return [] }
            isCommitting = true
            return [.commit(slot)]
        case (.committed, .good):
            if record.bootID == running.bootID { return [] }
            record.bootID = running.bootID
            record.boots = UInt8(clamping: Int(record.boots) + 1)
            return [write]
        default: return []
        }
    }

    /// The entry has no counter any more: the release is in force, whatever the record says.
    private mutating func committed(at now: Int64) -> [UpdateAction] {
        guard isCommitting else { return [] }
        isCommitting = false
        record.state = .committed
        record.boots = 1
        record.bootID = running.bootID
        record.deadline = now + policy.soakTime
        record.consentUntil = 0
        record.reason = ""
        return [write, .keepPrevious(of: running.slot.other), report("committed")]
    }

    mutating func soak(at now: Int64) -> [UpdateAction] {
        let isOver = now >= record.deadline && Int(record.boots) >= policy.soakBoots
        guard isOver, now >= floorRetry else { return [] }
        // Asked for once an hour until it is done.
        floorRetry = now + 3600 * 1000
        return [.raiseFloor(record.rollbackIndex)]
    }

    mutating func goBack(_ reason: String, at now: Int64) -> [UpdateAction] {
        guard let slot = record.slot, hasWayBack else {
            record.deadline = now + max(record.trialTime, 60 * 1000)
            return [write, report("\(reason); no other slot can be started")]
        }
        isGoingBack = true
        record.reason = reason
        return [write, .markBad(slot), .reboot(.goingBack)]
    }

    package var canRevert: Bool {
        switch record.state {
        case .trial: hasWayBack && !isGoingBack && !isCommitting
        case .committed: hasWayBack && !isGoingBack
        default: false
        }
    }

    /// Of a release on trial, or of a committed one as long as the floor lets the older one have its data.
    mutating func revert(at now: Int64) -> [UpdateAction] {
        guard canRevert else { return [] }
        // Not to be taken up again by itself: only a technician's retry or a newer release is.
        while record.failures(of: record.release) + 1 < policy.maximumFailures { record.countFailure() }
        return record.state == .trial ? goBack(Self.asked, at: now) : leaveCommitted(Self.asked)
    }

    static let asked = "asked for"

    func markAndReboot() -> [UpdateAction] { [.markBad(running.slot), .reboot(.goingBack)] }

    /// What the record says is carried out after a restart, too.
    mutating func leaveCommitted(_ reason: String) -> [UpdateAction] {
        isGoingBack = true
        record.reason = reason
        return [write] + markAndReboot()
    }

    /// The release stays: an entry that cannot be marked would be started again, for ever.
    private mutating func stay() -> [UpdateAction] {
        isGoingBack = false
        record.reason = ""
        return [write]
    }

    mutating func plannedReboot() -> [UpdateAction] {
        switch record.state {
        case .trial where isGoingBack || isCommitting: []
        case .trial: record.slot.map { [.restoreTries($0), .reboot(.planned)] } ?? []
        case .armed, .rebooting: []
        default: [.reboot(.planned)]
        }
    }

    mutating func done(_ action: UpdateAction, at now: Int64) -> [UpdateAction] {
        switch action {
        case .write:
            isUnwritten = false
            return []
        case .disarm:
            isUndisarmed = false
            return []
        case .reboot:
            isRebootAsked = true
            return []
        case .arm: return armed(at: now)
        case .commit: return committed(at: now)
        case .raiseFloor where record.state == .committed:
            record.state = .floorRaised
            return [write, report("floor \(record.rollbackIndex)")]
        default: return []
        }
    }

    mutating func failed(_ action: UpdateAction, _ reason: String, at now: Int64) -> [UpdateAction] {
        let actions: [UpdateAction]
        switch action {
        case .write where isGoingBack && record.state == .committed:
            isGoingBack = false
            record.reason = ""
            isUnwritten = true
            actions = []
        case .markBad where isGoingBack && record.state == .committed: actions = stay()
        case .write where isGoingBack:
            isUnwritten = true
            actions = record.slot.map { [.markBad($0), .reboot(.goingBack)] } ?? []
        case .markBad where isGoingBack:
            // The boot loader counts all the same.
            actions = [.reboot(.goingBack)]
        // The record says it too.
        case .markBad where record.state == .rolledBack: actions = [write]
        case .restoreTries where record.state == .trial: actions = [.reboot(.planned)]
        case .commit:
            isCommitting = false
            actions = []
        case .reboot:
            isRebootAsked = true
            actions = []
        case .report: return []
        default: actions = failedBeforeReboot(action, reason)
        }
        return [report("\(reason)")] + actions
    }
}
