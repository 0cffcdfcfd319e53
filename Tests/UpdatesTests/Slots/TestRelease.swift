// SPDX-License-Identifier: Apache-2.0
import CZstd
import Crypto
import Foundation
import Linux

@testable import Updates

/// A release as a vendor makes it: frames by libzstd, the hash tree by veritysetup.
struct TestRelease: Sendable {
    static let segmentSize = 64 << 10
    static let salt = [UInt8](repeating: 0xA5, count: 32)
    static let uuid = "11111111-2222-3333-4444-555555555555"

    let image: [UInt8]
    /// The hash partition.
    let tree: [UInt8]
    let manifest: ReleaseManifest
    let json: [UInt8]
    /// By name below the targets.
    var files: [String: [UInt8]]

    var directory: String { ReleaseManifest.directory(of: manifest.release) }

    init(
        _ version: String,
        image: [UInt8],
        kernel: [UInt8] = Pseudorandom.bytes(100_000, seed: 77),
        from old: TestRelease? = nil
    ) throws {
        let segments = stride(from: 0, to: image.count, by: Self.segmentSize).map {
            Array(image[$0..<min(image.count, $0 + Self.segmentSize)])
        }
        let (pack, frames) = Self.pack(segments.map { Zstd.frame($0) })
        let (tree, rootHash) = try Verity.format(image, salt: Self.salt, uuid: Self.uuid)
        var files = ["root.pack": pack, "uki.efi": kernel]
        var patches: [[String: Any]] = []
        if let old {
            var windows: [[Int]] = []
            let frames = segments.enumerated().map { index, segment -> [UInt8] in
                let start = max(0, min(old.image.count - 1, index * Self.segmentSize - Self.segmentSize))
                let window = start..<min(old.image.count, start + 4 * Self.segmentSize)
                windows.append([window.lowerBound, window.count])
                let isThere = old.manifest.root.hashes.contains(Array(SHA256.hash(data: segment)))
                return isThere ? [] : Zstd.frame(segment, prefix: Array(old.image[window]))
            }
            let (bytes, places) = Self.pack(frames)
            let from = old.manifest.verity.rootHash
            files["patch-\(from.prefix(4).hexadecimal).pack"] = bytes
            patches.append([
                "from_roothash": from.hexadecimal, "src_windows": windows,
                "pack": ["sha256": Self.sha256(bytes), "len": bytes.count, "frames": places],
            ])
        }
        let members: [String: Any] = [
            "format": 1, "release": version,
            "root": [
                "size": image.count, "segment": Self.segmentSize, "seg_sha256": segments.map(Self.sha256),
                "pack": ["sha256": Self.sha256(pack), "len": pack.count, "frames": frames],
            ],
            "verity": [
                "roothash": rootHash, "salt": Self.salt.hexadecimal, "uuid": Self.uuid, "alg": "sha256",
            ],
            "uki": ["sha256": Self.sha256(kernel), "len": kernel.count],
            "patches": patches, "health": ["deadline_s": 900],
            "data": ["schema": 3, "downgradable": true],
        ]
        json = Array(try JSONSerialization.data(withJSONObject: members, options: .sortedKeys))
        manifest = try ReleaseManifest(parsing: json)
        self.image = image
        self.tree = tree
        self.files = [:]
        for (name, bytes) in files { self.files[manifest.path(name)] = bytes }
    }

    private static func sha256(_ bytes: [UInt8]) -> String { SHA256.hash(data: bytes).hexadecimal }

    private static func pack(_ frames: [[UInt8]]) -> (bytes: [UInt8], places: [[Int]]) {
        var bytes: [UInt8] = []
        var places: [[Int]] = []
        for frame in frames {
            places.append(frame.isEmpty ? [0, 0] : [bytes.count, frame.count])
            bytes += frame
        }
        return (bytes, places)
    }
}

extension TestRelease {
    /// Two releases that share segments, in place and moved, and differ a little or wholly in others.
    static let pair = Result {
        let kernel = Pseudorandom.bytes(90_000, seed: 78)
        let old = try TestRelease("2026.9.0", image: oldImage, kernel: kernel)
        return (old: old, new: try TestRelease("2026.10.0", image: newImage, from: old))
    }

    private static let oldImage = Pseudorandom.bytes(7 * segmentSize + 12_288, seed: 1)

    private static var newImage: [UInt8] {
        var image = oldImage
        // Segment 1: some blocks. Segment 3: another's content. Segment 5: new. The last: longer.
        image.replaceSubrange(
            segmentSize + 4096..<segmentSize + 8192,
            with: Pseudorandom.bytes(4096, seed: 2)
        )
        image.replaceSubrange(3 * segmentSize..<4 * segmentSize, with: oldImage[0..<segmentSize])
        image.replaceSubrange(
            5 * segmentSize..<6 * segmentSize,
            with: Pseudorandom.bytes(segmentSize, seed: 3)
        )
        return image + Pseudorandom.bytes(8192, seed: 4)
    }
}

/// The same bytes for the same seed.
enum Pseudorandom {
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        /// SplitMix64.
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = Generator(state: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            var value = generator.next()
            for _ in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: value))
                value >>= 8
            }
        }
        return Array(bytes.prefix(count))
    }
}

/// libzstd's other half.
enum Zstd {
    /// With its content's size and a checksum.
    static func frame(_ content: [UInt8], prefix: [UInt8] = [], windowLog: Int32 = 0) -> [UInt8] {
        let context = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 3)
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        if windowLog > 0 { ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog) }
        return prefix.withUnsafeBytes { prefix in
            if prefix.count > 0 { ZSTD_CCtx_refPrefix(context, prefix.baseAddress, prefix.count) }
            return [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(content.count)) { output, count in
                count = ZSTD_compress2(context, output.baseAddress, output.count, content, content.count)
            }
        }
    }
}

/// cryptsetup's veritysetup.
enum Verity {
    /// The hash partition and the root hash, in hexadecimal digits.
    static func format(_ data: [UInt8], salt: [UInt8], uuid: String) throws -> (tree: [UInt8], root: String) {
        try TemporaryDirectory.with { directory in
            let (image, tree) = (directory + "/data", directory + "/tree")
            try Data(data).write(to: URL(filePath: image))
            let result = try Tool.run(
                "/usr/sbin/veritysetup",
                ["format", "--salt=\(salt.isEmpty ? "-" : salt.hexadecimal)", "--uuid=\(uuid)", image, tree]
            )
            guard result.status == 0,
                let line = result.output.split(separator: "\n").last(where: { $0.hasPrefix("Root hash:") }),
                let root = line.split(separator: " ").last
            else { throw Tool.Failure(output: result.output) }
            return (
                Array(try Data(contentsOf: URL(filePath: tree))), root.trimmingCharacters(in: .whitespaces)
            )
        }
    }

    /// Whether veritysetup finds the data as the tree says.
    static func verifies(_ data: [UInt8], _ tree: [UInt8], root: String) throws -> Bool {
        try TemporaryDirectory.with { directory in
            let (image, hashes) = (directory + "/data", directory + "/tree")
            try Data(data).write(to: URL(filePath: image))
            try Data(tree).write(to: URL(filePath: hashes))
            return try Tool.run("/usr/sbin/veritysetup", ["verify", image, hashes, root]).status == 0
        }
    }
}

enum Tool {
    struct Failure: Error { let output: String }

    static func run(_ path: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}

enum TemporaryDirectory {
    static func with<Value>(_ body: (String) throws -> Value) throws -> Value {
        let url = FileManager.default.temporaryDirectory.appending(path: "updates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url.path)
    }

    static func with<Value: Sendable>(_ body: (String) async throws -> Value) async throws -> Value {
        let url = FileManager.default.temporaryDirectory.appending(path: "updates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try await body(url.path)
    }
}
