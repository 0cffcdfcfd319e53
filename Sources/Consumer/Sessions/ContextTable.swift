// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The contextual calls that nobody has opened yet. Each is opened once, by one session, and not after its time.
final class ContextTable: Sendable {
    private static let capacity = 1024

    private struct Waiting {
        let patient: PatientContext
        let until: Int64
    }

    private let lifetime: Int64
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64
    private let waiting = Mutex<[String: Waiting]>([:])

    init(seconds: Int, now: @escaping @Sendable () -> Int64) {
        lifetime = Int64(seconds) * 1000
        self.now = now
    }

    /// The name under which the patient can be opened; nil where too many wait.
    func add(_ patient: PatientContext) -> String? {
        let time = now()
        let name = RandomToken.make()
        let isKept = waiting.withLock { waiting in
            if waiting.count >= Self.capacity { waiting = waiting.filter { $0.value.until > time } }
            guard waiting.count < Self.capacity else { return false }
            waiting[RandomToken.digest(name)] = Waiting(patient: patient, until: time + lifetime)
            return true
        }
        return isKept ? name : nil
    }

    /// The patient, who is gone from here with this.
    func take(_ name: String) -> PatientContext? {
        let time = now()
        let found = waiting.withLock { $0.removeValue(forKey: RandomToken.digest(name)) }
        return found.flatMap { $0.until > time ? $0.patient : nil }
    }
}
