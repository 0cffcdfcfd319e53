// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// A value that goes into a statement's parameter.
enum SQLiteValue: Sendable, Equatable {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null
}

/// A compiled statement. Parameters and columns count from 0.
@safe
final class Statement {
    private let handle: OpaquePointer
    private let database: Database
    private let sql: String

    init(_ handle: OpaquePointer, of database: Database, sql: String) {
        unsafe self.handle = unsafe handle
        self.database = database
        self.sql = sql
    }

    deinit {
        unsafe sqlite3_finalize(handle)
    }

    /// Makes the statement ready to run again with other values.
    func reset() {
        unsafe sqlite3_reset(handle)
    }

    func bind(_ index: Int, _ value: Int64) {
        unsafe sqlite3_bind_int64(handle, Int32(index + 1), value)
    }

    func bind(_ index: Int, _ value: Int) {
        bind(index, Int64(value))
    }

    func bind(_ index: Int, _ value: Int?) {
        if let value { bind(index, Int64(value)) } else { bindNull(index) }
    }

    func bind(_ index: Int, _ value: String) {
        var value = value
        value.withUTF8 { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                _ = unsafe csqlite_bind_text(handle, Int32(index + 1), text.baseAddress, Int32(text.count))
            }
        }
    }

    func bind(_ index: Int, _ value: [UInt8]) {
        unsafe value.withUnsafeBytes { bytes in
            _ = unsafe csqlite_bind_blob(handle, Int32(index + 1), bytes.baseAddress, Int32(bytes.count))
        }
    }

    func bindNull(_ index: Int) {
        unsafe sqlite3_bind_null(handle, Int32(index + 1))
    }

    func bind(_ values: [SQLiteValue]) {
        for (index, value) in values.enumerated() {
            switch value {
            case .integer(let integer): bind(index, integer)
            case .text(let text): bind(index, text)
            case .blob(let bytes): bind(index, bytes)
            case .null: bindNull(index)
            }
        }
    }

    /// Advances to the next row; false after the last.
    func step() throws(SQLiteError) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            let error = database.failure(code, sql)
            reset()
            throw error
        }
    }

    /// Runs a statement that yields no rows.
    func run() throws(SQLiteError) {
        while try step() {}
        reset()
    }

    /// Runs the statement and makes one value of each row.
    func rows<Row>(_ make: (Statement) -> Row) throws(SQLiteError) -> [Row] {
        var rows: [Row] = []
        while try step() { rows.append(make(self)) }
        reset()
        return rows
    }

    /// Runs the statement and makes a value of its first row.
    func row<Row>(_ make: (Statement) -> Row) throws(SQLiteError) -> Row? {
        defer { reset() }
        return try step() ? make(self) : nil
    }

    func integer(_ column: Int) -> Int64 {
        unsafe sqlite3_column_int64(handle, Int32(column))
    }

    func isNull(_ column: Int) -> Bool {
        unsafe sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL
    }

    func optionalInteger(_ column: Int) -> Int? {
        isNull(column) ? nil : Int(integer(column))
    }

    /// Empty when the column is NULL.
    func text(_ column: Int) -> String {
        guard let bytes = unsafe sqlite3_column_text(handle, Int32(column)) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(handle, Int32(column)))
        return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int) -> String? {
        isNull(column) ? nil : text(column)
    }

    /// Empty when the column is NULL.
    func blob(_ column: Int) -> [UInt8] {
        guard let bytes = unsafe sqlite3_column_blob(handle, Int32(column)) else { return [] }
        let count = unsafe Int(sqlite3_column_bytes(handle, Int32(column)))
        return unsafe Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }
}
