// SPDX-License-Identifier: Apache-2.0
import Foundation
import NIOHTTP1

@testable import Updates

/// `update_server.py` in a process of its own.
final class TestServer {
    struct Seen: Decodable {
        struct Connection: Decodable {
            /// Seconds since the server began to answer.
            let seconds: Double
            let lastEventID: String?

            init(from decoder: any Decoder) throws {
                var container = try decoder.unkeyedContainer()
                seconds = try container.decode(Double.self)
                lastEventID = try container.decodeIfPresent(String.self)
            }
        }

        let connections: [Connection]
        let states: [[String: String]]
    }

    let port: Int
    private let process: Process
    private let scheme: String
    private let control: UpdateServer

    var url: String { "\(scheme)://127.0.0.1:\(port)" }

    /// `tls`: its certificate. `clients`: those that it lets in, if not all.
    init(
        _ tree: String,
        port: Int = 0,
        tls: TestCertificate? = nil,
        clients: TestCertificate? = nil,
        retry: Int? = nil
    ) throws {
        var arguments = [tree, "--port", "\(port)"]
        if let tls { arguments += ["--tls", tls.path, tls.key] }
        if let clients { arguments += ["--clients", clients.path] }
        if let retry { arguments += ["--retry", "\(retry)"] }
        let (process, line) = try TestSupport.start("update_server.py", arguments)
        guard let port = line.split(separator: " ").last.flatMap({ Int($0) }) else {
            throw Tool.Failure(output: line)
        }
        self.process = process
        self.port = port
        scheme = tls == nil ? "http" : "https"
        var options = UpdateServerOptions()
        options.authorities = tls?.path
        options.identity = clients.map { ($0.path, $0.key) }
        control = try UpdateServer("\(scheme)://127.0.0.1:\(port)", options)
    }

    func stop() async {
        await control.close()
        await TestSupport.end(process)
    }

    func send(_ wish: String) async throws {
        _ = try await control.execute("control", method: .POST, body: Array(wish.utf8), statuses: 200...200)
    }

    func seen() async throws -> Seen {
        let response = try await control.execute("control", statuses: 200...200)
        let bytes = try await control.collect(response, of: "control", limit: 1 << 20)
        return try JSONDecoder().decode(Seen.self, from: Data(bytes))
    }

    static func with(
        _ tree: String,
        tls: TestCertificate? = nil,
        clients: TestCertificate? = nil,
        retry: Int? = nil,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let server = try TestServer(tree, tls: tls, clients: clients, retry: retry)
        do { try await body(server) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }
}

/// `loopback_proxy.py` in a process of its own.
enum TestProxy {
    static func with(_ arguments: [String], _ body: (Int) async throws -> Void) async throws {
        let (process, line) = try TestSupport.start("loopback_proxy.py", ["0"] + arguments)
        do {
            guard let port = line.split(separator: " ").last.flatMap({ Int($0) }) else {
                throw Tool.Failure(output: line)
            }
            try await body(port)
        } catch {
            await TestSupport.end(process)
            throw error
        }
        await TestSupport.end(process)
    }
}

/// A certificate that vouches for itself, made by openssl.
struct TestCertificate: Sendable {
    let path: String
    var key: String { path + ".key" }

    init(_ path: String, names: String) throws {
        self.path = path
        let result = try Tool.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2", "-subj", "/CN=update", "-addext", "subjectAltName=\(names)", "-keyout", path + ".key",
                "-out", path,
            ]
        )
        if result.status != 0 { throw Tool.Failure(output: result.output) }
    }
}

/// The programs of Tests/Support, and what they make.
enum TestSupport {
    private static let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let vendorPython = top.appending(path: ".build/release-python/bin/python").path
    static let canPublish = FileManager.default.isExecutableFile(atPath: vendorPython)

    static func script(_ name: String) -> String { top.appending(path: "Tests/Support/\(name)").path }

    /// The process, and its first line.
    static func start(_ name: String, _ arguments: [String]) throws -> (Process, String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-B", script(name)] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var line: [UInt8] = []
        while !line.contains(10) {
            let bytes = pipe.fileHandleForReading.availableData
            if bytes.isEmpty { break }
            line += bytes
        }
        line = Array(line.prefix { $0 != 10 })
        return (process, String(decoding: line, as: UTF8.self))
    }

    static func end(_ process: Process) async {
        // A child of a pool's thread inherits its signal mask, and SIGTERM is in it.
        kill(process.processIdentifier, SIGKILL)
        // waitUntilExit would hold a thread of the pool, and wants the run loop of the one that started it.
        while process.isRunning { try? await Task.sleep(for: .milliseconds(10)) }
    }

    /// What `update_repository.py` writes, once for all tests.
    static let repositories = Result {
        let directory = FileManager.default.temporaryDirectory.appending(path: "updates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let result = try Tool.run(vendorPython, ["-B", script("update_repository.py"), directory.path])
        if result.status != 0 { throw Tool.Failure(output: result.output) }
        return directory.path
    }

    static func read(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }
}
