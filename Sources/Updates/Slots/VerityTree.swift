// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux
import Synchronization

/// Where the parts of a dm-verity hash partition lie: the superblock's block, then the tree's levels, the top first.
package struct VerityLayout: Equatable, Sendable {
    /// Bytes of a digest in a block.
    static let digestSize = 32

    /// Blocks of 4096 bytes.
    package let dataBlocks: Int
    /// Of each level, the lowest first: its first block in the partition, and how many it has. A single data block has
    /// none: its own digest is the root hash.
    package let levels: [(first: Int, count: Int)]

    /// `size`: bytes of data, a multiple of 4096.
    package init(dataSize size: Int) {
        let perBlock = ReleaseManifest.Verity.blockSize / Self.digestSize
        dataBlocks = size / ReleaseManifest.Verity.blockSize
        var counts: [Int] = []
        var count = dataBlocks
        while count > 1 {
            count = (count + perBlock - 1) / perBlock
            counts.append(count)
        }
        var first = 1
        var levels: [(first: Int, count: Int)] = []
        for count in counts.reversed() {
            levels.append((first, count))
            first += count
        }
        self.levels = levels.reversed()
    }

    /// Bytes of the hash partition that are used.
    package var size: Int {
        (1 + levels.reduce(0) { $0 + $1.count }) * ReleaseManifest.Verity.blockSize
    }

    package static func == (left: Self, right: Self) -> Bool { left.dataBlocks == right.dataBlocks }
}

/// Makes a dm-verity hash partition (format 1, SHA-256, blocks of 4096 bytes) from data that comes piece by piece, as
/// `veritysetup format` does, and reads back what it wrote. Of each level it holds 256 KiB at most.
package final class VerityTree: Sendable {
    private static let blockSize = ReleaseManifest.Verity.blockSize
    /// Bytes of a level that are written together.
    private static let runSize = 256 << 10

    private struct State {
        var pending: [[UInt8]]
        /// Bytes written of each level.
        var written: [Int]
        var rootHash: [UInt8] = []
        /// What was written where, to be compared.
        var runs: [(offset: Int, count: Int, digest: SHA256Digest)] = []
    }

    private let layout: VerityLayout
    private let verity: ReleaseManifest.Verity
    private let storage: any SlotStorage
    /// Format 1 has the salt before each block.
    private let salted: SHA256
    private let state: Mutex<State>

    /// `size`: bytes of data, a multiple of 4096. `storage` is the hash partition.
    package init(
        _ verity: ReleaseManifest.Verity,
        dataSize size: Int,
        on storage: any SlotStorage
    ) throws(SlotError) {
        layout = VerityLayout(dataSize: size)
        guard layout.size <= storage.size else {
            throw .tooSmall(.hashes, found: storage.size, required: layout.size)
        }
        self.verity = verity
        self.storage = storage
        var salted = SHA256()
        salted.update(data: verity.salt)
        self.salted = salted
        let levels = layout.levels.count
        state = Mutex(
            State(pending: Array(repeating: [], count: levels), written: Array(repeating: 0, count: levels))
        )
    }

    /// Takes the data that follows what was taken before; whole blocks.
    package func absorb(_ bytes: [UInt8]) throws(SlotError) { try absorb(digests: digests(of: bytes)) }

    /// One after the other, those of the blocks that `bytes` are; from any thread.
    package func digests(of bytes: [UInt8]) -> [UInt8] {
        var digests: [UInt8] = []
        digests.reserveCapacity(bytes.count / Self.blockSize * VerityLayout.digestSize)
        for start in stride(from: 0, to: bytes.count, by: Self.blockSize) {
            digests.append(contentsOf: digest(bytes[start..<start + Self.blockSize]))
        }
        return digests
    }

    /// Takes those of the blocks that follow what was taken before.
    package func absorb(digests: [UInt8]) throws(SlotError) {
        try state.withLock { state throws(SlotError) in
            for start in stride(from: 0, to: digests.count, by: VerityLayout.digestSize) {
                try add(digests[start..<start + VerityLayout.digestSize], to: 0, &state)
            }
        }
    }

    /// Writes what is left and the superblock, reads everything back, and returns the root hash.
    package func finish() throws(SlotError) -> [UInt8] {
        try state.withLock { state throws(SlotError) in
            for level in layout.levels.indices {
                let rest = state.pending[level].count % Self.blockSize
                if rest > 0 {
                    state.pending[level] += [UInt8](repeating: 0, count: Self.blockSize - rest)
                    try add(digest(state.pending[level].suffix(Self.blockSize)), to: level + 1, &state)
                }
                try writePending(of: level, &state)
            }
            try write(superblock, at: 0, &state)
            try readBack(state.runs)
            return state.rootHash
        }
    }

    private func readBack(
        _ runs: [(offset: Int, count: Int, digest: SHA256Digest)]
    ) throws(SlotError) {
        do throws(SystemCallError) {
            try storage.synchronize()
        } catch {
            throw .storage(error)
        }
        for run in runs {
            let bytes: [UInt8]
            do throws(SystemCallError) {
                bytes = try storage.read(run.count, at: run.offset)
            } catch {
                throw .storage(error)
            }
            if SHA256.hash(data: bytes) != run.digest { throw .tree(offset: run.offset) }
        }
    }

    private func digest(_ block: ArraySlice<UInt8>) -> SHA256Digest {
        var hash = salted
        hash.update(data: block)
        return hash.finalize()
    }

    private func add(
        _ digest: some Sequence<UInt8>,
        to level: Int,
        _ state: inout State
    ) throws(SlotError) {
        guard level < layout.levels.count else {
            state.rootHash = Array(digest)
            return
        }
        state.pending[level].append(contentsOf: digest)
        guard state.pending[level].count.isMultiple(of: Self.blockSize) else { return }
        let block = self.digest(state.pending[level].suffix(Self.blockSize))
        if state.pending[level].count >= Self.runSize { try writePending(of: level, &state) }
        try add(block, to: level + 1, &state)
    }

    private func writePending(of level: Int, _ state: inout State) throws(SlotError) {
        let bytes = state.pending[level]
        if bytes.isEmpty { return }
        try write(bytes, at: layout.levels[level].first * Self.blockSize + state.written[level], &state)
        state.written[level] += bytes.count
        state.pending[level].removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: [UInt8], at offset: Int, _ state: inout State) throws(SlotError) {
        do {
            try storage.write(bytes, at: offset)
        } catch {
            throw .storage(error)
        }
        state.runs.append((offset, bytes.count, SHA256.hash(data: bytes)))
    }

    /// `struct verity_sb` of cryptsetup, little endian, in a block of its own.
    private var superblock: [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var bytes = Array("verity\0\0".utf8)
        // The superblock's version, and the format of the hashes.
        bytes += little(1, 4) + little(1, 4)
        bytes += verity.uuid
        bytes += Array("sha256".utf8) + [UInt8](repeating: 0, count: 26)
        bytes += little(Self.blockSize, 4) + little(Self.blockSize, 4)
        bytes += little(layout.dataBlocks, 8)
        bytes += little(verity.salt.count, 2) + [UInt8](repeating: 0, count: 6)
        bytes += verity.salt
        return bytes + [UInt8](repeating: 0, count: Self.blockSize - bytes.count)
    }
}
