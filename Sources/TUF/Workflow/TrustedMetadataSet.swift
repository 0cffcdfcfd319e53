// SPDX-License-Identifier: Apache-2.0

/// The metadata trusted so far, and every check on the way to more (TUF 5.2 to 5.6).
///
/// The order of calls is that of the specification: root files up to the last one, `finishRoot`, timestamp,
/// snapshot, targets, delegated targets. A call that throws changes nothing. There is no input or output here,
/// and time stands still at `startTime` (TUF 5.1).
package struct TrustedMetadataSet: Sendable {
    package let startTime: UTCTime
    package private(set) var root: Root
    package private(set) var timestamp: Timestamp?
    package private(set) var snapshot: Snapshot?
    /// By role name; each verified with the keys of the delegator it was last reached through.
    private var verified: NameMap<VerifiedTargets> = NameMap()
    private var isRootFinal = false

    private struct VerifiedTargets: Sendable {
        let envelope: Envelope
        let targets: Targets
    }

    /// The root that shipped with the machine; whether it has expired does not matter yet (TUF 5.2).
    package init(root bytes: [UInt8], startTime: UTCTime) throws(MetadataError) {
        let envelope = try Self.envelope(bytes, .loadRoot, "root")
        let root = try Self.role(.loadRoot, "root") { () throws(FormatError) in try Root(envelope) }
        try root.root.verify(envelope, .loadRoot, "root")
        self.root = root
        self.startTime = startTime
    }

    package func targets(_ name: String) -> Targets? { verified[name]?.targets }

    // MARK: 5.3 root

    /// Takes the root of version N+1 (TUF 5.3.3 to 5.3.7).
    package mutating func updateRoot(_ bytes: [UInt8]) throws(MetadataError) {
        if isRootFinal { throw refusal(.fetchRoot, "root", .requires("a new update")) }
        let envelope = try Self.envelope(bytes, .fetchRoot, "root")
        try root.root.verify(envelope, .rootSignatures, "root")
        let new = try Self.role(.fetchRoot, "root") { () throws(FormatError) in try Root(envelope) }
        try new.root.verify(envelope, .rootSignatures, "root")
        if new.version != root.version + 1 {
            throw refusal(.rootVersion, "root", .version(found: new.version, required: root.version + 1))
        }
        root = new
    }

    /// The trusted root is the last there is (TUF 5.3.10).
    package mutating func finishRoot() throws(MetadataError) {
        try checkExpiry(root, .rootExpiry, "root")
        isRootFinal = true
    }

    // MARK: 5.4 timestamp

    /// Takes the timestamp stored by an earlier update, for the checks against rollback. Its expiry is checked
    /// when the snapshot is taken: it may be the newest there is.
    package mutating func loadTimestamp(_ bytes: [UInt8]) throws(MetadataError) {
        timestamp = try verifiedTimestamp(bytes)
    }

    /// Takes a new timestamp (TUF 5.4.2 to 5.4.4); false when it has the version of the trusted one, which stays.
    package mutating func updateTimestamp(_ bytes: [UInt8]) throws(MetadataError) -> Bool {
        let new = try verifiedTimestamp(bytes)
        if let trusted = timestamp {
            if new.version < trusted.version {
                let reason = MetadataError.Reason.rollback(
                    name: "timestamp",
                    found: new.version,
                    trusted: trusted.version
                )
                throw refusal(.timestampVersion, "timestamp", reason)
            }
            if new.version == trusted.version {
                try checkExpiry(trusted, .timestampExpiry, "timestamp")
                return false
            }
            if new.snapshot.version < trusted.snapshot.version {
                let reason = MetadataError.Reason.rollback(
                    name: "snapshot",
                    found: new.snapshot.version,
                    trusted: trusted.snapshot.version
                )
                throw refusal(.timestampSnapshotVersion, "timestamp", reason)
            }
        }
        try checkExpiry(new, .timestampExpiry, "timestamp")
        timestamp = new
        return true
    }

    private func verifiedTimestamp(_ bytes: [UInt8]) throws(MetadataError) -> Timestamp {
        if !isRootFinal { throw refusal(.fetchTimestamp, "timestamp", .requires("5.3.10")) }
        if snapshot != nil { throw refusal(.fetchTimestamp, "timestamp", .requires("a new update")) }
        let envelope = try Self.envelope(bytes, .fetchTimestamp, "timestamp")
        try root.timestamp.verify(envelope, .timestampSignatures, "timestamp")
        return try Self.role(.fetchTimestamp, "timestamp") { () throws(FormatError) in
            try Timestamp(envelope)
        }
    }

    // MARK: 5.5 snapshot

    /// Takes the snapshot stored by an earlier update, for the checks against rollback; true when it is also
    /// the one that the timestamp names, so that none need be fetched.
    package mutating func loadSnapshot(_ bytes: [UInt8]) throws(MetadataError) -> Bool {
        let timestamp = try finalTimestamp()
        let stored = try verifiedSnapshot(bytes)
        snapshot = stored
        return stored.version == timestamp.snapshot.version && stored.expires > startTime
            && timestamp.snapshot.mismatch(of: bytes) == nil
    }

    /// Takes the snapshot that the timestamp names (TUF 5.5.2 to 5.5.6).
    package mutating func updateSnapshot(_ bytes: [UInt8]) throws(MetadataError) {
        let meta = try finalTimestamp().snapshot
        if let (reason, isHash) = meta.mismatch(of: bytes) {
            throw refusal(isHash ? .snapshotHash : .fetchSnapshot, "snapshot", reason)
        }
        let new = try verifiedSnapshot(bytes)
        if new.version != meta.version {
            throw refusal(.snapshotVersion, "snapshot", .version(found: new.version, required: meta.version))
        }
        for entry in snapshot?.meta.entries ?? [] {
            guard let now = new.meta[entry.name] else {
                throw refusal(.snapshotTargetsVersions, "snapshot", .noLongerListed(name: entry.name))
            }
            if now.version < entry.value.version {
                let reason = MetadataError.Reason.rollback(
                    name: entry.name,
                    found: now.version,
                    trusted: entry.value.version
                )
                throw refusal(.snapshotTargetsVersions, "snapshot", reason)
            }
        }
        try checkExpiry(new, .snapshotExpiry, "snapshot")
        snapshot = new
    }

    private func finalTimestamp() throws(MetadataError) -> Timestamp {
        guard let timestamp else { throw refusal(.fetchSnapshot, "snapshot", .requires("5.4")) }
        try checkExpiry(timestamp, .timestampExpiry, "timestamp")
        return timestamp
    }

    private func verifiedSnapshot(_ bytes: [UInt8]) throws(MetadataError) -> Snapshot {
        let envelope = try Self.envelope(bytes, .fetchSnapshot, "snapshot")
        try root.snapshot.verify(envelope, .snapshotSignatures, "snapshot")
        return try Self.role(.fetchSnapshot, "snapshot") { () throws(FormatError) in try Snapshot(envelope) }
    }

    // MARK: 5.6 targets

    /// What the snapshot says about a targets role.
    package func targetsMeta(_ name: String) throws(MetadataError) -> MetaFile {
        guard let timestamp, let snapshot else {
            throw refusal(.fetchTargets, name, .requires("5.5"))
        }
        if snapshot.version != timestamp.snapshot.version {
            let reason = MetadataError.Reason.version(
                found: snapshot.version,
                required: timestamp.snapshot.version
            )
            throw refusal(.snapshotVersion, "snapshot", reason)
        }
        try checkExpiry(snapshot, .snapshotExpiry, "snapshot")
        guard let meta = snapshot.meta[name] else { throw refusal(.fetchTargets, name, .notListed) }
        return meta
    }

    /// Takes the metadata of the top-level targets role, whose `delegator` is nil, or of a delegated one (TUF
    /// 5.6.2 to 5.6.5). The same checks serve for what an earlier update stored.
    package mutating func updateTargets(
        _ bytes: [UInt8],
        _ name: String,
        delegator: String?
    ) throws(MetadataError) {
        let meta = try targetsMeta(name)
        let keys = try targetsKeys(name, delegator: delegator)
        if let (reason, isHash) = meta.mismatch(of: bytes) {
            throw refusal(isHash ? .targetsHash : .fetchTargets, name, reason)
        }
        let envelope = try Self.envelope(bytes, .fetchTargets, name)
        try keys.verify(envelope, .targetsSignatures, name)
        let new = try Self.role(.fetchTargets, name) { () throws(FormatError) in try Targets(envelope) }
        if new.version != meta.version {
            throw refusal(.targetsVersion, name, .version(found: new.version, required: meta.version))
        }
        try checkExpiry(new, .targetsExpiry, name)
        verified[name] = VerifiedTargets(envelope: envelope, targets: new)
    }

    /// The metadata of a role already taken, if it is also signed as this `delegator` asks.
    package func targets(_ name: String, delegator: String?) throws(MetadataError) -> Targets? {
        guard let verified = verified[name] else { return nil }
        try targetsKeys(name, delegator: delegator).verify(verified.envelope, .targetsSignatures, name)
        return verified.targets
    }

    private func targetsKeys(_ name: String, delegator: String?) throws(MetadataError) -> RoleKeys {
        guard let delegator else { return root.targets }
        guard let keys = verified[delegator]?.targets.delegations?.keys(of: name) else {
            throw refusal(.targetsSignatures, name, .requires("a delegation by \(delegator.shown)"))
        }
        return keys
    }
}

// MARK: - Shared by the roles

extension TrustedMetadataSet {
    private static func envelope(
        _ bytes: [UInt8],
        _ step: MetadataError.Step,
        _ subject: String
    ) throws(MetadataError) -> Envelope {
        try role(step, subject) { () throws(FormatError) in try Envelope(parsing: bytes) }
    }

    private static func role<Result>(
        _ step: MetadataError.Step,
        _ subject: String,
        _ read: () throws(FormatError) -> Result
    ) throws(MetadataError) -> Result {
        do throws(FormatError) {
            return try read()
        } catch {
            throw MetadataError(step: step, subject: subject, reason: .format(error))
        }
    }

    private func refusal(
        _ step: MetadataError.Step,
        _ subject: String,
        _ reason: MetadataError.Reason
    ) -> MetadataError {
        MetadataError(step: step, subject: subject, reason: reason)
    }

    private func checkExpiry(
        _ role: some Role,
        _ step: MetadataError.Step,
        _ subject: String
    ) throws(MetadataError) {
        if role.expires <= startTime {
            throw refusal(step, subject, .expired(at: role.expires, startTime: startTime))
        }
    }
}

extension MetaFile {
    /// Nil when `bytes` have the length and the hashes stated here.
    fileprivate func mismatch(of bytes: [UInt8]) -> (MetadataError.Reason, isHash: Bool)? {
        if let length, bytes.count > length { return (.tooLong(limit: length), false) }
        if let length, bytes.count < length { return (.length(found: bytes.count, required: length), false) }
        return hashes?.mismatch(of: bytes).map { ($0, true) }
    }
}
