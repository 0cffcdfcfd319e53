// SPDX-License-Identifier: Apache-2.0
import CSQLite

/// A SQLite call that failed (https://www.sqlite.org/rescode.html).
package struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Extended result code.
    package let code: Int32
    /// What was asked for: a statement's text without its values, or a call.
    package let subject: String
    package let message: String

    /// The file is not a database, or its content contradicts itself: no use in trying again.
    package var isCorruption: Bool {
        switch code & 0xFF {
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT: true
        default: false
        }
    }

    var isConstraint: Bool { code & 0xFF == SQLITE_CONSTRAINT }

    package var description: String { "\(subject): \(message) (SQLite \(code))" }
}
