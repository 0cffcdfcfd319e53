// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Linux
import Testing

@testable import Updates

@Suite("Files: a slot pair, a stick, and frames by the zstd command") struct FileTests {
    /// The release's files as a vendor leaves them below `directory`.
    private func write(_ release: TestRelease, to directory: String) throws {
        for (name, bytes) in release.files {
            let url = URL(filePath: directory).appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(bytes).write(to: url)
        }
    }

    private func storage(_ path: String, bytes: [UInt8]) throws -> BlockStorage {
        try Data(bytes).write(to: URL(filePath: path))
        return try BlockStorage(opening: path, isWritable: true)
    }

    @Test("a stick's release goes into a slot past the page cache, and veritysetup verifies it")
    func stick() async throws {
        let (old, new) = try TestRelease.pair.get()
        try await TemporaryDirectory.with { directory in
            try write(new, to: directory + "/stick")
            let (size, blocks) = (new.image.count + 8192, new.tree.count + 4096)
            let target = TargetSlot(
                data: try storage(directory + "/b", bytes: [UInt8](repeating: 1, count: size)),
                hashes: try storage(directory + "/b.hashes", bytes: [UInt8](repeating: 1, count: blocks))
            )
            let running = RunningSlot(
                data: try storage(directory + "/a", bytes: old.image),
                rootHash: old.manifest.verity.rootHash
            )
            let installation = try Installation(
                of: new.manifest,
                from: try DirectorySource(directory + "/stick"),
                into: target,
                running: running
            )
            let outcome = try await installation.run()
            #expect(outcome.progress.segmentsPatched == 3)
            #expect(outcome.progress.segmentsCopied == 5)
            let written = Array(try Data(contentsOf: URL(filePath: directory + "/b")))
            #expect(Array(written.prefix(new.image.count)) == new.image)
            #expect(written.suffix(8192).allSatisfy { $0 == 1 })
            let root = new.manifest.verity.rootHash.hexadecimal
            let arguments = ["verify", directory + "/b", directory + "/b.hashes", root]
            #expect(try Tool.run("/usr/sbin/veritysetup", arguments).status == 0)
        }
    }

    @Test("frames by the zstd command, with a prefix of 16 MiB and without, are decoded") func command()
        throws
    {
        let old = Pseudorandom.bytes(16 << 20, seed: 31)
        var content = Array(old[(12 << 20)..<(16 << 20)])
        content.replaceSubrange(5000..<9000, with: Pseudorandom.bytes(4000, seed: 32))
        try TemporaryDirectory.with { directory in
            let (from, to) = (directory + "/from", directory + "/to")
            try Data(old).write(to: URL(filePath: from))
            try Data(content).write(to: URL(filePath: to))
            for arguments in [["-q", "-9", "--long=25", "--patch-from=\(from)"], ["-q", "-3"]] {
                let result = try Tool.run("/usr/bin/zstd", arguments + ["-f", to, "-o", to + ".zst"])
                #expect(result.status == 0, "\(result.output)")
                let frame = Array(try Data(contentsOf: URL(filePath: to + ".zst")))
                let isPatch = arguments.count > 2
                #expect(isPatch == (frame.count < 100_000))
                let decoder = try ZstdDecoder()
                let output = try TransferBuffer(capacity: content.count)
                let prefix = try TransferBuffer(capacity: old.count)
                try prefix.replace(with: old)
                try decoder.decode(
                    frame,
                    0..<frame.count,
                    count: content.count,
                    prefix: isPatch ? prefix : nil,
                    into: output
                )
                #expect(output.bytes == content)
                if isPatch {
                    #expect(throws: ZstdError.self) {
                        try decoder.decode(frame, 0..<frame.count, count: content.count, into: output)
                    }
                    #expect(output.count == 0)
                    // A prefix does not stay for the frame after it.
                    let plain = Zstd.frame(content)
                    try decoder.decode(plain, 0..<plain.count, count: content.count, into: output)
                    #expect(output.bytes == content)
                }
            }
        }
    }

    @Test("a window of more than 2^25 bytes, no frame, a cut frame: refused") func decoder() throws {
        let decoder = try ZstdDecoder()
        let output = try TransferBuffer(capacity: 10_000)
        let content = Pseudorandom.bytes(10_000, seed: 3)
        let frame = Zstd.frame(content)
        for count in 0..<frame.count {
            #expect(throws: ZstdError.self) {
                try decoder.decode(frame, 0..<count, count: 10_000, into: output)
            }
        }
        #expect(throws: ZstdError.frameLength(found: frame.count + 4, expected: frame.count)) {
            try decoder.decode(frame + [1, 2, 3, 4], 0..<frame.count + 4, count: 10_000, into: output)
        }
        // RFC 8878, 3.1.1.1: a window of 2^26 bytes and 4 bytes of content size; then of 2^25,
        // where the empty block is what is wrong.
        let header = { (window: UInt8) in
            [0x28, 0xB5, 0x2F, 0xFD, 0x80, window, 0x10, 0x27, 0, 0, 1, 0, 0] as [UInt8]
        }
        #expect(throws: ZstdError.window(found: 1 << 26)) {
            try decoder.decode(header(16 << 3), 0..<13, count: 10_000, into: output)
        }
        #expect(throws: ZstdError.library("Data corruption detected")) {
            try decoder.decode(header(15 << 3), 0..<13, count: 10_000, into: output)
        }
        #expect(throws: ZstdError.library("no room for 10000 bytes")) {
            let small = try TransferBuffer(capacity: 9999)
            try decoder.decode(frame, 0..<frame.count, count: 10_000, into: small)
        }
    }

    @Test("what lies outside the stick, or is a link, a directory or a pipe, is refused") func links()
        async throws
    {
        try await TemporaryDirectory.with { directory in
            let stick = directory + "/stick"
            try FileManager.default.createDirectory(
                atPath: stick + "/releases",
                withIntermediateDirectories: true
            )
            try Data("secret".utf8).write(to: URL(filePath: directory + "/secret"))
            try Data("inside".utf8).write(to: URL(filePath: stick + "/releases/file"))
            try FileManager.default.createSymbolicLink(
                atPath: stick + "/releases/link",
                withDestinationPath: directory + "/secret"
            )
            try FileManager.default.createSymbolicLink(atPath: stick + "/up", withDestinationPath: directory)
            #expect(mkfifo(stick + "/releases/pipe", 0o600) == 0)
            let source = try DirectorySource(stick)
            #expect(try await source.read("releases/file", 2..<6) == Array("side".utf8))
            let refused = [
                "../secret", "releases/../../secret", "/etc/passwd", "releases/link", "up/secret", "releases",
                "releases/pipe", "releases//file", "./releases/file", "",
            ]
            for name in refused {
                let error = await #expect(throws: SourceFailure.self, "\(name)") {
                    try await source.read(name, 0..<4)
                }
                #expect(error?.kind == .refused, "\(String(describing: error))")
            }
            for (name, range) in [("releases/none", 0..<1), ("releases/file", 4..<7), ("none/file", 0..<1)] {
                let error = await #expect(throws: SourceFailure.self) { try await source.read(name, range) }
                #expect(error?.kind == .gone, "\(String(describing: error))")
            }
        }
    }

    @Test("a storage reads any bytes, writes whole blocks, and neither behind its end") func storage() throws
    {
        try TemporaryDirectory.with { directory in
            let bytes = Pseudorandom.bytes(5 << 20, seed: 12)
            let storage = try storage(directory + "/disk", bytes: bytes)
            #expect(storage.size == 5 << 20)
            for range in [0..<1, 4095..<4097, 1000..<(5 << 20), (5 << 20) - 1..<5 << 20, 77..<77] {
                #expect(try storage.read(range.count, at: range.lowerBound) == Array(bytes[range]))
            }
            let other = Pseudorandom.bytes(8192, seed: 13)
            try storage.write(other, at: 4096)
            try storage.synchronize()
            #expect(try storage.read(8192, at: 4096) == other)
            #expect(try storage.read(4096, at: 0) == Array(bytes.prefix(4096)))
            #expect(try storage.read(4096, at: 12_288) == Array(bytes[12_288..<16_384]))
            let place = { (offset: Int) in "\(directory)/disk at \(offset)" }
            #expect(throws: SystemCallError(call: "pread", subject: place(5 << 20), errno: EIO)) {
                try storage.read(1, at: 5 << 20)
            }
            #expect(throws: SystemCallError(call: "pwrite", subject: place(5 << 20), errno: ENOSPC)) {
                try storage.write(other, at: 5 << 20)
            }
            #expect(throws: SystemCallError(call: "pwrite", subject: place(1), errno: EINVAL)) {
                try storage.write(other, at: 1)
            }
        }
    }

    @Test("a buffer takes any bytes of a storage, and gives whole blocks back, without a copy") func buffer()
        throws
    {
        try TemporaryDirectory.with { directory in
            let bytes = Pseudorandom.bytes(5 << 20, seed: 12)
            let storage = try storage(directory + "/disk", bytes: bytes)
            let buffer = try TransferBuffer(capacity: 1 << 20)
            for range in [0..<1, 4095..<4097, 1000..<1000 + (1 << 20), (5 << 20) - 1..<5 << 20, 77..<77] {
                try storage.read(range.count, at: range.lowerBound, into: buffer)
                #expect(buffer.bytes == Array(bytes[range]))
            }
            try storage.read(8192, at: 4096, into: buffer)
            try storage.write(buffer, at: 1 << 20)
            #expect(try storage.read(8192, at: 1 << 20) == Array(bytes[4096..<12_288]))
            var part = [7] as [UInt8]
            buffer.copy(4090..<4100, to: &part)
            #expect(part == Array(bytes[8186..<8196]))
            let place = { (offset: Int) in "\(directory)/disk at \(offset)" }
            #expect(throws: SystemCallError(call: "pread", subject: place(4096), errno: ENOBUFS)) {
                try storage.read((1 << 20) + 1, at: 4096, into: buffer)
            }
            #expect(throws: SystemCallError(call: "pread", subject: place(5 << 20), errno: EIO)) {
                try storage.read(1, at: 5 << 20, into: buffer)
            }
            #expect(throws: SystemCallError(call: "pwrite", subject: place(5 << 20), errno: ENOSPC)) {
                try storage.write(buffer, at: 5 << 20)
            }
            // From the middle of a block, O_DIRECT writes nothing.
            try storage.read(8192, at: 100, into: buffer)
            #expect(throws: SystemCallError(call: "pwrite", subject: place(0), errno: EINVAL)) {
                try storage.write(buffer, at: 0)
            }
            #expect(throws: SystemCallError.self) { try buffer.replace(with: bytes) }
            buffer.giveBack()
            #expect(buffer.count == 0)
            try storage.read(8192, at: 4096, into: buffer)
            #expect(buffer.bytes == Array(bytes[4096..<12_288]))
        }
    }
}
