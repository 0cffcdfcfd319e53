// SPDX-License-Identifier: Apache-2.0

// From an offer to the reboot into it.
extension UpdateMachine {
    mutating func checked(_ offer: UpdateOffer?, _ hold: Hold, at now: Int64) -> [UpdateAction] {
        if record.state.isDecisive || isGoingBack { return [] }
        guard let offer else {
            return record.state.isUnderWay ? drop(.aborted, "no longer offered") : []
        }
        // What runs is not installed again.
        if offer.rootHash == running.rootHash || offer.release == running.release { return [] }
        isUrgent = offer.isUrgent
        rolloutHold = hold
        let isSame = record.release == offer.release && record.rootHash == offer.rootHash
        guard record.state.isUnderWay, isSame else { return begin(offer, at: now) }
        if case .offered = record.state { return advance(at: now) }
        if hold != .nothing { return drop(.offered(hold), "held") }
        if record.state == .fetching, !isInstalling {
            return interrupted("installation began") ?? [write] + install()
        }
        return advance(at: now)
    }

    /// Takes a release up in place of whatever is under way.
    private mutating func begin(_ offer: UpdateOffer, at now: Int64) -> [UpdateAction] {
        // The entry goes before the record that does not know it.
        let actions = leave()
        var next = UpdateRecord()
        next.sequence = record.sequence
        next.failures = record.failures
        next.release = offer.release
        next.rootHash = offer.rootHash
        next.rollbackIndex = offer.rollbackIndex
        next.trialTime = offer.trialTime
        next.slot = running.slot.other
        next.bootID = running.bootID
        next.state = .offered(offeredHold(next, at: now))
        record = next
        return actions + (record.state == .offered(.nothing) ? startFetching() : [write])
    }

    private func offeredHold(_ record: UpdateRecord, at now: Int64) -> Hold {
        if record.failures(of: record.release) >= policy.maximumFailures { return .failed }
        var asked = self
        asked.record = record
        if let rolloutHold, rolloutHold != .nothing { return rolloutHold }
        return asked.hold(policy.download, at: now)
    }

    /// Does what has become possible.
    mutating func advance(at now: Int64) -> [UpdateAction] {
        switch record.state {
        case .offered(let old):
            // Only another check tells whether the roll-out has come here.
            if [.cohort, .notBefore, .paused].contains(old), rolloutHold == nil { return [] }
            let hold = offeredHold(record, at: now)
            if hold == .nothing { return startFetching() }
            return become(.offered(hold))
        case .staged:
            let hold = hold(policy.reboot, at: now)
            if hold != .nothing {
                awaitsBaseline = false
                return become(.staged(hold))
            }
            // After a restart nobody knows what is in the slot: it is proven again.
            if !isSealed { return interrupted("staged") ?? startFetching() }
            if awaitsBaseline { return [] }
            awaitsBaseline = true
            return [.takeBaseline]
        case .idle, .checking, .fetching, .armed, .rebooting, .trial, .committing, .committed, .floorRaised,
            .aborted, .rolledBack:
            return []
        }
    }

    private mutating func become(_ state: UpdateState) -> [UpdateAction] {
        if record.state == state { return [] }
        record.state = state
        return [write]
    }

    private mutating func startFetching() -> [UpdateAction] {
        record.state = .fetching
        record.attempt = UInt8(clamping: record.failures(of: record.release) + 1)
        record.bootID = running.bootID
        return [write] + install()
    }

    /// The running system's image becomes the firmware's last resort, and the other slot cannot be started any
    /// more, before its first byte changes.
    private mutating func install() -> [UpdateAction] {
        isInstalling = true
        isSealed = false
        installationNumber += 1
        let slot = running.slot.other
        return [
            .keepPrevious(of: running.slot), .disarm(slot), .install(offer, slot, number: installationNumber),
        ]
    }

    private var offer: UpdateOffer {
        UpdateOffer(
            release: record.release,
            rootHash: record.rootHash,
            rollbackIndex: record.rollbackIndex,
            trialTime: record.trialTime,
            isUrgent: isUrgent
        )
    }

    mutating func progressed() -> [UpdateAction] {
        if record.state != .fetching || record.interruptions == 0 { return [] }
        record.interruptions = 0
        return [write]
    }

    mutating func installed(_ number: Int, _ rootHash: [UInt8], at now: Int64) -> [UpdateAction] {
        guard isCurrent(number) else { return [] }
        isInstalling = false
        if rootHash != record.rootHash { return fail("the slot's root hash is not the release's") }
        isSealed = true
        return become(.staged(hold(policy.reboot, at: now))) + advance(at: now)
    }

    mutating func installationFailed(_ number: Int, _ failure: InstallationFailure) -> [UpdateAction] {
        guard isCurrent(number) else { return [] }
        isInstalling = false
        switch failure {
        case .unreachable(let reason):
            // An orderly end: the beginning does not count.
            record.interruptions = max(record.interruptions, 1) - 1
            return [write, report(reason)]
        case .gone(let reason): return interrupted(reason) ?? [write, report(reason)]
        case .refused(let reason): return fail(reason)
        }
    }

    private func isCurrent(_ number: Int) -> Bool {
        record.state == .fetching && isInstalling && number == installationNumber
    }

    mutating func baselineTaken(_ hash: [UInt8], at now: Int64) -> [UpdateAction] {
        guard case .staged = record.state, awaitsBaseline, isSealed, let slot = record.slot else { return [] }
        awaitsBaseline = false
        let hold = hold(policy.reboot, at: now)
        if hold != .nothing { return become(.staged(hold)) }
        record.baselineHash = hash
        record.state = .armed
        record.bootID = running.bootID
        return [write, .arm(slot, tries: policy.tries)]
    }

    /// The entry is there.
    mutating func armed(at now: Int64) -> [UpdateAction] {
        guard record.state == .armed, let slot = record.slot else { return [] }
        let hold = hold(policy.reboot, at: now)
        if hold != .nothing {
            // Any reboot would start it now, and nobody allowed that.
            record.state = .staged(hold)
            return [.disarm(slot), write]
        }
        record.state = .rebooting
        isRebootAsked = false
        return [write, .reboot(.trial)]
    }

    mutating func consent(to release: String, until: Int64, at now: Int64) -> [UpdateAction] {
        guard record.state.isUnderWay, release == record.release, until > now else { return [] }
        record.consentUntil = until
        let actions = advance(at: now)
        return actions.contains { if case .write = $0 { true } else { false } } ? actions : [write] + actions
    }

    mutating func retry(_ release: String, at now: Int64) -> [UpdateAction] {
        if record.failures(of: release) == 0 { return [] }
        record.failures.removeAll { $0.release == release }
        let actions = advance(at: now)
        return actions.contains { if case .write = $0 { true } else { false } } ? actions : [write] + actions
    }

    // MARK: - Not getting there

    /// Ends what is under way, without an entry left behind.
    func leavingActions() -> [UpdateAction] {
        var actions: [UpdateAction] = isInstalling ? [.stopInstallation] : []
        if [.armed, .rebooting].contains(record.state), let slot = record.slot, slot != running.slot {
            actions.append(.disarm(slot))
        }
        return actions
    }

    private mutating func leave() -> [UpdateAction] {
        let actions = leavingActions()
        (isInstalling, isSealed, awaitsBaseline) = (false, false, false)
        return actions
    }

    mutating func drop(_ state: UpdateState, _ reason: String) -> [UpdateAction] {
        let actions = leave()
        record.state = state
        record.interruptions = 0
        record.reason = state == .aborted ? reason : ""
        return actions + [write, report(reason)]
    }

    /// The attempt is over.
    mutating func fail(_ reason: String) -> [UpdateAction] {
        record.countFailure()
        return drop(.aborted, reason)
    }

    /// Counts that nothing was achieved; nil as long as that may go on.
    mutating func interrupted(_ reason: String) -> [UpdateAction]? {
        record.interruptions = UInt8(clamping: Int(record.interruptions) + 1)
        return Int(record.interruptions) > policy.maximumInterruptions
            ? fail("\(reason): \(policy.maximumInterruptions) times without getting on") : nil
    }

    mutating func abort(at now: Int64) -> [UpdateAction] {
        switch record.state {
        case .offered, .fetching, .staged, .armed, .rebooting: drop(.aborted, Self.asked)
        case .trial: isGoingBack || isCommitting ? [] : goBack(Self.asked, at: now)
        default: []
        }
    }

    /// What an action's failure means before the reboot.
    mutating func failedBeforeReboot(_ action: UpdateAction, _ reason: String) -> [UpdateAction] {
        switch (action, record.state) {
        case (.write, .armed), (.write, .rebooting):
            // Without its record the release must not start.
            record.state = .staged(.nothing)
            isUnwritten = true
            return record.slot.map { [.disarm($0)] } ?? []
        case (.write, .fetching):
            isInstalling = false
            isUnwritten = true
            return []
        case (.disarm, .fetching), (.arm, .armed): return fail(reason)
        case (.takeBaseline, .staged):
            awaitsBaseline = false
            return []
        case (.disarm, _):
            isUndisarmed = true
            isUnwritten = true
            return []
        case (.write, _):
            isUnwritten = true
            awaitsBaseline = false
            return []
        default: return []
        }
    }
}
