// SPDX-License-Identifier: Apache-2.0

/// The pre-order depth-first search for a target (TUF 5.6.7), fed with the metadata of each role it asks for.
struct TargetSearch: Equatable, Sendable {
    /// A role, and who delegated to it: nil for the top-level targets role.
    struct Visit: Equatable, Sendable {
        let name: String
        let delegator: String?

        static let topLevel = Visit(name: "targets", delegator: nil)
    }

    let targetPath: String
    private(set) var target: TargetFile?
    /// Of delegated roles, so that one role more is visited.
    private let limit: Int
    /// The next one is the last.
    private var toVisit = [Visit.topLevel]
    private var visited = NameMap<Bool>()

    init(for targetPath: String, limit: Int) {
        self.targetPath = targetPath
        self.limit = limit
    }

    /// The role to ask now; nil when the search has ended, with or without the target.
    mutating func next() -> Visit? {
        guard target == nil else { return nil }
        while let visit = toVisit.popLast() {
            if visited[visit.name] != nil { continue }
            if visited.entries.count > limit { return nil }
            visited[visit.name] = true
            return visit
        }
        return nil
    }

    /// Takes what the role says.
    mutating func found(_ targets: Targets, of visit: Visit) {
        if let file = targets.targets[targetPath] {
            target = file
            return
        }
        var children: [Visit] = []
        for role in targets.delegations?.roles(for: targetPath) ?? [] {
            children.append(Visit(name: role.name, delegator: visit.name))
            if role.isTerminating {
                toVisit = []
                break
            }
        }
        toVisit += children.reversed()
    }
}
