// SPDX-License-Identifier: Apache-2.0
import Crypto
import Synchronization
import Linux

/// Who did what to the box. Each row's hash covers the row and the hash before it: a row that is changed or removed
/// later breaks the chain at its place.
package final class AuditTable: Sendable {
    package struct Row: Equatable, Sendable {
        package let number: Int
        /// Milliseconds since 1970.
        package let time: Int64
        package let user: String
        package let action: String
        /// What it was done to, and how it ended.
        package let subject: String
        package let outcome: String
        package let reason: String
        /// SHA-256, hexadecimal.
        package let hash: String

        func hash(after previous: String) -> String {
            var sha = SHA256()
            // Lengths in front: no two rows have the same text.
            for field in [previous, "\(number)", "\(time)", user, action, subject, outcome, reason] {
                sha.update(data: Array("\(field.utf8.count):".utf8) + Array(field.utf8))
            }
            return sha.finalize().hexadecimal
        }
    }

    package enum Verification: Equatable, Sendable {
        case intact(rows: Int, head: String)
        /// The first row that does not follow from the one before.
        case broken(at: Int)
    }

    private static let version = 1
    private static let origin = String(repeating: "0", count: 64)

    private struct State {
        let database: Database
        var number: Int
        var head: String
    }

    private let state: Mutex<State>

    /// Opens or makes the database at `path`. One that cannot be read is put aside and a new chain begins: who looks
    /// after the box must not be locked out by it.
    package static func openOrPutAside(path: String) throws(StoreError) -> (
        table: AuditTable, damaged: String?
    ) {
        try Database.openOrPutAside(path) { () throws(StoreError) in
            let table = try AuditTable(path: path)
            _ = try table.rows(after: 0, limit: 1)
            return table
        }
    }

    /// Opens or makes the database at `path`, whose directory exists.
    package init(path: String) throws(StoreError) {
        do throws(SQLiteError) {
            let database = try Database(path: path)
            try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            let found = try database.prepare("PRAGMA user_version").row { Int($0.integer(0)) } ?? 0
            guard found == 0 || found == Self.version else {
                throw SQLiteError(code: 1, subject: "user_version", message: "found \(found), expected 1")
            }
            try database.execute(
                """
                CREATE TABLE IF NOT EXISTS audit(
                  number INTEGER PRIMARY KEY, time INTEGER NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL,
                  subject TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, hash TEXT NOT NULL);
                PRAGMA user_version = \(Self.version);
                """
            )
            let last = try database.prepare("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").row
            {
                (Int($0.integer(0)), $0.text(1))
            }
            state = Mutex(State(database: database, number: last?.0 ?? 0, head: last?.1 ?? Self.origin))
        } catch {
            throw .index(error)
        }
    }

    /// Writes a row; on the disk when this returns.
    @discardableResult
    package func append(
        time: Int64,
        user: String,
        action: String,
        subject: String,
        outcome: String,
        reason: String
    ) throws(StoreError) -> Row {
        try use { (state) throws(SQLiteError) in
            let draft = Row(
                number: state.number + 1,
                time: time,
                user: user,
                action: action,
                subject: subject,
                outcome: outcome,
                reason: reason,
                hash: ""
            )
            let row = draft.with(hash: draft.hash(after: state.head))
            let statement = try state.database.prepare("INSERT INTO audit VALUES(?,?,?,?,?,?,?,?)")
            statement.bind([
                .integer(Int64(row.number)), .integer(row.time), .text(row.user), .text(row.action),
                .text(row.subject), .text(row.outcome), .text(row.reason), .text(row.hash),
            ])
            try statement.run()
            state.number = row.number
            state.head = row.hash
            return row
        }
    }

    /// After `number`, the oldest first, `limit` at most.
    package func rows(after number: Int, limit: Int) throws(StoreError) -> [Row] {
        try use { (state) throws(SQLiteError) in try Self.rows(state.database, after: number, limit: limit) }
    }

    /// Goes through the whole chain, page by page: who writes meanwhile does not wait for all of it.
    package func verify() throws(StoreError) -> Verification {
        var (number, head) = (0, Self.origin)
        while true {
            let last = number
            let (rows, newest) = try use { (state) throws(SQLiteError) in
                (
                    try Self.rows(state.database, after: last, limit: 1000),
                    (number: state.number, head: state.head)
                )
            }
            for row in rows {
                guard row.number == number + 1, row.hash == row.hash(after: head) else {
                    return .broken(at: number + 1)
                }
                (number, head) = (row.number, row.hash)
            }
            if rows.count < 1000 {
                // What this process wrote and is not there any more.
                return number == newest.number && head == newest.head
                    ? .intact(rows: number, head: head) : .broken(at: number + 1)
            }
        }
    }

    private static func rows(
        _ database: Database,
        after number: Int,
        limit: Int
    ) throws(SQLiteError) -> [Row] {
        let columns = "number, time, user, action, subject, outcome, reason, hash"
        let statement = try database.prepare(
            "SELECT \(columns) FROM audit WHERE number > ? ORDER BY number LIMIT ?"
        )
        statement.bind([.integer(Int64(number)), .integer(Int64(limit))])
        return try statement.rows {
            Row(
                number: Int($0.integer(0)),
                time: $0.integer(1),
                user: $0.text(2),
                action: $0.text(3),
                subject: $0.text(4),
                outcome: $0.text(5),
                reason: $0.text(6),
                hash: $0.text(7)
            )
        }
    }

    private func use<Result: Sendable>(
        _ body: (inout State) throws(SQLiteError) -> Result
    ) throws(StoreError) -> Result {
        do throws(SQLiteError) {
            return try state.withLock { (state) throws(SQLiteError) -> Result in try body(&state) }
        } catch {
            throw .index(error)
        }
    }
}

extension AuditTable.Row {
    fileprivate func with(hash: String) -> Self {
        Self(
            number: number,
            time: time,
            user: user,
            action: action,
            subject: subject,
            outcome: outcome,
            reason: reason,
            hash: hash
        )
    }
}
