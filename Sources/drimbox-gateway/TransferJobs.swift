// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import FoundationEssentials
import Linux
import Store
import Transfer

/// The transfers that somebody asked for. A job is on the disk before it is acknowledged; one that a restart
/// interrupted begins anew, and moves only what is not yet there.
actor TransferJobs {
    struct Invalid: Error, CustomStringConvertible {
        let description: String
    }

    /// Jobs that run at a time; the ceiling of each peer counts besides.
    private static let running = 8
    /// Instances that are passed on together.
    private static let forwarded = 64
    /// What arrived meanwhile is pushed at least so often.
    private static let pause: Duration = .milliseconds(20)

    private let table: JobTable
    private let spool: Spool
    private let client: DIMSEClient
    private let peers: Peers
    private let retrievals: RetrievalTable
    private let web: DICOMwebClient
    private let codec: any PixelCodec
    private let journal: GatewayJournal
    private var jobs: [String: TransferJob] = [:]
    private var order: [String] = []
    private var tasks: [String: Task<Void, Never>] = [:]
    private let ceiling = PriorityCeiling(maximum: running)

    init(
        table: JobTable,
        spool: Spool,
        client: DIMSEClient,
        peers: Peers,
        retrievals: RetrievalTable,
        web: DICOMwebClient,
        codec: any PixelCodec,
        journal: GatewayJournal
    ) {
        self.table = table
        self.spool = spool
        self.client = client
        self.peers = peers
        self.retrievals = retrievals
        self.web = web
        self.codec = codec
        self.journal = journal
    }

    /// Takes up what was not finished.
    func resume() throws {
        for row in try table.all() {
            guard var job = try? JSONDecoder().decode(TransferJob.self, from: Data(row.document.utf8)) else {
                continue
            }
            if !job.state.isFinal {
                job = TransferJob(id: job.id, request: job.request, created: job.created)
            }
            jobs[job.id] = job
            order.append(job.id)
            if !job.state.isFinal { start(job) }
        }
    }

    var all: [TransferJob] { order.compactMap { jobs[$0] } }

    func job(_ id: String) -> TransferJob? { jobs[id] }

    /// Accepts a job; it is on the disk when this returns.
    func submit(_ request: TransferRequest) throws -> TransferJob {
        _ = try Plan(request, peers)
        let now = Timestamp(milliseconds: WallClock.milliseconds())
        let job = TransferJob(id: UUID().uuidString.lowercased(), request: request, created: now)
        try keep(job)
        order.append(job.id)
        start(job)
        return job
    }

    /// False where there is no such job; a finished one stays as it is.
    func cancel(_ id: String) -> Bool {
        guard jobs[id] != nil else { return false }
        tasks[id]?.cancel()
        return true
    }

    /// Stops what runs without finishing it: it is taken up at the next start.
    func stop() async {
        let running = tasks
        tasks = [:]
        for task in running.values { task.cancel() }
        for task in running.values { await task.value }
    }

    // MARK: One job

    private struct Plan {
        let resource: DICOMwebRoute.Resource
        let priority: TransferPriority
        let entry: Peers.Entry?

        init(_ request: TransferRequest, _ peers: Peers) throws {
            guard let study = UID(request.study), study.string == request.study else {
                throw Invalid(description: "study: found no UID, expected 1 to 64 digits and dots")
            }
            let series = request.series.flatMap { UID($0) }
            guard request.series == nil || series != nil else {
                throw Invalid(description: "series: found no UID, expected 1 to 64 digits and dots")
            }
            resource = DICOMwebRoute.Resource(study: study, series: series)
            priority = TransferPriority(request.priority)
            entry = request.peer.flatMap { AETitle($0) }.flatMap { peers[$0] }
            guard request.peer == nil || entry != nil else {
                throw Invalid(description: "peer: found an unknown AE title, expected one of dicom.peers")
            }
            switch request.kind {
            case .pull:
                guard !peers.archives.isEmpty else {
                    throw Invalid(
                        description: "pull: found no peer with the roles find and move, expected one"
                    )
                }
            case .retrieve:
                guard let url = request.url, Self.isAllowed(url) else {
                    throw Invalid(description: "url: found none that may be asked, expected https://host/...")
                }
                guard entry == nil || entry?.roles.contains(.store) == true else {
                    throw Invalid(description: "peer: found one without the role store, expected it")
                }
            case .push:
                guard let entry else { throw Invalid(description: "peer: found none, expected an AE title") }
                guard entry.roles.contains(.store) else {
                    throw Invalid(description: "peer: found one without the role store, expected it")
                }
                guard request.commit != true || entry.roles.contains(.commitment) else {
                    throw Invalid(
                        description: "commit: found a peer without the role commitment, expected it"
                    )
                }
            }
        }

        /// Plain HTTP is for this machine.
        private static func isAllowed(_ url: String) -> Bool {
            guard url.utf8.count <= 2048 else { return false }
            return url.hasPrefix("https://")
                || ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].contains { url.hasPrefix($0) }
        }
    }

    private func start(_ job: TransferJob) {
        tasks[job.id] = Task {
            let wait = TransferPriority(job.request.priority)
            guard (try? await ceiling.enter(wait)) != nil else { return finish(job.id, .cancelled, nil) }
            defer { ceiling.leave() }
            change(job.id) { $0.state = .running }
            do {
                let plan = try Plan(job.request, peers)
                switch job.request.kind {
                case .pull: try await pull(job.id, plan)
                case .push: try await push(job.id, plan, commits: job.request.commit == true)
                case .retrieve: try await retrieve(job.id, plan, job.request.url ?? "")
                }
                let failed = jobs[job.id]?.failed ?? 0
                finish(job.id, failed == 0 ? .succeeded : jobs[job.id]?.done == 0 ? .failed : .partial, nil)
            } catch {
                let isCancelled = Task.isCancelled
                finish(job.id, isCancelled ? .cancelled : .failed, isCancelled ? nil : "\(error)")
            }
        }
    }

    private func pull(_ id: String, _ plan: Plan) async throws {
        let availability = try await retrievals.availability(of: plan.resource, priority: plan.priority)
        switch availability {
        case .complete:
            let kept = try kept(plan).count
            guard kept > 0 else { throw Invalid(description: "study: found in no archive, expected in one") }
            change(id) { ($0.total, $0.done) = (kept, kept) }
        case .unknown(let reason): throw Invalid(description: reason)
        case .undeliverable(let count):
            change(id) { ($0.total, $0.failed) = (count, count) }
        case .arriving(let arriving):
            change(id) { $0.total = arriving.wanted.count }
            for try await _ in arriving.uids() { change(id) { $0.done += 1 } }
        }
    }

    /// Sends what is here, and then, as long as the study is still arriving, what arrived meanwhile.
    private func push(_ id: String, _ plan: Plan, commits: Bool) async throws {
        guard let peer = plan.entry?.peer else { return }
        let availability = try await retrievals.availability(of: plan.resource, priority: plan.priority)
        var sent: Set<UID> = []
        var isArriving = false
        let arrival = ArrivalEnd()
        if case .arriving(let arriving) = availability {
            isArriving = true
            Task {
                do {
                    for try await _ in arriving.uids() {}
                    arrival.end(nil)
                } catch {
                    arrival.end("\(error)")
                }
            }
        }
        var references: [StorageCommitment.Reference] = []
        while true {
            let wasArriving = isArriving && !arrival.hasEnded
            let waiting = try kept(plan).filter { !sent.contains($0.sopInstanceUID) }
            sent.formUnion(waiting.map(\.sopInstanceUID))
            references += waiting.map {
                .init(sopClassUID: $0.sopClassUID, sopInstanceUID: $0.sopInstanceUID)
            }
            if !waiting.isEmpty { try await send(waiting, to: peer, id, plan.priority) }
            if !wasArriving { break }
            if waiting.isEmpty { try await Task.sleep(for: Self.pause) }
        }
        guard !sent.isEmpty else {
            throw Invalid(description: "study: found nothing here, expected instances")
        }
        if let reason = arrival.reason { change(id) { $0.reason = reason } }
        if commits { try await commit(references, with: peer, id) }
    }

    /// Gets what `url` names, and passes it on as it arrives where the plan has a peer.
    private func retrieve(_ id: String, _ plan: Plan, _ url: String) async throws {
        let arrival = ArrivalEnd()
        let (web, spool) = (web, spool)
        let (arrived, continuation) = AsyncStream.makeStream(of: UID.self)
        let retrieving = Task {
            defer {
                arrival.end(nil)
                continuation.finish()
            }
            return try await web.retrieve(url, bandwidth: plan.entry?.peer.bandwidth) {
                continuation.yield($0)
            }
        }
        try await withTaskCancellationHandler {
            if let peer = plan.entry?.peer {
                var batch: [StoredInstance] = []
                for await uid in arrived {
                    guard let instance = try spool.instance(uid) else { continue }
                    batch.append(instance)
                    // What came while the last ones were sent goes together.
                    guard
                        batch.count >= Self.forwarded || arrival.hasEnded
                            || batch.count == 1 && jobs[id]?.total == 0
                    else { continue }
                    try await send(batch, to: peer, id, plan.priority)
                    batch = []
                }
                if !batch.isEmpty { try await send(batch, to: peer, id, plan.priority) }
            } else {
                for await _ in arrived {
                    change(id) {
                        $0.total += 1
                        $0.done += 1
                    }
                }
            }
        } onCancel: {
            retrieving.cancel()
        }
        let result = try await retrieving.value
        change(id) { job in
            if plan.entry == nil { job.bytes = Int(result.bytes) }
            for (uid, reason) in result.failures { job.fail(uid, reason) }
        }
        if let error = result.error { throw error }
    }

    private func kept(_ plan: Plan) throws -> [StoredInstance] {
        try spool.instances(study: plan.resource.study, series: plan.resource.series)
    }

    private func send(
        _ instances: [StoredInstance],
        to peer: DICOMPeer,
        _ id: String,
        _ priority: TransferPriority
    ) async throws {
        change(id) { $0.total += instances.count }
        let (results, continuation) = AsyncStream.makeStream(of: StoreResult.self)
        let (client, codec) = (client, codec)
        let storable = instances.map(StorableInstance.init)
        let sending = Task {
            defer { continuation.finish() }
            try await client.store(peer, storable, priority: priority, codec: codec) {
                continuation.yield($0)
            }
        }
        await withTaskCancellationHandler {
            for await result in results { note(result, id) }
        } onCancel: {
            sending.cancel()
        }
        try await sending.value
    }

    private func note(_ result: StoreResult, _ id: String) {
        change(id) { job in
            switch result.outcome {
            case .stored:
                job.done += 1
                job.bytes += Int(result.bytes)
            case .refused(let status, let comment):
                job.fail(result.sopInstanceUID, "status \(status)" + (comment.map { ": \($0)" } ?? ""))
            case .failed(let error):
                job.fail(result.sopInstanceUID, "\(error)")
            }
        }
    }

    private func commit(
        _ references: [StorageCommitment.Reference],
        with peer: DICOMPeer,
        _ id: String
    ) async throws {
        let report = try await client.commit(peer, references, transactionUID: Self.newUID())
        change(id) { job in
            job.committed = report?.referenced.count ?? 0
            if report == nil { job.reason = "storage commitment: found no report in time, expected one" }
            for (uid, reason) in report?.failed ?? [:] {
                job.fail(uid, "storage commitment: failure reason \(DIMSEStatus(rawValue: reason))")
            }
        }
    }

    /// A UID of 128 random bits (PS3.5 B.2).
    private static func newUID() -> UID {
        var generator = SystemRandomNumberGenerator()
        let digits = UInt128.random(in: 0...UInt128.max, using: &generator)
        return UID("2.25.\(digits)") ?? UID(literal: "2.25.0")
    }

    // MARK: State

    private func change(_ id: String, _ body: (inout TransferJob) -> Void) {
        guard var job = jobs[id] else { return }
        body(&job)
        jobs[id] = job
    }

    private func finish(_ id: String, _ state: TransferJob.State, _ reason: String?) {
        // A stop is no end: the row stays as it is and the next start finds it.
        guard tasks.removeValue(forKey: id) != nil, var job = jobs[id] else { return }
        job.state = state
        if let reason { job.reason = reason }
        defer { forgetOldest() }
        job.ended = Timestamp(milliseconds: WallClock.milliseconds())
        do { try keep(job) } catch {
            journal.record(
                "transfer.not-kept",
                .critical,
                "the end of a transfer cannot be written: \(error)"
            )
        }
        let severity: Severity = state == .succeeded || state == .cancelled ? .info : .warning
        journal.record(
            "transfer.\(state.rawValue)",
            severity,
            "\(job.request.kind.rawValue): \(job.done) of \(job.total) instances",
            [
                "transfer": id, "peer": job.request.peer ?? "", "failed": "\(job.failed)",
                "reason": reason ?? "",
            ]
        )
    }

    /// As many finished ones are remembered as the table keeps.
    private func forgetOldest() {
        while order.count > JobTable.history,
            let index = order.firstIndex(where: { jobs[$0]?.state.isFinal == true })
        {
            jobs[order.remove(at: index)] = nil
        }
    }

    private func keep(_ job: TransferJob) throws {
        jobs[job.id] = job
        let document = String(decoding: try JSONEncoder().encode(job), as: UTF8.self)
        try table.put(JobTable.Row(id: job.id, isFinal: job.state.isFinal, document: document))
    }
}

extension TransferJob {
    fileprivate mutating func fail(_ sopInstanceUID: UID, _ reason: String) {
        failed += 1
        guard failures.count < Self.listedFailures else { return }
        failures.append(Failure(sopInstanceUID: sopInstanceUID.string, reason: reason))
    }
}

extension TransferPriority {
    init(_ priority: TransferRequest.Priority?) {
        self =
            switch priority ?? .export {
            case .viewer: .viewer
            case .export: .export
            case .prefetch: .prefetch
            }
    }
}

extension StorableInstance {
    fileprivate init(_ stored: StoredInstance) {
        self.init(
            sopClassUID: stored.sopClassUID,
            sopInstanceUID: stored.sopInstanceUID,
            transferSyntax: stored.transferSyntax,
            file: stored.extent,
            dataSetOffset: stored.dataSetOffset
        )
    }
}
