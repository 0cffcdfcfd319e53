// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Persons of the console: name, role, and a hash of the password that costs time to try (crypt(5), yescrypt).
package final class UserTable: Sendable {
    package struct User: Equatable, Sendable {
        package let name: String
        package let role: String
        package let hash: String
        package let failures: Int
        /// Milliseconds since 1970; no password counts before.
        package let lockedUntil: Int64
    }

    private static let version = 1
    private let database: Mutex<Database>

    /// Opens or makes the database at `path`. A damaged one is put aside: nobody can log in then until persons are
    /// added again, and the box goes on.
    package static func openOrPutAside(path: String) throws(StoreError) -> (
        table: UserTable, damaged: String?
    ) {
        try Database.openOrPutAside(path) { () throws(StoreError) in
            let table = try UserTable(path: path)
            _ = try table.all()
            return table
        }
    }

    /// Opens or makes the database at `path`, whose directory exists.
    package init(path: String) throws(StoreError) {
        do throws(SQLiteError) {
            let database = try Database(path: path)
            try database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            try database.execute(
                """
                CREATE TABLE IF NOT EXISTS users(
                  name TEXT PRIMARY KEY, role TEXT NOT NULL, hash TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0,
                  locked INTEGER NOT NULL DEFAULT 0);
                PRAGMA user_version = \(Self.version);
                """
            )
            self.database = Mutex(database)
        } catch {
            throw .index(error)
        }
    }

    package func all() throws(StoreError) -> [User] {
        try use { (database) throws(SQLiteError) in
            try database.prepare("SELECT name, role, hash, failures, locked FROM users ORDER BY name").rows {
                User(
                    name: $0.text(0),
                    role: $0.text(1),
                    hash: $0.text(2),
                    failures: Int($0.integer(3)),
                    lockedUntil: $0.integer(4)
                )
            }
        }
    }

    package func user(_ name: String) throws(StoreError) -> User? {
        try all().first { $0.name == name }
    }

    /// Adds a person, or gives a known one another role and password.
    package func put(name: String, role: String, hash: String) throws(StoreError) {
        try run(
            "INSERT OR REPLACE INTO users(name, role, hash) VALUES(?,?,?)",
            [.text(name), .text(role), .text(hash)]
        )
    }

    /// All of them in one step.
    package func put(_ people: [(name: String, role: String, hash: String)]) throws(StoreError) {
        try insert(people, replacingAll: false)
    }

    /// In place of everybody that was there, in one step.
    package func replaceAll(_ people: [(name: String, role: String, hash: String)]) throws(StoreError) {
        try insert(people, replacingAll: true)
    }

    private func insert(_ people: [(name: String, role: String, hash: String)], replacingAll: Bool)
        throws(StoreError)
    {
        try use { (database) throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                if replacingAll { try database.execute("DELETE FROM users") }
                for person in people {
                    let statement = try database.prepare(
                        "INSERT OR REPLACE INTO users(name, role, hash) VALUES(?,?,?)"
                    )
                    statement.bind([.text(person.name), .text(person.role), .text(person.hash)])
                    try statement.run()
                }
            }
        }
    }

    /// False where there was none.
    package func remove(_ name: String) throws(StoreError) -> Bool {
        try run("DELETE FROM users WHERE name = ?", [.text(name)]) > 0
    }

    package func note(_ name: String, failures: Int, lockedUntil: Int64) throws(StoreError) {
        try run(
            "UPDATE users SET failures = ?, locked = ? WHERE name = ?",
            [.integer(Int64(failures)), .integer(lockedUntil), .text(name)]
        )
    }

    @discardableResult
    private func run(_ sql: String, _ values: [SQLiteValue]) throws(StoreError) -> Int {
        try use { (database) throws(SQLiteError) in
            let statement = try database.prepare(sql)
            statement.bind(values)
            try statement.run()
            return database.changes
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
