// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Opens once; many may wait for it.
final class Gate: Sendable {
    private enum State {
        case closed([AsyncStream<Never>.Continuation])
        case open
    }

    private let state = Mutex(State.closed([]))

    func open() {
        let waiters = state.withLock { state in
            defer { state = .open }
            if case .closed(let waiters) = state { return waiters }
            return []
        }
        for waiter in waiters { waiter.finish() }
    }

    /// Returns when the gate is open or the task is cancelled.
    func wait() async {
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        let isOpen = state.withLock { state in
            guard case .closed(let waiters) = state else { return true }
            state = .closed(waiters + [continuation])
            return false
        }
        if isOpen { return }
        for await _ in stream {}
    }
}
