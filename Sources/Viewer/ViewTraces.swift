// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Who looked at which study, and how they came to it. A study is named by its UID, a patient not at all.
package struct ViewTraces: Sendable {
    package enum Action: String, Sendable {
        case signIn = "viewer sign-in"
        case view = "viewer"
        case report = "viewer report"
        case download = "viewer download"
        case signOut = "viewer sign-out"
        case refusal = "viewer refused"
    }

    private let append:
        @Sendable (_ user: String, _ action: String, _ subject: String, _ outcome: String, _ reason: String)
            throws -> Void

    package init(
        append:
            @escaping @Sendable (
                _ user: String, _ action: String, _ subject: String, _ outcome: String, _ reason: String
            ) throws -> Void
    ) {
        self.append = append
    }

    /// - Throws: where the trace cannot be kept; then what it is of must not be done.
    func note(
        _ action: Action,
        by user: String,
        _ subject: String = "",
        outcome: String,
        reason: String = ""
    ) throws {
        try append(user, action.rawValue, subject, outcome, reason)
    }
}

/// How many refusals of nobody leave a trace: who tries links all night does not fill the disk.
final class RefusalBudget: Sendable {
    static let perMinute = 60

    private struct State: Sendable {
        var minute: Int64 = 0
        var count = 0
        var passedOver = 0
    }

    private let state = Mutex(State())

    /// How many were passed over since the last one that was let in; nil where this one is passed over too. `time` is in
    /// milliseconds.
    func admit(at time: Int64) -> Int? {
        state.withLock { state in
            if time / 60_000 != state.minute { (state.minute, state.count) = (time / 60_000, 0) }
            state.count += 1
            guard state.count <= Self.perMinute else {
                state.passedOver += 1
                return nil
            }
            defer { state.passedOver = 0 }
            return state.passedOver
        }
    }
}
