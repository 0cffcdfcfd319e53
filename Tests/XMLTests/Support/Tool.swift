// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Programs that other implementations are asked through.
enum Tool {
    static let xmllint = find("xmllint")
    static let xmlsec1 = find("xmlsec1")
    static let openssl = find("openssl")
    /// A Python with signxml: the repository's own, or the system's.
    static let signxml: String? = {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let own = repository.appendingPathComponent(".build/python/bin/python").path
        return ([own] + places("python3")).first {
            (try? run($0, ["-c", "import signxml, lxml"]))?.status == 0
        }
    }()

    private static func find(_ name: String) -> String? {
        places(name).first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func places(_ name: String) -> [String] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }
    }

    struct Answer {
        let status: Int32
        let output: [UInt8]
        var text: String { String(decoding: output, as: UTF8.self) }
    }

    /// Runs a program and takes its standard output, and its standard error with it where `errors`.
    static func run(_ path: String, _ arguments: [String], errors: Bool = false) throws -> Answer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = errors ? pipe : FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Answer(status: process.terminationStatus, output: [UInt8](output))
    }
}

/// A directory that goes with its owner.
final class Scratch {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("xml-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: directory.appendingPathComponent(name))
        return path(name)
    }

    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: directory.appendingPathComponent(name)))
    }
}
