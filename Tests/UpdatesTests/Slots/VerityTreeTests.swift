// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import Updates

@Suite("The hash tree") struct VerityTreeTests {
    private func verity(_ salt: [UInt8]) -> ReleaseManifest.Verity {
        let uuid = TestRelease.uuid.filter { $0 != "-" }
        let bytes = stride(from: 0, to: 32, by: 2).map { start -> UInt8 in
            let digits = uuid.dropFirst(start).prefix(2)
            return UInt8(digits, radix: 16) ?? 0
        }
        return .init(rootHash: [], salt: salt, uuid: bytes)
    }

    @Test(
        "is veritysetup's, byte for byte, whatever the count of blocks",
        arguments: [1, 2, 127, 128, 129, 16_384, 16_385]
    ) func format(blocks: Int) throws {
        var data = [UInt8](repeating: 0x5A, count: blocks * 4096)
        for block in 0..<blocks {
            data[block * 4096 + 7] = UInt8(truncatingIfNeeded: block)
            data[block * 4096 + 8] = UInt8(truncatingIfNeeded: block >> 8)
        }
        let (tree, root) = try Verity.format(data, salt: TestRelease.salt, uuid: TestRelease.uuid)
        let layout = VerityLayout(dataSize: data.count)
        let partition = TestPartition("tree", [UInt8](repeating: 0xEE, count: layout.size))
        let own = try VerityTree(verity(TestRelease.salt), dataSize: data.count, on: partition)
        // Pieces that no level's blocks end with.
        for start in stride(from: 0, to: data.count, by: 3 * 4096) {
            try own.absorb(Array(data[start..<min(data.count, start + 3 * 4096)]))
        }
        #expect(try own.finish().hexadecimal == root)
        var expected = tree
        // Behind the superblock's 512 bytes, its block is nobody's.
        #expect(expected.count <= layout.size)
        expected += [UInt8](repeating: 0, count: layout.size - expected.count)
        #expect(partition.bytes == expected)
    }

    @Test("without a salt, or with the longest, it is veritysetup's too", arguments: [0, 1, 256])
    func salts(length: Int) throws {
        let data = Pseudorandom.bytes(200 * 4096, seed: 5)
        let salt = Pseudorandom.bytes(length, seed: 6)
        let (tree, root) = try Verity.format(data, salt: salt, uuid: TestRelease.uuid)
        let partition = TestPartition("tree", [UInt8](repeating: 0, count: 16 * 4096))
        let own = try VerityTree(verity(salt), dataSize: data.count, on: partition)
        try own.absorb(data)
        #expect(try own.finish().hexadecimal == root)
        #expect(Array(partition.bytes.prefix(tree.count)) == tree)
    }

    @Test("veritysetup verifies the data by it, and no other data") func verify() throws {
        let data = Pseudorandom.bytes(300 * 4096, seed: 8)
        let partition = TestPartition("tree", [UInt8](repeating: 0, count: 16 * 4096))
        let own = try VerityTree(verity(TestRelease.salt), dataSize: data.count, on: partition)
        try own.absorb(data)
        let root = try own.finish().hexadecimal
        #expect(try Verity.verifies(data, partition.bytes, root: root))
        var other = data
        other[150 * 4096 + 17] ^= 1
        #expect(try !Verity.verifies(other, partition.bytes, root: root))
    }

    @Test("a tree that is not read back as written is told with its place") func readBack() throws {
        let data = Pseudorandom.bytes(300 * 4096, seed: 8)
        let disk = TestDisk(.flip(partition: "tree", byte: 4096 + 5))
        let partition = TestPartition("tree", [UInt8](repeating: 0, count: 16 * 4096), on: disk)
        let own = try VerityTree(verity(TestRelease.salt), dataSize: data.count, on: partition)
        try own.absorb(data)
        #expect(throws: SlotError.tree(offset: 4096)) { try own.finish() }
    }

    @Test("a partition without room for it is refused before anything is written") func room() {
        let partition = TestPartition("tree", [UInt8](repeating: 0, count: 4 * 4096))
        #expect(throws: SlotError.tooSmall(.hashes, found: 4 * 4096, required: 5 * 4096)) {
            _ = try VerityTree(verity([]), dataSize: 300 * 4096, on: partition)
        }
    }
}
