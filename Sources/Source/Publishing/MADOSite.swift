// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// What MADO manifests say besides the French ones, as a site is configured.
package struct MADOSite: Sendable {
    /// Of the French list (JDV 1.2.250.1.213.1.1.5.695) what CID IHE-MADO1 has under another code: head and neck are one
    /// region, and the vertebral column is "Vertebral Column".
    private static let frenchRegions = [
        "69536005": "774007", "45048000": "774007", "737561001": "1141981001",
    ]
    /// Identifiers of care structures (FINESS, SIRET, RPPS-rank).
    private static let structures = "1.2.250.1.71.4.2.2"

    package var settings: MADOSettings
    /// The region of CID IHE-MADO1 by the code of an act or a region in reports.
    package var regions: [String: String]
    /// Opens a study in a viewer; `{study}` stands for its UID.
    package var viewerURL: String?

    package init(
        settings: MADOSettings = MADOSettings(),
        regions: [String: String] = [:],
        viewerURL: String? = nil
    ) {
        self.settings = settings
        self.regions = regions
        self.viewerURL = viewerURL
    }

    func complete(_ manifest: ManifestContext, _ report: ReportContext) -> ManifestContext {
        var manifest = manifest
        manifest.institutionAuthority = Self.structures
        manifest.targetRegions = targetRegions(report)
        manifest.displayURI = viewerURL?.replacing("{study}", with: report.studyInstanceUID)
        return manifest
    }

    /// What the report says was examined: its regions, or its acts where none of them says it. None where nobody knows.
    func targetRegions(_ report: ReportContext) -> [ManifestCode] {
        func known(_ codes: [ReportContext.Code]) -> [ManifestCode] {
            var found: [ManifestCode] = []
            for code in codes {
                let value = regions[code.value] ?? Self.frenchRegions[code.value] ?? code.value
                guard let region = MADORegion.all.first(where: { $0.value == value }) else { continue }
                if !found.contains(region) { found.append(region) }
            }
            return found
        }
        let named = known(report.regions)
        return named.isEmpty ? known(report.acts) : named
    }
}
