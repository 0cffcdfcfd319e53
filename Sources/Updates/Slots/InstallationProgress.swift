// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// How far an installation is.
package struct InstallationProgress: Equatable, Sendable {
    package enum Phase: String, Sendable {
        /// Which segments the two slots already have.
        case surveying
        /// From the running slot.
        case copying
        case fetching
        /// The slot is read back, its hash tree made.
        case sealing
        case kernelImage
        case done
    }

    package var phase = Phase.surveying
    /// All of the release.
    package var segments = 0
    /// Those that the phase `surveying` or `sealing` has seen.
    package var segmentsRead = 0
    /// In the slot before it began.
    package var segmentsReused = 0
    package var segmentsCopied = 0
    package var segmentsPatched = 0
    /// From the pack.
    package var segmentsFetched = 0
    /// Requests and frames that failed and were asked for again.
    package var failedFrames = 0
    /// From the source, gaps between frames and what had to be fetched twice included.
    package var bytesFetched = 0
    package var bytesToGo = 0
    /// Of the last ten seconds; nil before anything has come.
    package var bytesPerSecond: Int?
    package var secondsLeft: Int? {
        guard let bytesPerSecond, bytesPerSecond > 0 else { return nil }
        return (bytesToGo + bytesPerSecond - 1) / bytesPerSecond
    }

    package init() {}
}

/// Counts, and tells who wants to know.
final class ProgressMeter: Sendable {
    private struct State {
        var progress = InstallationProgress()
        var samples: [(at: Duration, bytes: Int)] = []
    }

    private static let window = Duration.seconds(10)

    private let clock: InstallationClock
    private let report: @Sendable (InstallationProgress) -> Void
    private let state = Mutex(State())

    init(_ clock: InstallationClock, _ report: @escaping @Sendable (InstallationProgress) -> Void) {
        self.clock = clock
        self.report = report
    }

    var progress: InstallationProgress { state.withLock { $0.progress } }

    func update(_ change: (inout InstallationProgress) -> Void) {
        let progress = state.withLock { state in
            change(&state.progress)
            return state.progress
        }
        report(progress)
    }

    func received(_ count: Int) {
        let now = clock.now()
        let progress = state.withLock { state in
            if state.samples.isEmpty { state.samples.append((now, 0)) }
            state.progress.bytesFetched += count
            state.progress.bytesToGo = max(0, state.progress.bytesToGo - count)
            state.samples.append((now, state.progress.bytesFetched))
            while state.samples.count > 2, now - state.samples[1].at >= Self.window {
                state.samples.removeFirst()
            }
            let first = state.samples[0]
            let time = (now - first.at) / .seconds(1)
            if time > 0 {
                state.progress.bytesPerSecond = Int(Double(state.progress.bytesFetched - first.bytes) / time)
            }
            return state.progress
        }
        report(progress)
    }
}
