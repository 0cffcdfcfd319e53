// SPDX-License-Identifier: Apache-2.0

/// How much an installation asks for at once, and how long it waits.
package struct InstallationLimits: Sendable {
    /// Requests at once.
    package var requests = 4
    /// Bytes of a request; a frame that is larger is one by itself.
    package var requestBytes = 4 << 20
    /// Bytes that may be fetched for nothing, to make one request of two.
    package var gapBytes = 1 << 20
    /// Bytes that are asked for or not yet written: what the network may take of the memory.
    package var outstandingBytes = 12 << 20
    /// Bytes per second, nil for as many as come.
    package var bytesPerSecond: Int?
    /// How long a request may take: this, and a second for each `slowestBytesPerSecond`.
    package var requestTime = Duration.seconds(30)
    package var slowestBytesPerSecond = 16 << 10
    /// Times that one range is asked for, before its failure is the installation's.
    package var attempts = 8
    /// Between two of them: from `shortestPause` to three times the pause before, at most `longestPause`.
    package var shortestPause = Duration.seconds(1)
    package var longestPause = Duration.seconds(300)
    /// Times that a segment's pack frame is fetched, if its content is wrong.
    package var frameAttempts = 3

    package init() {}
}

/// The clock of an installation; a test has its own.
package struct InstallationClock: Sendable {
    /// Since some moment, in even seconds.
    package let now: @Sendable () -> Duration
    /// Returns earlier when the task is cancelled.
    package let sleep: @Sendable (Duration) async -> Void

    package init(
        now: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async -> Void
    ) {
        self.now = now
        self.sleep = sleep
    }

    /// The machine's, which nobody sets.
    package static var system: InstallationClock {
        let start = ContinuousClock.now
        return InstallationClock(
            now: { ContinuousClock.now - start },
            sleep: { try? await Task.sleep(for: $0, clock: .continuous) }
        )
    }
}
