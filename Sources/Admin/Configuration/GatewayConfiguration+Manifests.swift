// SPDX-License-Identifier: Apache-2.0

extension GatewayConfiguration.Source {
    /// In which forms the images of an exam are published.
    package enum Manifests: String, Sendable, CaseIterable {
        /// That of the national profile (DRIM-M).
        case french
        /// IHE's Manifest-based Access to DICOM Objects.
        case mado
        /// Two documents for each exam, which come, change and go together.
        case both
    }

    /// What MADO manifests say that the French do not.
    package struct MADO: Equatable, Sendable {
        package enum Codes: String, Sendable, CaseIterable {
            /// 99IHE, those of the trial implementation.
            case temporary
            /// Those of DICOM CP-2595.
            case final
        }

        /// A code of reports, and the region of CID IHE-MADO1 that it lies in.
        package struct Region: Equatable, Sendable {
            /// Of an act or a region, as reports have it.
            package let code: String
            /// SNOMED CT, such as "774007".
            package let region: String
        }

        package let codes: Codes
        /// The document title's among the final codes; IHE has not published it.
        package let titleCode: String?
        /// HL7 Europe's extension: regions of CID IHE-MADO1, and no others.
        package let isEuropean: Bool
        package let regions: [Region]
        /// Opens a study in the site's viewer; `{study}` stands for its UID.
        package let viewerURL: String?

        /// What is said where nothing is configured.
        package static let standard = MADO(
            codes: .temporary,
            titleCode: nil,
            isEuropean: false,
            regions: [],
            viewerURL: nil
        )
    }
}

extension GatewayConfiguration.Source.MADO {
    /// CID IHE-MADO1 (MADO 6.X.6.4, version 20260227).
    private static let regionCodes: Set<String> = [
        "63337009", "38266002", "53120007", "61685007", "67734004", "774007", "113257007", "80891009",
        "76752008",
        "1141981001",
    ]

    init(reading object: ConfigurationReader) {
        var reader = object
        codes = reader.choice("codes", default: .temporary, or: .temporary)
        titleCode = reader.optionalString("titleCode", .codeValue)
        isEuropean = reader.boolean("european", default: false)
        viewerURL = reader.optionalString("viewerURL", .studyURL)
        var known: Set<String> = []
        regions = reader.array("regions", count: 0...10_000).compactMap { path, value in
            var reader = ConfigurationReader(value, path: path, findings: reader.findings)
            let code = reader.string("code", .codeValue)
            let region = reader.string("region", .regionCode(Self.regionCodes))
            reader.finish()
            guard known.insert(code).inserted || code.isEmpty else {
                reader.note("code", found: "\"\(code)\" again", expected: "each code once")
                return nil
            }
            return Region(code: code, region: region)
        }
        reader.finish()
        if codes == .final, titleCode == nil {
            reader.note("titleCode", found: "nothing", expected: "the final code of the document title")
        }
        if codes == .temporary, let titleCode {
            reader.note("titleCode", found: "\"\(titleCode)\"", expected: "null, or \"codes\": \"final\"")
        }
    }

    var json: JSONValue {
        .object([
            "codes": .string(codes.rawValue),
            "titleCode": titleCode.map(JSONValue.string) ?? .null,
            "european": .bool(isEuropean),
            "viewerURL": viewerURL.map(JSONValue.string) ?? .null,
            "regions": .array(
                regions.map { .object(["code": .string($0.code), "region": .string($0.region)]) }
            ),
        ])
    }
}

extension StringRule {
    /// Code Value (0008,0100) is an SH: 16 characters.
    fileprivate static let codeValue = StringRule(
        expected: "a code of 1 to 16 letters, digits, points and hyphens"
    ) { text in
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."): true
            default: false
            }
        }
        return isPlain && (1...16).contains(text.utf8.count) ? text : nil
    }

    fileprivate static func regionCode(_ codes: Set<String>) -> StringRule {
        StringRule(expected: "a code of CID IHE-MADO1: \(codes.sorted().joined(separator: ", "))") {
            codes.contains($0) ? $0 : nil
        }
    }

    fileprivate static let studyURL = StringRule(expected: "an https URL with {study} in it") { text in
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"<>\\^`|".utf8.contains($0) }
        guard text.hasPrefix("https://"), isPlain, text.utf8.count <= 512 else { return nil }
        let parts = text.split(separator: "{", omittingEmptySubsequences: false)
        return parts.count == 2 && parts[1].hasPrefix("study}") && !parts[0].contains("}") ? text : nil
    }
}
