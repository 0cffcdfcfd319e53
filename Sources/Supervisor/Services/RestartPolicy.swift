// SPDX-License-Identifier: Apache-2.0

/// When to start a service again that has ended by itself. Times are measured from any fixed origin, on a
/// clock that does not jump.
package struct RestartPolicy: Equatable, Sendable {
    package enum Decision: Equatable, Sendable {
        case start(after: Duration)
        /// Too often: a person has to look.
        case hold
    }

    /// Pauses after the first, second, ... end; the last one repeats.
    package var pauses: [Duration] = [.seconds(1), .seconds(2), .seconds(5), .seconds(15), .seconds(60)]
    /// So many ends within `window` are a crash loop.
    package var crashLoopEnds = 5
    package var window: Duration = .seconds(600)
    /// So many ends without a healthy run between them are too often.
    package var endsBeforeHold = 10
    /// A run of this length is healthy and makes the ends before it forgotten.
    package var healthyRun: Duration = .seconds(600)

    private var ends: [Duration] = []
    private var startedAt: Duration?
    package private(set) var isCrashLooping = false

    package init() {}

    /// A person has looked.
    package mutating func forget() {
        ends.removeAll()
        isCrashLooping = false
    }

    package mutating func started(at now: Duration) {
        startedAt = now
    }

    /// To be asked now and then while the service runs.
    package mutating func stillRuns(at now: Duration) {
        guard let startedAt, now - startedAt >= healthyRun else { return }
        ends.removeAll()
        isCrashLooping = false
    }

    package mutating func ended(at now: Duration) -> Decision {
        stillRuns(at: now)
        startedAt = nil
        ends.append(now)
        let recent = ends.count { now - $0 < window }
        if recent >= crashLoopEnds { isCrashLooping = true }
        if ends.count >= endsBeforeHold { return .hold }
        return .start(after: pauses[min(ends.count, pauses.count) - 1])
    }
}
