// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TUF

/// Every refusal by the step of the specification that asks for it. The box has accepted version 1 of each role.
@Suite("TUF 5 refusals") struct RefusalTests {
    private var repository: TestRepository
    private var box: TestBox

    init() throws {
        repository = try TestRepository()
        box = TestBox(repository)
        try box.update(from: repository)
    }

    private mutating func expect(
        _ step: MetadataError.Step,
        _ subject: String,
        _ reason: MetadataError.Reason? = nil,
        targets: [String] = [],
        location: SourceLocation = #_sourceLocation
    ) {
        let before = box.disk
        let error = #expect(throws: MetadataError.self, sourceLocation: location) {
            try box.update(from: repository, targets: targets)
        }
        #expect(error?.step == step, "\(error.map(String.init(describing:)) ?? "")", sourceLocation: location)
        #expect(error?.subject == subject, sourceLocation: location)
        if let reason { #expect(error?.reason == reason, sourceLocation: location) }
        let name = "\(subject).json"
        #expect(box.disk[name] == before[name], "what is refused is not stored", sourceLocation: location)
    }

    // MARK: Signatures

    private static let signatureSteps: [(String, MetadataError.Step)] = [
        ("root", .rootSignatures), ("timestamp", .timestampSignatures), ("snapshot", .snapshotSignatures),
        ("targets", .targetsSignatures),
    ]

    @Test("a stranger's signature", arguments: signatureSteps)
    mutating func stranger(role: String, step: MetadataError.Step) throws {
        let holder = repository.signers[role]?.first
        repository.signers[role] = [try Signer(holder?.keyid ?? "")]
        try repository.release(changed: role)
        expect(step, role, .threshold(valid: 0, required: 1))
    }

    @Test("one signature of two", arguments: signatureSteps)
    mutating func threshold(role: String, step: MetadataError.Step) throws {
        let second = try Signer("second")
        repository.signers[role]?.append(second)
        repository["root", "roles", role, "threshold"] = 2
        try repository.declareKeys()
        try repository.bump("root")
        repository.signers[role]?.removeLast()
        if role == "root" {
            repository["root", "version"] = 2
            try repository.publish("root")
            expect(step, role, .threshold(valid: 1, required: 2))
        } else {
            try repository.release("targets")
            expect(step, role, .threshold(valid: 1, required: 2))
        }
    }

    @Test("a threshold reached by one key under three names", arguments: signatureSteps)
    mutating func renamedKeys(role: String, step: MetadataError.Step) throws {
        let key = try #require(repository.signers[role]?.first)
        repository.signers[role] = [key, key.renamed("x"), key.renamed("y")]
        repository["root", "roles", role, "threshold"] = 3
        try repository.declareKeys()
        try repository.bump("root")
        if role != "root" { try repository.release("targets") }
        expect(step, role, .threshold(valid: 1, required: 3))
    }

    @Test("one key's signature three times", arguments: TestRepository.topLevel)
    mutating func repeatedSignatures(role: String) throws {
        let key = try #require(repository.signers[role]?.first)
        repository.signers[role] = [key, key, key]
        try repository.release(changed: role)
        let step: [String: MetadataError.Step] = [
            "root": .fetchRoot, "timestamp": .fetchTimestamp, "snapshot": .fetchSnapshot,
            "targets": .fetchTargets,
        ]
        let reason = FormatError(place: "signatures", found: "a keyid twice", expected: "each keyid once")
        expect(try #require(step[role]), role, .format(reason))
    }

    @Test("another role's metadata in place of its own", arguments: ["timestamp", "snapshot", "targets"])
    mutating func otherType(role: String) throws {
        let type = role == "targets" ? "snapshot" : "targets"
        repository[role, "_type"] = .string(type)
        try repository.release("targets")
        let step: [String: MetadataError.Step] = [
            "timestamp": .fetchTimestamp, "snapshot": .fetchSnapshot, "targets": .fetchTargets,
        ]
        let reason = FormatError(place: "signed._type", found: "\"\(type)\"", expected: "\"\(role)\"")
        expect(try #require(step[role]), role, .format(reason))
    }

    // MARK: 5.3 root

    @Test("a root that only the old keys sign, or only the new") mutating func halfSigned() throws {
        let old = repository.signers["root"] ?? []
        let new = [try Signer("new")]
        repository.signers["root"] = new
        try repository.declareKeys()
        repository["root", "version"] = 2
        for signers in [old, new] {
            repository.put("root", try repository.signed("root", by: signers))
            expect(.rootSignatures, "root", .threshold(valid: 0, required: 1))
        }
        repository.put("root", try repository.signed("root", by: old + new))
        try box.update(from: repository)
        #expect(box.holds(repository, "timestamp"))
    }

    @Test("a root of another version", arguments: [1, 3, 1 << 52])
    mutating func rootVersion(version: Int) throws {
        repository["root", "version"] = .integer(version)
        repository.files["2.root.json"] = try repository.signed("root")
        expect(.rootVersion, "root", .version(found: version, required: 2))
    }

    @Test("versions that would overflow", arguments: TestRepository.topLevel)
    mutating func hugeVersion(role: String) throws {
        repository[role, "version"] = .integer(.max - 1)
        let bytes = try repository.signed(role)
        repository[role, "version"] = 2
        repository.put(role, bytes)
        if role == "targets" { try repository.bump("snapshot", "timestamp") }
        if role == "snapshot" { try repository.bump("timestamp") }
        #expect(throws: MetadataError.self) { try box.update(from: repository) }
    }

    @Test("an expired root, only where it is the last") mutating func rootExpiry() throws {
        repository["root", "expires"] = .string(TestRepository.past)
        try repository.bump("root")
        expect(.rootExpiry, "root")
        repository["root", "expires"] = .string(TestRepository.future)
        try repository.bump("root")
        try box.update(from: repository)
        #expect(box.disk["3.root.json"] != nil)
    }

    @Test("the moment of expiry is expired already") mutating func moment() throws {
        repository["timestamp", "expires"] = .string("\(TestRepository.now)")
        try repository.release("targets")
        let reason = MetadataError.Reason.expired(at: TestRepository.now, startTime: TestRepository.now)
        expect(.timestampExpiry, "timestamp", reason)
        box.now = UTCTime(seconds: TestRepository.now.seconds - 1)
        try box.update(from: repository)
    }

    @Test("a root without a role", arguments: TestRepository.topLevel)
    mutating func missingRole(role: String) throws {
        repository["root", "roles", role] = nil
        repository["root", "version"] = 2
        try repository.publish("root")
        expect(.fetchRoot, "root")
    }

    // MARK: 5.4 timestamp

    @Test("timestamp rollback") mutating func timestampRollback() throws {
        try repository.release("targets")
        try box.update(from: repository)
        repository["timestamp", "version"] = 1
        try repository.publish("timestamp")
        expect(.timestampVersion, "timestamp", .rollback(name: "timestamp", found: 1, trusted: 2))
    }

    @Test("snapshot rollback in the timestamp") mutating func snapshotRollback() throws {
        try repository.release("targets")
        try box.update(from: repository)
        repository["timestamp", "meta", "snapshot.json", "version"] = 1
        repository["timestamp", "version"] = 3
        try repository.publish("timestamp")
        expect(.timestampSnapshotVersion, "timestamp", .rollback(name: "snapshot", found: 1, trusted: 2))
    }

    @Test("freeze: old files served for ever end at the timestamp's expiry") mutating func freeze() throws {
        repository["timestamp", "expires"] = "2030-03-20T00:00:00Z"
        try repository.release("targets")
        try box.update(from: repository)
        box.now = try #require(UTCTime("2030-03-20T00:00:00Z"))
        expect(.timestampExpiry, "timestamp")
    }

    // MARK: 5.5 snapshot

    @Test("mix and match: a snapshot of the right version and another hash") mutating func snapshotHash()
        throws
    {
        repository.statesHashes = true
        try repository.release("targets")
        let file = try #require(repository.files["2.snapshot.json"])
        repository.files["2.snapshot.json"] = file.map { $0 == 0x7B ? 0x20 : $0 }
        expect(.snapshotHash, "snapshot")
        repository.files["2.snapshot.json"] = file + [0x20]
        expect(.fetchSnapshot, "snapshot", .tooLong(limit: file.count))
        repository.files["2.snapshot.json"] = file.dropLast()
        expect(.fetchSnapshot, "snapshot", .length(found: file.count - 1, required: file.count))
    }

    @Test("a snapshot of another version than the timestamp says") mutating func snapshotVersion() throws {
        let old = repository.files["1.snapshot.json"]
        try repository.release("targets")
        repository.files["2.snapshot.json"] = old
        expect(.snapshotVersion, "snapshot", .version(found: 1, required: 2))
    }

    @Test("targets rollback, with hashes too", arguments: [false, true])
    mutating func targetsRollback(hashes: Bool) throws {
        repository.statesHashes = hashes
        try repository.release("targets")
        try box.update(from: repository)
        repository["targets", "version"] = 1
        try repository.publish("targets")
        try repository.bump("snapshot", "timestamp")
        expect(.snapshotTargetsVersions, "snapshot", .rollback(name: "targets", found: 1, trusted: 2))
    }

    @Test("a delegated role's rollback, and its removal") mutating func delegatedRollback() throws {
        try repository.delegate(to: "rollout")
        try repository.release("rollout", "targets")
        try repository.release("rollout")
        try box.update(from: repository)
        var removed = repository
        repository["snapshot", "meta", "rollout.json", "version"] = 2
        try repository.bump("snapshot", "timestamp")
        expect(.snapshotTargetsVersions, "snapshot", .rollback(name: "rollout", found: 2, trusted: 3))
        removed["snapshot", "meta", "rollout.json"] = nil
        try removed.bump("snapshot", "timestamp")
        repository = removed
        expect(.snapshotTargetsVersions, "snapshot", .noLongerListed(name: "rollout"))
    }

    @Test("an expired snapshot") mutating func snapshotExpiry() throws {
        repository["snapshot", "expires"] = .string(TestRepository.past)
        try repository.release("targets")
        expect(.snapshotExpiry, "snapshot")
    }

    @Test("a snapshot that does not list the targets role") mutating func notListed() throws {
        repository["snapshot", "meta"] = [:]
        box.disk["snapshot.json"] = nil
        try repository.bump("snapshot", "timestamp")
        expect(.fetchTargets, "targets", .notListed)
    }

    // MARK: 5.6 targets

    @Test("mix and match: targets of the right version and another hash") mutating func targetsHash() throws {
        repository.statesHashes = true
        try repository.release("targets")
        let file = try #require(repository.files["2.targets.json"])
        repository.files["2.targets.json"] = file.map { $0 == 0x7B ? 0x20 : $0 }
        expect(.targetsHash, "targets")
        repository.files["2.targets.json"] = file + [0x20]
        expect(.fetchTargets, "targets", .tooLong(limit: file.count))
    }

    @Test("targets of another version than the snapshot says") mutating func targetsVersion() throws {
        let old = repository.files["1.targets.json"]
        try repository.release("targets")
        repository.files["2.targets.json"] = old
        expect(.targetsVersion, "targets", .version(found: 1, required: 2))
    }

    @Test("expired targets, and expired delegated targets") mutating func targetsExpiry() throws {
        try repository.delegate(to: "rollout")
        repository["rollout", "expires"] = .string(TestRepository.past)
        try repository.release("rollout", "targets")
        expect(.targetsExpiry, "rollout", targets: ["file"])
        repository["targets", "expires"] = .string(TestRepository.past)
        try repository.release("targets")
        expect(.targetsExpiry, "targets")
    }

    @Test("a delegated role that expires while it is stored") mutating func storedExpiry() throws {
        try repository.delegate(to: "rollout")
        repository["rollout", "expires"] = "2030-03-20T00:00:00Z"
        repository.addTarget("file", [1], to: "rollout")
        try repository.release("rollout", "targets")
        try box.update(from: repository, targets: ["file"])
        box.now = try #require(UTCTime("2030-03-20T00:00:00Z"))
        expect(.targetsExpiry, "rollout", targets: ["file"])
        repository["rollout", "expires"] = .string(TestRepository.future)
        try repository.release("rollout")
        #expect(try box.update(from: repository, targets: ["file"]).first??.length == 1)
    }

    @Test("a delegated role that the delegator's keys did not sign") mutating func delegatedSignature() throws
    {
        try repository.delegate(to: "rollout")
        repository.signers["rollout"] = repository.signers["timestamp"]
        try repository.release("rollout", "targets")
        expect(.targetsSignatures, "rollout", .threshold(valid: 0, required: 1), targets: ["x"])
    }

    @Test("a delegated role with a top-level name", arguments: TestRepository.topLevel + [""])
    mutating func topLevelName(name: String) throws {
        let signer = try Signer("d")
        repository["targets", "delegations"] = [
            "keys": ["d": signer.key],
            "roles": [
                [
                    "name": .string(name), "keyids": ["d"], "threshold": 1, "terminating": false,
                    "paths": ["*"],
                ]
            ],
        ]
        try repository.release("targets")
        let found = "\"\(name)\""
        let place = "signed.delegations.roles[0].name"
        let reason = FormatError(place: place, found: found, expected: "a name of no top-level role")
        expect(.fetchTargets, "targets", .format(reason))
    }

    // MARK: Files

    @Test(
        "files that are not there",
        arguments: [
            ("timestamp.json", "timestamp", .fetchTimestamp), ("2.snapshot.json", "snapshot", .fetchSnapshot),
            ("2.targets.json", "targets", .fetchTargets),
        ] as [(String, String, MetadataError.Step)]
    )
    mutating func unavailable(file: String, role: String, step: MetadataError.Step) throws {
        try repository.release("targets")
        repository.files[file] = nil
        expect(step, role, .unavailable)
    }

    @Test(
        "files over their limit",
        arguments: [
            ("2.root.json", "root", .fetchRoot, 512 << 10),
            ("timestamp.json", "timestamp", .fetchTimestamp, 16 << 10),
            ("2.snapshot.json", "snapshot", .fetchSnapshot, 2 << 20),
            ("2.targets.json", "targets", .fetchTargets, 5 << 20),
        ] as [(String, String, MetadataError.Step, Int)]
    )
    mutating func tooLong(file: String, role: String, step: MetadataError.Step, limit: Int) throws {
        try repository.bump("root")
        try repository.release("targets")
        let content = try #require(repository.files[file])
        repository.files[file] = content + [UInt8](repeating: 0x20, count: limit + 1 - content.count)
        expect(step, role, .tooLong(limit: limit))
        repository.files[file]?.removeLast()
        try box.update(from: repository)
    }

    @Test("a stated length over the limit is not even fetched", arguments: ["snapshot", "targets"])
    mutating func statedLength(role: String) throws {
        let lister = role == "snapshot" ? "timestamp" : "snapshot"
        try repository.release("targets")
        repository[lister, "meta", "\(role).json", "length"] = .integer(.max)
        if lister == "snapshot" { try repository.bump("snapshot") }
        try repository.bump("timestamp")
        let step: MetadataError.Step = role == "snapshot" ? .fetchSnapshot : .fetchTargets
        expect(step, role, .tooLong(limit: role == "snapshot" ? 2 << 20 : 5 << 20))
    }
}
