// SPDX-License-Identifier: Apache-2.0
import Linux

/// What the agent keeps beside the record. None of it is needed to boot, and none of it is believed where the record's
/// hash, or a slot's, says otherwise.
struct AgentFiles: Sendable {
    private static let longestBaseline = 64 << 10

    let directory: String

    // MARK: Baseline

    private var baselinePath: String { "\(directory)/baseline" }

    /// A line for each check: `required gateway`, `passed link`, `failed PACS`.
    func keep(_ baseline: HealthBaseline) throws(SystemCallError) {
        let lines =
            baseline.required.sorted().map { "required \($0)" }
            + baseline.checks.sorted { $0.key < $1.key }.map { "\($0.value ? "passed" : "failed") \($0.key)" }
        try replaceFile(baselinePath, with: Array(lines.map { $0 + "\n" }.joined().utf8), mode: 0o600)
        try Directory.synchronize(directory)
    }

    /// The baseline of that hash; where it is lost, what must always pass.
    func baseline(_ hash: [UInt8], _ required: Set<String>) -> HealthBaseline {
        let least = HealthBaseline(required: required, checks: [:])
        guard let bytes = try? readFile(baselinePath, limit: Self.longestBaseline),
            let text = String(validating: bytes, as: UTF8.self)
        else { return least }
        var (needed, checks): (Set<String>, [String: Bool]) = ([], [:])
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { return least }
            switch parts[0] {
            case "required": needed.insert(parts[1])
            case "passed": checks[parts[1]] = true
            case "failed": checks[parts[1]] = false
            default: return least
            }
        }
        let baseline = HealthBaseline(required: needed, checks: checks)
        return baseline.hash == hash ? baseline : least
    }

    // MARK: Manifests

    private func manifestPath(_ slot: Slot) -> String { "\(directory)/manifest.\(slot.name)" }

    func keep(manifest document: [UInt8], of slot: Slot) throws(SystemCallError) {
        try replaceFile(manifestPath(slot), with: document, mode: 0o600)
        try Directory.synchronize(directory)
    }

    /// Of what was armed in a slot last; what the slot holds has to be asked of its root hash.
    func manifest(of slot: Slot) -> ReleaseManifest? {
        guard let bytes = try? readFile(manifestPath(slot), limit: ReleaseManifest.maximumLength) else {
            return nil
        }
        return try? ReleaseManifest(parsing: bytes)
    }
}
