// SPDX-License-Identifier: Apache-2.0

/// Runs tasks on threads that may block, where the cooperative pool's must not.
package final class BlockingExecutor: TaskExecutor {
    private let run: @Sendable (@escaping @Sendable () -> Void) -> Void

    /// `run` hands work to a thread. It must run all of it, at the end too, or a task would wait for ever.
    package init(_ run: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        self.run = run
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        run { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
