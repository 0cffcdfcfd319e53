// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// One connection to a SQLite database. Used by one thread at a time: whoever shares it guards it.
@safe
final class Database {
    private let handle: OpaquePointer

    /// Opens the file `path`, made when it is not there; ":memory:" is a database of its own.
    init(path: String) throws(SQLiteError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let opened = unsafe opened else {
            let message = unsafe String(cString: sqlite3_errstr(code))
            unsafe sqlite3_close_v2(opened)
            throw SQLiteError(code: code, subject: "open \(path)", message: message)
        }
        unsafe handle = unsafe opened
        unsafe sqlite3_busy_timeout(handle, 10_000)
    }

    deinit {
        unsafe sqlite3_close_v2(handle)
    }

    /// Rows changed by the last INSERT, UPDATE or DELETE.
    var changes: Int { unsafe Int(sqlite3_changes(handle)) }
    var lastInsertedRow: Int64 { unsafe sqlite3_last_insert_rowid(handle) }
    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// Runs statements that take no values and whose rows nobody wants.
    func execute(_ sql: String) throws(SQLiteError) {
        let code = unsafe sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code, sql) }
    }

    /// Compiles one statement. It keeps the connection.
    func prepare(_ sql: String) throws(SQLiteError) -> Statement {
        var prepared: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        let code = unsafe sqlite3_prepare_v3(handle, sql, -1, flags, &prepared, nil)
        guard code == SQLITE_OK, let prepared = unsafe prepared else { throw failure(code, sql) }
        return unsafe Statement(prepared, of: self, sql: sql)
    }

    /// Runs `body` as one transaction: all of it happens or nothing.
    func transaction<Result>(
        _ body: () throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try execute("BEGIN IMMEDIATE")
        do throws(SQLiteError) {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // Some errors have rolled back already (https://www.sqlite.org/lang_transaction.html 3).
            if isInTransaction { try? execute("ROLLBACK") }
            throw error
        }
    }

    func failure(_ code: Int32, _ subject: String) -> SQLiteError {
        unsafe SQLiteError(code: code, subject: subject, message: String(cString: sqlite3_errmsg(handle)))
    }

    /// The C handle, for what this type does not offer.
    func withHandle<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        unsafe body(handle)
    }
}
