// SPDX-License-Identifier: Apache-2.0
package import NIOCore
import Synchronization

/// What all transfers with one peer together may use of the line: a token bucket that may be overdrawn by one
/// piece, so that a piece need not be cut.
package final class BandwidthLimit: Sendable {
    private struct State {
        /// Bytes that may go at once; negative: bytes that must be waited for.
        var tokens: Int64
        var time: NIODeadline
    }

    package let bytesPerSecond: Int
    private let state: Mutex<State>

    package convenience init(bytesPerSecond: Int) {
        self.init(bytesPerSecond: bytesPerSecond, now: .now())
    }

    init(bytesPerSecond: Int, now: NIODeadline) {
        self.bytesPerSecond = max(1, bytesPerSecond)
        state = Mutex(State(tokens: Int64(max(1, bytesPerSecond) / 8), time: now))
    }

    /// Nil: `bytes` may go now and are counted. Otherwise how long to wait before asking again.
    package func delay(for bytes: Int, now: NIODeadline = .now()) -> TimeAmount? {
        state.withLock { state in
            let elapsed = max(0, (now - state.time).nanoseconds)
            let gained = Int64(Double(elapsed) / 1e9 * Double(bytesPerSecond))
            if gained > 0 {
                // An eighth of a second is saved at most, so that a pause is not followed by a burst.
                state.tokens = min(state.tokens + gained, Int64(max(1, bytesPerSecond / 8)))
                state.time = now
            }
            guard state.tokens <= 0 else {
                state.tokens -= Int64(bytes)
                return nil
            }
            return .nanoseconds(Int64(Double(1 - state.tokens) / Double(bytesPerSecond) * 1e9) + 1)
        }
    }
}
