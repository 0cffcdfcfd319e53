// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How many may do something at once: associations with one peer, jobs, codecs. Who must wait is served by priority, then
/// by arrival.
package final class PriorityCeiling: Sendable {
    private struct Waiter {
        let id: Int
        let priority: TransferPriority
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var open = 0
        var nextID = 0
        var waiters: [Waiter] = []
        /// Waiters that were cancelled before they could wait.
        var cancelled: Set<Int> = []
    }

    private let maximum: Int
    private let state = Mutex(State())

    package init(maximum: Int) {
        self.maximum = max(1, maximum)
    }

    package var open: Int { state.withLock(\.open) }

    /// Returns when there is room, which is then taken until `leave`. Throws when the task is cancelled.
    package func enter(_ priority: TransferPriority) async throws(CancellationError) {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        let hasEntered = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return false }
                    if state.open < maximum {
                        state.open += 1
                        return true
                    }
                    state.waiters.append(Waiter(id: id, priority: priority, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(returning: false)
        }
        state.withLock { _ = $0.cancelled.remove(id) }
        guard hasEntered else { throw CancellationError() }
    }

    /// Room at once, or none: for what is nice to have more of.
    package func tryEnter() -> Bool {
        state.withLock { state in
            guard state.open < maximum, state.waiters.isEmpty else { return false }
            state.open += 1
            return true
        }
    }

    package func leave() {
        let next: Waiter? = state.withLock { state in
            guard let priority = state.waiters.map(\.priority).max(),
                let index = state.waiters.firstIndex(where: { $0.priority == priority })
            else {
                state.open -= 1
                return nil
            }
            return state.waiters.remove(at: index)
        }
        next?.continuation.resume(returning: true)
    }
}
