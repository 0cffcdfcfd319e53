// SPDX-License-Identifier: Apache-2.0
package import Linux

/// Why the spool did not do what it was asked for.
package enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No space left, neither in the capacity nor by evicting, or none in the file system.
    case spoolFull(capacity: Int64)
    /// Another process has the spool open.
    case alreadyOpen(directory: String)
    case system(SystemCallError)
    /// SQLite's result for the index.
    case index(SQLiteError)
    /// A call out of order, or a value the record cannot hold.
    case misuse(String)
    case invalidOptions(String)

    package var description: String {
        switch self {
        case .spoolFull(let capacity):
            "spool: space: found none that may be evicted, expected some within \(capacity) bytes"
        case .alreadyOpen(let directory):
            "spool: \(directory): found it open in another process, expected it closed"
        case .system(let error): "spool: \(error)"
        case .index(let error): "index: \(error)"
        case .misuse(let text): "spool: \(text)"
        case .invalidOptions(let text): "spool options: \(text)"
        }
    }
}

extension StoreError {
    /// The bytes are wrong. A full or read-only disk, or a file that somebody holds, is not that, and may pass.
    var isDamage: Bool {
        if case .index(let error) = self { error.isCorruption } else { false }
    }
}
