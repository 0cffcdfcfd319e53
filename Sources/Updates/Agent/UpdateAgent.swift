// SPDX-License-Identifier: Apache-2.0
import Linux

/// Carries out what `UpdateMachine` decides: the record, the boot partition and the slot on one side, the repository, the
/// checks of health and the reboot on the other. One of them works on a box at a time.
package actor UpdateAgent {
    /// What the repository has for this box, all of it verified.
    package struct Found: Sendable {
        package var manifest: ReleaseManifest
        /// As it was signed: kept beside the record, for the next release's patches and for the floor.
        package var document: [UInt8]
        package var rollbackIndex: Int
        package var isUrgent: Bool
        /// Why the release has to wait; nothing where it has not.
        package var hold: Hold

        package init(
            manifest: ReleaseManifest,
            document: [UInt8],
            rollbackIndex: Int,
            isUrgent: Bool,
            hold: Hold
        ) {
            self.manifest = manifest
            self.document = document
            self.rollbackIndex = rollbackIndex
            self.isUrgent = isUrgent
            self.hold = hold
        }
    }

    /// What the agent works with.
    package struct Parts: Sendable {
        package var running: RunningSystem
        /// The record and what is kept with it.
        package var directory: String
        package var partition: any BootPartition
        /// A slot's two partitions; the running slot's are only read.
        package var storage: @Sendable (Slot, _ isWritable: Bool) throws -> TargetSlot
        /// Refreshes the metadata; nil where there is nothing but what runs.
        package var lookUp: @Sendable () async throws -> Found?
        package var source: any ReleaseSource
        package var limits: InstallationLimits
        /// The box's checks, by name, and those that must pass whatever was before.
        package var checks: @Sendable () async -> [String: Bool]
        package var required: Set<String>
        /// To a rollback index, with the manifest that has the vendor's leave for it.
        package var raiseFloor: @Sendable (UInt64, ReleaseManifest?) async throws -> Void
        package var reboot: @Sendable (RebootReason) async throws -> Void
        package var report: @Sendable (UpdateReport) -> Void
        /// Milliseconds since 1970; never goes back.
        package var now: @Sendable () -> Int64

        package init(
            running: RunningSystem,
            directory: String,
            partition: any BootPartition,
            storage: @escaping @Sendable (Slot, _ isWritable: Bool) throws -> TargetSlot,
            lookUp: @escaping @Sendable () async throws -> Found?,
            source: any ReleaseSource,
            limits: InstallationLimits = InstallationLimits(),
            checks: @escaping @Sendable () async -> [String: Bool],
            required: Set<String>,
            raiseFloor: @escaping @Sendable (UInt64, ReleaseManifest?) async throws -> Void,
            reboot: @escaping @Sendable (RebootReason) async throws -> Void,
            report: @escaping @Sendable (UpdateReport) -> Void,
            now: @escaping @Sendable () -> Int64
        ) {
            self.running = running
            self.directory = directory
            self.partition = partition
            self.storage = storage
            self.lookUp = lookUp
            self.source = source
            self.limits = limits
            self.checks = checks
            self.required = required
            self.raiseFloor = raiseFloor
            self.reboot = reboot
            self.report = report
            self.now = now
        }
    }

    /// What somebody who asks is told.
    package struct Status: Sendable {
        package let state: UpdateState
        package let record: UpdateRecord
        package let progress: InstallationProgress?
        /// Why the last check, or the last action, failed.
        package let problem: String?
        /// The other slot's system can be gone back to.
        package let canRevert: Bool
    }

    private let parts: Parts
    private let records: RecordStore
    private let entries: BootEntries
    private let files: AgentFiles
    private var machine: UpdateMachine
    /// Lists of actions that are not carried out yet: the first one's come first.
    private var queue: [[UpdateAction]] = []
    private var isDraining = false
    private var found: Found?
    private var kernelImage: [UInt8] = []
    private var installation: Task<Void, Never>?
    private var watch: HealthWatch?
    private var problem: String?
    private var progress: InstallationProgress?
    private var lookingUp: Task<Void, Never>?

    /// - Throws: where neither record nor boot partition can be read: nothing is decided on half of them.
    package init(_ parts: Parts, policy: UpdatePolicy) throws {
        self.parts = parts
        records = RecordStore(directory: parts.directory)
        entries = BootEntries(parts.partition)
        files = AgentFiles(directory: parts.directory)
        try Directory.create(parts.directory)
        let content = try records.load()
        let survey = try entries.survey()
        let (machine, actions) = UpdateMachine.resume(
            record: content.record,
            entries: survey.entries,
            running: parts.running,
            policy: policy,
            at: parts.now()
        )
        self.machine = machine
        queue = [actions]
        problem = content.damaged.first.map { "\($0)" }
    }

    package var status: Status {
        Status(
            state: machine.state,
            record: machine.record,
            progress: progress,
            problem: problem,
            canRevert: machine.canRevert
        )
    }

    /// Carries out what the start has made necessary.
    package func start() async { await drain() }

    package func send(_ event: UpdateEvent) async {
        queue.append(machine.handle(event, at: parts.now()))
        await drain()
    }

    /// Asks the repository; whoever asks while somebody else does gets that answer.
    package func check() async {
        if let running = lookingUp { return await running.value }
        await send(.checkStarted)
        await beginLookUp().value
    }

    /// Waits until everything that is decided has been carried out.
    package func idle() async {
        while isDraining { try? await Task.sleep(for: Self.pause) }
    }

    private static let pause = Duration.milliseconds(20)

    /// Time has passed: deadlines, health, what failed before.
    package func tick() async {
        switch machine.state {
        case .trial, .committed: await observe()
        default: break
        }
        await send(.tick)
    }

    /// Waits until no installation and no check runs.
    package func settle() async {
        while let running = lookingUp ?? installation {
            await running.value
            if installation == running { installation = nil }
        }
    }

    private func observe() async {
        if watch == nil { watch = HealthWatch(files.baseline(machine.record.baselineHash, parts.required)) }
        let checks = await parts.checks()
        guard let standing = watch?.observe(checks, at: parts.now()) else { return }
        await send(.health(standing))
    }

    private func beginLookUp() -> Task<Void, Never> {
        let task = Task { await self.lookUp() }
        lookingUp = task
        return task
    }

    private func lookUp() async {
        defer { lookingUp = nil }
        do {
            let answer = try await parts.lookUp()
            found = answer
            problem = nil
            await send(.checked(answer?.offer, answer?.hold ?? .nothing))
        } catch {
            problem = "\(error)"
            await send(.checkFailed)
        }
    }

    // MARK: Actions

    /// One at a time, in the order in which they were decided.
    private func drain() async {
        if isDraining { return }
        isDraining = true
        defer { isDraining = false }
        while let action = nextAction() {
            do {
                try await perform(action)
                queue.append(machine.handle(.done(action), at: parts.now()))
            } catch {
                problem = "\(error)"
                if !action.mayFail { queue[0] = [] }
                queue.append(machine.handle(.failed(action, "\(error)"), at: parts.now()))
            }
        }
    }

    private func nextAction() -> UpdateAction? {
        // The list of the action that was handed out stays until it has ended: a failure drops its rest.
        while queue.count > 1, queue[0].isEmpty { queue.removeFirst() }
        return queue.first?.isEmpty == false ? queue[0].removeFirst() : nil
    }

    private func perform(_ action: UpdateAction) async throws {
        let entries = entries
        switch action {
        case .check: if lookingUp == nil { _ = beginLookUp() }
        case .write(let record): try records.write(record)
        case .cleanUp: try entries.cleanUp()
        case .keepPrevious(let slot): try entries.keepPrevious(of: slot)
        case .disarm(let slot): try entries.disarm(slot, running: parts.running.slot)
        case .install(let offer, let slot, let number): begin(offer, into: slot, number)
        case .stopInstallation: installation?.cancel()
        case .takeBaseline:
            let baseline = HealthBaseline(required: parts.required, checks: await parts.checks())
            try files.keep(baseline)
            queue.append(machine.handle(.baselineTaken(hash: baseline.hash), at: parts.now()))
        case .arm(let slot, let tries):
            guard let found, found.manifest.verity.rootHash == machine.record.rootHash, !kernelImage.isEmpty
            else {
                throw NotInstalled(release: machine.record.release)
            }
            try files.keep(manifest: found.document, of: slot)
            try entries.arm(slot, kernelImage: kernelImage, tries: tries, running: parts.running.slot)
            kernelImage = []
        case .restoreTries(let slot): try entries.restoreTries(slot)
        case .markBad(let slot): try entries.markBad(slot)
        case .commit(let slot): try entries.commit(slot)
        case .raiseFloor(let index):
            try await parts.raiseFloor(index, files.manifest(of: parts.running.slot))
        case .reboot(let reason): try await parts.reboot(reason)
        case .report(let report): parts.report(report)
        }
    }

    /// The end is told with the number: an earlier one's may still be on its way.
    private func begin(_ offer: UpdateOffer, into slot: Slot, _ number: Int) {
        let before = installation
        before?.cancel()
        let (parts, files, found) = (parts, files, found)
        installation = Task {
            await before?.value
            let end: UpdateEvent
            do throws(InstallationStop) {
                guard let found, found.manifest.verity.rootHash == offer.rootHash else {
                    throw InstallationStop(.unreachable("the release's manifest has to be fetched again"))
                }
                let outcome = try await Self.install(found.manifest, into: slot, parts, files) { progress in
                    Task { await self.note(progress) }
                }
                self.keep(outcome.kernelImage)
                end = .installationFinished(number: number, rootHash: found.manifest.verity.rootHash)
            } catch {
                end = .installationFailed(number: number, error.failure)
            }
            await self.send(end)
        }
    }

    private func keep(_ image: [UInt8]) { kernelImage = image }

    /// Reports come in any order: what is behind the last one is no news.
    private func note(_ new: InstallationProgress) async {
        let before = progress.map { $0.segmentsBrought } ?? 0
        progress = new
        if new.segmentsBrought > before { await send(.installationProgressed) }
    }

    private static func install(
        _ manifest: ReleaseManifest,
        into slot: Slot,
        _ parts: Parts,
        _ files: AgentFiles,
        _ report: @escaping @Sendable (InstallationProgress) -> Void
    ) async throws(InstallationStop) -> Installation.Outcome {
        do {
            let own = try? parts.storage(parts.running.slot, false)
            let known = files.manifest(of: parts.running.slot)
            let installation = try Installation(
                of: manifest,
                from: parts.source,
                into: parts.storage(slot, true),
                running: own.map { own in
                    RunningSlot(
                        data: own.data,
                        rootHash: parts.running.rootHash,
                        root: known?.verity.rootHash == parts.running.rootHash ? known?.root : nil
                    )
                },
                limits: parts.limits,
                report: report
            )
            return try await installation.run()
        } catch let error as InstallationError {
            throw InstallationStop(error.failure)
        } catch {
            throw InstallationStop(.refused("\(error)"))
        }
    }
}

extension InstallationProgress {
    fileprivate var segmentsBrought: Int { segmentsCopied + segmentsPatched + segmentsFetched }
}

extension InstallationError {
    /// As the machine counts it.
    fileprivate var failure: InstallationFailure {
        switch self {
        case .cancelled: .unreachable("\(self)")
        case .source(let failure):
            switch failure.kind {
            case .gone: .gone("\(failure)")
            case .transient, .refused: .unreachable("\(failure)")
            }
        case .slot, .segment, .kernelImage: .refused("\(self)")
        }
    }
}

/// Of what is to get an entry, there is no kernel image: nothing was installed since the agent started.
private struct NotInstalled: Error, CustomStringConvertible {
    let release: String

    var description: String { "\(release): found no kernel image in memory, expected the installed one" }
}

private struct InstallationStop: Error {
    let failure: InstallationFailure

    init(_ failure: InstallationFailure) { self.failure = failure }
}

extension UpdateAgent.Found {
    var offer: UpdateOffer {
        UpdateOffer(
            release: manifest.release.description,
            rootHash: manifest.verity.rootHash,
            rollbackIndex: UInt64(rollbackIndex),
            trialTime: Int64(manifest.healthDeadline) * 1000,
            isUrgent: isUrgent
        )
    }
}
