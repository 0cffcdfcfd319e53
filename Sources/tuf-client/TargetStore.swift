// SPDX-License-Identifier: Apache-2.0
import Linux
import TUF

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
