// SPDX-License-Identifier: Apache-2.0
import Linux

/// What a release consists of, down to each segment's hash: the file that is signed, and that fixes all others.
///
/// The other files of a release lie beside it: `root.pack`, `patch-<from>.pack`, `uki.efi`.
package struct ReleaseManifest: Equatable, Sendable {
    /// The root file system's image.
    package struct Root: Equatable, Sendable {
        /// Bytes, a multiple of 4096.
        package let size: Int
        /// Bytes of every segment but the last, which may be shorter.
        package let segmentSize: Int
        /// SHA-256 of each segment.
        package let hashes: [[UInt8]]
        package let pack: Pack

        /// Where a segment lies in the root, in bytes.
        package func range(of segment: Int) -> Range<Int> {
            segment * segmentSize..<min(size, (segment + 1) * segmentSize)
        }
    }

    /// A file of Zstandard frames, each the content of one segment.
    package struct Pack: Equatable, Sendable {
        package let sha256: [UInt8]
        /// Bytes.
        package let length: Int
        /// Where the segments' frames lie in the file, in bytes; empty for a segment that has none.
        package let frames: [Range<Int>]
    }

    /// dm-verity, format 1, with data and hash blocks of 4096 bytes and a superblock at the hash partition's start.
    package struct Verity: Equatable, Sendable {
        /// Bytes of a data block and of a block of the tree.
        package static let blockSize = 4096

        package let rootHash: [UInt8]
        package let salt: [UInt8]
        /// 16 bytes.
        package let uuid: [UInt8]
    }

    /// A unified kernel image: what the firmware starts.
    package struct KernelImage: Equatable, Sendable {
        package let sha256: [UInt8]
        /// Bytes.
        package let length: Int
    }

    /// Frames made against the root of an older release.
    package struct Patch: Equatable, Sendable {
        /// The dm-verity root hash of that release.
        package let fromRootHash: [UInt8]
        package let pack: Pack
        /// The bytes of the old root that each segment's frame was made against.
        package let windows: [Range<Int>]

        package var fileName: String { "patch-\(fromRootHash.prefix(4).hexadecimal).pack" }
    }

    /// What becomes of `/var` with this release.
    package struct DataFormat: Equatable, Sendable {
        package let schema: Int
        /// Whether the release before can read it again.
        package let isDowngradable: Bool
    }

    /// The vendor's leave to raise the TPM's floor.
    package struct Floor: Equatable, Sendable {
        package let value: Int
        package let signature: [UInt8]
    }

    package static let fileName = "manifest.json"
    package static let rootPackName = "root.pack"
    package static let kernelImageName = "uki.efi"

    package let release: ReleaseVersion
    package let root: Root
    package let verity: Verity
    package let kernelImage: KernelImage
    package let patches: [Patch]
    /// Seconds in which a first start must prove itself.
    package let healthDeadline: Int
    package let data: DataFormat
    package let floor: Floor?

    /// The directory of the release's files below the repository's targets.
    package static func directory(of release: ReleaseVersion) -> String { "releases/\(release)" }

    /// The name of one of the release's files below the repository's targets.
    package func path(_ fileName: String) -> String { "\(Self.directory(of: release))/\(fileName)" }
}
