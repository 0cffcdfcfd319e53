// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Updates

/// When each phase began.
final class Phases: Sendable {
    private let starts = Mutex<[(phase: InstallationProgress.Phase, at: ContinuousClock.Instant)]>([])

    func note(_ phase: InstallationProgress.Phase) {
        starts.withLock { starts in
            if starts.last?.phase != phase { starts.append((phase, .now)) }
        }
    }

    /// Of each phase, as members of a JSON object.
    var seconds: String {
        let starts = starts.withLock { $0 }
        return zip(starts, starts.dropFirst())
            .map { "\"\($0.phase.rawValue)\": \(($1.at - $0.at) / .seconds(1))" }
            .joined(separator: ", ")
    }
}
