// SPDX-License-Identifier: Apache-2.0

/// Decides what an update does next (UPDATES 4.10): events in, actions out. There is no input or output here, and
/// no clock: `at` is in milliseconds since 1970 and never goes back.
///
/// Who drives it carries out the actions in the order they were returned, and hands `done` for each of them. When
/// one fails it drops those that were returned behind it, unless the action `mayFail`, and hands `failed`. An
/// installation and a check go on beside
/// that; their ends are events of their own. What the record announces is done after the record is on the disk,
/// but for the commit: there the entry's name is the truth, and the record follows.
package struct UpdateMachine: Sendable {
    /// The record as it is on the disk when all actions so far have been carried out.
    package internal(set) var record: UpdateRecord
    package internal(set) var running: RunningSystem
    package let policy: UpdatePolicy

    /// A check runs; nothing is under way.
    var isChecking = false
    var isCommitting = false
    /// The action `install` has been given, and has no end yet.
    var isInstalling = false
    /// The last installation: the end of an earlier one may still be on its way.
    var installationNumber = 0
    /// The slot's content has been proven since the machine started: it may get an entry.
    var isSealed = false
    var awaitsBaseline = false
    /// It is decided that the release goes, and the reboot is asked for.
    var isGoingBack = false
    /// A reboot was asked for, and has not come.
    var isRebootAsked = false
    /// The last write failed; what it was about stands in `record`.
    var isUnwritten = false
    /// The other slot's entries could not be removed, and should be.
    var isUndisarmed = false
    /// The other slot has an entry that can be started.
    var hasWayBack = false
    /// What the roll-out says about the release that is offered; nil until a check has told.
    var rolloutHold: Hold?
    var isUrgent = false
    /// Milliseconds since 1970; nil outside a window.
    var windowUntil: Int64?
    var failingChecks: [String] = []
    /// No earlier is the floor tried again.
    var floorRetry: Int64 = 0

    init(record: UpdateRecord, running: RunningSystem, policy: UpdatePolicy) {
        self.record = record
        self.running = running
        self.policy = policy
    }

    package var state: UpdateState {
        if isCommitting { return .committing }
        return isChecking ? .checking : record.state
    }

    package mutating func handle(_ event: UpdateEvent, at now: Int64) -> [UpdateAction] {
        switch event {
        case .checkStarted:
            if !record.state.isUnderWay, !record.state.isDecisive { isChecking = true }
            return []
        case .checkFailed:
            isChecking = false
            return []
        case .checked(let offer, let hold):
            isChecking = false
            return checked(offer, hold, at: now)
        case .consent(let release, let until): return consent(to: release, until: until, at: now)
        case .windowOpened(let until):
            windowUntil = until
            return advance(at: now)
        case .windowClosed:
            windowUntil = nil
            return advance(at: now)
        case .installationProgressed: return progressed()
        case .installationFinished(let number, let rootHash): return installed(number, rootHash, at: now)
        case .installationFailed(let number, let failure): return installationFailed(number, failure)
        case .baselineTaken(let hash): return baselineTaken(hash, at: now)
        case .health(let standing): return health(standing)
        case .healthFailed(let reason):
            let isOpen = record.state == .trial && !isGoingBack && !isCommitting
            return isOpen ? goBack("health: \(reason)", at: now) : []
        case .tick: return tick(at: now)
        case .plannedReboot: return plannedReboot()
        case .abort: return abort(at: now)
        case .revert: return revert(at: now)
        case .retry(let release): return retry(release, at: now)
        case .done(let action): return done(action, at: now)
        case .failed(let action, let reason): return failed(action, reason, at: now)
        }
    }

    var write: UpdateAction { .write(record) }

    func report(_ reason: String) -> UpdateAction {
        .report(UpdateReport(state: state, release: record.release, reason: reason))
    }

    /// What still keeps a gate closed.
    func hold(_ gate: UpdatePolicy.Gate, at now: Int64) -> Hold {
        let hasConsent = now < record.consentUntil
        let isInWindow = isUrgent || (windowUntil.map { now < $0 } ?? false)
        return switch gate {
        case .open: .nothing
        case .window: hasConsent || isInWindow ? .nothing : .window
        case .consent: hasConsent ? .nothing : .consent
        case .windowAndConsent: !hasConsent ? .consent : isInWindow ? .nothing : .window
        }
    }

    private mutating func tick(at now: Int64) -> [UpdateAction] {
        var actions: [UpdateAction] = isUndisarmed ? [.disarm(running.slot.other)] : []
        if isUnwritten { actions.append(write) }
        switch record.state {
        // Nobody reboots a machine by asking once.
        case .rebooting where isRebootAsked: actions.append(.reboot(.trial))
        case .trial where isGoingBack: if isRebootAsked { actions.append(.reboot(.goingBack)) }
        case .trial where isCommitting: break
        case .trial where now >= record.deadline:
            let checks =
                failingChecks.isEmpty ? "no verdict that held" : failingChecks.joined(separator: ", ")
            actions += goBack("deadline: \(checks)", at: now)
        case .committed where isGoingBack: if isRebootAsked { actions.append(.reboot(.goingBack)) }
        case .committed: actions += soak(at: now)
        default: actions += advance(at: now)
        }
        return actions
    }
}

/// What may happen, and when (UPDATES 4.2, 4.5, 4.10).
package struct UpdatePolicy: Equatable, Sendable {
    package enum Gate: Sendable {
        case open
        /// In a maintenance window, or with a consent; what is urgent need not wait for the window.
        case window
        case consent
        case windowAndConsent
    }

    /// Before the first byte is fetched.
    package var download = Gate.open
    /// Before the release gets an entry, at which any reboot would start it.
    package var reboot = Gate.window
    /// Starts of a release before the old one comes back.
    package var tries = BootEntries.tries
    /// Failures after which a release is not tried again by itself.
    package var maximumFailures = 2
    /// Restarts of the machine in one state, without getting on, that make a failure.
    package var maximumInterruptions = 10
    /// Times that a trial which was good, though not for long enough, gets its tries back.
    package var maximumRestorations = 3
    /// Boots of one trial, whatever the boot loader counts: planned reboots are not among them.
    package var maximumTrialBoots = 16
    /// Milliseconds after the commit before the floor is raised.
    package var soakTime: Int64 = 72 * 3600 * 1000
    /// Boots that must have been good by then; the one of the commit is the first.
    package var soakBoots = 2

    package init() {}
}

/// A release that the repository offers this machine.
package struct UpdateOffer: Equatable, Sendable {
    package let release: String
    /// 32 bytes.
    package let rootHash: [UInt8]
    package let rollbackIndex: UInt64
    /// Milliseconds that a boot into it may take until it is found good.
    package let trialTime: Int64
    package var isUrgent: Bool

    package init(
        release: String,
        rootHash: [UInt8],
        rollbackIndex: UInt64,
        trialTime: Int64,
        isUrgent: Bool = false
    ) {
        self.release = release
        self.rootHash = rootHash
        self.rollbackIndex = rollbackIndex
        self.trialTime = trialTime
        self.isUrgent = isUrgent
    }
}

/// What runs now.
package struct RunningSystem: Equatable, Sendable {
    /// The file that was started.
    package enum Start: Equatable, Sendable {
        /// In `EFI/Linux`, by the name that it had or has.
        case entry(String)
        /// `prev.efi`, by the firmware: no entry of systemd-boot could be loaded.
        case previous
        case unknown
    }

    package let slot: Slot
    package let release: String
    /// As the kernel verifies it: 32 bytes.
    package let rootHash: [UInt8]
    package let rollbackIndex: UInt64
    /// The kernel's random id of this boot.
    package let bootID: String
    package let start: Start

    package init(
        slot: Slot,
        release: String,
        rootHash: [UInt8],
        rollbackIndex: UInt64,
        bootID: String,
        start: Start
    ) {
        self.slot = slot
        self.release = release
        self.rootHash = rootHash
        self.rollbackIndex = rollbackIndex
        self.bootID = bootID
        self.start = start
    }
}

/// Results and observations.
package enum UpdateEvent: Equatable, Sendable {
    case checkStarted
    case checkFailed
    /// The newest release that this machine may have, and what keeps it from having it now; nil where there is
    /// none but the running one.
    case checked(UpdateOffer?, Hold = .nothing)
    /// Somebody agrees to the reboot into a release, until then.
    case consent(release: String, until: Int64)
    case windowOpened(until: Int64)
    case windowClosed
    /// A segment more is in the slot for good that was not there before.
    case installationProgressed
    /// The slot was read back, and has this root hash.
    case installationFinished(number: Int, rootHash: [UInt8])
    case installationFailed(number: Int, InstallationFailure)
    /// The baseline of that hash is on the disk.
    case baselineTaken(hash: [UInt8])
    case health(HealthWatch.Standing)
    /// There is no point in waiting for the deadline.
    case healthFailed(String)
    /// Time has passed.
    case tick
    /// Somebody wants a reboot that has nothing to do with the update.
    case plannedReboot
    case abort
    /// A technician wants the other slot's system back.
    case revert
    /// A technician wants a release that had failed.
    case retry(String)
    case done(UpdateAction)
    case failed(UpdateAction, String)
}

/// Why an installation ended early.
package enum InstallationFailure: Equatable, Sendable {
    /// The network, or the medium: the next check goes on.
    case unreachable(String)
    /// The repository has not what its metadata name.
    case gone(String)
    /// Content that is not what was signed, or a slot that does not take it.
    case refused(String)
}

/// What is to be done next.
package enum UpdateAction: Equatable, Sendable {
    /// Refresh the metadata, and tell with `checked` or `checkFailed`.
    case check
    case write(UpdateRecord)
    /// `BootEntries.cleanUp()`
    case cleanUp
    /// Save a slot's kernel image for the firmware's last boot entry.
    case keepPrevious(of: Slot)
    case disarm(Slot)
    /// Bring the slot's content to that of the release; what is there already stays.
    /// Its end is told with its number.
    case install(UpdateOffer, Slot, number: Int)
    case stopInstallation
    /// Make the checks of health, keep them, and tell with `baselineTaken`.
    case takeBaseline
    case arm(Slot, tries: Int)
    case restoreTries(Slot)
    case markBad(Slot)
    case commit(Slot)
    /// To an index; no error where it is there or above.
    case raiseFloor(UInt64)
    case reboot(RebootReason)
    case report(UpdateReport)

    /// Nothing that follows depends on it.
    package var mayFail: Bool {
        switch self {
        case .check, .cleanUp, .keepPrevious, .stopInstallation, .report: true
        case .write, .disarm, .install, .takeBaseline, .arm, .restoreTries, .markBad, .commit, .raiseFloor,
            .reboot:
            false
        }
    }
}

package enum RebootReason: Equatable, Sendable {
    case trial
    case goingBack
    case planned
}

/// For the history, the audit and the server.
package struct UpdateReport: Equatable, Sendable {
    package let state: UpdateState
    package let release: String
    package let reason: String
}
