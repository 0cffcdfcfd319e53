// SPDX-License-Identifier: Apache-2.0
import Linux
import Synchronization

/// The thread that brings committed entries to the index, some time after they came or when a batch is full.
final class Indexer: Sendable {
    /// Milliseconds that the first entry of a batch waits for others.
    private static let delay = 250
    /// Milliseconds between tries while the index takes no entries.
    private static let retry = 1000

    private struct State: Sendable {
        var core: SpoolCore?
        var isStopped = false
    }

    private final class Shared: Sendable {
        let state = Mutex(State())

        /// Nil when the work is over.
        var core: SpoolCore? { state.withLock { $0.isStopped ? nil : $0.core } }
    }

    private let shared = Shared()
    private let worker: Worker

    /// Nil when the system gives no thread.
    init?() {
        let shared = shared
        let worker = Worker { waiter in
            while true {
                waiter.wait()
                guard shared.core != nil else { return }
                waiter.wait(milliseconds: Self.delay)
                while let core = shared.core {
                    if (try? core.indexPending()) != nil { break }
                    waiter.wait(milliseconds: Self.retry)
                }
                // The signal to end may have been taken by one of the waits.
                if shared.core == nil { return }
            }
        }
        guard let worker else { return nil }
        self.worker = worker
    }

    /// Says whose entries these are; before the first `entriesWait`.
    func serve(_ core: SpoolCore) {
        shared.state.withLock { $0.core = core }
    }

    func entriesWait() {
        shared.state.withLock { if !$0.isStopped { worker.signal() } }
    }

    /// Ends the thread; only the first call does anything.
    func stop() {
        let isFirst = shared.state.withLock { state in
            defer {
                state.isStopped = true
                state.core = nil
            }
            if !state.isStopped { worker.signal() }
            return !state.isStopped
        }
        if isFirst { worker.join() }
    }
}
