// SPDX-License-Identifier: Apache-2.0
import Linux
import Synchronization

/// The confirmed configurations of the box, the newest in force. A candidate is never written here: after a crash
/// or a power cut the newest row is what everybody returns to.
package final class RevisionTable: Sendable {
    package struct Revision: Equatable, Sendable {
        /// Rises by one; never used again.
        package let number: Int
        /// Milliseconds since 1970.
        package let time: Int64
        package let author: String
        package let comment: String
        package let document: String
        package let isRescue: Bool
    }

    /// A change that somebody tries: only that it is tried is kept, not what it is.
    package struct Trial: Equatable, Sendable {
        package let transaction: String
        package let time: Int64
        package let author: String

        package init(transaction: String, time: Int64, author: String) {
            self.transaction = transaction
            self.time = time
            self.author = author
        }
    }

    /// What was found at the opening.
    package enum Condition: Equatable, Sendable {
        case sound
        /// The database was damaged; its last copy took its place, the damaged one was kept.
        case restored(damaged: String)
        /// The database was damaged and there was no sound copy.
        case lost(damaged: String)
    }

    private static let version = 1
    /// Revisions that are kept beside the rescue revision.
    package static let history = 50

    package let condition: Condition
    private let path: String
    private let database: Mutex<Database>

    /// Opens or makes the database at `path`, whose directory exists. A damaged one is put aside, and its copy is
    /// used.
    package init(path: String) throws(StoreError) {
        self.path = path
        do throws(StoreError) {
            let opened = try Self.open(path)
            // One that was emptied or removed opens well.
            if FileStamp(Self.copyPath(path)) != nil, try Self.isEmpty(opened) {
                throw .index(
                    SQLiteError(code: 11, subject: "revisions", message: "none, but a copy that has some")
                )
            }
            database = Mutex(opened)
            condition = .sound
        } catch {
            guard error.isDamage, let damaged = Database.putAside(path) else { throw error }
            if let restored = Self.restore(path) {
                database = Mutex(restored)
                condition = .restored(damaged: damaged)
            } else {
                database = Mutex(try Self.open(path))
                condition = .lost(damaged: damaged)
            }
        }
    }

    private static func isEmpty(_ database: Database) throws(StoreError) -> Bool {
        do throws(SQLiteError) {
            return try database.prepare("SELECT count(*) FROM revisions").row { $0.integer(0) } == 0
        } catch {
            throw .index(error)
        }
    }

    /// Opens the copy in the place of the database; nil where there is no sound one.
    private static func restore(_ path: String) -> Database? {
        guard let bytes = try? readFile(copyPath(path), limit: 256 << 20),
            (try? replaceFile(path, with: bytes, mode: 0o600)) != nil
        else { return nil }
        if let database = try? open(path) { return database }
        try? Directory.remove(file: path)
        return nil
    }

    /// For a reader at the boot: the documents, the newest first; of the copy where the database gives none. Empty
    /// where there was never any.
    package static func documents(path: String) throws(StoreError) -> [String] {
        do throws(StoreError) {
            if FileStamp(path) != nil, case let found = try documents(in: path), !found.isEmpty {
                return found
            }
        } catch {
            if FileStamp(copyPath(path)) == nil { throw error }
        }
        return FileStamp(copyPath(path)) == nil ? [] : try documents(in: copyPath(path))
    }

    private static func documents(in path: String) throws(StoreError) -> [String] {
        do throws(SQLiteError) {
            return try Database(path: path).prepare("SELECT document FROM revisions ORDER BY number DESC")
                .rows {
                    $0.text(0)
                }
        } catch {
            throw .index(error)
        }
    }

    private static func copyPath(_ path: String) -> String { path + ".copy" }

    private static func open(_ path: String) throws(StoreError) -> Database {
        do throws(SQLiteError) {
            let database = try Database(path: path)
            try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            let check = try database.prepare("PRAGMA quick_check").row { $0.text(0) }
            guard check == "ok" else {
                throw SQLiteError(code: 11, subject: "quick_check", message: check ?? "no answer")
            }
            let found = try database.prepare("PRAGMA user_version").row { Int($0.integer(0)) } ?? 0
            guard found == 0 || found == version else {
                throw SQLiteError(
                    code: 1,
                    subject: "user_version",
                    message: "found \(found), expected \(version)"
                )
            }
            try database.execute(
                """
                CREATE TABLE IF NOT EXISTS revisions(
                  number INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, author TEXT NOT NULL,
                  comment TEXT NOT NULL, document TEXT NOT NULL, rescue INTEGER NOT NULL DEFAULT 0);
                CREATE TABLE IF NOT EXISTS trial(
                  one INTEGER PRIMARY KEY CHECK (one = 1), tx TEXT NOT NULL, time INTEGER NOT NULL,
                  author TEXT NOT NULL);
                CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT NOT NULL);
                PRAGMA user_version = \(version);
                """
            )
            return database
        } catch {
            throw .index(error)
        }
    }

    // MARK: Revisions

    package func newest() throws(StoreError) -> Revision? {
        try revisions("ORDER BY number DESC LIMIT 1").first
    }

    package func revision(_ number: Int) throws(StoreError) -> Revision? {
        try revisions("WHERE number = \(number)").first
    }

    package func rescue() throws(StoreError) -> Revision? {
        try revisions("WHERE rescue = 1").first
    }

    /// The newest first.
    package func all() throws(StoreError) -> [Revision] {
        try revisions("ORDER BY number DESC")
    }

    /// Puts a document in force and ends the trial; on the disk when this returns.
    @discardableResult
    package func append(
        time: Int64,
        author: String,
        comment: String,
        document: String
    ) throws(StoreError) -> Revision {
        let number = try use { (database) throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                let statement = try database.prepare(
                    "INSERT INTO revisions(time, author, comment, document) VALUES(?,?,?,?)"
                )
                statement.bind([.integer(time), .text(author), .text(comment), .text(document)])
                try statement.run()
                let number = Int(database.lastInsertedRow)
                try database.execute(
                    """
                    DELETE FROM trial;
                    DELETE FROM revisions WHERE rescue = 0 AND number NOT IN
                      (SELECT number FROM revisions ORDER BY number DESC LIMIT \(Self.history));
                    """
                )
                return number
            }
        }
        keepCopy()
        return Revision(
            number: number,
            time: time,
            author: author,
            comment: comment,
            document: document,
            isRescue: false
        )
    }

    /// A revision that another box, or this one before, had.
    package struct Entry: Sendable {
        package let time: Int64
        package let author: String
        package let comment: String
        package let document: String
        package let isRescue: Bool

        package init(time: Int64, author: String, comment: String, document: String, isRescue: Bool) {
            self.time = time
            self.author = author
            self.comment = comment
            self.document = document
            self.isRescue = isRescue
        }
    }

    /// Adds revisions, the oldest first, and `current` once more above them, in one step: at no time another
    /// document is the newest.
    ///
    /// - Returns: `current` under its new number.
    package func insertHistory(_ entries: [Entry], below current: Revision) throws(StoreError) -> Revision {
        let number = try use { (database) throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                if entries.contains(where: \.isRescue) {
                    try database.execute("UPDATE revisions SET rescue = 0")
                }
                let newest = Entry(
                    time: current.time,
                    author: current.author,
                    comment: current.comment,
                    document: current.document,
                    isRescue: false
                )
                for entry in entries + [newest] {
                    let statement = try database.prepare(
                        "INSERT INTO revisions(time, author, comment, document, rescue) VALUES(?,?,?,?,?)"
                    )
                    statement.bind([
                        .integer(entry.time), .text(entry.author), .text(entry.comment),
                        .text(entry.document), .integer(entry.isRescue ? 1 : 0),
                    ])
                    try statement.run()
                }
                let number = Int(database.lastInsertedRow)
                try database.execute(
                    """
                    DELETE FROM revisions WHERE rescue = 0 AND number NOT IN
                      (SELECT number FROM revisions ORDER BY number DESC LIMIT \(Self.history));
                    """
                )
                return number
            }
        }
        keepCopy()
        return Revision(
            number: number,
            time: current.time,
            author: current.author,
            comment: current.comment,
            document: current.document,
            isRescue: false
        )
    }

    /// Makes one revision the rescue revision, in place of the one before; false where it is not there.
    package func setRescue(_ number: Int) throws(StoreError) -> Bool {
        guard try revision(number) != nil else { return false }
        try use { (database) throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                try database.execute("UPDATE revisions SET rescue = (number = \(number))")
            }
        }
        keepCopy()
        return true
    }

    private func revisions(_ clause: String) throws(StoreError) -> [Revision] {
        try use { (database) throws(SQLiteError) in
            let columns = "number, time, author, comment, document, rescue"
            return try database.prepare("SELECT \(columns) FROM revisions \(clause)").rows {
                Revision(
                    number: Int($0.integer(0)),
                    time: $0.integer(1),
                    author: $0.text(2),
                    comment: $0.text(3),
                    document: $0.text(4),
                    isRescue: $0.integer(5) == 1
                )
            }
        }
    }

    // MARK: The trial

    package func begin(_ trial: Trial) throws(StoreError) {
        try use { (database) throws(SQLiteError) in
            let statement = try database.prepare("INSERT OR REPLACE INTO trial VALUES(1,?,?,?)")
            statement.bind([.text(trial.transaction), .integer(trial.time), .text(trial.author)])
            try statement.run()
        }
    }

    package func endTrial(_ transaction: String) throws(StoreError) {
        try use { (database) throws(SQLiteError) in
            let statement = try database.prepare("DELETE FROM trial WHERE tx = ?")
            statement.bind(0, transaction)
            try statement.run()
        }
    }

    /// One that was under way when the supervisor ended.
    package func interruptedTrial() throws(StoreError) -> Trial? {
        try use { (database) throws(SQLiteError) in
            try database.prepare("SELECT tx, time, author FROM trial").row {
                Trial(transaction: $0.text(0), time: $0.integer(1), author: $0.text(2))
            }
        }
    }

    // MARK: Facts

    /// Small things that the supervisor has to know after a restart.
    package func fact(_ name: String) throws(StoreError) -> String? {
        try use { (database) throws(SQLiteError) in
            let statement = try database.prepare("SELECT value FROM facts WHERE name = ?")
            statement.bind(0, name)
            return try statement.row { $0.text(0) }
        }
    }

    package func set(_ name: String, to value: String) throws(StoreError) {
        try use { (database) throws(SQLiteError) in
            let statement = try database.prepare("INSERT OR REPLACE INTO facts VALUES(?,?)")
            statement.bind([.text(name), .text(value)])
            try statement.run()
        }
    }

    /// One row written and flushed: whether the database still takes anything.
    package func probe(time: Int64) throws(StoreError) {
        try set("last-write-probe", to: "\(time)")
    }

    /// A whole copy beside the database, replaced in one step.
    private func keepCopy() {
        let copy = Self.copyPath(path)
        let new = copy + ".new"
        try? Directory.remove(file: new)
        let isCopied: Void? = try? use { (database) throws(SQLiteError) in
            let statement = try database.prepare("VACUUM INTO ?")
            statement.bind(0, new)
            try statement.run()
        }
        if isCopied != nil { _ = try? Directory.rename(file: new, to: copy) }
    }

    private func use<Result: Sendable>(
        _ body: (Database) throws(SQLiteError) -> Result
    ) throws(StoreError) -> Result {
        do throws(SQLiteError) {
            return try database.withLock { (database) throws(SQLiteError) -> Result in try body(database) }
        } catch {
            throw .index(error)
        }
    }
}
