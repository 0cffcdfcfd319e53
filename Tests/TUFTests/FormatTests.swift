// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TUF

@Suite("TUF 4 formats") struct FormatTests {
    private let repository: TestRepository

    init() throws { repository = try TestRepository() }

    private func read(_ role: String, _ document: JSON) throws {
        var changed = repository
        changed.documents[role] = document
        let envelope = try Envelope(parsing: changed.signed(role))
        switch role {
        case "root": _ = try Root(envelope)
        case "timestamp": _ = try Timestamp(envelope)
        case "snapshot": _ = try Snapshot(envelope)
        default: _ = try Targets(envelope)
        }
    }

    private func paths(of value: JSON, below path: [String] = []) -> [[String]] {
        guard case .object(let members) = value else { return [path] }
        return (path.isEmpty ? [] : [path])
            + members.entries.flatMap { paths(of: $0.value, below: path + [$0.name]) }
    }

    @Test(
        "a member of another type, or none, is refused or tolerated, and never traps",
        arguments: TestRepository.topLevel
    )
    func types(role: String) throws {
        var rich = repository
        rich.statesHashes = true
        try rich.delegate(to: "a")
        rich.addTarget("file", [1])
        try rich.release("a", "targets")
        let document = try #require(rich.documents[role])
        try read(role, document)
        for path in paths(of: document) {
            for value in [
                nil, .null, true, -1, 0, "x", [], [1], [:], ["x": 1], .integer(.max), .integer(.min),
            ] as [JSON?] {
                var changed = document
                changed[path] = value
                _ = try? read(role, changed)
            }
        }
    }

    @Test(
        "what every role needs",
        arguments: TestRepository.topLevel,
        ["_type", "spec_version", "version", "expires"]
    )
    func common(role: String, name: String) throws {
        for value in [nil, 0, "x", -1, JSON.null, [], [:], true] as [JSON?] {
            var document = try #require(repository.documents[role])
            document[name] = value
            let error = #expect(throws: FormatError.self) { try read(role, document) }
            #expect(error?.place == "signed.\(name)")
        }
    }

    @Test(
        "another major version of the specification is refused",
        arguments: ["2.0.0", "0.9", "10.0.0", "", "1"]
    )
    func specification(version: String) throws {
        var document = try #require(repository.documents["root"])
        document["spec_version"] = .string(version)
        #expect(throws: FormatError.self) { try read("root", document) }
    }

    @Test(
        "hashes need one that is known, of its length",
        arguments: [
            [:], ["md5": "00"], ["sha256": "00"], ["sha256": 3], ["sha512": "zz"],
            ["sha256": "zz00000000000000000000000000000000000000000000000000000000000000"],
        ] as [JSON]
    )
    func hashes(json: JSON) {
        #expect(throws: FormatError.self) { try Hashes(Fields(json, "hashes")) }
    }

    @Test("a delegation has paths or prefixes, never both or neither") func delegation() throws {
        let good: JSON = [
            "name": "a", "keyids": [], "threshold": 1, "terminating": false, "paths": ["*"],
        ]
        let reader = { (json: JSON) in try DelegatedRole(Fields(json, "role"), keys: NameMap()) }
        #expect(try reader(good).covers("file"))
        var both = good
        both["path_hash_prefixes"] = ["00"]
        #expect(throws: FormatError(place: "role", found: "both", expected: "paths or path_hash_prefixes")) {
            try reader(both)
        }
        both["paths"] = nil
        #expect(try !reader(both).covers("file"))
        both["path_hash_prefixes"] = nil
        #expect(throws: FormatError(place: "role", found: "neither", expected: "paths or path_hash_prefixes"))
        {
            try reader(both)
        }
    }

    @Test("succinct roles share the paths among themselves", arguments: [1, 2, 7, 8, 16, 32])
    func succinct(bits: Int) throws {
        let json: JSON = [
            "keys": [:],
            "succinct_roles": [
                "keyids": [], "threshold": 1, "bit_length": .integer(bits), "name_prefix": "bin",
            ],
        ]
        let delegations = try Delegations(Fields(json, "delegations"))
        let roles = delegations.roles(for: "file")
        #expect(roles.count == 1)
        let name = try #require(roles.first?.name)
        #expect(name.utf8.count == 4 + (bits + 3) / 4)
        #expect(delegations.keys(of: name) != nil)
        #expect(delegations.keys(of: "bin-") == nil)
        #expect(delegations.keys(of: "bin-g") == nil)
        #expect(
            delegations.keys(of: "bin-" + String(repeating: "f", count: (bits + 3) / 4)) != nil
                || bits % 4 != 0
        )
        #expect(delegations.keys(of: "bin-+1") == nil)
    }

    @Test("an envelope changed at any byte is refused or reads the same", arguments: TestRepository.topLevel)
    func mutations(role: String) throws {
        let bytes = try repository.signed(role)
        let good = try Envelope(parsing: bytes)
        let root = try Root(Envelope(parsing: repository.signed("root")))
        let keys = [
            "root": root.root, "timestamp": root.timestamp, "snapshot": root.snapshot,
            "targets": root.targets,
        ]
        let roleKeys = try #require(keys[role])
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1 << UInt8(index % 8)
            guard let envelope = try? Envelope(parsing: changed) else { continue }
            if roleKeys.validSignatures(of: envelope) > 0 {
                #expect(envelope.signed == good.signed, "byte \(index)")
            }
        }
    }
}
