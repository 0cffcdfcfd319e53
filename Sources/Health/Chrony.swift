// SPDX-License-Identifier: Apache-2.0
package import Admin

/// What `chronyc -c tracking` answers: the fourteen lines of chronyc(1) "tracking", separated by commas.
package enum Chrony {
    /// chrony's own clock, by `local`, and none at all: neither is a source.
    private static let noSources: Set<Substring> = ["7F7F0101", "00000000"]
    private static let synchronised: Set<Substring> = ["Normal", "Insert second", "Delete second"]

    /// Nil where the text is something else, as when chronyd does not run.
    package static func tracking(_ text: String) -> ClockReport? {
        guard let line = text.split(whereSeparator: \.isNewline).first else { return nil }
        let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 14, let stratum = Int(fields[2]), let offset = Double(finite: fields[4]) else {
            return nil
        }
        let hasSource = !noSources.contains(fields[0])
        let source = fields[1].printable(limit: 100)
        return ClockReport(
            isSynchronised: hasSource && synchronised.contains(fields[13].trimmed),
            offsetSeconds: offset,
            stratum: (1...15).contains(stratum) ? stratum : nil,
            source: hasSource && !source.isEmpty ? source : nil
        )
    }
}
