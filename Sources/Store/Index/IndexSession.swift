// SPDX-License-Identifier: Apache-2.0
import DICOM

/// What the index knows of a segment.
struct SegmentRow: Equatable, Sendable {
    var number: Int
    var generation: UInt32
    var salt: UInt64
    var kind: SegmentKind
    /// Up to here every record is on the disk and in the index.
    var indexed: LogPosition
}

/// One connection to the index, with its compiled statements. Used by one thread at a time.
final class IndexSession {
    let database: Database
    private var statements: [Statement?] = Array(repeating: nil, count: IndexQuery.allCases.count)
    /// Row numbers of the series met last.
    private var seriesRows: [SeriesKey: Int64] = [:]

    private struct SeriesKey: Hashable {
        let study: UID
        let series: UID
    }

    /// Series in `seriesRows`, at most.
    private static let seriesLimit = 256

    init(_ database: Database) {
        self.database = database
    }

    func statement(_ query: IndexQuery) throws(SQLiteError) -> Statement {
        if let statement = statements[query.rawValue] { return statement }
        let statement = try database.prepare(query.sql)
        statements[query.rawValue] = statement
        return statement
    }

    /// All of `body` or nothing.
    func transaction<Result>(_ body: () throws(SQLiteError) -> Result) throws(SQLiteError) -> Result {
        do throws(SQLiteError) {
            return try database.transaction(body)
        } catch {
            seriesRows.removeAll()
            throw error
        }
    }

    // MARK: Changes, within a transaction

    /// Adds an instance. Where one of the same UID is there, the one with the greater sequence stays.
    /// Returns by how much the count of instances grew.
    func insert(_ entry: CatalogueEntry) throws(SQLiteError) -> Int {
        let series = try seriesRow(entry.instance)
        let statement = try statement(.insertInstance)
        bind(entry, series: series, to: statement)
        do throws(SQLiteError) {
            try statement.run()
            return 1
        } catch {
            guard error.isConstraint,
                try replace(entry.instance.sopInstanceUID, before: entry.location.sequence)
            else {
                if error.isConstraint { return try removeEmpty(series: series) }
                throw error
            }
            // The older one may have been the last of its series.
            let series = try seriesRow(entry.instance)
            bind(entry, series: series, to: statement)
            try statement.run()
            return 0
        }
    }

    /// Removes the rows of a segment's records from `offset` on; returns how many.
    func removeInstances(segment: Int, from offset: Int64) throws(SQLiteError) -> Int {
        let affected = try statement(.seriesOfSegment)
        affected.bind(0, segment)
        affected.bind(1, offset)
        let series = try affected.rows { $0.integer(0) }
        if series.isEmpty { return 0 }
        let delete = try statement(.deleteInstances)
        delete.bind(0, segment)
        delete.bind(1, offset)
        try delete.run()
        let count = database.changes
        for row in series { _ = try removeEmpty(series: row) }
        return count
    }

    func removeSegment(_ number: Int) throws(SQLiteError) {
        let delete = try statement(.deleteSegment)
        delete.bind(0, number)
        try delete.run()
    }

    func put(_ row: SegmentRow) throws(SQLiteError) {
        let statement = try statement(.putSegment)
        statement.bind(0, row.number)
        statement.bind(1, Int64(row.generation))
        statement.bind(2, Int64(bitPattern: row.salt))
        statement.bind(3, Int64(row.kind.rawValue))
        statement.bind(4, row.indexed.offset)
        statement.bind(5, Int64(bitPattern: row.indexed.sequence))
        try statement.run()
    }

    private func bind(_ entry: CatalogueEntry, series: Int64, to statement: Statement) {
        let location = entry.location
        statement.bind(0, series)
        statement.bind(1, entry.instance.sopInstanceUID.string)
        statement.bind(2, entry.instance.sopClassUID.string)
        statement.bind(3, location.transferSyntax.string)
        statement.bind(4, entry.instance.instanceNumber)
        statement.bind(5, location.segment)
        statement.bind(6, location.offset)
        statement.bind(7, location.length)
        statement.bind(8, location.dataSetOffset)
        statement.bind(9, Int64(bitPattern: location.checksum))
        statement.bind(10, Int64(bitPattern: location.sequence))
        statement.bind(11, entry.received)
    }

    /// Removes the instance's row if it is older than `sequence`; false when it is not.
    private func replace(_ uid: UID, before sequence: UInt64) throws(SQLiteError) -> Bool {
        let older = try statement(.deleteOlder)
        older.bind(0, uid.string)
        older.bind(1, Int64(bitPattern: sequence))
        guard let series = try older.row({ $0.integer(0) }) else { return false }
        _ = try removeEmpty(series: series)
        return true
    }

    /// Removes a series, and its study, when it has no instance. Always 0: no instance goes.
    private func removeEmpty(series: Int64) throws(SQLiteError) -> Int {
        let deleteSeries = try statement(.deleteEmptySeries)
        deleteSeries.bind(0, series)
        if let study = try deleteSeries.row({ $0.integer(0) }) {
            seriesRows.removeAll(keepingCapacity: true)
            let deleteStudy = try statement(.deleteEmptyStudy)
            deleteStudy.bind(0, study)
            try deleteStudy.run()
        }
        return 0
    }

    private func seriesRow(_ instance: InstanceHeader) throws(SQLiteError) -> Int64 {
        let key = SeriesKey(study: instance.studyInstanceUID, series: instance.seriesInstanceUID)
        if let row = seriesRows[key] { return row }
        let found = try findSeries(instance)
        let row = if let found { found } else { try insertSeries(instance) }
        if seriesRows.count >= Self.seriesLimit { seriesRows.removeAll(keepingCapacity: true) }
        seriesRows[key] = row
        return row
    }

    private func findSeries(_ instance: InstanceHeader) throws(SQLiteError) -> Int64? {
        let find = try statement(.findSeries)
        find.bind(0, instance.studyInstanceUID.string)
        find.bind(1, instance.seriesInstanceUID.string)
        return try find.row { $0.integer(0) }
    }

    private func insertSeries(_ instance: InstanceHeader) throws(SQLiteError) -> Int64 {
        let study = try statement(.insertStudy)
        study.bind(0, instance.studyInstanceUID.string)
        study.bind(1, instance.patientID)
        study.bind(2, instance.accessionNumber)
        study.bind(3, instance.studyDate)
        study.bind(4, instance.studyTime)
        try study.run()
        let series = try statement(.insertSeries)
        series.bind(0, instance.studyInstanceUID.string)
        series.bind(1, instance.seriesInstanceUID.string)
        series.bind(2, instance.modality)
        series.bind(3, instance.seriesNumber)
        try series.run()
        return database.lastInsertedRow
    }

    // MARK: Questions

    func location(of uid: UID) throws(SQLiteError) -> RecordLocation? {
        let find = try statement(.location)
        find.bind(0, uid.string)
        return try find.row({ Self.location($0, from: 0) }) ?? nil
    }

    func segments() throws(SQLiteError) -> [SegmentRow] {
        try statement(.segments).rows { row -> SegmentRow? in
            guard let kind = SegmentKind(rawValue: UInt8(truncatingIfNeeded: row.integer(3))) else {
                return nil
            }
            return SegmentRow(
                number: Int(row.integer(0)),
                generation: UInt32(truncatingIfNeeded: row.integer(1)),
                salt: UInt64(bitPattern: row.integer(2)),
                kind: kind,
                indexed: LogPosition(offset: row.integer(4), sequence: UInt64(bitPattern: row.integer(5)))
            )
        }.compactMap { $0 }
    }

    func count(_ query: IndexQuery) throws(SQLiteError) -> Int {
        try statement(query).row { Int($0.integer(0)) } ?? 0
    }

    /// The greatest sequence of any row.
    func highestSequence() throws(SQLiteError) -> UInt64 {
        try statement(.highestSequence).row { UInt64(bitPattern: $0.integer(0)) } ?? 0
    }

    /// The entry whose columns are those of `IndexQuery.entryColumns`; nil when a UID in it is none.
    static func entry(_ row: Statement) -> CatalogueEntry? {
        guard let location = location(row, from: 0), let sopInstance = UID(row.text(7)),
            let sopClass = UID(row.text(8)), let study = UID(row.text(9)), let series = UID(row.text(10))
        else { return nil }
        var instance = InstanceHeader(
            sopClassUID: sopClass,
            sopInstanceUID: sopInstance,
            studyInstanceUID: study,
            seriesInstanceUID: series
        )
        instance.seriesNumber = row.optionalInteger(11)
        instance.instanceNumber = row.optionalInteger(12)
        instance.patientID = row.text(14)
        instance.accessionNumber = row.text(15)
        instance.studyDate = row.text(16)
        instance.studyTime = row.text(17)
        instance.modality = row.text(18)
        return CatalogueEntry(instance: instance, location: location, received: row.integer(13))
    }

    private static func location(_ row: Statement, from first: Int) -> RecordLocation? {
        guard let syntax = UID(row.text(first + 6)) else { return nil }
        return RecordLocation(
            segment: Int(row.integer(first)),
            offset: row.integer(first + 1),
            length: row.integer(first + 2),
            dataSetOffset: Int(row.integer(first + 3)),
            checksum: UInt64(bitPattern: row.integer(first + 4)),
            sequence: UInt64(bitPattern: row.integer(first + 5)),
            transferSyntax: syntax
        )
    }
}
