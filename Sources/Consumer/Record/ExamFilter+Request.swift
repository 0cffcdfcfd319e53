// SPDX-License-Identifier: Apache-2.0
import HL7

extension ExamFilter {
    /// Codes of requests for an exam (JDV 1.2.250.1.213.1.1.5.660) that are none of DICOM's, and what they stand for.
    private static let requestedModalities: [String: [String]] = [
        // Radiographie sans et avec contraste.
        "MED-1126": ["CR", "DX", "RF"], "MED-1127": ["CR", "DX", "RF"],
        // Échographie sans et avec contraste.
        "MED-1128": ["US"], "MED-1129": ["US"],
        // Radiologie interventionnelle.
        "C63334": ["XA", "RF"],
    ]

    /// Whole parts of the body, as requests name them (SNOMED CT), and the region that they lie in.
    private static let sites: [String: String] = [
        // Head, thorax, abdomen, pelvis; knee and ankle.
        "302548004": "69536005", "302551006": "67734004", "302553009": "63337009", "229765004": "63337009",
        "361291001": "61685007", "361292008": "61685007",
    ]

    /// Regions of JDV 1.2.250.1.213.1.1.5.695 under which an exam of a region may be as well.
    static let related: [String: [String]] = [
        "69536005": ["774007"], "45048000": ["774007"], "774007": ["69536005", "45048000"],
        "67734004": ["80891009", "113257007"], "80891009": ["67734004", "113257007"],
        "113257007": ["80891009"],
    ]
    static let wholeBody = "38266002"

    /// Former exams of the kind that is asked for. What a request names in a way that is not known does not narrow the
    /// search: an exam too many is better than one that is done again.
    init(_ request: ExamRequest) {
        self.init()
        var found: [String] = []
        for code in request.modalities {
            let known =
                Self.modalities.contains(code.value) ? [code.value] : Self.requestedModalities[code.value]
            guard let known else {
                found = []
                break
            }
            found += known
        }
        modalities = Self.unique(found)
        var regions: [String] = []
        for code in request.sites {
            guard let region = Self.regions.contains(code.value) ? code.value : Self.sites[code.value] else {
                regions = []
                break
            }
            regions += [region] + (Self.related[region] ?? []) + [Self.wholeBody]
        }
        self.regions = Self.unique(regions)
    }

    private static func unique(_ values: [String]) -> [String] {
        var seen: Set<String> = []
        return values.filter { seen.insert($0).inserted }
    }
}
