// SPDX-License-Identifier: Apache-2.0
import Linux
import TUF

/// The directory of the trusted metadata: the bytes as received, in files without versions in their names.
struct TrustStore {
    let directory: String

    func path(_ file: StoredFile) -> String {
        switch file {
        case .root: "\(directory)/root.json"
        case .role: "\(directory)/\(file.fileName)"
        }
    }

    /// Trusts a root from now on, and nothing else.
    func begin(with root: [UInt8], now: UTCTime) throws {
        _ = try TrustedMetadataSet(root: root, startTime: now)
        try Directory.create(directory, mode: 0o755)
        for name in try Directory.names(in: directory) where name.hasSuffix(".json") {
            try Directory.remove(file: "\(directory)/\(name)")
        }
        try replace("\(directory)/root.json", root)
    }

    func root() throws -> [UInt8] { try readFile("\(directory)/root.json", limit: Limits().root) }

    /// Nil also for a file that cannot be read: it is fetched anew.
    func load(_ file: StoredFile) -> [UInt8]? { try? readFile(path(file), limit: Limits().targets) }

    func store(_ file: StoredFile, _ bytes: [UInt8]) throws { try replace(path(file), bytes) }

    func remove(_ file: StoredFile) throws {
        try Directory.remove(file: path(file))
        try Directory.synchronize(directory)
    }

    private func replace(_ path: String, _ bytes: [UInt8]) throws {
        try replaceFile(path, with: bytes, mode: 0o644)
        try Directory.synchronize(directory)
    }
}

/// The directory of the downloaded targets.
struct TargetStore {
    let directory: String

    private func path(_ target: TargetFile) -> String { "\(directory)/\(target.fileName)" }

    func holds(_ target: TargetFile) -> Bool {
        guard let bytes = try? readFile(path(target), limit: target.length) else { return false }
        var verifier = TargetVerifier(target)
        do {
            try verifier.take(bytes)
            try verifier.finish()
            return true
        } catch {
            return false
        }
    }

    func store(_ target: TargetFile, _ bytes: [UInt8]) throws {
        try Directory.create(directory, mode: 0o755)
        try replaceFile(path(target), with: bytes, mode: 0o644)
        try Directory.synchronize(directory)
    }
}
