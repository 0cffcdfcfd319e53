// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TUF

@Suite("TUF 5 client workflow") struct UpdaterTests {
    private var repository: TestRepository
    private var box: TestBox

    init() throws {
        repository = try TestRepository()
        box = TestBox(repository)
    }

    @Test(
        "the first update fetches and stores every role, the next only looks",
        arguments: Signer.Kind.allCases
    )
    mutating func order(kind: Signer.Kind) throws {
        repository = try TestRepository(kind)
        box = TestBox(repository)
        try box.update(from: repository)
        #expect(
            box.log == [
                "store 1.root.json", "fetch 2.root.json", "fetch timestamp.json", "store timestamp.json",
                "fetch 1.snapshot.json", "store snapshot.json", "fetch 1.targets.json", "store targets.json",
            ]
        )
        #expect(box.holds(repository, "timestamp", "snapshot", "targets"))
        try box.update(from: repository)
        #expect(box.log == ["fetch 2.root.json", "fetch timestamp.json"])
    }

    @Test("without consistent snapshots names have no versions") mutating func inconsistent() throws {
        repository["root", "consistent_snapshot"] = nil
        try repository.publish("root")
        box = TestBox(repository)
        repository.files["snapshot.json"] = repository.files["1.snapshot.json"]
        repository.files["targets.json"] = repository.files["1.targets.json"]
        try box.update(from: repository)
        #expect(box.log.contains("fetch snapshot.json") && box.log.contains("fetch targets.json"))
    }

    @Test("only what changed is fetched") mutating func changes() throws {
        try box.update(from: repository)
        try repository.bump("timestamp")
        try box.update(from: repository)
        #expect(box.log == ["fetch 2.root.json", "fetch timestamp.json", "store timestamp.json"])
        #expect(box.holds(repository, "timestamp", "snapshot", "targets"))
    }

    @Test(
        "a stored file of the right version and another hash is fetched again",
        arguments: ["snapshot", "targets"]
    )
    mutating func storedHash(role: String) throws {
        repository.statesHashes = true
        try repository.release("targets")
        try box.update(from: repository)
        repository[role, "x"] = 1
        try repository.publish(role)
        if role == "targets" { try repository.bump("snapshot") }
        try repository.bump("timestamp")
        try box.update(from: repository)
        #expect(box.log.contains("fetch 2.\(role).json"))
        #expect(box.holds(repository, "timestamp", "snapshot", "targets"))
    }

    @Test("a timestamp of the same version with other content is not taken") mutating func sameVersion()
        throws
    {
        try box.update(from: repository)
        let before = box.disk
        repository["timestamp", "x"] = 1
        try repository.publish("timestamp")
        try box.update(from: repository)
        #expect(box.disk == before)
    }

    @Test("fields that are not known are signed and kept") mutating func unknownFields() throws {
        for role in TestRepository.topLevel { repository[role, "x-new"] = ["a": [1, .null]] }
        repository["root", "keys", "key of targets", "x-new"] = "online"
        repository.addTarget("file", [1, 2, 3])
        try repository.bump("root")
        try repository.release("targets")
        let found = try box.update(from: repository, targets: ["file"])
        #expect(found.first??.custom == ["rollback_index": 7])
        #expect(box.holds(repository, "timestamp", "snapshot", "targets"))
        #expect(box.disk["2.root.json"] == repository.files["2.root.json"])
    }

    @Test("a search waits for the refresh") func early() throws {
        var updater = try Updater(bootstrap: box.bootstrap, startTime: box.now)
        let error = #expect(throws: MetadataError.self) { try updater.search(for: "a\u{1B}[2Jb") }
        #expect("\(try #require(error))" == "TUF 5.7.2: a\\u{1B}[2Jb: needs 5.6.6 first")
    }

    // MARK: Roots

    @Test("the chain of roots is walked and kept, and walked again from what is kept") mutating func chain()
        throws
    {
        for _ in 0..<5 { try repository.bump("root") }
        try box.update(from: repository)
        #expect(box.log.filter { $0.hasPrefix("store") && $0.hasSuffix("root.json") }.count == 6)
        try box.update(from: repository)
        #expect(box.log == ["fetch 7.root.json", "fetch timestamp.json"])
    }

    @Test("a gap in the chain ends it") mutating func gap() throws {
        for _ in 0..<4 { try repository.bump("root") }
        repository.files["3.root.json"] = nil
        try box.update(from: repository)
        #expect(box.disk["2.root.json"] != nil && box.disk["4.root.json"] == nil)
    }

    @Test("a stored root that is not valid is fetched again") mutating func storedRoot() throws {
        for _ in 0..<3 { try repository.bump("root") }
        try box.update(from: repository)
        box.disk["3.root.json"] = box.disk["2.root.json"]
        try box.update(from: repository)
        #expect(box.log.prefix(2) == ["fetch 3.root.json", "store 3.root.json"])
        #expect(box.disk["3.root.json"] == repository.files["3.root.json"])
    }

    @Test("one update takes a limited number of roots, the next goes on") mutating func rotations() throws {
        box.limits.rootRotations = 3
        for _ in 0..<5 { try repository.bump("root") }
        try box.update(from: repository)
        #expect(box.disk["4.root.json"] != nil && box.disk["5.root.json"] == nil)
        try box.update(from: repository)
        #expect(box.disk["6.root.json"] != nil)
    }

    @Test("a new root that shipped replaces the old one, and what was stored under that is forgotten")
    mutating func newBootstrap() throws {
        repository["timestamp", "version"] = 9999
        try repository.publish("timestamp")
        try box.update(from: repository)
        repository.signers["snapshot"] = [try Signer("new")]
        try repository.declareKeys()
        try repository.bump("root")
        repository["timestamp", "version"] = 1
        try repository.publish("snapshot", "timestamp")
        box.bootstrap = try #require(repository.files["2.root.json"])
        try box.update(from: repository)
        #expect(box.log.contains("remove timestamp.json") && box.log.contains("remove snapshot.json"))
        #expect(box.holds(repository, "timestamp", "snapshot"))
    }

    @Test("an attacker's disk cannot bring its own root") mutating func foreignDisk() throws {
        let foreign = try TestRepository()
        var other = TestBox(foreign)
        try other.update(from: foreign)
        box.disk = other.disk
        try box.update(from: repository)
        #expect(box.holds(repository, "timestamp", "snapshot", "targets"))
        #expect(box.disk["1.root.json"] == box.bootstrap)
    }

    @Test("a root that shipped must be signed by itself and short") func badBootstrap() throws {
        var changed = repository
        let stranger = try Signer("key of root")
        let bytes = try changed.signed("root", by: [stranger])
        var error = #expect(throws: MetadataError.self) { try Updater(bootstrap: bytes, startTime: box.now) }
        #expect(error?.step == .loadRoot)
        changed["root", "x"] = .string(String(repeating: "x", count: 600 << 10))
        let long = try changed.signed("root")
        error = #expect(throws: MetadataError.self) { try Updater(bootstrap: long, startTime: box.now) }
        #expect(error?.reason == .tooLong(limit: 512 << 10))
    }

    // MARK: Rotation

    @Test(
        "rotated keys forget what they signed, before the root is stored (5.3.11)",
        arguments: ["timestamp", "snapshot"]
    )
    mutating func fastForward(role: String) throws {
        repository["snapshot", "version"] = 9999
        repository["timestamp", "version"] = 9999
        try repository.publish("snapshot", "timestamp")
        try box.update(from: repository)
        repository.signers[role] = [try Signer("new")]
        try repository.declareKeys()
        try repository.bump("root")
        repository["snapshot", "version"] = 1
        repository["timestamp", "version"] = 1
        try repository.publish("snapshot", "timestamp")
        try box.update(from: repository)
        #expect(
            box.log.prefix(4) == [
                "fetch 2.root.json", "remove snapshot.json", "remove timestamp.json", "store 2.root.json",
            ]
        )
        #expect(box.holds(repository, "timestamp", "snapshot", "targets"))
    }

    @Test("there and back: a key that left and returns signs again") mutating func back() throws {
        let old = repository.signers["timestamp"]
        for signers in [[try Signer("new")], old] {
            repository.signers["timestamp"] = signers
            try repository.declareKeys()
            try repository.bump("root")
            try repository.publish("timestamp")
            try box.update(from: repository)
            #expect(box.holds(repository, "timestamp"))
        }
    }

    @Test("a key more, or a higher threshold, forgets nothing") mutating func added() throws {
        try repository.release("targets")
        try box.update(from: repository)
        repository.signers["timestamp"]?.append(try Signer("more"))
        try repository.declareKeys()
        try repository.bump("root")
        repository["timestamp", "version"] = 1
        try repository.publish("timestamp")
        let error = #expect(throws: MetadataError.self) { try box.update(from: repository) }
        #expect(error?.step == .timestampVersion)
    }

    // MARK: Power cuts

    @Test("after a power cut at any write, the next update ends where an undisturbed one does")
    mutating func powerCuts() throws {
        repository["snapshot", "version"] = 9999
        repository["timestamp", "version"] = 9999
        try repository.publish("snapshot", "timestamp")
        try box.update(from: repository)
        try repository.delegate(to: "rollout")
        repository.addTarget("file", [1], to: "rollout")
        repository.signers["snapshot"] = [try Signer("new")]
        try repository.declareKeys()
        try repository.bump("root")
        try repository.bump("root")
        repository["snapshot", "version"] = 0
        repository["timestamp", "version"] = 0
        try repository.release("rollout", "targets")
        var undisturbed = box
        try undisturbed.update(from: repository, targets: ["file"])
        var cuts = 0
        while true {
            var cut = box
            do {
                try cut.update(from: repository, targets: ["file"], cut: cuts)
                break
            } catch is TestBox.PowerCut {
                cuts += 1
                let found = try cut.update(from: repository, targets: ["file"])
                #expect(found.first??.length == 1)
                #expect(cut.disk == undisturbed.disk, "cut before write \(cuts - 1)")
            }
        }
        #expect(cuts == 8)
    }

    @Test(
        "files damaged on the disk are fetched again",
        arguments: ["timestamp", "snapshot", "targets", "1.root"]
    )
    mutating func damage(name: String) throws {
        try box.update(from: repository)
        let before = box.disk
        for content in [[], [0], Array("{}".utf8), before["timestamp.json"] ?? []] as [[UInt8]] {
            box.disk["\(name).json"] = content
            try box.update(from: repository)
            #expect(box.disk == before)
        }
    }
}
