// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing

@testable import Linux

@Suite("Small files") final class SmallFileWriteTests {
    private let directory = FileManager.default.temporaryDirectory.appending(
        path: "small-\(UUID().uuidString)"
    )
    private var path: String { directory.appending(path: "file").path }

    init() throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: directory) }

    @Test("a file is made once, and its end stays when less is written over it") func createAndOverwrite()
        throws
    {
        try createFile(path, with: Array("old content".utf8), mode: 0o600)
        #expect(throws: SystemCallError(call: "open", subject: path, errno: EEXIST)) {
            try createFile(path, with: [], mode: 0o600)
        }
        try overwriteFile(path, with: Array("NEW".utf8))
        #expect(try readFile(path, limit: 100) == Array("NEW content".utf8))
        #expect(throws: SystemCallError(call: "read", subject: path, errno: EFBIG)) {
            try readFile(path, limit: 10)
        }
        #expect(throws: SystemCallError(call: "open", subject: path + "x", errno: ENOENT)) {
            try overwriteFile(path + "x", with: [1])
        }
    }

    @Test("a file is replaced with the mode that is asked for, whatever a crash left behind") func replace()
        throws
    {
        try createFile(path + ".new", with: [9], mode: 0o600)
        for content in [Array("one".utf8), [], [UInt8](repeating: 7, count: 300_000)] {
            try replaceFile(path, with: content, mode: 0o640)
            #expect(try readFile(path, limit: 1 << 20) == content)
        }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        #expect(try Directory.names(in: directory.path) == ["file"])
    }
}
