// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Whether the instances of a study have stopped arriving, and why not all of them came.
final class ArrivalEnd: Sendable {
    private let state = Mutex<(hasEnded: Bool, reason: String?)>((false, nil))

    var hasEnded: Bool { state.withLock(\.hasEnded) }
    var reason: String? { state.withLock(\.reason) }

    func end(_ reason: String?) {
        state.withLock { $0 = (true, reason) }
    }
}
