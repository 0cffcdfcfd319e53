// SPDX-License-Identifier: Apache-2.0
package import Linux

/// One partition of a slot. Its calls block until they have done all they were asked for; several may come at once.
package protocol SlotStorage: Sendable {
    /// Bytes.
    var size: Int { get }
    /// The `count` bytes from `offset` on.
    func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8]
    /// Both where it begins and how much it is are multiples of 4096.
    func write(_ bytes: [UInt8], at offset: Int) throws(SystemCallError)
    /// The `count` bytes from `offset` on become the content of `buffer`.
    func read(_ count: Int, at offset: Int, into buffer: TransferBuffer) throws(SystemCallError)
    /// Writes the content of `buffer`.
    func write(_ buffer: TransferBuffer, at offset: Int) throws(SystemCallError)
    /// Returns when what was written outlasts a power cut.
    func synchronize() throws(SystemCallError)
}

extension SlotStorage {
    package func read(
        _ count: Int,
        at offset: Int,
        into buffer: TransferBuffer
    ) throws(SystemCallError) {
        try buffer.replace(with: read(count, at: offset))
    }

    package func write(_ buffer: TransferBuffer, at offset: Int) throws(SystemCallError) {
        try write(buffer.bytes, at: offset)
    }
}

extension BlockStorage: SlotStorage {}

/// Where a release is written: never the slot that runs.
package struct TargetSlot: Sendable {
    /// The root file system's image.
    package let data: any SlotStorage
    /// Its dm-verity superblock and tree.
    package let hashes: any SlotStorage

    package init(data: any SlotStorage, hashes: any SlotStorage) {
        self.data = data
        self.hashes = hashes
    }
}

/// What the machine runs from: read only.
package struct RunningSlot: Sendable {
    package let data: any SlotStorage
    /// The dm-verity root hash, which chooses the patch.
    package let rootHash: [UInt8]
    /// Of the release that is installed there, if its manifest is known: without it all segments are read once.
    package let root: ReleaseManifest.Root?

    package init(data: any SlotStorage, rootHash: [UInt8], root: ReleaseManifest.Root? = nil) {
        self.data = data
        self.rootHash = rootHash
        self.root = root
    }
}
