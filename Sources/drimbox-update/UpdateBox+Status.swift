// SPDX-License-Identifier: Apache-2.0
import Admin
import Updates

extension UpdateBox {
    /// What is on the disks, without an agent's part.
    func statusOnDisk() async throws -> UpdateStatus {
        let content = try RecordStore(directory: configuration.directory).load()
        let record = content.record ?? UpdateRecord()
        return try await status(record.state, record, content.damaged.map { "\($0)" })
    }

    /// With what only the agent knows.
    func status(of agent: UpdateAgent) async throws -> UpdateStatus {
        let known = await agent.status
        let damaged = try RecordStore(directory: configuration.directory).load().damaged.map { "\($0)" }
        var status = try await status(known.state, known.record, damaged)
        status.problem = known.problem
        status.canRollBack = known.canRevert
        if known.state == .fetching { status.progress = known.progress.map(UpdateStatus.Progress.init) }
        return status
    }

    private func status(
        _ state: UpdateState,
        _ record: UpdateRecord,
        _ damaged: [String]
    ) async throws -> UpdateStatus {
        let survey = try BootEntries(MountedPartition(mountPoint: configuration.bootPartition)).survey()
        var floor = UpdateStatus.Floor(keeper: self.floor.keeper)
        do { floor.value = try await self.floor.value() } catch { floor.problem = "\(error)" }
        var status = UpdateStatus(
            running: UpdateStatus.Running(
                release: facts.running.release,
                slot: facts.running.slot.name,
                rollbackIndex: facts.running.rollbackIndex
            ),
            phase: state.phase,
            hold: state.hold.word,
            release: record.release.isEmpty ? nil : record.release,
            reason: record.reason.isEmpty ? nil : record.reason,
            entries: survey.entries.map(\.name),
            strangers: survey.strangers,
            floor: floor,
            failures: record.failures.map { UpdateStatus.Failure(release: $0.release, count: Int($0.count)) },
            damaged: damaged
        )
        if record.deadline > 0, [.trial, .committed].contains(record.state) {
            status.deadline = Timestamp(milliseconds: record.deadline)
        }
        if record.consentUntil > now() {
            status.consentUntil = Timestamp(milliseconds: record.consentUntil)
        }
        return status
    }
}

extension UpdateStatus {
    /// For a person at the command.
    var lines: [String] {
        var lines = [
            "running    \(running.release) in slot \(running.slot), rollback index \(running.rollbackIndex)",
            "update     \(phase.words(hold))\(release.map { " \($0)" } ?? "")"
                + (reason.map { ": \($0)" } ?? ""),
            "entries    \(entries.joined(separator: " "))",
            "floor      \(floor.value.map { "\($0)" } ?? "unknown: \(floor.problem ?? "")") (\(floor.keeper))",
        ]
        lines += failures.map { "failed     \($0.release), \($0.count) times" }
        lines += strangers.map { "stranger   \($0) in the boot partition" }
        lines += damaged.map { "damaged    \($0)" }
        return lines
    }
}

extension UpdateState {
    var phase: UpdateStatus.Phase {
        switch self {
        case .idle: .idle
        case .checking: .checking
        case .offered: .offered
        case .fetching: .fetching
        case .staged: .staged
        case .armed: .armed
        case .rebooting: .rebooting
        case .trial: .trial
        case .committing: .committing
        case .committed: .committed
        case .floorRaised: .floorRaised
        case .aborted: .aborted
        case .rolledBack: .rolledBack
        }
    }

    var words: String { phase.words(hold.word) }
}

extension Hold {
    fileprivate var word: UpdateStatus.Hold? {
        switch self {
        case .nothing: nil
        case .window: .window
        case .consent: .consent
        case .cohort: .cohort
        case .notBefore: .notBefore
        case .paused: .paused
        case .failed: .failed
        }
    }
}

extension UpdateStatus.Phase {
    fileprivate func words(_ hold: UpdateStatus.Hold?) -> String {
        switch self {
        case .idle: "nothing under way"
        case .checking: "checking"
        case .offered: "offered, waits for \(hold?.words ?? "nothing"):"
        case .fetching: "not complete:"
        case .staged: "installed, waits for \(hold?.words ?? "nothing"):"
        case .armed, .rebooting: "installed, starts with the next boot:"
        case .trial: "on trial:"
        case .committing: "being committed:"
        case .committed: "committed:"
        case .floorRaised: "committed, nothing older is taken any more:"
        case .aborted: "dropped:"
        case .rolledBack: "went back from:"
        }
    }
}

extension UpdateStatus.Hold {
    fileprivate var words: String {
        switch self {
        case .window: "a maintenance window"
        case .consent: "consent"
        case .cohort: "its turn"
        case .notBefore: "its time"
        case .paused: "the rollout to go on"
        case .failed: "a technician's retry, after failures"
        }
    }
}

extension UpdateStatus.Progress {
    fileprivate init(_ progress: InstallationProgress) {
        let step: Step =
            switch progress.phase {
            case .surveying: .surveying
            case .copying: .copying
            case .fetching: .fetching
            case .sealing: .sealing
            case .kernelImage: .kernelImage
            case .done: .done
            }
        self.init(
            step: step,
            segments: progress.segmentsReused + progress.segmentsCopied + progress.segmentsPatched
                + progress.segmentsFetched,
            ofSegments: progress.segments,
            bytesFetched: progress.bytesFetched,
            bytesToGo: progress.bytesToGo
        )
        bytesPerSecond = progress.bytesPerSecond
        secondsLeft = progress.secondsLeft
    }
}
