// SPDX-License-Identifier: Apache-2.0
import DICOM
import Synchronization

/// The C-MOVE requests of ours that are under way, by message ID: an instance that names one as its Move
/// Originator is pulled, everything else is not (PS3.7 9.1.1.1.8).
package final class ActiveMoves: Sendable {
    private struct State {
        var next: UInt16 = 1
        var active: Set<UInt16> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// A message ID that no other C-MOVE of ours has, on whichever association; nil when all are in use.
    func begin() -> UInt16? {
        state.withLock { state in
            guard state.active.count < Int(UInt16.max) else { return nil }
            while state.next == 0 || state.active.contains(state.next) { state.next &+= 1 }
            defer { state.next &+= 1 }
            state.active.insert(state.next)
            return state.next
        }
    }

    func end(_ messageID: UInt16) {
        state.withLock { _ = $0.active.remove(messageID) }
    }

    func contains(_ messageID: UInt16) -> Bool {
        state.withLock { $0.active.contains(messageID) }
    }
}
