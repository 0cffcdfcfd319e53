// SPDX-License-Identifier: Apache-2.0
import DICOM

/// QIDO-RS results as DICOM JSON: the attributes that the standard wants at each level, taken from a kept data set
/// and from the catalogue (PS3.18 Tables 10.6.3-3 to 10.6.3-5).
struct SearchAnswer {
    private static let studyAttributes: Set<Tag> = [
        Tag(0x0008, 0x0020), Tag(0x0008, 0x0030), Tag(0x0008, 0x0050), Tag(0x0008, 0x0090),
        Tag(0x0008, 0x0201),
        Tag(0x0010, 0x0010), Tag(0x0010, 0x0020), Tag(0x0010, 0x0030), Tag(0x0010, 0x0040),
        Tag(0x0020, 0x000D),
        Tag(0x0020, 0x0010),
    ]
    private static let seriesAttributes: Set<Tag> = [
        Tag(0x0008, 0x0060), Tag(0x0008, 0x0201), Tag(0x0008, 0x103E), Tag(0x0020, 0x000E),
        Tag(0x0020, 0x0011),
        Tag(0x0040, 0x0244), Tag(0x0040, 0x0245), Tag(0x0040, 0x0275),
    ]
    private static let instanceAttributes: Set<Tag> = [
        Tag(0x0008, 0x0016), Tag(0x0008, 0x0018), Tag(0x0008, 0x0201), Tag(0x0020, 0x0013),
        Tag(0x0028, 0x0008),
        Tag(0x0028, 0x0010), Tag(0x0028, 0x0011), Tag(0x0028, 0x0100),
    ]

    private let included: Set<Tag>?
    private let level: QIDOQuery.Level
    private let baseURL: String

    /// Below a study that the path names, the study's attributes are left out.
    init(query: QIDOQuery, isBelowStudy: Bool, baseURL: String) {
        level = query.level
        self.baseURL = baseURL
        guard case .tags(let asked) = query.includeField else {
            included = nil
            return
        }
        var included = asked.union([Tag(0x0020, 0x000D)])
        if level == .study || !isBelowStudy { included.formUnion(Self.studyAttributes) }
        if level != .study { included.formUnion(Self.seriesAttributes) }
        if level == .instance { included.formUnion(Self.instanceAttributes) }
        self.included = included
    }

    func json(_ results: [SearchResult]) -> [UInt8] {
        var json = Array("[".utf8)
        for (index, result) in results.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            append(result, &json)
        }
        json.append(UInt8(ascii: "]"))
        return json
    }

    private func append(_ result: SearchResult, _ json: inout [UInt8]) {
        let instance = result.representative
        let url = instance.url(baseURL)
        var extra = result.attributes
        extra.append(.init(Tag(0x0008, 0x0056), .cs, [.string("ONLINE")]))
        extra.append(.init(Tag(0x0008, 0x1190), .ur, [.string(retrieveURL(instance))]))
        do {
            try DICOMJSON.write(
                KeptDataSet(instance),
                transferSyntax: instance.transferSyntax,
                including: included,
                extra: extra,
                bulkDataURI: { "\(url)/bulkdata/\($0)" },
                into: &json
            )
        } catch {
            DICOMJSON.write(extra + instance.identity, into: &json)
        }
    }

    private func retrieveURL(_ instance: RetrievableInstance) -> String {
        let study = "\(baseURL)/studies/\(instance.studyInstanceUID)"
        return switch level {
        case .study: study
        case .series: "\(study)/series/\(instance.seriesInstanceUID)"
        case .instance: instance.url(baseURL)
        }
    }
}
