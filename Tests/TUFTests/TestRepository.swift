// SPDX-License-Identifier: Apache-2.0
import Crypto

@testable import TUF

/// A repository whose every document can be changed before it is signed, and whose files can be changed after.
struct TestRepository {
    static let now = UTCTime(seconds: 1_900_000_000)
    static let future = "2031-01-01T00:00:00Z"
    static let past = "2030-01-01T00:00:00Z"
    static let topLevel = ["root", "timestamp", "snapshot", "targets"]

    /// What is signed, by role.
    var documents: [String: JSON] = [:]
    var signers: [String: [Signer]] = [:]
    /// What can be fetched, by the path below the metadata's URL.
    var files: [String: [UInt8]] = [:]
    /// Snapshot and timestamp state lengths and hashes.
    var statesHashes = false

    init(_ kind: Signer.Kind = .ed25519) throws {
        for role in Self.topLevel {
            documents[role] = [
                "_type": .string(role), "spec_version": "1.0.34", "version": 1,
                "expires": .string(Self.future),
            ]
            signers[role] = [try Signer("key of \(role)", kind)]
        }
        self["root", "consistent_snapshot"] = true
        self["timestamp", "meta"] = [:]
        self["snapshot", "meta"] = [:]
        self["targets", "targets"] = [:]
        try declareKeys()
        try publish("targets", "snapshot", "timestamp", "root")
    }

    /// A member, or a member of a member, of what a role signs.
    subscript(role: String, path: String...) -> JSON? {
        get { documents[role]?[path] }
        set { documents[role]?[path] = newValue }
    }

    /// Writes the signers of the top-level roles into the root; thresholds stay, or are 1.
    mutating func declareKeys() throws {
        self["root", "keys"] = [:]
        for role in Self.topLevel {
            let threshold = self["root", "roles", role, "threshold"] ?? 1
            let keyids = (signers[role] ?? []).map { JSON.string($0.keyid) }
            self["root", "roles", role] = ["keyids": .array(keyids), "threshold": threshold]
            for signer in signers[role] ?? [] { self["root", "keys", signer.keyid] = signer.key }
        }
    }

    mutating func delegate(
        from delegator: String = "targets",
        to name: String,
        paths: [JSON] = ["*"],
        isTerminating: Bool = false
    ) throws {
        let signer = try Signer("key \(signers[name]?.count ?? 0) of \(name)")
        signers[name, default: []].append(signer)
        if self[delegator, "delegations"] == nil {
            self[delegator, "delegations"] = ["keys": [:], "roles": []]
        }
        self[delegator, "delegations", "keys", signer.keyid] = signer.key
        guard case .array(let roles)? = self[delegator, "delegations", "roles"] else { return }
        let role: JSON = [
            "name": .string(name), "keyids": [.string(signer.keyid)], "threshold": 1, "paths": .array(paths),
            "terminating": .bool(isTerminating),
        ]
        self[delegator, "delegations", "roles"] = .array(roles + [role])
        if documents[name] == nil {
            documents[name] = [
                "_type": "targets", "spec_version": "1.0.34", "version": 1, "expires": .string(Self.future),
                "targets": [:],
            ]
        }
    }

    mutating func addTarget(_ path: String, _ content: [UInt8], to role: String = "targets") {
        self[role, "targets", path] = [
            "length": .integer(content.count),
            "hashes": ["sha256": .string(HexDigits.text(of: SHA256.hash(data: content)))],
            "custom": ["rollback_index": 7],
        ]
    }

    func version(_ role: String) -> Int {
        if case .integer(let version)? = self[role, "version"] { version } else { 0 }
    }

    func signed(_ role: String, by signers: [Signer]? = nil) throws -> [UInt8] {
        let document = documents[role] ?? .null
        let bytes = document.canonical
        let signatures = try (signers ?? self.signers[role] ?? []).map { signer -> JSON in
            let signature = HexDigits.text(of: try signer.sign(bytes))
            return ["keyid": .string(signer.keyid), "sig": .string(signature)]
        }
        return (["signed": document, "signatures": .array(signatures)] as JSON).text
    }

    /// Signs the roles as they are, in this order, and tells the role that lists each of them.
    mutating func publish(_ roles: String...) throws {
        for role in roles { put(role, try signed(role)) }
    }

    mutating func put(_ role: String, _ bytes: [UInt8]) {
        let version = role == "timestamp" ? nil : version(role)
        files[MetadataFile(role: role, version: version, maximumLength: 0).path] = bytes
        var meta: JSON = ["version": .integer(self.version(role))]
        if statesHashes {
            meta["length"] = .integer(bytes.count)
            meta["hashes"] = ["sha512": .string(HexDigits.text(of: SHA512.hash(data: bytes)))]
        }
        switch role {
        case "root", "timestamp": break
        case "snapshot": self["timestamp", "meta", "snapshot.json"] = meta
        default: self["snapshot", "meta", "\(role).json"] = meta
        }
    }

    /// New versions of the roles, in this order.
    mutating func bump(_ roles: String...) throws { try bump(roles) }

    private mutating func bump(_ roles: [String]) throws {
        for role in roles {
            self[role, "version"] = .integer(version(role) + 1)
            try publish(role)
        }
    }

    /// New versions of targets roles, and of those that list them.
    mutating func release(_ roles: String...) throws { try bump(roles + ["snapshot", "timestamp"]) }

    /// A new version of a top-level role, and of those that follow it.
    mutating func release(changed role: String) throws {
        if role == "root" { try bump("root") } else { try release("targets") }
    }
}
