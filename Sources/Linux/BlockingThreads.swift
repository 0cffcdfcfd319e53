// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Lasting threads for work that blocks or computes for long, where the cooperative pool's must not. Work begins in the
/// order in which it was given; with one thread, each ends before the next begins.
package final class BlockingThreads: Sendable {
    private final class Queue: Sendable {
        private struct State {
            var jobs: [@Sendable () -> Void] = []
            var isOver = false
        }

        private let state = Mutex(State())

        func append(_ job: @escaping @Sendable () -> Void) { state.withLock { $0.jobs.append(job) } }

        func empty() {
            while let job = state.withLock({ $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }) { job() }
        }

        func end() { state.withLock { $0.isOver = true } }

        var isOver: Bool { state.withLock { $0.isOver } }
    }

    private let queue = Queue()
    private let workers: [Worker]

    /// Fewer than `count` where the system gives no more.
    package init(count: Int) {
        let queue = queue
        workers = (0..<count).compactMap { _ in
            Worker { waiter in
                while !queue.isOver {
                    waiter.wait()
                    queue.empty()
                }
                // Given in between.
                queue.empty()
            }
        }
    }

    deinit {
        queue.end()
        for worker in workers { worker.signal() }
        for worker in workers { worker.join() }
    }

    /// Hands over `body`, which is not to keep the threads themselves. Without a thread it runs at once: slower
    /// for everybody else, but done.
    package func run(_ body: @escaping @Sendable () -> Void) {
        if workers.isEmpty { return body() }
        queue.append(body)
        for worker in workers { worker.signal() }
    }

    /// What `body` returns.
    package func value<Value: Sendable>(of body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { (continuation: CheckedContinuation<Value, Never>) in
            run { continuation.resume(returning: body()) }
        }
    }
}
