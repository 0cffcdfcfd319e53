// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import Testing

@testable import TUF

/// Repositories made by python-tuf on the spot, and what its own client finds in them.
enum Reference {
    static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let python = package.appending(path: ".build/python/bin/python")

    static func run(_ script: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = python
        process.arguments = [package.appending(path: "Tests/Support/\(script)").path] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) {
            $1
        }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    static let canRun: Bool = {
        guard FileManager.default.isExecutableFile(atPath: python.path) else { return false }
        let process = Process()
        process.executableURL = python
        process.arguments = ["-c", "import tuf"]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()
}

@Suite(
    "Repositories made by python-tuf",
    .enabled(if: Reference.canRun, "needs tuf in .build/python"),
    .serialized
)
final class ReferenceTests {
    private static let scenarios = [
        "rotations-ed25519", "rotations-ecdsa", "rotations-rsa", "thresholds", "delegations-consistent",
        "delegations-plain", "bins", "canonical",
    ]

    /// Written once for all tests of the run.
    private static let directory: Result<URL, any Error> = Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "drimbox-tuf-\(UUID())")
        let (status, output) = try Reference.run("tuf_repository.py", [directory.path])
        try #require(status == 0, "\(output)")
        return directory
    }

    private func bytes(_ url: URL) -> [UInt8]? { (try? Data(contentsOf: url)).map(Array.init) }

    @Test("each release gives what the reference client finds, and its bytes are kept", arguments: scenarios)
    func releases(name: String) throws {
        let scenario = try Self.directory.get().appending(path: name)
        let root = try #require(bytes(scenario.appending(path: "root.json")))
        var disk: [String: [UInt8]] = [:]
        var release = 1
        while let reference = bytes(scenario.appending(path: "\(release)/reference.txt")) {
            let here = scenario.appending(path: "\(release)")
            let expected = String(decoding: reference, as: UTF8.self).split(separator: "\n")
            let now = UTCTime(seconds: Int64(Date().timeIntervalSince1970))
            var updater = try Updater(bootstrap: root, startTime: now)
            try converse(&updater, here, &disk)
            for line in expected {
                let end = try #require(line.lastIndex(of: " "))
                let path = String(line[..<end])
                try updater.search(for: path)
                try converse(&updater, here, &disk)
                let hash = updater.target?.hashes.sha256 ?? "-"
                #expect(hash == line[line.index(after: end)...], "release \(release), \(path)")
                guard let target = updater.target else { continue }
                let consistent = updater.trusted.root.consistentSnapshot
                let name = target.repositoryPath(consistentSnapshot: consistent)
                let file = here.appending(path: "targets").path + "/" + (name.removingPercentEncoding ?? "")
                var verifier = TargetVerifier(target)
                try verifier.take(try #require(bytes(URL(filePath: file))))
                try verifier.finish()
            }
            #expect(disk["timestamp.json"] == bytes(here.appending(path: "metadata/timestamp.json")))
            release += 1
        }
        #expect(release > 1)
        if name == "thresholds" {
            #expect(disk["2.root.json"] != nil)
        }
        if name.hasPrefix("rotations") {
            #expect(disk["5.root.json"] != nil && disk["6.root.json"] == nil)
        }
    }

    private func converse(_ updater: inout Updater, _ here: URL, _ disk: inout [String: [UInt8]]) throws {
        while let request = updater.request {
            switch request {
            case .load(let file): try updater.answer(disk[file.fileName])
            case .fetch(let file):
                try updater.answer(bytes(URL(filePath: here.path + "/metadata/" + file.path)))
            case .store(let file, let bytes):
                disk[file.fileName] = bytes
                try updater.answer(nil)
            case .remove(let file):
                disk[file.fileName] = nil
                try updater.answer(nil)
            }
        }
    }

    @Test("the command line client is judged right in every case", .timeLimit(.minutes(10)))
    func commandLine() throws {
        let client = try #require(
            ["release", "debug"].map { Reference.package.appending(path: ".build/\($0)/tuf-client") }
                .compactMap { url in try? (url, url.resourceValues(forKeys: [.contentModificationDateKey])) }
                // The one that was built last.
                .max {
                    ($0.1.contentModificationDate ?? .distantPast)
                        < ($1.1.contentModificationDate ?? .distantPast)
                }?
                .0
        )
        let (status, output) = try Reference.run("tuf_conformance.py", [client.path])
        #expect(status == 0, "\(output)")
    }
}
