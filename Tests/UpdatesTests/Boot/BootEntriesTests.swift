// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Updates

@Suite("Boot entries of the two slots") struct BootEntriesTests {
    private let partition = SimulatedPartition([.entry("A.efi"): "old", .entry("B.efi"): "older"])
    private var entries: BootEntries { BootEntries(partition) }
    private let image = Array("new".utf8)

    @Test("an update goes from two committed entries to two committed entries, and keeps the old image")
    func wholeUpdate() throws {
        try entries.keepPrevious(of: .a)
        try entries.disarm(.b, running: .a)
        #expect(partition.entryNames == ["A.efi"])
        try entries.arm(.b, kernelImage: image, running: .a)
        #expect(partition.entryNames == ["A.efi", "B+3.efi"])
        partition.renameAtBoot(.entry("B+3.efi"), to: .entry("B+2-1.efi"))
        try entries.commit(.b)
        #expect(partition.durable.keys.map(\.name).sorted() == ["A.efi", "B.efi", "prev.efi"])
        #expect(partition.text(.entry("B.efi")) == "new" && partition.text(.previous) == "old")
    }

    @Test("an image is written, read back, named, and then the names are on the disk") func order() throws {
        try entries.disarm(.b, running: .a)
        partition.forgetLog()
        try entries.arm(.b, kernelImage: image, running: .a)
        #expect(
            partition.log.suffix(6) == [
                "remove EFI/drimbox/new.tmp", "create EFI/drimbox/new.tmp", "read EFI/drimbox/new.tmp",
                "rename EFI/drimbox/new.tmp B+3.efi", "synchronize EFI/Linux", "synchronize EFI/drimbox",
            ]
        )
    }

    @Test("doing it again changes nothing but synchronises") func idempotent() throws {
        try entries.disarm(.b, running: .a)
        try entries.disarm(.b, running: .a)
        for _ in 0..<2 { try entries.arm(.b, kernelImage: image, running: .a) }
        #expect(partition.entryNames == ["A.efi", "B+3.efi"])
        for _ in 0..<2 { try entries.restoreTries(.b) }
        #expect(partition.entryNames == ["A.efi", "B+3.efi"])
        for _ in 0..<2 { try entries.commit(.b) }
        #expect(partition.entryNames == ["A.efi", "B.efi"])
        for _ in 0..<2 { try entries.keepPrevious(of: .a) }
        #expect(partition.log.filter { $0 == "create EFI/drimbox/prev.tmp" }.count == 1)
        #expect(partition.log.last == "synchronize EFI/drimbox")
        for _ in 0..<2 { try entries.markBad(.b) }
        #expect(partition.entryNames == ["A.efi", "B+0-1.efi"])
    }

    @Test("the running slot keeps its entry") func running() throws {
        #expect(throws: BootEntriesError.running(.a)) { try entries.disarm(.a, running: .a) }
        #expect(throws: BootEntriesError.running(.a)) {
            try entries.arm(.a, kernelImage: image, running: .a)
        }
        #expect(partition.entryNames == ["A.efi", "B.efi"])
    }

    @Test("a slot that has an entry with another image is not armed") func occupied() throws {
        let expected = BootEntriesError.occupied("B.efi")
        #expect(throws: expected) { try entries.arm(.b, kernelImage: image, running: .a) }
        #expect(partition.text(.entry("B.efi")) == "older")
    }

    @Test("an image that reads back differently gets no name") func readBack() throws {
        try entries.disarm(.b, running: .a)
        partition.misread(.new)
        #expect {
            try entries.arm(.b, kernelImage: image, running: .a)
        } throws: { error in
            guard case BootEntriesError.readBack(.new, let found, let expected) = error else { return false }
            return found != expected
        }
        #expect(partition.entryNames == ["A.efi"])
    }

    @Test("a bad entry stays preferred to none: the last one is not marked") func lastResort() throws {
        try entries.disarm(.b, running: .a)
        #expect(throws: BootEntriesError.noOther(than: .a)) { try entries.markBad(.a) }
        #expect(throws: BootEntriesError.noEntry(.b)) { try entries.commit(.b) }
        #expect(throws: BootEntriesError.noEntry(.b)) { try entries.restoreTries(.b) }
        #expect(throws: BootEntriesError.noEntry(.b)) { try entries.keepPrevious(of: .b) }
    }

    @Test("an empty image, and one too many, are refused") func limits() throws {
        #expect(throws: BootEntriesError.imageLength(found: 0, limit: 128 << 20)) {
            try entries.arm(.b, kernelImage: [], running: .a)
        }
        let full = SimulatedPartition(
            Dictionary(uniqueKeysWithValues: ["A.efi", "x", "y", "z"].map { (.entry($0), $0) })
        )
        #expect(throws: BootEntriesError.tooManyFiles(found: 4, limit: 4)) {
            try BootEntries(full).arm(.b, kernelImage: image, running: .a)
        }
    }

    @Test("what others put into the directory is reported and left alone") func strangers() throws {
        let junk = ["debian.efi", "A.efi.bak", "C+1.efi"]
        let partition = SimulatedPartition(
            Dictionary(uniqueKeysWithValues: (junk + ["B+1-2.efi"]).map { (BootPath.entry($0), $0) })
        )
        let entries = BootEntries(partition)
        let survey = try entries.survey()
        #expect(survey.strangers == junk.sorted())
        #expect(survey.entries.map(\.counter) == [BootCounter(left: 1, done: 2)])
        try entries.disarm(.b, running: .a)
        #expect(partition.entryNames == junk.sorted())
    }

    @Test("images on their way are removed") func cleanUp() throws {
        let partition = SimulatedPartition([.new: "half", .newPrevious: "half", .previous: "old"])
        #expect(try BootEntries(partition).survey().leftovers == [.new, .newPrevious])
        try BootEntries(partition).cleanUp()
        #expect(Array(partition.durable.keys) == [.previous])
    }

    /// What each operation begins with, what it does, and what may be there after a cut at any of its calls.
    static let operations: [(name: String, files: [String], run: @Sendable (BootEntries) throws -> Void)] = [
        ("disarm", ["A.efi", "B.efi", "B+0-3.efi"], { try $0.disarm(.b, running: .a) }),
        ("arm", ["A.efi"], { try $0.arm(.b, kernelImage: Array("new".utf8), running: .a) }),
        ("commit", ["A.efi", "B+2-1.efi"], { try $0.commit(.b) }),
        ("restore", ["A.efi", "B+1-2.efi"], { try $0.restoreTries(.b) }),
        ("mark", ["A.efi", "B+1-2.efi"], { try $0.markBad(.b) }),
        ("keep", ["A.efi", "B.efi"], { try $0.keepPrevious(of: .a) }),
    ]

    @Test(
        "a cut at any call leaves the other slot's entry whole, and doing it again completes",
        arguments: operations.indices,
        SimulatedPartition.Loss.allCases
    )
    func cuts(index: Int, loss: SimulatedPartition.Loss) throws {
        let operation = Self.operations[index]
        func make() -> SimulatedPartition {
            SimulatedPartition(Dictionary(uniqueKeysWithValues: operation.files.map { (.entry($0), $0) }))
        }
        let whole = make()
        try operation.run(BootEntries(whole))
        let calls = whole.changes
        #expect(calls > 0)
        for budget in 0..<calls {
            let partition = make()
            partition.setBudget(budget)
            #expect(throws: BootEntriesError.self) { try operation.run(BootEntries(partition)) }
            partition.cut(loss)
            #expect(partition.text(.entry("A.efi")) == "A.efi")
            let entries = BootEntries(partition)
            #expect(try entries.survey().strangers.isEmpty)
            // An image that is on its way is nothing that starts.
            for entry in try entries.survey().entries where entry.slot == .b && operation.name == "arm" {
                #expect(partition.text(entry.path) == "new")
            }
            try entries.cleanUp()
            try operation.run(entries)
            #expect(partition.files == partition.durable)
            let isTorn = loss == .tornRename && operation.name != "arm"
            if !isTorn { #expect(partition.files == whole.files, "\(operation.name), cut at \(budget)") }
        }
    }

    @Test("on a mounted file system it is the same") func mounted() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "esp-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let mounted = MountedPartition(mountPoint: directory.path)
        #expect(try mounted.names(in: .entries) == [])
        try mounted.prepare()
        try mounted.prepare()
        try mounted.create(.entry("A.efi"), with: Array("old".utf8))
        let entries = BootEntries(mounted)
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try entries.arm(.b, kernelImage: large, running: .a)
        #expect(try mounted.read(.entry("B+3.efi"), limit: large.count) == large)
        try entries.restoreTries(.b)
        try entries.commit(.b)
        try entries.keepPrevious(of: .a)
        let survey = try entries.survey()
        #expect(survey.entries.map(\.name) == ["A.efi", "B.efi"])
        #expect(survey.hasPrevious && survey.leftovers.isEmpty && survey.strangers.isEmpty)
        #expect(throws: BootPartitionError.self) { try mounted.read(.entry("B.efi"), limit: 10) }
        #expect(throws: BootPartitionError.self) { try mounted.create(.previous, with: [1]) }
        #expect(throws: BootPartitionError(.rename, "EFI/Linux/C.efi", reason: "no such file")) {
            try mounted.rename(.entry("C.efi"), to: .entry("D.efi"))
        }
        try entries.disarm(.b, running: .a)
        #expect(try mounted.names(in: .entries) == ["A.efi"])
    }
}
