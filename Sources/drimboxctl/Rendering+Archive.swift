// SPDX-License-Identifier: Apache-2.0
import Admin

/// The archive of manifests, for a person.
extension Rendering {
    func archive(_ archive: ManifestArchiveMonths) -> String {
        guard !archive.months.isEmpty else { return messages.noManifest }
        let rows = archive.months.map { ["\(clean($0.month))", "\($0.published)", "\($0.withdrawn)"] }
        return table([messages.archiveColumns] + rows)
    }

    func archive(_ report: ArchiveImportReport) -> String {
        var lines = report.outcomes.sorted { $0.key < $1.key }.map {
            "\($0.value) \(messages.imported($0.key))"
        }
        if !report.refused.isEmpty { lines.append(messages.notImported(report.refused.count)) }
        return (lines + report.refused.map { "   \(clean($0))" }).joined(separator: "\n")
    }
}

extension Messages {
    var noManifest: String { pick("no manifest yet", "aucun manifeste") }

    var archiveColumns: [String] {
        [pick("MONTH", "MOIS"), pick("PUBLISHED", "PUBLIÉS"), pick("WITHDRAWN", "DÉPUBLIÉS")]
    }

    func exported(_ count: Int, _ file: String) -> String {
        pick("\(count) manifests in \(file)", "\(count) manifestes dans \(file)")
    }

    func imported(_ outcome: String) -> String {
        switch outcome {
        case "imported": pick("imported", "importés")
        case "imported-withdrawn": pick("imported as withdrawn", "importés comme dépubliés")
        case "known": pick("known already", "déjà connus")
        default: outcome
        }
    }

    func notImported(_ count: Int) -> String {
        pick("\(count) refused:", "\(count) refusés :")
    }
}
