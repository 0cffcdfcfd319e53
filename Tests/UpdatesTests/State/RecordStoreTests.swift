// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Updates

@Suite("The two copies of the record") final class RecordStoreTests {
    private let directory = FileManager.default.temporaryDirectory.appending(
        path: "records-\(UUID().uuidString)"
    )
    private var store: RecordStore { RecordStore(directory: directory.path) }

    init() throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: directory) }

    private func put(_ bytes: [UInt8], _ copy: String) throws {
        try Data(bytes).write(to: directory.appending(path: "state.\(copy)"))
    }

    private func bytes(_ copy: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: "state.\(copy)")))
    }

    /// With a value of its own in every field.
    private static let full: UpdateRecord = {
        var record = UpdateRecord()
        record.state = .staged(.consent)
        record.attempt = 2
        record.release = "2026.11.28"
        record.rootHash = (0..<32).map { UInt8($0) }
        record.rollbackIndex = 7
        record.slot = .b
        record.bootID = "5f9d1a0e-6a0f-4a54-8a3e-0f6f3b1f8f11"
        record.boots = 3
        record.deadline = 1_795_000_000_123
        record.trialTime = 900_000
        record.consentUntil = -1
        record.baselineHash = (0..<32).map { UInt8(255 - $0) }
        record.interruptions = 4
        record.restorations = 5
        record.wasGood = true
        record.reason = "deadline: la passerelle n’a pas répondu"
        record.failures = [.init(release: "2026.11.27", count: 2), .init(release: "2026.11.1", count: 1)]
        return record
    }()

    @Test("a record comes back as it was written") func roundTrip() throws {
        #expect(try store.load() == RecordStore.Content(record: nil, damaged: []))
        let written = try store.write(Self.full)
        #expect(written.sequence == 1)
        #expect(try store.load() == RecordStore.Content(record: written, damaged: []))
        #expect(try bytes("a").count == 4096)
    }

    @Test("every state and hold has its code") func states() throws {
        var states: [UpdateState] = [
            .idle, .checking, .fetching, .armed, .rebooting, .trial, .committing, .committed, .floorRaised,
            .aborted, .rolledBack,
        ]
        states += Hold.allCases.flatMap { [.offered($0), .staged($0)] }
        var record = UpdateRecord()
        for state in states {
            record.state = state
            #expect(try UpdateRecord(decoding: record.encoded).state == state)
        }
        #expect(Set(states.map { "\($0.code) \($0.hold)" }).count == states.count)
    }

    @Test("writes take turns, and touch the older copy only") func alternation() throws {
        for number in 1...5 {
            let before = (try? bytes("a"), try? bytes("b"))
            var record = Self.full
            record.attempt = UInt8(number)
            try store.write(record)
            let after = (try? bytes("a"), try? bytes("b"))
            #expect((before.0 == after.0) != (before.1 == after.1))
            #expect(try store.load().record?.attempt == UInt8(number))
            #expect(try store.load().record?.sequence == UInt64(number))
        }
    }

    @Test("a write torn at any sectors leaves the other record or the whole new one") func tornWrites() throws
    {
        try store.write(Self.full)
        var second = Self.full
        second.state = .fetching
        second = try store.write(second)
        let (a, b) = (try bytes("a"), try bytes("b"))
        var third = Self.full
        third.state = .armed
        third.reason = String(repeating: "x", count: 512)
        third = try store.write(third)
        let new = try bytes("a")
        #expect(try bytes("b") == b)
        var whole = 0
        for sectors in 0..<256 {
            var torn = a
            for sector in 0..<8 where sectors & (1 << sector) != 0 {
                let range = sector * 512..<(sector + 1) * 512
                torn.replaceSubrange(range, with: new[range])
            }
            try put(torn, "a")
            let content = try store.load()
            switch torn {
            case new:
                whole += 1
                #expect(content == RecordStore.Content(record: third, damaged: []))
            case a: #expect(content == RecordStore.Content(record: second, damaged: []))
            default:
                #expect(content.record == second)
                #expect(content.damaged.map(\.path) == [directory.appending(path: "state.a").path])
                // The next write goes over the torn copy, not over the good one.
                if sectors % 16 == 1 {
                    try store.write(third)
                    #expect(try bytes("b") == b)
                    #expect(try store.load().record?.state == .armed)
                }
            }
        }
        #expect(whole > 0 && whole < 256)
    }

    @Test("a byte that has changed anywhere is noticed") func flips() throws {
        let good = Self.full.encoded
        for index in good.indices {
            var bad = good
            bad[index] ^= UInt8(1 << (index % 8))
            #expect(throws: RecordDamage.self) { try UpdateRecord(decoding: bad) }
        }
    }

    @Test("with both copies bad there is no record, both are reported, and the next write starts anew")
    func bothBad() throws {
        try store.write(Self.full)
        try store.write(Self.full)
        for copy in ["a", "b"] {
            var bad = try bytes(copy)
            bad[100] ^= 1
            try put(bad, copy)
        }
        let content = try store.load()
        #expect(content.record == nil && content.damaged.count == 2)
        guard case .digest(let found, let expected) = content.damaged[0].damage else {
            Issue.record("\(content.damaged)")
            return
        }
        #expect(found != expected)
        let written = try store.write(Self.full)
        #expect(try store.load().record == written)
    }

    @Test("files of other lengths, and of other kinds, are damage that says what it is") func lengths() throws
    {
        let whole = Self.full.encoded
        let zeros = [UInt8](repeating: 0, count: 4096)
        let noMagic = RecordDamage.magic(
            found: "\(zeros.prefix(8).map { $0 })",
            expected: "\(Array("DRIMUPD1".utf8))"
        )
        let cases: [([UInt8], RecordDamage)] = [
            ([], .length(found: 0, expected: 4096)),
            (Array(whole.dropLast()), .length(found: 4095, expected: 4096)),
            (whole + [0], .length(found: 0, expected: 4096)),
            (zeros, noMagic),
        ]
        for (bytes, damage) in cases {
            try put(bytes, "a")
            let content = try store.load()
            #expect(content.record == nil)
            #expect(content.damaged.map(\.damage) == [damage])
            let written = try store.write(Self.full)
            #expect(try store.load().record == written)
            try FileManager.default.removeItem(at: directory.appending(path: "state.a"))
        }
    }

    @Test("a copy that is too long is written to its proper length again") func tooLong() throws {
        try store.write(Self.full)
        try put(Self.full.encoded + [1, 2, 3], "b")
        let second = try store.write(Self.full)
        let third = try store.write(Self.full)
        #expect([second.sequence, third.sequence] == [2, 3])
        #expect(try store.load() == RecordStore.Content(record: third, damaged: []))
    }

    @Test("sequences wrap") func wrap() throws {
        var record = Self.full
        record.sequence = .max - 1
        try put(record.encoded, "a")
        for expected in [UInt64.max, 0, 1] {
            let written = try store.write(Self.full)
            #expect(written.sequence == expected)
            #expect(try store.load().record == written)
        }
    }

    @Test("what is too long loses its end, at a whole character") func truncation() throws {
        var record = Self.full
        record.reason = String(repeating: "é", count: 300)
        record.failures = (0..<20).map { .init(release: "\($0)", count: 1) }
        let read = try UpdateRecord(decoding: record.encoded)
        #expect(read.reason == String(repeating: "é", count: 256))
        #expect(read.failures.map(\.release) == (0..<8).map { "\($0)" })
    }

    @Test("a directory that is not there is an error that names it") func noDirectory() throws {
        #expect {
            try RecordStore(directory: "/nonexistent").write(Self.full)
        } throws: {
            "\($0)".contains("/nonexistent/state.a")
        }
    }
}
