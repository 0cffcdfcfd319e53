// SPDX-License-Identifier: Apache-2.0

/// When to try again: pauses grow by doubling and are drawn at random below that, so that many who failed
/// together do not come back together ("full jitter").
package struct RetryPolicy: Sendable {
    package var maximumAttempts: Int
    /// Of the first pause, at most.
    package var base: Duration
    /// Of any pause, at most.
    package var ceiling: Duration

    package init(
        maximumAttempts: Int = 5,
        base: Duration = .milliseconds(500),
        ceiling: Duration = .seconds(30)
    ) {
        self.maximumAttempts = maximumAttempts
        self.base = base
        self.ceiling = ceiling
    }

    /// The pause after attempt number `attempt`, the first of which is 1.
    package func delay(afterAttempt attempt: Int, using generator: inout some RandomNumberGenerator)
        -> Duration
    {
        var most = base
        for _ in 1..<max(1, min(attempt, 32)) where most < ceiling { most *= 2 }
        return min(most, ceiling) * Double.random(in: 0...1, using: &generator)
    }

    package func delay(afterAttempt attempt: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterAttempt: attempt, using: &generator)
    }
}
