// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// What an end-to-end test works on: the release executables, tools, and a directory of its own.
enum Bench {
    static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let release = repository.appending(path: ".build/release")
    static let support = repository.appending(path: "Tests/Support")
    static let python = repository.appending(path: ".build/python/bin/python").path

    /// The release executables are made by Tests/run before the tests.
    static var hasExecutables: Bool {
        [
            "drimboxd", "drimbox-gateway", "drimbox-codec", "drimbox-netgen", "drimbox-probe",
            "drimbox-update", "drimbox-shell",
            "drimboxctl",
        ]
        .allSatisfy {
            FileManager.default.isExecutableFile(atPath: release.appending(path: $0).path)
        }
    }

    /// The official and real samples, which are not part of the repository.
    static var samples: URL? {
        let path =
            ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"]
            ?? repository.deletingLastPathComponent().appending(path: "shared/data").path
        return FileManager.default.fileExists(atPath: path + "/dicom") ? URL(filePath: path) : nil
    }

    static func has(_ tool: String) -> Bool {
        find(tool) != nil
    }

    static func find(_ tool: String) -> String? {
        if tool.contains("/") { return FileManager.default.isExecutableFile(atPath: tool) ? tool : nil }
        return ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"].map { "\($0)/\(tool)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// A loopback port that is free now, and stays so: connections that go out get none below 32768, and another run of
    /// tests beside this one hardly draws the same.
    static func freePort() throws -> Int {
        for _ in 0..<100 {
            let port = UInt16.random(in: 12_000..<32_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isBound { return Int(port) }
        }
        throw NoFreePort()
    }

    struct NoFreePort: Error {}
}

/// A directory that goes with the test.
final class TemporaryDirectory {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "drimbox-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func appending(_ path: String) -> URL { url.appending(path: path) }

    func directory(_ name: String) throws -> URL {
        let directory = appending(name)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }
}

struct CommandResult {
    let status: Int32
    let output: String
    let errors: String
}

/// Runs a tool to its end. Output goes through files, so that no pipe can fill.
@discardableResult
func run(
    _ tool: String,
    _ arguments: [String],
    environment: [String: String] = [:],
    seconds: Double = 300
) throws -> CommandResult {
    let directory = try TemporaryDirectory()
    let output = directory.appending("output")
    let errors = directory.appending("errors")
    let process = try SpawnedProcess(
        try #require(Bench.find(tool), "\(tool) is not installed"),
        arguments,
        environment: environment,
        output: output.path,
        errors: errors.path
    )
    let deadline = Date.now.addingTimeInterval(seconds)
    while process.isRunning, Date.now < deadline { usleep(2_000) }
    if process.isRunning {
        process.signal(SIGKILL)
        Issue.record("\(tool) did not end within \(seconds) s")
    }
    return CommandResult(
        status: process.waitUntilExit(),
        output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
        errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    )
}

/// A server of the test, ended by its PID.
final class Server {
    let process: SpawnedProcess
    let log: URL

    init(_ executable: String, _ arguments: [String], log: URL, environment: [String: String] = [:]) throws {
        self.log = log
        process = try SpawnedProcess(
            try #require(Bench.find(executable), "\(executable) is not installed"),
            arguments,
            environment: environment,
            output: log.path,
            errors: log.path
        )
    }

    var pid: Int32 { process.pid }

    var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    func signal(_ signal: Int32) {
        process.signal(signal)
    }

    /// Ends the process and waits for it; the exit status.
    @discardableResult
    func end(_ signal: Int32 = SIGTERM, seconds: Double = 20) -> Int32 {
        process.signal(signal)
        let deadline = Date.now.addingTimeInterval(seconds)
        while process.isRunning, Date.now < deadline { usleep(2_000) }
        process.signal(SIGKILL)
        return process.waitUntilExit()
    }

    deinit {
        process.signal(SIGKILL)
        _ = process.waitUntilExit()
    }

    /// Kilobytes; `VmHWM` is the peak, `VmRSS` now.
    func memory(_ field: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(field + ":") } ?? ""
        return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
    }
}

/// Waits until `condition` holds; false when it did not within `seconds`.
func eventually(within seconds: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date.now.addingTimeInterval(seconds)
    while Date.now < deadline {
        if try condition() { return true }
        usleep(20_000)
    }
    return false
}
