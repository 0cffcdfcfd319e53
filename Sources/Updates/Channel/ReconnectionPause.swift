// SPDX-License-Identifier: Apache-2.0
import Crypto

/// How long to wait before the next connection: boxes that were cut together do not come back together.
package struct ReconnectionPause: Sendable {
    package static let shortest = Duration.seconds(1)
    package static let longest = Duration.seconds(300)
    /// The pause before the first, so that the first is spread over several seconds.
    private static let start = Duration.seconds(3)

    /// 0 to 1, the box's own.
    private let share: Double
    private var previous = Self.start

    package init(device: String) {
        let digest = SHA256.hash(data: Array(device.utf8))
        share = Double(digest.prefix(4).reduce(0 as UInt32) { $0 << 8 | UInt32($1) }) / Double(UInt32.max)
    }

    /// A connection held: what comes next is a first pause.
    package mutating func reset() { previous = Self.start }

    /// Decorrelated jitter: between `shortest` and three times the pause before. If the server asked for `retry`, that is
    /// the least, and the box's own share of it comes on top.
    package mutating func next(
        retry: Duration?,
        using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let highest = min(Self.longest, previous * 3)
        let jitter =
            Self.shortest + (highest - Self.shortest) * Double.random(in: 0...1, using: &generator)
        previous = jitter
        guard let retry else { return jitter }
        let asked = min(Self.longest, max(.zero, retry))
        return min(Self.longest, max(jitter, asked + asked * share))
    }
}
