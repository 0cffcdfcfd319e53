// SPDX-License-Identifier: Apache-2.0
import DICOM

/// The SQL of a search: text from constants only, every value bound.
struct SearchStatement {
    private(set) var sql = ""
    private(set) var values: [SQLiteValue] = []

    private var conditions: [String] = []

    init(_ query: SearchQuery) {
        switch query.level {
        case .study: study(query)
        case .series: series(query)
        case .instance: instance(query)
        }
        values.append(.integer(Int64(max(0, query.limit))))
        values.append(.integer(Int64(max(0, query.offset))))
    }

    private mutating func study(_ query: SearchQuery) {
        studyConditions(query)
        let outer = conditions
        conditions = []
        seriesConditions(query)
        instanceConditions(query)
        let inner = conditions
        conditions = outer
        if !inner.isEmpty {
            let tables = "series s JOIN instances i ON i.series = s.id"
            conditions.append("EXISTS (SELECT 1 FROM \(tables) WHERE s.study = t.id AND \(Self.all(inner)))")
        }
        let ofStudy = "FROM instances i JOIN series s ON s.id = i.series WHERE s.study = t.id"
        sql = """
            SELECT (SELECT min(i.id) \(ofStudy)), (SELECT count(*) FROM series s WHERE s.study = t.id),
              (SELECT count(*) \(ofStudy)),
              (SELECT group_concat(DISTINCT s.modality) FROM series s WHERE s.study = t.id AND s.modality <> '')
            FROM studies t WHERE \(Self.all(conditions))
            ORDER BY t.study_date DESC, t.study_time DESC, t.uid LIMIT ? OFFSET ?
            """
    }

    private mutating func series(_ query: SearchQuery) {
        studyConditions(query)
        seriesConditions(query)
        let outer = conditions
        conditions = []
        instanceConditions(query)
        let inner = conditions
        conditions = outer
        if !inner.isEmpty {
            conditions.append(
                "EXISTS (SELECT 1 FROM instances i WHERE i.series = s.id AND \(Self.all(inner)))"
            )
        }
        sql = """
            SELECT (SELECT min(i.id) FROM instances i WHERE i.series = s.id),
              (SELECT count(*) FROM instances i WHERE i.series = s.id)
            FROM series s JOIN studies t ON t.id = s.study WHERE \(Self.all(conditions))
            ORDER BY t.study_date DESC, t.study_time DESC, t.uid, s.number IS NULL, s.number, s.uid LIMIT ? OFFSET ?
            """
    }

    private mutating func instance(_ query: SearchQuery) {
        studyConditions(query)
        seriesConditions(query)
        instanceConditions(query)
        sql = """
            SELECT i.id FROM \(IndexQuery.entryTables) WHERE \(Self.all(conditions))
            ORDER BY t.study_date DESC, t.study_time DESC, t.uid, \(IndexQuery.entryOrder) LIMIT ? OFFSET ?
            """
    }

    private mutating func studyConditions(_ query: SearchQuery) {
        among("t.uid", query.studyInstanceUIDs)
        matching("t.patient_id", query.patientID)
        matching("t.accession_number", query.accessionNumber)
        range("t.study_date", query.studyDateFrom, query.studyDateTo)
        range("t.study_time", query.studyTimeFrom, query.studyTimeTo)
    }

    private mutating func seriesConditions(_ query: SearchQuery) {
        among("s.uid", query.seriesInstanceUIDs)
        matching("s.modality", query.modality)
        equal("s.number", query.seriesNumber)
    }

    private mutating func instanceConditions(_ query: SearchQuery) {
        among("i.uid", query.sopInstanceUIDs)
        among("i.class", query.sopClassUIDs)
        equal("i.number", query.instanceNumber)
    }

    private mutating func among(_ column: String, _ uids: [UID]) {
        if uids.isEmpty { return }
        conditions.append("\(column) IN (\(uids.map { _ in "?" }.joined(separator: ",")))")
        values += uids.map { .text($0.string) }
    }

    /// GLOB has the wild cards of PS3.4 C.2.2.2.4 and one more, "[", which is quoted.
    private mutating func matching(_ column: String, _ pattern: String?) {
        guard let pattern else { return }
        if pattern.contains(where: { $0 == "*" || $0 == "?" }) {
            conditions.append("\(column) GLOB ?")
            values.append(.text(pattern.replacing("[", with: "[[]")))
        } else {
            conditions.append("\(column) = ?")
            values.append(.text(pattern))
        }
    }

    private mutating func equal(_ column: String, _ value: Int?) {
        guard let value else { return }
        conditions.append("\(column) = ?")
        values.append(.integer(Int64(value)))
    }

    /// An end that is shorter than the value covers all values that start with it.
    private mutating func range(_ column: String, _ from: String?, _ to: String?) {
        if let from {
            conditions.append("\(column) >= ?")
            values.append(.text(from))
        }
        if let to {
            conditions.append("\(column) <> '' AND substr(\(column), 1, length(?)) <= ?")
            values += [.text(to), .text(to)]
        }
    }

    private static func all(_ conditions: [String]) -> String {
        conditions.isEmpty ? "1" : conditions.joined(separator: " AND ")
    }
}
