// SPDX-License-Identifier: Apache-2.0
import DICOM
import Store
import Transfer

/// The spool as DICOMweb sees it.
struct SpoolCatalogue: InstanceCatalogue {
    /// Results of one search without, or beyond, a limit of the client's.
    static let maximumResults = 1000

    let spool: Spool

    func instances(of resource: DICOMwebRoute.Resource) throws -> [RetrievableInstance] {
        try spool.instances(study: resource.study, series: resource.series, instance: resource.instance)
            .map(RetrievableInstance.init)
    }

    func search(_ query: QIDOQuery, study: UID?, series: UID?) throws -> [SearchResult] {
        var search = SearchQuery(level: SearchQuery.Level(query.level))
        for condition in query.conditions { try search.add(condition) }
        if let study { try search.add(.init(.studyInstanceUID, .uids([study]))) }
        if let series { try search.add(.init(.seriesInstanceUID, .uids([series]))) }
        search.limit = min(query.limit ?? Self.maximumResults, Self.maximumResults)
        search.offset = query.offset
        return try spool.search(search).map { match in
            SearchResult(
                representative: RetrievableInstance(match.representative),
                attributes: match.attributes(at: query.level)
            )
        }
    }
}

extension RetrievableInstance {
    init(_ stored: StoredInstance) {
        self.init(
            studyInstanceUID: stored.studyInstanceUID,
            seriesInstanceUID: stored.seriesInstanceUID,
            sopInstanceUID: stored.sopInstanceUID,
            transferSyntax: stored.transferSyntax,
            file: stored.extent,
            dataSetOffset: stored.dataSetOffset
        )
    }
}

extension SearchQuery.Level {
    fileprivate init(_ level: QIDOQuery.Level) {
        self =
            switch level {
            case .study: .study
            case .series: .series
            case .instance: .instance
            }
    }
}

extension SearchQuery {
    fileprivate mutating func add(_ condition: QIDOQuery.Condition) throws {
        switch (condition.key, condition.match) {
        case (.studyInstanceUID, .uids(let uids)): studyInstanceUIDs = try narrow(studyInstanceUIDs, uids)
        case (.seriesInstanceUID, .uids(let uids)): seriesInstanceUIDs = try narrow(seriesInstanceUIDs, uids)
        case (.sopInstanceUID, .uids(let uids)): sopInstanceUIDs = uids
        case (.sopClassUID, .uids(let uids)): sopClassUIDs = uids
        case (.patientID, .text(let patterns)): patientID = try Self.only(patterns, condition.key)
        case (.accessionNumber, .text(let patterns)): accessionNumber = try Self.only(patterns, condition.key)
        case (.modality, .text(let patterns)), (.modalitiesInStudy, .text(let patterns)):
            modality = try Self.only(patterns, condition.key)
        case (.studyDate, .range(let lower, let upper)): (studyDateFrom, studyDateTo) = (lower, upper)
        case (.studyTime, .range(let lower, let upper)): (studyTimeFrom, studyTimeTo) = (lower, upper)
        case (.seriesNumber, .integer(let number)): seriesNumber = number
        case (.instanceNumber, .integer(let number)): instanceNumber = number
        default:
            throw UnsupportedSearch(
                "\(condition.key.rawValue): found a form of matching that is not served here"
            )
        }
    }

    /// The path and the query both name UIDs: what both name.
    private func narrow(_ former: [UID], _ uids: [UID]) throws -> [UID] {
        if former.isEmpty { return uids }
        let both = former.filter(uids.contains)
        if both.isEmpty {
            throw UnsupportedSearch("query: found a UID other than the path's, expected the same or none")
        }
        return both
    }

    private static func only(_ patterns: [QIDOQuery.Pattern], _ key: QIDOQuery.Key) throws -> String? {
        guard patterns.count <= 1 else {
            throw UnsupportedSearch("\(key.rawValue): found \(patterns.count) values, expected one")
        }
        return patterns.first?.text
    }
}

extension SearchMatch {
    fileprivate func attributes(at level: QIDOQuery.Level) -> [DICOMJSON.Attribute] {
        switch level {
        case .study:
            [
                .init(.modalitiesInStudy, .cs, modalitiesInStudy.map { .string($0) }),
                .init(Tag(0x0020, 0x1206), .is, [.number(numberOfStudyRelatedSeries)]),
                .init(Tag(0x0020, 0x1208), .is, [.number(numberOfStudyRelatedInstances)]),
            ]
        case .series:
            [.init(Tag(0x0020, 0x1209), .is, [.number(numberOfSeriesRelatedInstances)])]
        case .instance:
            []
        }
    }
}
