// SPDX-License-Identifier: Apache-2.0
import DICOM
import Synchronization

/// Instances waiting to be sent, in order, shared by the associations that send them: each takes the next one
/// when it has room, so that a slow association holds nothing back.
package final class StoreQueue: Sendable {
    private struct State {
        var waiting: [StorableInstance]
        /// The next of `waiting`; taken ones stay until the queue is gone.
        var next = 0
    }

    private let state: Mutex<State>
    private let report: @Sendable (StorableInstance, StoreResult.Outcome) -> Void

    /// `report` is called once for each instance, on the association's thread.
    package init(
        _ instances: [StorableInstance],
        report: @escaping @Sendable (StorableInstance, StoreResult.Outcome) -> Void
    ) {
        state = Mutex(State(waiting: instances))
        self.report = report
    }

    func next() -> StorableInstance? {
        state.withLock { state in
            guard state.next < state.waiting.count else { return nil }
            defer { state.next += 1 }
            return state.waiting[state.next]
        }
    }

    /// All that nobody has taken, for whom it is too late.
    func drain() -> [StorableInstance] {
        state.withLock { state in
            defer { state.next = state.waiting.count }
            return Array(state.waiting[state.next...])
        }
    }

    func finish(_ instance: StorableInstance, _ outcome: StoreResult.Outcome) {
        report(instance, outcome)
    }
}
