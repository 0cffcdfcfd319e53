// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing
import ZIP

@Suite("ZIP archives") struct ZIPTests {
    private let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "zip-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    private func path(_ name: String) -> String { directory.appending(path: name).path }

    private func python(_ script: String, _ arguments: String...) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script] + arguments
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return text
    }

    private func write(_ name: String) throws -> String {
        let descriptor = open(path(name), O_WRONLY | O_CREAT, 0o600)
        defer { Glibc.close(descriptor) }
        let writer = try ZIPWriter(descriptor: descriptor, path: path(name))
        try writer.add("KA202401/INDEX.HTM", Array("<html/>".utf8), seconds: 1_700_000_000)
        let large = [UInt8](repeating: 0x41, count: 300_000)
        try writer.add("KA202401/IHE_XDM/SS000001/KOS_1_1.DCM", large, seconds: 1_700_000_000)
        try writer.add("KA202401/IHE_XDM/SS000001/CR.TXT", [], seconds: 1_700_000_000)
        try writer.close()
        return path(name)
    }

    private func read(_ path: String, _ limits: ZIPReader.Limits = .init()) throws -> [ZIPReader.File] {
        let reader = try ZIPReader(path: path, limits: limits)
        var files: [ZIPReader.File] = []
        while let file = try reader.next() { files.append(file) }
        return files
    }

    @Test("what is written is read by us, and by Python") func both() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        let archive = try write("a.zip")
        let files = try read(archive)
        #expect(files.map(\.name).first == "KA202401/INDEX.HTM")
        #expect(files.map(\.content.count) == [7, 300_000, 0])
        let script = """
            import sys, zipfile
            archive = zipfile.ZipFile(sys.argv[1])
            assert archive.testzip() is None
            print(*[f"{i.filename}:{i.file_size}:{i.compress_type}" for i in archive.infolist()])
            """
        let seen = try python(script, archive)
        #expect(seen.contains("KA202401/IHE_XDM/SS000001/KOS_1_1.DCM:300000:8"))
    }

    @Test("an archive that Python wrote is read, its directories passed over") func pythons() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        let script = """
            import sys, zipfile
            with zipfile.ZipFile(sys.argv[1], "w") as archive:
                archive.mkdir("KA") if hasattr(archive, "mkdir") else archive.writestr("KA/", "")
                archive.writestr("KA/stored", "abc")
                archive.writestr("KA/deflated", "abc" * 1000, zipfile.ZIP_DEFLATED)
            """
        _ = try python(script, path("b.zip"))
        #expect(
            try read(path("b.zip")).map { "\($0.name):\($0.content.count)" } == [
                "KA/stored:3", "KA/deflated:3000",
            ]
        )
    }

    @Test("what is no archive, or cut short, or too large, is an error that says so") func refused() throws {
        defer { try? FileManager.default.removeItem(at: directory) }
        let archive = try write("c.zip")
        let whole = try Data(contentsOf: URL(filePath: archive))
        try Data("not a ZIP".utf8).write(to: URL(filePath: path("none.zip")))
        #expect(throws: ZIPError.self) { try read(path("none.zip")) }
        #expect(throws: ZIPError.self) { try read(path("absent.zip")) }
        try whole.prefix(200).write(to: URL(filePath: path("cut.zip")))
        #expect(throws: ZIPError.self) { try read(path("cut.zip")) }
        var limits = ZIPReader.Limits()
        limits.bytes = 100_000
        #expect(throws: ZIPError.self) { try read(archive, limits) }
        limits = ZIPReader.Limits()
        limits.files = 2
        #expect(throws: ZIPError.self) { try read(archive, limits) }
    }
}
