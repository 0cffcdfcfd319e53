// SPDX-License-Identifier: Apache-2.0

/// How MADO manifests are written, as a site is configured.
package struct MADOSettings: Equatable, Sendable {
    package enum Codes: Equatable, Sendable {
        /// 99IHE, and Display URI in a private block: the trial implementation (MADO 6.X.2.9).
        case temporary
        /// Those of DICOM CP-2595, and its tag for Display URI. MADO has not the title's code, and so it is
        /// configured.
        case final(title: String)
    }

    package var codes: Codes
    /// HL7 Europe's extension: the study's regions are codes of CID IHE-MADO1, and no others.
    package var bindsRegions: Bool

    package init(codes: Codes = .temporary, bindsRegions: Bool = false) {
        self.codes = codes
        self.bindsRegions = bindsRegions
    }
}

/// The concepts of a MADO manifest's content tree (TID 2010, 1600, 1602), each with its codes.
enum MADOConcept: CaseIterable {
    case documentTitle
    case imageLibrary
    case imageLibraryGroup
    case modality
    case targetRegion
    case laterality
    case seriesCount
    case seriesDate
    case seriesTime
    case seriesDescription
    case seriesNumber
    case seriesInstanceUID
    case instanceCount
    case instanceNumber
    case frameCount
    case keyObjectTitle
    case keyObjectDescription

    /// The code of scheme 99IHE where CP-2595 adds the concept, that of scheme DCM, and the meaning.
    private var row: (temporary: String?, final: String?, meaning: String) {
        switch self {
        case .documentTitle: ("MADOTEMP001", nil, "Manifest with Description")
        case .imageLibrary: (nil, "111028", "Image Library")
        case .imageLibraryGroup: (nil, "126200", "Image Library Group")
        case .modality: (nil, "121139", "Modality")
        case .targetRegion: (nil, "123014", "Target Region")
        case .laterality: (nil, "111027", "Image Laterality")
        case .seriesCount: ("MADOTEMP009", "131565", "Number of Study Related Series")
        case .seriesDate: ("MADOTEMP003", "131561", "Series Date")
        case .seriesTime: ("MADOTEMP004", "131562", "Series Time")
        case .seriesDescription: ("MADOTEMP002", "131563", "Series Description")
        case .seriesNumber: (nil, "113607", "Series Number")
        case .seriesInstanceUID: (nil, "112002", "Series Instance UID")
        case .instanceCount: ("MADOTEMP007", "131564", "Number of Series Related Instances")
        case .instanceNumber: (nil, "113609", "Instance Number")
        case .frameCount: (nil, "121140", "Number of Frames")
        case .keyObjectTitle: (nil, "121144", "Document Title")
        case .keyObjectDescription: (nil, "113012", "Key Object Description")
        }
    }

    var meaning: String { row.meaning }

    func code(_ codes: MADOSettings.Codes) -> ManifestCode {
        let row = row
        switch codes {
        case .temporary:
            if let code = row.temporary { return ManifestCode(code, "99IHE", row.meaning) }
            return ManifestCode(row.final ?? "", "DCM", row.meaning)
        case .final(let title):
            return ManifestCode(row.final ?? title, "DCM", row.meaning)
        }
    }

    private static let concepts: [String: MADOConcept] = {
        var concepts: [String: MADOConcept] = [:]
        for concept in allCases {
            if let code = concept.row.temporary { concepts["99IHE \(code)"] = concept }
            if let code = concept.row.final { concepts["DCM \(code)"] = concept }
        }
        return concepts
    }()

    /// The concept of either of its codes. The final title, whose code is not known, is known by its meaning.
    init?(_ code: ManifestCode) {
        if let concept = Self.concepts["\(code.scheme) \(code.value)"] {
            self = concept
        } else if code.scheme == "DCM", code.meaning == Self.documentTitle.row.meaning {
            self = .documentTitle
        } else {
            return nil
        }
    }
}

/// CID IHE-MADO1, High-Level Anatomic Regions and Systems (MADO 6.X.6.4, version 20260227).
package enum MADORegion {
    package static let all = [
        ManifestCode("63337009", "SCT", "Lower trunk"),
        ManifestCode("38266002", "SCT", "Entire body"),
        ManifestCode("53120007", "SCT", "Upper limb"),
        ManifestCode("61685007", "SCT", "Lower limb"),
        ManifestCode("67734004", "SCT", "Upper trunk"),
        ManifestCode("774007", "SCT", "Head and neck"),
        ManifestCode("113257007", "SCT", "Cardiovascular system"),
        ManifestCode("80891009", "SCT", "Heart"),
        ManifestCode("76752008", "SCT", "Breast"),
        ManifestCode("1141981001", "SCT", "Vertebral Column"),
    ]

    static func contains(_ code: ManifestCode) -> Bool {
        all.contains { $0.value == code.value && $0.scheme == code.scheme }
    }
}
