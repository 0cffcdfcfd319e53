// SPDX-License-Identifier: Apache-2.0
import Crypto

/// Which checks passed before the reboot into a new release: only what worked then must work afterwards
/// (UPDATES 4.5).
package struct HealthBaseline: Equatable, Sendable {
    /// Must pass whatever was before: the machine's own works.
    package let required: Set<String>
    /// By name: whether the check passed.
    package let checks: [String: Bool]

    package init(required: Set<String>, checks: [String: Bool]) {
        self.required = required
        self.checks = checks
    }

    package enum Verdict: Equatable, Sendable {
        case good
        /// Names of checks that failed or were not made, in their order.
        case failing([String])
    }

    package func verdict(now: [String: Bool]) -> Verdict {
        let expected = required.union(checks.filter(\.value).keys)
        let failing = expected.filter { now[$0] != true }.sorted()
        return failing.isEmpty ? .good : .failing(failing)
    }

    /// SHA-256 of all names and verdicts, which the record has too: another baseline is not used by mistake.
    package var hash: [UInt8] {
        var digest = SHA256()
        for (name, mark) in required.map({ ($0, "required") }).sorted(by: { $0.0 < $1.0 })
            + checks.map({ ($0.key, $0.value ? "passed" : "failed") }).sorted(by: { $0.0 < $1.0 })
        {
            // The count keeps names with line ends apart.
            digest.update(data: Array("\(mark) \(name.utf8.count) \(name)\n".utf8))
        }
        return Array(digest.finalize())
    }
}

/// A verdict that counts once it has held.
package struct HealthWatch: Sendable {
    /// Milliseconds that a good verdict must hold (UPDATES 4.5).
    package static let holdTime: Int64 = 3 * 60 * 1000

    package enum Standing: Equatable, Sendable {
        /// Has held long enough.
        case good
        /// Good since then, in milliseconds of the clock that `observe` is given.
        case holding(since: Int64)
        case failing([String])
    }

    /// Milliseconds between two observations beyond which nobody knows what was in between.
    package static let maximumGap: Int64 = 60 * 1000

    private let baseline: HealthBaseline
    private var goodSince: Int64?
    private var lastObserved: Int64?

    package init(_ baseline: HealthBaseline) {
        self.baseline = baseline
    }

    /// Takes the checks of this moment; a clock that goes back begins anew.
    package mutating func observe(_ checks: [String: Bool], at now: Int64) -> Standing {
        if let last = lastObserved, now < last || now - last > Self.maximumGap { goodSince = nil }
        lastObserved = now
        switch baseline.verdict(now: checks) {
        case .failing(let names):
            goodSince = nil
            return .failing(names)
        case .good:
            let since = goodSince ?? now
            goodSince = since
            return now - since >= Self.holdTime ? .good : .holding(since: since)
        }
    }
}
