// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A thread that sleeps until somebody has work for it.
@safe
package final class Worker: Sendable {
    private let semaphore: Semaphore
    private let thread: pthread_t

    /// Starts a thread that runs `body`; nil when the system gives none. `body` gets the means to wait and
    /// returns when the worker's owner wants it to end.
    package init?(_ body: @escaping @Sendable (Waiter) -> Void) {
        let semaphore = Semaphore()
        let start = unsafe Unmanaged.passRetained(Start(waiter: Waiter(semaphore: semaphore), body: body))
        var thread = pthread_t()
        let result = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                start.body(start.waiter)
                return nil
            },
            start.toOpaque()
        )
        guard result == 0 else {
            unsafe start.release()
            return nil
        }
        self.semaphore = semaphore
        self.thread = thread
    }

    /// Wakes the thread, now or when it next waits.
    package func signal() {
        semaphore.post()
    }

    /// Returns when the thread has ended. To be called once.
    package func join() {
        _ = pthread_join(thread, nil)
    }

    /// The thread's side.
    package struct Waiter: Sendable {
        fileprivate let semaphore: Semaphore

        /// Returns at the next signal.
        package func wait() {
            semaphore.wait()
        }

        /// Returns at the next signal or when the time is over.
        package func wait(milliseconds: Int) {
            semaphore.wait(milliseconds: milliseconds)
        }
    }

    private final class Start: Sendable {
        let waiter: Waiter
        let body: @Sendable (Waiter) -> Void

        init(waiter: Waiter, body: @escaping @Sendable (Waiter) -> Void) {
            self.waiter = waiter
            self.body = body
        }
    }
}

/// Counts the signals that nobody has taken (sem_overview(7)).
@safe
private final class Semaphore: Sendable {
    /// Used by calls that are made for several threads only.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func post() {
        unsafe sem_post(semaphore)
    }

    func wait() {
        while unsafe sem_wait(semaphore) != 0, errno == EINTR {}
    }

    func wait(milliseconds: Int) {
        // Of the clock that nobody sets.
        var end = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &end)
        let nanoseconds = end.tv_nsec + milliseconds % 1000 * 1_000_000
        end.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        while unsafe clinux_sem_wait_monotonic(semaphore, &end) != 0, errno == EINTR {}
    }
}
