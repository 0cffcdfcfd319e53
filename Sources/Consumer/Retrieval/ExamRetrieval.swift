// SPDX-License-Identifier: Apache-2.0
import DICOM
import Identity
import Synchronization
import Transfer

/// The images of one manifest on their way from another box to one professional's session.
final class ExamRetrieval: Sendable {
    enum State: String, Sendable {
        case running
        case finished
        /// Its session ended.
        case stopped
    }

    struct Progress: Sendable {
        var state = State.running
        /// Positions in the manifest's order, in the order of their arrival.
        fileprivate(set) var arrived: [Int] = []
        fileprivate var come: Set<Int> = []
        /// What will not come, with its reason.
        var missing: [Int: ImageFailure] = [:]
        /// Milliseconds since 1970.
        let started: Int64
        var firstImage: Int64?
        var ended: Int64?

        func hasArrived(_ position: Int) -> Bool { come.contains(position) }
    }

    /// Series that are asked for at a time.
    private static let parallel = 3

    let manifest: ExamManifest
    let purpose: RetrievePurpose
    let archiving: ExamImport?
    private let positions: [UID: Int]
    private let source: any ImageSource
    private let token: @Sendable () async throws -> String
    private let trace: @Sendable (_ series: UID, _ outcome: String, _ reason: String) throws -> Void
    private let now: @Sendable () -> Int64
    private let progressNow: Mutex<Progress>
    private let waiting: Mutex<[ExamManifest.Series]>
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// `trace` is called before the first byte of a series is asked for, and when it has ended; without the first there
    /// is no request.
    init(
        _ manifest: ExamManifest,
        purpose: RetrievePurpose,
        source: any ImageSource,
        archiving: ExamImport?,
        token: @escaping @Sendable () async throws -> String,
        trace: @escaping @Sendable (_ series: UID, _ outcome: String, _ reason: String) throws -> Void,
        now: @escaping @Sendable () -> Int64
    ) {
        self.manifest = manifest
        self.purpose = purpose
        self.archiving = archiving
        positions = Dictionary(
            manifest.instances.enumerated().map { ($1, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        self.source = source
        self.token = token
        self.trace = trace
        self.now = now
        progressNow = Mutex(Progress(started: now()))
        waiting = Mutex(manifest.series)
    }

    var progress: Progress { progressNow.withLock { $0 } }

    /// What arrived in this session, of the manifest's instances.
    var arrived: [UID] { progress.arrived.map { manifest.instances[$0] } }

    func start() {
        task.withLock { task in
            guard task == nil else { return }
            task = Task { await run() }
        }
    }

    /// The series that somebody looks at comes before the others that were not begun.
    func prefer(_ seriesInstanceUID: UID) {
        waiting.withLock { waiting in
            guard let index = waiting.firstIndex(where: { $0.seriesInstanceUID == seriesInstanceUID }) else {
                return
            }
            waiting.insert(waiting.remove(at: index), at: 0)
        }
    }

    func stop() {
        let running = task.withLock { $0 }
        running?.cancel()
        archiving?.stop()
        progressNow.withLock { progress in
            if progress.state == .running { progress.state = .stopped }
        }
    }

    private func run() async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.parallel {
                group.addTask {
                    while !Task.isCancelled, let series = self.next() { await self.retrieve(series) }
                }
            }
        }
        let time = now()
        progressNow.withLock { progress in
            guard progress.state == .running else { return }
            progress.state = .finished
            progress.ended = time
        }
    }

    private func next() -> ExamManifest.Series? {
        waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }

    private func retrieve(_ series: ExamManifest.Series) async {
        let reason: String
        do {
            try trace(series.seriesInstanceUID, "asked", "")
            let token = try await token()
            let failures = try await source.retrieve(
                series,
                of: manifest.sopInstanceUID,
                study: manifest.studyInstanceUID,
                purpose: purpose,
                token: token
            ) {
                self.note($0)
            }
            reason = failures.isEmpty ? "" : "\(failures.count) instances did not come"
            miss(series, failures, otherwise: .gone)
        } catch {
            reason = "\(error)"
            miss(series, [:], otherwise: Self.failure(error))
        }
        let arrived = progressNow.withLock { $0.come }
        let come = series.instances.count { uid in positions[uid].map(arrived.contains) ?? false }
        try? trace(series.seriesInstanceUID, "\(come) of \(series.instances.count) instances", reason)
    }

    private static func failure(_ error: any Error) -> ImageFailure {
        switch error {
        case let error as ImageSourceError: .source(error)
        case is SignInError: .signedOut
        default: .notDone("\(error)")
        }
    }

    private func note(_ instance: UID) {
        // What nobody asked for is not shown.
        guard let position = positions[instance] else { return }
        let time = now()
        progressNow.withLock { progress in
            guard progress.come.insert(position).inserted else { return }
            progress.arrived.append(position)
            progress.missing[position] = nil
            progress.firstImage = progress.firstImage ?? time
        }
    }

    private func miss(_ series: ExamManifest.Series, _ failures: [UID: ImageFailure], otherwise: ImageFailure)
    {
        progressNow.withLock { progress in
            for instance in series.instances {
                guard let position = positions[instance], !progress.come.contains(position) else { continue }
                progress.missing[position] = failures[instance] ?? otherwise
            }
        }
    }
}
