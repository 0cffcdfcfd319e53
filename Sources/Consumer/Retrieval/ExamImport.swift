// SPDX-License-Identifier: Apache-2.0
import DICOM
import Synchronization

/// The images of one exam on their way into the site's archive, under the patient's local identity. What failed is sent
/// again when it is asked for again; what is stored is not.
final class ExamImport: Sendable {
    enum State: String, Sendable {
        case idle
        case running
        case finished
        case failed
    }

    struct Progress: Sendable {
        var state = State.idle
        var stored = 0
        /// What did not come from the other box.
        var missing = 0
        /// Why, by SOP Instance UID.
        var failures: [UID: ImageFailure] = [:]
        /// Why it ended early.
        var reason: ImageFailure?
        var ended: Int64?
    }

    private static let pause: Duration = .milliseconds(50)

    private let archive: any ImportArchive
    private let patient: PatientContext
    private let trace: @Sendable (_ outcome: String, _ reason: String) throws -> Void
    private let now: @Sendable () -> Int64
    private let progressNow = Mutex(Progress())
    private let done = Mutex<Set<UID>>([])
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(
        archive: any ImportArchive,
        patient: PatientContext,
        trace: @escaping @Sendable (_ outcome: String, _ reason: String) throws -> Void,
        now: @escaping @Sendable () -> Int64
    ) {
        self.archive = archive
        self.patient = patient
        self.trace = trace
        self.now = now
    }

    var progress: Progress { progressNow.withLock { $0 } }

    /// Sends what has arrived, and what still arrives. False where it runs already.
    func start(_ retrieval: ExamRetrieval) -> Bool {
        let mayRun = progressNow.withLock { progress in
            guard progress.state != .running else { return false }
            progress.state = .running
            progress.failures = [:]
            progress.reason = nil
            return true
        }
        guard mayRun else { return false }
        task.withLock { $0 = Task { await run(retrieval) } }
        return true
    }

    func stop() {
        task.withLock { $0?.cancel() }
    }

    private func run(_ retrieval: ExamRetrieval) async {
        var reason: ImageFailure?
        do {
            try trace("asked", "")
            var tried = done.withLock { $0 }
            while true {
                // Whether more can come is looked at first: what came before it ended is then seen.
                let hasEnded = retrieval.progress.state != .running
                let waiting = retrieval.arrived.filter { tried.insert($0).inserted }
                if !waiting.isEmpty {
                    try await archive.store(waiting, patient: patient) { self.note($0, $1) }
                } else if hasEnded {
                    break
                } else {
                    try await Task.sleep(for: Self.pause)
                }
            }
        } catch {
            reason = Task.isCancelled ? .signedOut : .archiveFailed("\(error)")
        }
        finish(reason, missing: retrieval.progress.missing.count)
    }

    private func note(_ instance: UID, _ outcome: StoreOutcome) {
        switch outcome {
        case .stored:
            guard done.withLock({ $0.insert(instance).inserted }) else { return }
            progressNow.withLock { $0.stored += 1 }
        case .failed(let reason): progressNow.withLock { $0.failures[instance] = reason }
        }
    }

    private func finish(_ reason: ImageFailure?, missing: Int) {
        let time = now()
        let end = progressNow.withLock { progress in
            progress.state = reason == nil && progress.failures.isEmpty ? .finished : .failed
            progress.reason = reason
            progress.missing = missing
            progress.ended = time
            return progress
        }
        let words = reason.map { "\($0)" } ?? (end.failures.isEmpty ? "" : "\(end.failures.count) refused")
        try? trace("\(end.stored) stored, \(missing) missing", words)
    }
}
