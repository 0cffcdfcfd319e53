// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import Linux
package import HostNetwork
package import Store

/// The configuration in force, and the one change that may be tried at a time.
///
/// A candidate exists in this process's memory and in generated files below `/run` only. Whatever ends this process,
/// its next start, or the boot, brings back the newest revision.
package actor ConfigurationTransactions {
    /// What a candidate changes beside the network.
    package struct Surroundings: Sendable {
        /// Writes the gateway's document and starts it anew.
        let applyGateway: @Sendable (GatewayConfiguration) async throws -> Void
        /// Whether the gateway that was started anew answers.
        let gatewayAnswers: @Sendable () async -> Bool
        /// Whether an archive answers.
        let echo: @Sendable (_ aeTitle: String) async -> NetworkTestStep
        /// Tells drimbox-update what the site says.
        let applyUpdates: @Sendable (UpdateSettings?) throws -> Void

        package init(
            applyGateway: @escaping @Sendable (GatewayConfiguration) async throws -> Void,
            gatewayAnswers: @escaping @Sendable () async -> Bool,
            echo: @escaping @Sendable (_ aeTitle: String) async -> NetworkTestStep,
            applyUpdates: @escaping @Sendable (UpdateSettings?) throws -> Void = { _ in }
        ) {
            self.applyUpdates = applyUpdates
            self.gatewayAnswers = gatewayAnswers
            self.applyGateway = applyGateway
            self.echo = echo
        }
    }

    struct Attempt {
        var status: TransactionStatus
        let box: BoxConfiguration
        let end: ContinuousClock.Instant
        /// When the candidate was in force: only connections opened later may confirm.
        var applied: ContinuousClock.Instant?
        /// Nothing confirms it any more.
        var isBeingUndone = false
    }

    static let mendPause: Duration = .seconds(2)
    private static let probePause: Duration = .milliseconds(500)
    /// Archives that are asked before and after a change.
    private static let probedPeers = 8
    /// Ended transactions that can still be asked for.
    private static let history = 50

    let configuration: SupervisorConfiguration
    let table: RevisionTable
    let networkd: Networkd
    private let probe: NetworkProbe
    let surroundings: Surroundings
    private let board: StatusBoard
    let journal: EventJournal
    var revision: RevisionTable.Revision
    package private(set) var box: BoxConfiguration
    var pending: Attempt?
    private var ended: [TransactionStatus] = []
    /// Applying and rolling back follow each other.
    private var work: Task<Void, Never>?
    var isMending = false
    /// The gateway still runs with a candidate's document.
    var isGatewayOwed = false

    package init(
        configuration: SupervisorConfiguration,
        table: RevisionTable,
        revision: RevisionTable.Revision,
        box: BoxConfiguration,
        networkd: Networkd,
        surroundings: Surroundings,
        board: StatusBoard,
        journal: EventJournal
    ) {
        self.configuration = configuration
        self.table = table
        self.revision = revision
        self.box = box
        self.networkd = networkd
        probe = NetworkProbe(networkd: networkd) { WallClock.milliseconds() }
        self.surroundings = surroundings
        self.board = board
        self.journal = journal
    }

    package var number: Int { revision.number }
    package var document: JSONValue { box.json }
    /// Whether a person has said what this box is.
    var isConfigured: Bool { box.network != nil || revision.author != Self.factoryAuthor }
    static let factoryAuthor = "factory"
    package var pendingStatus: TransactionStatus? { pending?.status }

    // MARK: Asking

    package func validate(_ document: JSONValue) -> ValidationReport {
        do throws(ConfigurationError) {
            let candidate = try BoxConfiguration(json: Array(document.text().utf8))
            return ValidationReport(diff: ConfigurationDifference.between(box.json, candidate.json))
        } catch {
            return ValidationReport(error: error)
        }
    }

    package func revisions() throws -> RevisionList {
        RevisionList(
            revisions: try table.all().map {
                RevisionSummary(
                    number: $0.number,
                    time: Timestamp(milliseconds: $0.time),
                    author: $0.author,
                    comment: $0.comment,
                    isRescue: $0.isRescue,
                    isCurrent: $0.number == revision.number
                )
            }
        )
    }

    package func document(of number: Int) throws -> JSONValue {
        guard let found = try table.revision(number) else { throw Self.noRevision(number) }
        return try JSONValue(parsing: Array(found.document.utf8))
    }

    package func rescueDocument() throws -> (number: Int, document: JSONValue)? {
        try table.rescue().map { ($0.number, try JSONValue(parsing: Array($0.document.utf8))) }
    }

    package func setRescue(_ number: Int) throws {
        guard try table.setRescue(number) else { throw Self.noRevision(number) }
        journal.record("config.rescue", .info, "the rescue revision was set", ["revision": "\(number)"])
    }

    package func status(of tx: String) throws -> TransactionStatus {
        if let pending, pending.status.tx == tx { return pending.status }
        guard let status = ended.last(where: { $0.tx == tx }) else {
            throw Problem(status: 404, code: "request.path", title: "no such transaction", detail: tx)
        }
        return status
    }

    // MARK: Changing

    /// Starts a trial. `base`: the revision that the caller changed, nil where it does not say.
    package func propose(_ request: TransactionRequest, base: Int?, author: String) throws
        -> TransactionStatus
    {
        if let pending { throw Self.conflict(pending.status.tx) }
        if let base, base != revision.number {
            throw Problem(
                status: 412,
                code: "config.stale",
                title: "the configuration has changed",
                detail: "found revision \(revision.number), expected \(base)",
                hint: "read it again and repeat the change"
            )
        }
        let candidate: BoxConfiguration
        do throws(ConfigurationError) {
            candidate = try BoxConfiguration(json: Array(request.document.text().utf8))
        } catch {
            throw Problem(
                status: 422,
                code: "config.invalid",
                title: "the configuration is not valid",
                detail: error.description
            )
        }
        let differences = ConfigurationDifference.between(box.json, candidate.json)
        guard !differences.isEmpty else {
            throw Problem(
                status: 409,
                code: "config.unchanged",
                title: "nothing changes",
                detail: "the document is that of revision \(revision.number)"
            )
        }
        let tx = Self.newIdentifier()
        let now = Timestamp.now
        let span = Duration.seconds(request.confirm.seconds)
        try table.begin(RevisionTable.Trial(transaction: tx, time: now.milliseconds, author: author))
        let status = TransactionStatus(
            tx: tx,
            state: .applying,
            confirm: request.confirm,
            author: author,
            comment: request.comment,
            base: revision.number,
            deadline: Timestamp(milliseconds: now.milliseconds + Int64(request.confirm.seconds) * 1000),
            differences: differences
        )
        pending = Attempt(status: status, box: candidate, end: ContinuousClock.now + span)
        journal.record(
            "config.applying",
            .info,
            "a change of the configuration is tried",
            [
                "tx": tx, "author": author, "mode": request.confirm.mode.rawValue,
                "seconds": "\(request.confirm.seconds)",
            ]
        )
        Task { await carryOut(tx) }
        Task {
            try? await Task.sleep(for: span)
            await rollBack(tx, reason: "not confirmed in \(request.confirm.seconds) s")
        }
        return status
    }

    /// Tries an older revision; it becomes a new one.
    package func proposeRevision(_ number: Int, confirm: ConfirmPolicy, author: String) throws
        -> TransactionStatus
    {
        let request = TransactionRequest(
            document: try document(of: number),
            comment: "back to revision \(number)",
            confirm: confirm
        )
        return try propose(request, base: nil, author: author)
    }

    /// `connected`: when the caller's connection was opened. One from before the change proves nothing.
    package func confirm(_ tx: String, connected: ContinuousClock.Instant, author: String) async throws
        -> TransactionStatus
    {
        guard let attempt = pending, attempt.status.tx == tx else { return try alreadyEnded(tx) }
        guard let applied = attempt.applied, attempt.status.state == .awaiting, !attempt.isBeingUndone else {
            throw Problem(
                status: 409,
                code: "net.pending",
                title: "the change is not in force yet",
                detail: "state \(attempt.status.state.rawValue)",
                hint: "ask again in a second"
            )
        }
        guard connected > applied else {
            throw Problem(
                status: 409,
                code: "config.connection",
                title: "the connection is older than the change",
                detail: "a new connection shows that the box can still be reached",
                hint: "connect again and confirm"
            )
        }
        commit(tx)
        return try status(of: tx)
    }

    /// Undoes the change now; returns when the confirmed revision is in force.
    package func cancel(_ tx: String, author: String) async throws -> TransactionStatus {
        guard pending?.status.tx == tx else { return try alreadyEnded(tx) }
        await rollBack(tx, reason: "cancelled by \(author)")
        return try status(of: tx)
    }

    private func alreadyEnded(_ tx: String) throws -> TransactionStatus {
        let status = try status(of: tx)
        throw Problem(
            status: 409,
            code: status.state == .rolledBack ? "net.rolled_back" : "config.confirmed",
            title: "the transaction has ended",
            detail: "\(status.state.rawValue)\(status.reason.map { ": \($0)" } ?? "")"
        )
    }

    // MARK: A trial's life

    private func carryOut(_ tx: String) async {
        guard let attempt = pending, attempt.status.tx == tx else { return }
        let mode = attempt.status.confirm.mode
        let before = mode == .auto ? await probes(box) : []
        guard isPending(tx) else { return }
        await enqueue { await $0.bring(tx) }
        guard isPending(tx), pending?.applied != nil else { return }
        switch mode {
        case .none: commit(tx)
        case .manual: update(tx) { $0.state = .awaiting }
        case .auto:
            update(tx) { $0.state = .awaiting }
            await confirmByProbes(tx, attempt.box, before: before)
        }
    }

    private func bring(_ tx: String) async {
        guard isPending(tx), let attempt = pending else { return }
        let start = ContinuousClock.now
        do {
            try await put(attempt.box, over: box)
            if let network = attempt.box.network {
                let findings = try await networkd.settle(network)
                if let wrong = findings.first(where: { !$0.isPending }) {
                    let text = "\(wrong.interface): found \(wrong.found), expected \(wrong.expected)"
                    return await undo(tx, reason: text)
                }
            }
            if configuration.gateway(for: attempt.box) != configuration.gateway(for: box),
                await !surroundings.gatewayAnswers()
            {
                return await undo(tx, reason: "the gateway does not answer with this configuration")
            }
        } catch {
            return await undo(tx, reason: "\(error)")
        }
        guard isPending(tx) else { return }
        pending?.applied = ContinuousClock.now
        let milliseconds = Int((ContinuousClock.now - start) / .milliseconds(1))
        journal.record(
            "config.applied",
            .info,
            "the change is in force",
            ["tx": tx, "milliseconds": "\(milliseconds)"]
        )
    }

    /// Every key that passed before has to pass, in one round, before the deadline.
    private func confirmByProbes(_ tx: String, _ candidate: BoxConfiguration, before: [NetworkTestStep]) async
    {
        while isPending(tx) {
            let after = await probes(candidate)
            guard isPending(tx) else { return }
            update(tx) { $0.probes = after }
            if NetworkTestStep.lost(before: before, after: after).isEmpty { return commit(tx) }
            try? await Task.sleep(for: Self.probePause)
        }
    }

    package func probes(_ box: BoxConfiguration) async -> [NetworkTestStep] {
        var steps: [NetworkTestStep] = []
        if let network = box.network { steps = await probe.run(network) }
        for peer in box.peers.prefix(Self.probedPeers) { steps.append(await surroundings.echo(peer)) }
        return steps
    }

    /// The tests that a person asks for.
    package func test(_ kinds: Set<NetworkTestStep.Kind>) async -> NetworkTestReport {
        let steps = await probes(pending?.box ?? box)
        return NetworkTestReport(steps: kinds.isEmpty ? steps : steps.filter { kinds.contains($0.kind) })
    }

    package func linkSteps(_ network: NetworkConfiguration) async -> [NetworkTestStep] {
        await probe.links(network)
    }
    package func links() async throws -> [LinkStatus] { try await networkd.links() }
    package func routes() async throws -> [RouteStatus] { try await networkd.routes() }

    private func commit(_ tx: String) {
        guard isPending(tx), let attempt = pending else { return }
        do {
            let confirmed = try table.append(
                time: Timestamp.now.milliseconds,
                author: attempt.status.author,
                comment: attempt.status.comment,
                document: attempt.box.json.text()
            )
            revision = confirmed
            box = attempt.box
            end { status in
                status.state = .confirmed
                status.revision = confirmed.number
            }
            let site = box.site
            Task { [board] in await board.set(site: site) }
            journal.record(
                "config.confirmed",
                .info,
                "the configuration has changed",
                ["tx": tx, "revision": "\(confirmed.number)", "author": attempt.status.author]
            )
        } catch {
            Task { await rollBack(tx, reason: "the revision could not be written: \(error)") }
        }
    }

    private func rollBack(_ tx: String, reason: String) async {
        guard pending?.status.tx == tx else { return }
        await enqueue { await $0.undo(tx, reason: reason) }
    }

    private func undo(_ tx: String, reason: String) async {
        guard isPending(tx), let attempt = pending else { return }
        pending?.isBeingUndone = true
        let start = ContinuousClock.now
        var attributes = ["tx": tx, "revision": "\(revision.number)", "reason": reason]
        var failure: String?
        do {
            try await bringBack(from: .box(attempt.box))
        } catch {
            failure = "\(error)"
            attributes["error"] = failure
        }
        try? table.endTrial(tx)
        attributes["milliseconds"] = "\(Int((ContinuousClock.now - start) / .milliseconds(1)))"
        let probes = attempt.status.probes
        end { status in
            status.state = .rolledBack
            status.reason = reason
            status.probes = probes
        }
        journal.record("config.rolled-back", .warning, "the change was undone", attributes)
        if let failure { await noteUnsettled(failure) }
    }

    /// Makes `next` real where it differs from `last`: the network first, the gateway listens on it.
    private func put(_ next: BoxConfiguration, over last: BoxConfiguration) async throws {
        if next.network != nil || last.network != nil {
            try await networkd.apply(NetworkRendering(next))
        }
        if next.updates != last.updates { try surroundings.applyUpdates(next.updates) }
        let gateway = configuration.gateway(for: next)
        if gateway != configuration.gateway(for: last) { try await surroundings.applyGateway(gateway) }
    }

    // MARK: Pieces

    func enqueue(_ body: @escaping @Sendable (isolated ConfigurationTransactions) async -> Void) async {
        let previous = work
        let task = Task {
            await previous?.value
            await body(self)
        }
        work = task
        await task.value
    }

    private func isPending(_ tx: String) -> Bool {
        pending?.status.tx == tx && pending?.isBeingUndone == false
    }

    private func update(_ tx: String, _ change: (inout TransactionStatus) -> Void) {
        guard var attempt = pending, attempt.status.tx == tx else { return }
        change(&attempt.status)
        pending = attempt
    }

    private func end(_ change: (inout TransactionStatus) -> Void) {
        guard var status = pending?.status else { return }
        change(&status)
        pending = nil
        ended.append(status)
        if ended.count > Self.history { ended.removeFirst() }
    }

    private static func newIdentifier() -> String {
        UUID().uuidString.lowercased()
    }

    private static func conflict(_ tx: String) -> Problem {
        Problem(
            status: 409,
            code: "net.pending",
            title: "a change is being tried",
            detail: "transaction \(tx) is not confirmed yet",
            hint: "drimboxctl config pending; then confirm or cancel it"
        )
    }

    private static func noRevision(_ number: Int) -> Problem {
        Problem(
            status: 404,
            code: "request.path",
            title: "no such revision",
            detail: "\(number)",
            hint: "drimboxctl config history"
        )
    }
}
