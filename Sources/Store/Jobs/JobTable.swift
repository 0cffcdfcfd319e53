// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Jobs that survive a restart: what was accepted and is not done is found again. Each row is a document of its
/// owner's; this table only keeps it.
package final class JobTable: Sendable {
    package struct Row: Equatable, Sendable {
        package var id: String
        /// Nothing is left to do; kept for who asks how it ended.
        package var isFinal: Bool
        package var document: String

        package init(id: String, isFinal: Bool, document: String) {
            self.id = id
            self.isFinal = isFinal
            self.document = document
        }
    }

    private static let version = 1
    /// Finished jobs that are kept, the newest.
    package static let history = 1000

    private let database: Mutex<Database>

    /// Opens or makes the database at `path`, whose directory exists.
    package init(path: String) throws(StoreError) {
        do throws(SQLiteError) {
            let database = try Database(path: path)
            // A job that was answered with 202 is on the disk.
            try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            let found = try database.prepare("PRAGMA user_version").row { Int($0.integer(0)) } ?? 0
            guard found == 0 || found == Self.version else {
                throw SQLiteError(code: 26, subject: "user_version", message: "found \(found), expected 1")
            }
            try database.execute(
                """
                CREATE TABLE IF NOT EXISTS jobs(
                  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, final INTEGER NOT NULL,
                  document TEXT NOT NULL);
                PRAGMA user_version = \(Self.version);
                """
            )
            self.database = Mutex(database)
        } catch {
            throw .index(error)
        }
    }

    /// Writes a job, new or known; on the disk when this returns.
    package func put(_ row: Row) throws(StoreError) {
        try use { (database) throws(SQLiteError) in
            let statement = try database.prepare(
                """
                INSERT INTO jobs(id, final, document) VALUES(?,?,?)
                  ON CONFLICT(id) DO UPDATE SET final = excluded.final, document = excluded.document
                """
            )
            statement.bind([.text(row.id), .integer(row.isFinal ? 1 : 0), .text(row.document)])
            try statement.run()
            guard row.isFinal else { return }
            try database.execute(
                """
                DELETE FROM jobs WHERE final = 1 AND number NOT IN
                  (SELECT number FROM jobs WHERE final = 1 ORDER BY number DESC LIMIT \(Self.history))
                """
            )
        }
    }

    /// All of them, the oldest first.
    package func all() throws(StoreError) -> [Row] {
        try use { (database) throws(SQLiteError) in
            try database.prepare("SELECT id, final, document FROM jobs ORDER BY number").rows {
                Row(id: $0.text(0), isFinal: $0.integer(1) == 1, document: $0.text(2))
            }
        }
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
