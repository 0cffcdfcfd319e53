// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import Synchronization

/// The catalogue of the log. It can always be rebuilt from the log, so it need not be on the disk when the log
/// is; what it says after a power cut is a state it had earlier.
final class InstanceIndex: Sendable {
    /// A connection and who may use it now.
    final class Connection: Sendable {
        private let session: Mutex<IndexSession>

        init(_ database: sending Database) {
            session = Mutex(IndexSession(database))
        }

        func use<Result: Sendable>(
            _ body: (IndexSession) throws(SQLiteError) -> Result
        ) throws(SQLiteError) -> Result {
            try session.withLock { (session) throws(SQLiteError) -> Result in try body(session) }
        }
    }

    private let path: String?
    /// Batches, evictions, recovery.
    private let writer: Connection
    /// One short question per committed instance.
    private let lookups: Connection
    /// Lists and searches, which may take a while.
    private let reader: Connection
    private let instances: Atomic<Int>
    /// Set once the file has been found corrupt and set aside.
    private let setAside = Atomic<Bool>(false)

    /// Why the index is new, when there was one before.
    let rebuildReason: String?

    /// An index on connections that are open; `writer` may be all three.
    init(
        path: String?,
        writer: Connection,
        lookups: Connection,
        reader: Connection,
        rebuildReason: String?
    ) throws(SQLiteError) {
        self.path = path
        self.writer = writer
        self.lookups = lookups
        self.reader = reader
        self.rebuildReason = rebuildReason
        instances = Atomic(
            try writer.use { (session) throws(SQLiteError) in try session.count(.countInstances) }
        )
    }

    /// Opens the index at `path`. One that is no index, or not of this version, gets another name.
    static func open(path: String) throws(StoreError) -> InstanceIndex {
        do throws(SQLiteError) {
            return try connect(path: path, rebuildReason: nil)
        } catch {
            guard error.isCorruption else { throw .index(error) }
            try setAside(path)
            do throws(SQLiteError) {
                return try connect(path: path, rebuildReason: "\(error)")
            } catch {
                throw .index(error)
            }
        }
    }

    private static func connect(path: String, rebuildReason: String?) throws(SQLiteError) -> InstanceIndex {
        let database = try Database(path: path)
        try database.execute("PRAGMA journal_mode = WAL")
        try configure(database)
        let writer = Connection(database)
        return try InstanceIndex(
            path: path,
            writer: writer,
            lookups: try connection(path: path),
            reader: try connection(path: path),
            rebuildReason: rebuildReason
        )
    }

    private static func connection(path: String) throws(SQLiteError) -> Connection {
        let database = try Database(path: path)
        try database.execute("PRAGMA query_only = ON; PRAGMA cache_size = -1024")
        return Connection(database)
    }

    /// Makes the tables where there are none; any other version of them counts as corruption.
    static func configure(_ database: Database) throws(SQLiteError) {
        try database.execute("PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY")
        let version = try database.prepare("PRAGMA user_version").row { Int($0.integer(0)) } ?? 0
        if version == IndexQuery.version { return }
        guard version == 0, try database.prepare("SELECT 1 FROM sqlite_schema").row({ _ in true }) == nil
        else {
            throw SQLiteError(
                code: 26,  // SQLITE_NOTADB
                subject: "user_version",
                message: "found \(version), expected \(IndexQuery.version)"
            )
        }
        try database.transaction { () throws(SQLiteError) in try database.execute(IndexQuery.schema) }
    }

    /// Gives the file and what belongs to it other names, so that the next start makes a new index.
    private static func setAside(_ path: String) throws(StoreError) {
        do throws(SystemCallError) {
            for suffix in ["", "-wal", "-shm"] {
                _ = try Directory.rename(file: path + suffix, to: path + ".damaged" + suffix)
            }
        } catch {
            throw .system(error)
        }
    }

    private func guarded<Result: Sendable>(
        _ connection: Connection,
        _ body: (IndexSession) throws(SQLiteError) -> Result
    ) throws(StoreError) -> Result {
        do throws(SQLiteError) {
            return try connection.use(body)
        } catch {
            if error.isCorruption, let path, !setAside.exchange(true, ordering: .relaxed) {
                try Self.setAside(path)
            }
            throw .index(error)
        }
    }

    // MARK: Changes

    /// Adds entries and notes how far segments are indexed, as one transaction.
    func add(_ entries: [CatalogueEntry], _ segments: [SegmentRow]) throws(StoreError) {
        let grown = try guarded(writer) { (session) throws(SQLiteError) in
            try session.transaction { () throws(SQLiteError) in
                var grown = 0
                for entry in entries { grown += try session.insert(entry) }
                for row in segments { try session.put(row) }
                return grown
            }
        }
        instances.wrappingAdd(grown, ordering: .relaxed)
    }

    /// Removes the rows of a segment's records from `offset` on; returns how many.
    func removeInstances(segment: Int, from offset: Int64) throws(StoreError) -> Int {
        let count = try guarded(writer) { (session) throws(SQLiteError) in
            try session.transaction { () throws(SQLiteError) in
                try session.removeInstances(segment: segment, from: offset)
            }
        }
        instances.wrappingSubtract(count, ordering: .relaxed)
        return count
    }

    /// Removes the segment and its instances; returns how many instances.
    func removeSegment(_ number: Int) throws(StoreError) -> Int {
        let count = try guarded(writer) { (session) throws(SQLiteError) in
            try session.transaction { () throws(SQLiteError) in
                try session.removeSegment(number)
                return try session.removeInstances(segment: number, from: 0)
            }
        }
        instances.wrappingSubtract(count, ordering: .relaxed)
        return count
    }

    // MARK: Questions

    var instanceCount: Int { instances.load(ordering: .relaxed) }

    func studyCount() throws(StoreError) -> Int {
        try guarded(reader) { (session) throws(SQLiteError) in try session.count(.countStudies) }
    }

    func segments() throws(StoreError) -> [SegmentRow] {
        try guarded(writer) { (session) throws(SQLiteError) in try session.segments() }
    }

    func highestSequence() throws(StoreError) -> UInt64 {
        try guarded(writer) { (session) throws(SQLiteError) in try session.highestSequence() }
    }

    func location(of uid: UID) throws(StoreError) -> RecordLocation? {
        try guarded(lookups) { (session) throws(SQLiteError) in try session.location(of: uid) }
    }

    func entry(_ uid: UID) throws(StoreError) -> CatalogueEntry? {
        try guarded(reader) { (session) throws(SQLiteError) in
            let statement = try session.statement(.instanceByUID)
            statement.bind(0, uid.string)
            return try statement.row { IndexSession.entry($0) } ?? nil
        }
    }

    func entries(study: UID, series: UID?, instance: UID?) throws(StoreError) -> [CatalogueEntry] {
        var conditions = "t.uid = ?"
        if series != nil { conditions += " AND s.uid = ?" }
        if instance != nil { conditions += " AND i.uid = ?" }
        let sql = """
            SELECT \(IndexQuery.entryColumns) FROM \(IndexQuery.entryTables) WHERE \(conditions)
            ORDER BY \(IndexQuery.entryOrder)
            """
        let values = [study, series, instance].compactMap { $0 }
        return try guarded(reader) { (session) throws(SQLiteError) in
            let statement = try session.database.prepare(sql)
            for (index, uid) in values.enumerated() { statement.bind(index, uid.string) }
            return try statement.rows { IndexSession.entry($0) }.compactMap { $0 }
        }
    }

    func search(_ query: SearchQuery) throws(StoreError) -> [SearchRow] {
        let search = SearchStatement(query)
        return try guarded(reader) { (session) throws(SQLiteError) in
            let found = try session.database.prepare(search.sql)
            found.bind(search.values)
            let representative = try session.statement(.instanceByRow)
            var rows: [SearchRow] = []
            while try found.step() {
                representative.bind(0, found.integer(0))
                guard let entry = try representative.row({ IndexSession.entry($0) }) ?? nil else { continue }
                rows.append(Self.row(found, entry, query.level))
            }
            return rows
        }
    }

    private static func row(_ found: Statement, _ entry: CatalogueEntry, _ level: SearchQuery.Level)
        -> SearchRow
    {
        var row = SearchRow(representative: entry)
        switch level {
        case .study:
            row.seriesOfStudy = Int(found.integer(1))
            row.instancesOfStudy = Int(found.integer(2))
            row.modalitiesInStudy = found.text(3).split(separator: ",").map { String($0) }.sorted()
        case .series:
            row.instancesOfSeries = Int(found.integer(1))
        case .instance: break
        }
        return row
    }
}
