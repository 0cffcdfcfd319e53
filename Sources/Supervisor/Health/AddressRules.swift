// SPDX-License-Identifier: Apache-2.0
import Admin

/// What answers for our addresses mean, round after round.
struct AddressRules: Sendable {
    /// A host that sleeps, or whose answer is lost once, is still there: so many rounds without an answer clear.
    static let quietRounds = 2

    private struct Entry {
        var issue: Issue
        var quiet = 0
    }

    private var entries: [LinkAddress: Entry] = [:]

    var issues: [Issue] { entries.values.map(\.issue).sorted { $0.code < $1.code } }

    /// Takes a round into account. `asked`: every address of ours that was asked for; what is ours no longer has no
    /// issue. `own`: hardware addresses of this box, whose links may lie on one segment and answer for each other.
    mutating func take(
        _ conflicts: [AddressConflict],
        asked: some Collection<LinkAddress>,
        own: Set<String>,
        now: Timestamp
    ) {
        let current = Set(asked)
        entries = entries.filter { current.contains($0.key) }
        let foreign = conflicts.filter { conflict in
            conflict.hardwareAddress.map { !own.contains($0) } ?? true
        }
        for link in current where !foreign.contains(where: { $0.link == link }) {
            entries[link]?.quiet += 1
            if let quiet = entries[link]?.quiet, quiet >= Self.quietRounds { entries[link] = nil }
        }
        for conflict in foreign where current.contains(conflict.link) {
            let since = entries[conflict.link]?.issue.since ?? now
            entries[conflict.link] = Entry(issue: Self.issue(conflict, since))
        }
    }

    private static func issue(_ conflict: AddressConflict, _ since: Timestamp) -> Issue {
        let link = conflict.link
        var evidence = ["interface": link.interface, "address": link.address]
        evidence["hardwareAddress"] = conflict.hardwareAddress
        let owner = conflict.hardwareAddress.map { " (\($0))" } ?? ""
        return Issue(
            code: "E-NET-03:\(link.address)",
            severity: .critical,
            since: since,
            summary: "\(link.interface): another device has the address \(link.address) too\(owner)",
            evidence: evidence,
            suggestions: [
                "ask the network team which device it is\(owner)",
                conflict.hardwareAddress == nil
                    // The kernel does not ask again by itself.
                    ? "take it off the network, then pull our cable and plug it in again; or give us another address"
                    : "take it off the network, or give one of the two another address",
            ]
        )
    }
}
