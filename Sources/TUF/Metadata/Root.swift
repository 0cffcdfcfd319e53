// SPDX-License-Identifier: Apache-2.0

/// The root of trust: the keys of the four top-level roles (TUF 4.3).
package struct Root: Role {
    package let version: Int
    package let expires: UTCTime
    /// File names carry versions and hashes.
    package let consistentSnapshot: Bool
    package let root: RoleKeys
    package let timestamp: RoleKeys
    package let snapshot: RoleKeys
    package let targets: RoleKeys

    init(_ envelope: Envelope) throws(FormatError) {
        let fields = try envelope.fields(type: "root")
        version = try fields.version()
        expires = try fields.expires()
        consistentSnapshot =
            fields.members["consistent_snapshot"] == nil ? false : try fields.bool("consistent_snapshot")
        let keys = try RoleKeys.read(try fields.fields("keys"))
        let roles = try fields.fields("roles")
        root = try RoleKeys(try roles.fields("root"), known: keys)
        timestamp = try RoleKeys(try roles.fields("timestamp"), known: keys)
        snapshot = try RoleKeys(try roles.fields("snapshot"), known: keys)
        targets = try RoleKeys(try roles.fields("targets"), known: keys)
    }
}
