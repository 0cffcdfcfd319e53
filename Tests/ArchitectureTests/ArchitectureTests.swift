// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// The house of README: which room stands on which floor.
private let floors: [String: Int] = [
    "CLinux": 0, "CXXHash": 0, "CSQLite": 0, "CZlib": 0, "CZstd": 0, "CCodecs": 0, "CTPM": 0,
    "CXML": 0, "CArchive": 0,
    "Linux": 1, "XML": 1, "ZIP": 1,
    "DICOM": 2, "Admin": 2, "HL7": 2, "IHE": 2, "TUF": 2,
    "Store": 3, "Transfer": 3, "Codecs": 3, "HostNetwork": 3, "Health": 3, "TPM": 3,
    "Provisioning": 3, "Updates": 3, "DMP": 3, "Identity": 3, "WhiteList": 3,
    "Supervisor": 4, "Console": 4, "Source": 4, "Consumer": 4, "Viewer": 4,
    "drimboxd": 5, "drimbox-gateway": 5, "drimbox-codec": 5, "drimbox-netgen": 5, "drimbox-probe": 5,
    "drimboxctl": 5, "drimbox-update": 5, "drimbox-shell": 5, "tuf-client": 5,
    "drimbox": 6,
]

private let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private struct SourceFile {
    let room: String
    let path: String
    let lines: [String]

    /// Modules named by the import lines, whatever their access level.
    var imports: [String] {
        lines.compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard let index = words.firstIndex(of: "import"), index <= 2, index + 1 < words.count else {
                return nil
            }
            guard
                words[..<index].allSatisfy({
                    ["package", "internal", "private", "public"].contains($0) || $0.hasPrefix("@")
                })
            else { return nil }
            return words[index + 1].split(separator: ".").first.map(String.init)
        }
    }

    /// The file's lines without comments.
    var code: [String] {
        lines.map { line in line.range(of: "//").map { String(line[..<$0.lowerBound]) } ?? line }
    }
}

private func sourceFiles() throws -> [SourceFile] {
    let sources = repository.appending(path: "Sources")
    let names = try FileManager.default.subpathsOfDirectory(atPath: sources.path)
    return try names.filter { $0.hasSuffix(".swift") }.sorted().map { name in
        let text = try String(contentsOf: sources.appending(path: name), encoding: .utf8)
        let room = String(name.split(separator: "/")[0])
        return SourceFile(room: room, path: name, lines: text.components(separatedBy: "\n"))
    }
}

@Suite("The house: floors, fences, footprint") struct ArchitectureTests {
    @Test("every room is on the plan") func everyRoomIsOnThePlan() throws {
        let directory = repository.appending(path: "Sources")
        let rooms = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        #expect(Set(rooms) == Set(floors.keys))
    }

    @Test("a room imports lower floors only, and none of its own floor") func importsGoDown() throws {
        let files = try sourceFiles()
        #expect(files.count > 50)
        for file in files {
            let own = try #require(floors[file.room])
            for module in file.imports {
                guard let other = floors[module], module != file.room else { continue }
                #expect(other < own, "\(file.path) (floor \(own)) imports \(module) (floor \(other))")
            }
        }
    }

    @Test("no shipped file imports Foundation, which brings 36 MB of ICU data") func noFoundation() throws {
        for file in try sourceFiles() {
            #expect(!file.imports.contains("Foundation"), "\(file.path)")
        }
    }

    @Test("the languages do no input or output, read no clock and write no log") func languagesArePure()
        throws
    {
        let banned: Set = ["Glibc", "Logging", "NIOCore", "NIOPosix", "NIOHTTP1", "Dispatch", "Hummingbird"]
        for file in try sourceFiles() where floors[file.room] == 2 {
            #expect(banned.isDisjoint(with: file.imports), "\(file.path) imports \(file.imports)")
        }
    }

    @Test("unsafe code stays in the rooms that hold system calls, the database and C libraries")
    func unsafeIsFenced()
        throws
    {
        let unsafe = /\bunsafe\b|\bUnsafe(Raw|Mutable|Buffer|Pointer)/
        for file in try sourceFiles() where !["Linux", "Store", "XML", "ZIP"].contains(file.room) {
            for (number, line) in file.code.enumerated() where line.contains(unsafe) {
                Issue.record("\(file.path):\(number + 1): \(line.trimmingCharacters(in: .whitespaces))")
            }
        }
    }

    @Test("nothing traps on purpose or forces an optional") func nothingTraps() throws {
        for file in try sourceFiles() {
            for (number, line) in file.code.enumerated() {
                for word in ["fatalError(", "try!", " as! "] where line.contains(word) {
                    Issue.record("\(file.path):\(number + 1): \(word)")
                }
            }
        }
    }

    @Test("every source file names its licence and stays below 500 lines") func headersAndLengths() throws {
        for file in try sourceFiles() {
            #expect(file.lines[0] == "// SPDX-License-Identifier: Apache-2.0", "\(file.path)")
            #expect(file.lines.count <= 500, "\(file.path) has \(file.lines.count) lines")
        }
    }

    private static let executables = ["drimbox", "drimbox-codec"]
    private static var release: URL { repository.appending(path: ".build/release") }
    private static var hasRelease: Bool {
        executables.allSatisfy { FileManager.default.fileExists(atPath: release.appending(path: $0).path) }
    }

    @Test(
        "release executables hold no ICU data",
        .enabled(if: hasRelease, "needs the release build that Tests/run makes"),
        arguments: executables
    )
    func noICU(executable: String) throws {
        let bytes = try Data(contentsOf: Self.release.appending(path: executable), options: .mappedIfSafe)
        #expect(bytes.count > 1 << 20)
        #expect(bytes.range(of: Data("icudt".utf8)) == nil)
    }
}
