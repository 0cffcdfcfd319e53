// SPDX-License-Identifier: Apache-2.0

/// What one metadata file says about another (TUF 4.4, METAFILES).
package struct MetaFile: Equatable, Sendable {
    package let version: Int
    /// In bytes.
    package let length: Int?
    package let hashes: Hashes?

    init(_ fields: Fields) throws(FormatError) {
        version = try fields.version()
        length = try fields.integer(ifAny: "length", atLeast: 0)
        hashes = fields.members["hashes"] == nil ? nil : try Hashes(try fields.fields("hashes"))
    }
}

/// Metadata about the snapshot, signed often (TUF 4.6).
package struct Timestamp: Role {
    package let version: Int
    package let expires: UTCTime
    package let snapshot: MetaFile

    init(_ envelope: Envelope) throws(FormatError) {
        let fields = try envelope.fields(type: "timestamp")
        version = try fields.version()
        expires = try fields.expires()
        snapshot = try MetaFile(try fields.fields("meta").fields("snapshot.json"))
    }
}

/// The versions of all targets metadata that belong together (TUF 4.4).
package struct Snapshot: Role {
    package let version: Int
    package let expires: UTCTime
    /// By role name, without ".json".
    package let meta: NameMap<MetaFile>

    init(_ envelope: Envelope) throws(FormatError) {
        let fields = try envelope.fields(type: "snapshot")
        version = try fields.version()
        expires = try fields.expires()
        let files = try fields.fields("meta")
        var meta = NameMap<MetaFile>()
        for entry in files.members.entries {
            // By bytes: a character may be more of them than ".json" has.
            let role = entry.name.utf8.dropLast(5)
            guard !role.isEmpty, entry.name.utf8.suffix(5).elementsEqual(".json".utf8) else {
                throw FormatError(
                    place: files.path,
                    found: "\"\(entry.name.shown)\"",
                    expected: "a name that ends in .json"
                )
            }
            meta[String(decoding: role, as: UTF8.self)] = try MetaFile(try files.fields(entry.name))
        }
        self.meta = meta
    }
}
