// SPDX-License-Identifier: Apache-2.0
import CSQLite
import Synchronization

@testable import Store

/// An index in memory whose earlier states are kept, as a write-ahead log without a flush may bring any of them
/// back.
final class SimulatedIndex: Sendable {
    private static let kept = 6

    let index: InstanceIndex
    private let connection: InstanceIndex.Connection
    private let states: Mutex<[[UInt8]]>

    /// With the content `state`, or empty.
    init(_ state: [UInt8]?) throws {
        let database = try Database(path: ":memory:")
        if let state { database.load(state) }
        try InstanceIndex.configure(database)
        let connection = InstanceIndex.Connection(database)
        self.connection = connection
        index = try InstanceIndex(
            path: nil,
            writer: connection,
            lookups: connection,
            reader: connection,
            rebuildReason: nil
        )
        states = Mutex([try connection.use { $0.database.saved() }])
    }

    /// Notes the present state as one that a cut may bring back.
    func keep() {
        guard let state = try? connection.use({ $0.database.saved() }) else { return }
        states.withLock { states in
            if states.last != state { states.append(state) }
            if states.count > Self.kept { states.remove(at: 1) }
        }
    }

    /// The state now.
    func latest() -> [UInt8]? {
        try? connection.use { $0.database.saved() }
    }

    /// A state after a power cut; nil when the file is lost.
    func afterCut(_ random: inout SplitMix64) -> [UInt8]? {
        switch random.below(8) {
        case 0: nil
        case 1, 2, 3: latest()
        default: states.withLock { $0.randomElement(using: &random) }
        }
    }
}

extension Database {
    /// The database's file, as it would be now.
    fileprivate func saved() -> [UInt8] {
        withHandle { handle in
            var size: sqlite3_int64 = 0
            guard let bytes = sqlite3_serialize(handle, "main", &size, 0) else { return [] }
            defer { sqlite3_free(bytes) }
            return Array(UnsafeBufferPointer(start: bytes, count: Int(size)))
        }
    }

    fileprivate func load(_ file: [UInt8]) {
        withHandle { handle in
            guard let memory = sqlite3_malloc64(sqlite3_uint64(file.count)) else { return }
            memory.copyMemory(from: file, byteCount: file.count)
            let flags = UInt32(SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE)
            let bytes = memory.assumingMemoryBound(to: UInt8.self)
            sqlite3_deserialize(
                handle,
                "main",
                bytes,
                sqlite3_int64(file.count),
                sqlite3_int64(file.count),
                flags
            )
        }
    }
}
