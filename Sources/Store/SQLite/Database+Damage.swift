// SPDX-License-Identifier: Apache-2.0
import Linux

extension Database {
    /// Gives a damaged database at `path`, and the log beside it, another name: what they hold is evidence. The log
    /// goes first: beside a new database an old one would be read as its own. Returns the new name; nil where it
    /// could not be done.
    static func putAside(_ path: String) -> String? {
        let damaged = path + ".damaged"
        do {
            _ = try Directory.rename(file: path + "-wal", to: damaged + "-wal")
            try Directory.remove(file: path + "-shm")
            return try Directory.rename(file: path, to: damaged) ? damaged : nil
        } catch {
            return nil
        }
    }

    /// What `open` gives. Where the database is damaged it is put aside, and `open` makes another: who looks after
    /// the box must not be locked out by it. A full disk, or a file that somebody holds, is no damage and is thrown.
    static func openOrPutAside<Table>(
        _ path: String,
        _ open: () throws(StoreError) -> Table
    ) throws(StoreError) -> (table: Table, damaged: String?) {
        do throws(StoreError) {
            return (try open(), nil)
        } catch {
            guard error.isDamage, let damaged = putAside(path) else { throw error }
            return (try open(), damaged)
        }
    }
}
