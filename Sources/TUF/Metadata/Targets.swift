// SPDX-License-Identifier: Apache-2.0

/// Files a role vouches for, and roles it delegates to (TUF 4.5).
package struct Targets: Role {
    package let version: Int
    package let expires: UTCTime
    /// By target path.
    package let targets: NameMap<TargetFile>
    package let delegations: Delegations?

    init(_ envelope: Envelope) throws(FormatError) {
        let fields = try envelope.fields(type: "targets")
        version = try fields.version()
        expires = try fields.expires()
        let files = try fields.fields("targets")
        var entries: [NameMap<TargetFile>.Entry] = []
        for entry in files.members.entries {
            entries.append(
                .init(name: entry.name, value: try TargetFile(entry.name, files.fields(entry.name)))
            )
        }
        // The names come from an object, where none is twice.
        targets = NameMap(unsorted: entries) ?? NameMap()
        delegations = try fields.fields(ifAny: "delegations").map { fields throws(FormatError) in
            try Delegations(fields)
        }
    }
}

/// A target: what its content must be.
package struct TargetFile: Equatable, Sendable {
    /// As signed. It names a file of the repository and is no path of this machine.
    package let path: String
    /// In bytes.
    package let length: Int
    package let hashes: Hashes
    /// The field "custom", with everything in it.
    package let custom: JSON?

    init(_ path: String, _ fields: Fields) throws(FormatError) {
        self.path = path
        length = try fields.integer("length", atLeast: 0)
        hashes = try Hashes(try fields.fields("hashes"))
        custom = fields.members["custom"]
    }
}
