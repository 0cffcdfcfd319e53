// SPDX-License-Identifier: Apache-2.0
package import Linux

/// A slot that does not take a release.
package enum SlotError: Error, Equatable, CustomStringConvertible {
    /// Bytes of a partition, and those that the release needs.
    case tooSmall(Partition, found: Int, required: Int)
    /// The disk refused; what is there is to be taken for nothing.
    case storage(SystemCallError)
    /// The segment that was read back is not the one that was written: the disk is not to be trusted.
    case segment(Int, found: [UInt8], expected: [UInt8])
    /// The tree that was read back, at this byte of its partition, is not the one that was written.
    case tree(offset: Int)
    /// All segments are right, and their tree has another root: the manifest contradicts itself.
    case rootHash(found: [UInt8], expected: [UInt8])

    package enum Partition: String, Sendable {
        case data
        case hashes
    }

    package var description: String {
        switch self {
        case .tooSmall(let partition, let found, let required):
            "partition of the slot's \(partition.rawValue): found \(found) bytes, required \(required)"
        case .storage(let error): "slot: \(error)"
        case .segment(let index, let found, let expected):
            "segment \(index) read back: found SHA-256 \(found.hexadecimal), expected \(expected.hexadecimal)"
        case .tree(let offset): "hash tree read back: found other bytes at \(offset) than were written"
        case .rootHash(let found, let expected):
            "root hash: found \(found.hexadecimal), expected \(expected.hexadecimal)"
        }
    }
}

/// Why a frame's content is not written.
package enum SegmentRefusal: Error, Equatable, CustomStringConvertible {
    /// There is no such frame in the manifest.
    case noFrame
    /// The bytes of the running slot that the frame was made against cannot be read.
    case window(SystemCallError)
    case frame(ZstdError)
    /// SHA-256 of the content.
    case hash(found: [UInt8], expected: [UInt8])

    package var description: String {
        switch self {
        case .noFrame: "found no frame in the manifest, expected one"
        case .window(let error): "running slot: \(error)"
        case .frame(let error): "\(error)"
        case .hash(let found, let expected):
            "SHA-256: found \(found.hexadecimal), expected \(expected.hexadecimal)"
        }
    }
}
