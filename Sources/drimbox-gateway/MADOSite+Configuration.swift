// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import Source
import Store

extension MADOSite {
    init(_ mado: GatewayConfiguration.Source.MADO) {
        let codes: MADOSettings.Codes =
            switch mado.codes {
            case .temporary: .temporary
            case .final: .final(title: mado.titleCode ?? "")
            }
        self.init(
            settings: MADOSettings(codes: codes, bindsRegions: mado.isEuropean),
            regions: Dictionary(mado.regions.map { ($0.code, $0.region) }) { $1 },
            viewerURL: mado.viewerURL
        )
    }
}

extension GatewayConfiguration.Source.Manifests {
    /// The French form first: it is what the country's readers ask for.
    var forms: [PublicationManifest.Form] {
        switch self {
        case .french: [.french]
        case .mado: [.mado]
        case .both: [.french, .mado]
        }
    }
}
