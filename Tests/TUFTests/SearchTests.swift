// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import TUF

@Suite("TUF 5.6.7 search for a target") struct SearchTests {
    private var repository: TestRepository
    private var box: TestBox

    init() throws {
        repository = try TestRepository()
        box = TestBox(repository)
    }

    private func delegatedFetches() -> [String] {
        box.log.filter { $0.hasPrefix("fetch") }.dropFirst(4).map { String($0.dropFirst(8).dropLast(5)) }
    }

    @Test("is depth first, in order of appearance") mutating func order() throws {
        try repository.delegate(to: "a")
        try repository.delegate(from: "a", to: "b", paths: ["*.x"])
        try repository.delegate(from: "a", to: "c")
        try repository.delegate(from: "c", to: "a")
        try repository.delegate(to: "d")
        try repository.release("a", "b", "c", "d", "targets")
        let found = try box.update(from: repository, targets: ["file"])
        #expect(found == [nil])
        #expect(delegatedFetches() == ["a", "c", "d"])
    }

    @Test("ends at a terminating delegation") mutating func terminating() throws {
        try repository.delegate(to: "rollout", paths: ["rollout/*"], isTerminating: true)
        try repository.delegate(to: "any", paths: ["*/*"])
        repository.addTarget("rollout/x", [1], to: "any")
        repository.addTarget("other/x", [1, 2], to: "any")
        try repository.release("rollout", "any", "targets")
        let found = try box.update(from: repository, targets: ["rollout/x", "other/x"])
        #expect(found.map { $0?.length } == [nil, 2])
    }

    @Test("a role that delegates to many is followed to 32 of them") mutating func limit() throws {
        for index in 0..<40 { try repository.delegate(to: "r\(index)") }
        for index in 0..<40 { try repository.release("r\(index)") }
        repository.addTarget("file", [1], to: "r39")
        try repository.release("r39", "targets")
        #expect(try box.update(from: repository, targets: ["file"]) == [nil])
        #expect(delegatedFetches().count == 32)
        box.limits.delegations = 40
        #expect(try box.update(from: repository, targets: ["file"]).first??.length == 1)
    }

    @Test("the delegator's own targets come first") mutating func own() throws {
        try repository.delegate(to: "a")
        repository.addTarget("file", [1, 2, 3])
        repository.addTarget("file", [1], to: "a")
        try repository.release("a", "targets")
        #expect(try box.update(from: repository, targets: ["file"]).first??.length == 3)
        #expect(delegatedFetches().isEmpty)
    }

    @Test("paths are compared by their bytes") mutating func bytes() throws {
        repository.addTarget("\u{E9}", [1])
        try repository.release("targets")
        let found = try box.update(from: repository, targets: ["e\u{301}", "\u{E9}"])
        #expect(found.map { $0?.length } == [nil, 1])
    }

    @Test(
        "a role's name ends where its bytes do",
        arguments: ["ab\u{600}", "\u{301}", "a.json", "root.json"]
    )
    mutating func names(name: String) throws {
        try repository.delegate(to: name)
        repository.addTarget("file", [1], to: name)
        try repository.release(name, "targets")
        #expect(try box.update(from: repository, targets: ["file"]).first??.length == 1)
    }

    @Test("a role reached twice is verified for the delegator it is reached through") mutating func twice()
        throws
    {
        try repository.delegate(to: "a", paths: ["a"])
        try repository.delegate(to: "b", paths: ["b"])
        try repository.delegate(from: "a", to: "c")
        try repository.delegate(from: "b", to: "c")
        repository.signers["c"]?.removeLast()
        repository.addTarget("a", [1], to: "c")
        repository.addTarget("b", [1], to: "c")
        try repository.release("a", "b", "c", "targets")
        #expect(try box.update(from: repository, targets: ["a"]).first??.length == 1)
        let error = #expect(throws: MetadataError.self) {
            try box.update(from: repository, targets: ["a", "b"])
        }
        #expect(error?.step == .targetsSignatures && error?.subject == "c")
    }

    @Test("a stored role is verified for the delegator of now") mutating func stored() throws {
        try repository.delegate(to: "a")
        repository.addTarget("file", [1], to: "a")
        try repository.release("a", "targets")
        try box.update(from: repository, targets: ["file"])
        repository["targets", "delegations"] = nil
        try repository.delegate(to: "a")
        try repository.release("targets")
        let error = #expect(throws: MetadataError.self) {
            try box.update(from: repository, targets: ["file"])
        }
        #expect(error?.step == .targetsSignatures && error?.subject == "a")
        try repository.release("a")
        #expect(try box.update(from: repository, targets: ["file"]).first??.length == 1)
    }
}

@Suite("TUF 5.7.3 target content") struct TargetVerifierTests {
    private let content = Array("the content".utf8)

    private func target() throws -> TargetFile {
        var repository = try TestRepository()
        repository.addTarget("file", content)
        return try TargetFile("file", Fields(try #require(repository["targets", "targets", "file"]), "file"))
    }

    @Test("is good however it is cut", arguments: [1, 2, 5, 100])
    func good(size: Int) throws {
        var verifier = TargetVerifier(try target())
        for start in stride(from: 0, to: content.count, by: size) {
            try verifier.take(Array(content[start..<min(content.count, start + size)]))
        }
        try verifier.finish()
    }

    @Test("one byte more is refused at once") func longer() throws {
        var verifier = TargetVerifier(try target())
        try verifier.take(content)
        #expect(throws: MetadataError(step: .target, subject: "file", reason: .tooLong(limit: 11))) {
            try verifier.take([0])
        }
    }

    @Test("fewer bytes, and others, are refused at the end") func other() throws {
        var verifier = TargetVerifier(try target())
        try verifier.take(content.dropLast())
        #expect(
            throws: MetadataError(step: .target, subject: "file", reason: .length(found: 10, required: 11))
        ) {
            try verifier.finish()
        }
        try verifier.take([0])
        let error = #expect(throws: MetadataError.self) { try verifier.finish() }
        guard case .hash(algorithm: "sha256", _, _)? = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
