// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The newest events of a process, numbered without gaps; readers pull from wherever they left off.
package final class EventLog: Sendable {
    /// Events kept; older ones are gone, and a reader that wanted them is told so.
    package static let standardCapacity = 10_000

    private struct State {
        var events: [Event] = []
        /// Index of the oldest event in `events`, a ring once it is full.
        var start = 0
        var nextSequence: UInt64 = 1
        var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextWaiter = 0
    }

    private let capacity: Int
    private let state = Mutex(State())

    package init(capacity: Int = EventLog.standardCapacity) {
        self.capacity = max(1, capacity)
    }

    /// Sequence number of the newest event; 0 before the first.
    package var newest: UInt64 { state.withLock { $0.nextSequence - 1 } }

    /// Keeps what `make` builds around the next sequence number.
    @discardableResult
    package func append(_ make: (UInt64) -> Event) -> Event {
        let (event, waiters) = state.withLock { state in
            let event = make(state.nextSequence)
            state.nextSequence += 1
            if state.events.count < capacity {
                state.events.append(event)
            } else {
                state.events[state.start] = event
                state.start = (state.start + 1) % capacity
            }
            return (event, Array(state.waiters.values))
        }
        for waiter in waiters { waiter.yield() }
        return event
    }

    /// What is kept after `sequence`, oldest first, `limit` at most, and how many in between are gone.
    package func events(after sequence: UInt64, limit: Int = .max) -> (events: [Event], lost: Int) {
        state.withLock { state in
            let oldest = state.nextSequence - UInt64(state.events.count)
            let first = max(oldest, sequence &+ 1)
            guard first < state.nextSequence, sequence < state.nextSequence else { return ([], 0) }
            let count = min(Int(state.nextSequence - first), limit)
            let offset = Int(first - oldest)
            let events = (0..<count).map { state.events[(state.start + offset + $0) % state.events.count] }
            return (events, Int(first - sequence - 1))
        }
    }

    /// Yields once at the start and again after events were added; many may have come with one signal.
    package func changes() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        let id = state.withLock { state in
            defer { state.nextWaiter += 1 }
            state.waiters[state.nextWaiter] = continuation
            return state.nextWaiter
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.waiters.removeValue(forKey: id) }
        }
        continuation.yield()
        return stream
    }
}
