// SPDX-License-Identifier: Apache-2.0

/// The statements whose text never changes.
enum IndexQuery: Int, CaseIterable {
    case insertInstance, insertSeries, insertStudy, findSeries
    case deleteOlder, deleteInstances, deleteEmptySeries, deleteEmptyStudy, seriesOfSegment
    case segments, putSegment, deleteSegment
    case location, highestSequence, countInstances, countStudies
    case instanceByUID, instanceByRow

    /// `PRAGMA user_version` of the schema below.
    static let version = 1

    static let schema = """
        CREATE TABLE studies(
          id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, patient_id TEXT NOT NULL, accession_number TEXT NOT NULL,
          study_date TEXT NOT NULL, study_time TEXT NOT NULL);
        CREATE TABLE series(
          id INTEGER PRIMARY KEY, study INTEGER NOT NULL, uid TEXT NOT NULL, modality TEXT NOT NULL, number INTEGER,
          UNIQUE(study, uid));
        CREATE INDEX series_uid ON series(uid);
        CREATE TABLE instances(
          id INTEGER PRIMARY KEY, series INTEGER NOT NULL, uid TEXT NOT NULL UNIQUE, class TEXT NOT NULL,
          syntax TEXT NOT NULL, number INTEGER, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
          length INTEGER NOT NULL, data_set_offset INTEGER NOT NULL, checksum INTEGER NOT NULL,
          sequence INTEGER NOT NULL, received INTEGER NOT NULL);
        CREATE INDEX instances_series ON instances(series);
        CREATE INDEX instances_segment ON instances(segment, offset);
        CREATE TABLE segments(
          number INTEGER PRIMARY KEY, generation INTEGER NOT NULL, salt INTEGER NOT NULL, kind INTEGER NOT NULL,
          indexed_to INTEGER NOT NULL, sequence INTEGER NOT NULL);
        PRAGMA user_version = \(version);
        """

    private static let locationColumns =
        "i.segment, i.offset, i.length, i.data_set_offset, i.checksum, i.sequence, i.syntax"

    /// What `IndexSession.entry` reads, from instances i, series s and studies t.
    static let entryColumns = """
        \(locationColumns), i.uid, i.class, t.uid, s.uid, s.number, i.number, i.received,
        t.patient_id, t.accession_number, t.study_date, t.study_time, s.modality
        """
    static let entryTables = "instances i JOIN series s ON s.id = i.series JOIN studies t ON t.id = s.study"

    /// The order in which a study's instances are sent; what has no number comes last.
    static let entryOrder = "s.number IS NULL, s.number, s.uid, i.number IS NULL, i.number, i.uid"

    var sql: String {
        switch self {
        case .insertInstance:
            """
            INSERT INTO instances(series, uid, class, syntax, number, segment, offset, length, data_set_offset,
              checksum, sequence, received) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)
            """
        case .insertSeries:
            "INSERT INTO series(study, uid, modality, number) VALUES((SELECT id FROM studies WHERE uid = ?),?,?,?)"
        case .insertStudy:
            """
            INSERT INTO studies(uid, patient_id, accession_number, study_date, study_time) VALUES(?,?,?,?,?)
              ON CONFLICT(uid) DO NOTHING
            """
        case .findSeries:
            "SELECT s.id FROM studies t JOIN series s ON s.study = t.id WHERE t.uid = ? AND s.uid = ?"
        case .deleteOlder: "DELETE FROM instances WHERE uid = ? AND sequence < ? RETURNING series"
        case .deleteInstances: "DELETE FROM instances WHERE segment = ? AND offset >= ?"
        case .deleteEmptySeries:
            """
            DELETE FROM series WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM instances WHERE series = ?1)
              RETURNING study
            """
        case .deleteEmptyStudy:
            "DELETE FROM studies WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM series WHERE study = ?1)"
        case .seriesOfSegment: "SELECT DISTINCT series FROM instances WHERE segment = ? AND offset >= ?"
        case .segments: "SELECT number, generation, salt, kind, indexed_to, sequence FROM segments"
        case .putSegment:
            """
            INSERT OR REPLACE INTO segments(number, generation, salt, kind, indexed_to, sequence)
              VALUES(?,?,?,?,?,?)
            """
        case .deleteSegment: "DELETE FROM segments WHERE number = ?"
        case .location: "SELECT \(Self.locationColumns) FROM instances i WHERE i.uid = ?"
        case .highestSequence: "SELECT max(sequence) FROM instances"
        case .countInstances: "SELECT count(*) FROM instances"
        case .countStudies: "SELECT count(*) FROM studies"
        case .instanceByUID: "SELECT \(Self.entryColumns) FROM \(Self.entryTables) WHERE i.uid = ?"
        case .instanceByRow: "SELECT \(Self.entryColumns) FROM \(Self.entryTables) WHERE i.id = ?"
        }
    }
}
