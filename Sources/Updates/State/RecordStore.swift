// SPDX-License-Identifier: Apache-2.0
package import Linux

/// The two copies of the record, `state.a` and `state.b`: a write touches the older one only, so that one is whole
/// at any time. All calls block.
package struct RecordStore: Sendable {
    /// What was found in place of a copy.
    package struct DamagedCopy: Equatable, Sendable, CustomStringConvertible {
        package let path: String
        package let damage: RecordDamage

        package var description: String { "\(path): \(damage)" }
    }

    /// The newest sound copy, and every copy that does not count; a file that is not there is no damage.
    package struct Content: Equatable, Sendable {
        package var record: UpdateRecord?
        package var damaged: [DamagedCopy]
    }

    private let directory: String
    private var paths: [String] { ["\(directory)/state.a", "\(directory)/state.b"] }

    /// `directory` is there; the store makes its files.
    package init(directory: String) {
        self.directory = directory
    }

    package func load() throws(SystemCallError) -> Content {
        let (copies, damaged) = try copies()
        return Content(record: Self.newest(copies).flatMap { copies[$0] }, damaged: damaged)
    }

    /// Returns when the record is on the disk, with the sequence that it got there.
    @discardableResult
    package func write(_ record: UpdateRecord) throws(SystemCallError) -> UpdateRecord {
        let (copies, damaged) = try copies()
        let newest = Self.newest(copies)
        var record = record
        record.sequence = (newest.flatMap { copies[$0]?.sequence } ?? 0) &+ 1
        let path = paths[newest == 0 ? 1 : 0]
        let hasLength = damaged.allSatisfy { damage in
            if damage.path == path, case .length = damage.damage { false } else { true }
        }
        if !hasLength { try Directory.remove(file: path) }
        if FileStamp(path) == nil {
            try createFile(path, with: record.encoded, mode: 0o600)
            try Directory.synchronize(directory)
        } else {
            try overwriteFile(path, with: record.encoded)
        }
        return record
    }

    private func copies() throws(SystemCallError) -> (copies: [UpdateRecord?], damaged: [DamagedCopy]) {
        var copies: [UpdateRecord?] = []
        var damaged: [DamagedCopy] = []
        for path in paths {
            guard FileStamp(path) != nil else {
                copies.append(nil)
                continue
            }
            let (found, damage) = Self.decode(try Self.bytes(path))
            copies.append(found)
            if let damage { damaged.append(DamagedCopy(path: path, damage: damage)) }
        }
        return (copies, damaged)
    }

    /// A file of any other length counts as one of no length.
    private static func bytes(_ path: String) throws(SystemCallError) -> [UInt8] {
        do { return try readFile(path, limit: UpdateRecord.size) } catch {
            // EFBIG, or a sector that the disk does not read (EIO): the other copy may be sound.
            if [SystemCallError.tooLarge, SystemCallError.inputOutput].contains(error.errno) { return [] }
            throw error
        }
    }

    private static func decode(_ bytes: [UInt8]) -> (UpdateRecord?, RecordDamage?) {
        do throws(RecordDamage) { return (try UpdateRecord(decoding: bytes), nil) } catch {
            return (nil, error)
        }
    }

    /// Sequences wrap: of two, the newer is the one that lies less than half the range ahead.
    private static func newest(_ copies: [UpdateRecord?]) -> Int? {
        switch (copies[0], copies[1]) {
        case (nil, nil): nil
        case (_?, nil): 0
        case (nil, _?): 1
        case (let a?, let b?): Int64(bitPattern: a.sequence &- b.sequence) > 0 ? 0 : 1
        }
    }
}
