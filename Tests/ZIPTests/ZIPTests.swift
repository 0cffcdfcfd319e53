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

    @Test("files that are stored, as Python and libarchive read them; beyond 65535 of them and 4 GiB as well")
    func layout() throws {
        let file = path("stored.zip")
        var layout = ZIPLayout(year: 2026, month: 11, day: 28)
        // The checks of "abc" and of nothing.
        var bytes = layout.add("DICOM/IM000000", size: 3, crc32: 0x3524_41C2) + Array("abc".utf8)
        bytes += layout.add("EMPTY", size: 0, crc32: 0)
        bytes += layout.end()
        try Data(bytes).write(to: URL(filePath: file))
        let script =
            "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), z.namelist(), z.infolist()[0].date_time[:3])"
        #expect(
            try python(script, file) == "None ['DICOM/IM000000', 'EMPTY'] (2026, 11, 28)\n"
        )
        let reader = try ZIPReader(path: file)
        #expect(try reader.next()?.content == Array("abc".utf8))

        // A hole of 5 GiB, and what lies behind it.
        let large = path("large.zip")
        var long = ZIPLayout(year: 2026, month: 11, day: 28)
        let head = long.add("HOLE", size: 5 << 30, crc32: 0)
        let next = long.add("NEXT", size: 3, crc32: 0x3524_41C2)
        let descriptor = open(large, O_WRONLY | O_CREAT, 0o600)
        defer { Glibc.close(descriptor) }
        #expect(pwrite(descriptor, head, head.count, 0) == head.count)
        let rest = next + Array("abc".utf8) + long.end()
        #expect(pwrite(descriptor, rest, rest.count, off_t(head.count + 5 << 30)) == rest.count)
        let names =
            "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print([(i.filename, i.file_size) for i in z.infolist()], z.read('NEXT'))"
        #expect(try python(names, large) == "[('HOLE', 5368709120), ('NEXT', 3)] b'abc'\n")

        var many = ZIPLayout(year: 2026, month: 11, day: 28)
        var all: [UInt8] = []
        for number in 0..<70_000 { all += many.add("\(number)", size: 0, crc32: 0) }
        try Data(all + many.end()).write(to: URL(filePath: path("many.zip")))
        let count = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))"
        #expect(try python(count, path("many.zip")) == "70000\n")
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
