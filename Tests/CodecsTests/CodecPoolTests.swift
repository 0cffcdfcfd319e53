// SPDX-License-Identifier: Apache-2.0
import Codecs
import DICOM
import Foundation
import Linux
import Testing

/// What becomes of a request when its codec process is not what it should be: other programs stand for it.
@Suite("Codec processes that fail") struct CodecPoolTests {
    private static let directory = FileManager.default.temporaryDirectory.path

    private static func input() throws -> FileExtent {
        let file = try OpenFile.unnamed(in: directory)
        try file.append([UInt8](repeating: 0, count: 1000))
        return try file.extent()
    }

    @Test("a process that ends over a request fails this one request, and says how it ended") func crash()
        async throws
    {
        let pool = CodecPool(executable: "/bin/false", directory: Self.directory)
        for _ in 0..<2 {
            await #expect(throws: PixelDataError.crashed("exit status 1")) {
                _ = try await pool.transcode(
                    try Self.input(),
                    to: TransferSyntax.explicitVRLittleEndian
                )
            }
        }
    }

    @Test("a process that does not answer in time is killed, and the next request has another")
    func deadline()
        async throws
    {
        let directory = Self.directory + "/drimbox-codec-\(UUID().uuidString)"
        try Directory.create(directory)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let script = directory + "/sleeper"
        try Data("#!/bin/sh\necho $$ >> \(directory)/pids\nexec sleep 600\n".utf8).write(
            to: URL(filePath: script)
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: script)
        var limits = CodecLimits()
        limits.seconds = 1
        let pool = CodecPool(executable: script, directory: directory, limits: limits)
        for _ in 0..<2 {
            await #expect(throws: PixelDataError.timedOut(seconds: 1)) {
                _ = try await pool.render(try Self.input(), Rendering())
            }
        }
        let pids = try String(contentsOfFile: directory + "/pids", encoding: .utf8).split(separator: "\n")
        #expect(pids.count == 2)
        for pid in pids { #expect(!FileManager.default.fileExists(atPath: "/proc/\(pid)")) }
    }

    @Test("a program that is not there, and a pool that has ended, are told apart from bad pixel data")
    func notThere() async throws {
        let pool = CodecPool(executable: "/nonexistent/codec", directory: Self.directory)
        for _ in 0..<2 {
            do {
                _ = try await pool.render(try Self.input(), Rendering())
                Issue.record("found an image of nothing")
            } catch let error as PixelDataError {
                guard case .notAvailable = error else {
                    Issue.record("found \(error)")
                    return
                }
            }
            await pool.shutdown()
        }
    }
}
