// SPDX-License-Identifier: Apache-2.0
package import Linux
import TUF

/// The trusted metadata of one repository, as received. What the image brings is always the start; the directory holds
/// the roots after it one by one, so that an update that was cut goes on at the next. All calls block.
package struct TrustStore: Sendable {
    package let directory: String
    /// The root that is baked into the image.
    package let bootstrap: [UInt8]

    /// Makes `directory` unless it is there; its parent is.
    package init(directory: String, bootstrap: [UInt8]) throws(SystemCallError) {
        self.directory = directory
        self.bootstrap = bootstrap
        try Directory.create(directory)
    }

    /// Nil also for a file that cannot be read: it is fetched anew.
    func load(_ file: StoredFile) -> [UInt8]? {
        let limits = Limits()
        let limit =
            switch file {
            case .root: limits.root
            case .role: limits.targets
            }
        return try? readFile(path(file), limit: limit)
    }

    /// Returns when the file is on the disk.
    func store(_ file: StoredFile, _ bytes: [UInt8]) throws(SystemCallError) {
        try replaceFile(path(file), with: bytes, mode: 0o600)
        try Directory.synchronize(directory)
    }

    /// Returns when the file is gone from the disk; no error when it was not there.
    func remove(_ file: StoredFile) throws(SystemCallError) {
        try Directory.remove(file: path(file))
        try Directory.synchronize(directory)
    }

    private func path(_ file: StoredFile) -> String { "\(directory)/\(file.fileName)" }
}
