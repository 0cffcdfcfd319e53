// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// A swtpm of its own, with a directory for it and for whatever a test writes.
final class SoftwareTPM {
    static let isInstalled = ["swtpm", "swtpm_setup", "tpm2", "openssl"].allSatisfy { name in
        FileManager.default.isExecutableFile(atPath: "/usr/bin/\(name)")
    }

    private static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Support/swtpm").path

    let directory: String
    private let options: [String]
    private var process: Process

    var tcti: String { "swtpm:path=\(directory)/tpm/srv" }
    var pid: Int32 { process.processIdentifier }

    /// `isBare`: without an endorsement key, and made in a fraction of the time.
    init(hasCertificate: Bool = false, isBare: Bool = false) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "drimbox-tpm-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        directory = path
        options = isBare ? ["--bare"] : hasCertificate ? [] : ["--no-certificate"]
        process = Process()
        try start()
    }

    deinit {
        if process.isRunning { kill(pid, SIGKILL) }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Until it is connected to, nobody else is: swtpm serves one at a time. Commands and answers go to `log` in the
    /// directory.
    func start(log: String? = nil) throws {
        // What a killed swtpm leaves behind looks like one that listens.
        for name in ["srv", "srv.ctrl"] {
            try? FileManager.default.removeItem(atPath: "\(directory)/tpm/\(name)")
        }
        process = Process()
        process.executableURL = URL(filePath: Self.script)
        process.arguments = ["\(directory)/tpm"] + options
        process.environment = ProcessInfo.processInfo.environment
            .merging(log.map { ["SWTPM_LOG": "\(directory)/\($0)"] } ?? [:]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let deadline = ContinuousClock.now + .seconds(120)
        // The control socket is made after the server's.
        while !FileManager.default.fileExists(atPath: "\(directory)/tpm/srv.ctrl") {
            guard process.isRunning, ContinuousClock.now < deadline else {
                throw Failure(description: "swtpm does not start")
            }
            usleep(20_000)
        }
        usleep(50_000)
    }

    /// What a power cut is to a TPM: no TPM2_Shutdown before it.
    func cutPower() {
        kill(pid, SIGKILL)
        process.waitUntilExit()
    }

    /// Runs a script in the directory, with the TPM for tpm2-tools to use.
    @discardableResult
    func shell(_ script: String) throws -> String {
        let shell = Process()
        let output = Pipe()
        shell.executableURL = URL(filePath: "/bin/bash")
        shell.arguments = ["-euc", script]
        shell.currentDirectoryURL = URL(filePath: directory)
        shell.environment = ProcessInfo.processInfo.environment.merging(["TPM2TOOLS_TCTI": tcti]) { $1 }
        shell.standardOutput = output
        shell.standardError = output
        try shell.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        shell.waitUntilExit()
        guard shell.terminationStatus == 0 else { throw Failure(description: "\(script): \(text)") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
        try Data(bytes).write(to: URL(filePath: "\(directory)/\(name)"))
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: "\(directory)/\(name)")))
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
