// SPDX-License-Identifier: Apache-2.0
package import Linux
import TUF

/// The trusted metadata of one repository, as received. What the image brings is always the start; the directory holds
/// the roots after it one by one, so that an update that was cut goes on at the next. All calls block.
package struct TrustStore: Sendable {
    /// Which roots the directory holds.
    package enum Roots: Sendable {
        /// All after the image's, in files with their versions in their names.
        case all
        /// The newest, in `root.json`, which the next update begins with.
        case newest
    }

    /// So many roots before the image's stay: the system in the other slot, which may have to run again, has an older one.
    static let olderRoots = 8
    private static let ending = ".json"

    package let directory: String
    /// The root that is baked into the image.
    package let bootstrap: [UInt8]
    private let roots: Roots

    /// Makes `directory` unless it is there; its parent is.
    package init(
        directory: String,
        bootstrap: [UInt8],
        roots: Roots = .all
    ) throws(SystemCallError) {
        self.directory = directory
        self.bootstrap = bootstrap
        self.roots = roots
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

    /// Removes what no update reads again: roots long before the image's (`bootstrap`) or behind the trusted one
    /// (`newest`), roles that are not in `roles`, and what a power cut left of a replacement.
    func prune(bootstrap: Int, newest: Int, roles: Set<String>) throws(SystemCallError) {
        let versions =
            switch roots {
            case .all: max(1, bootstrap - Self.olderRoots)...max(1, newest)
            case .newest: 1...1
            }
        var kept = Set(roles.map { StoredFile.role($0).fileName })
        kept.formUnion(versions.map { name(.root(version: $0)) })
        let names = try Directory.names(in: directory)
        let stale = names.filter { !kept.contains($0) && Self.isOwn($0) }
        for name in stale { try Directory.remove(file: "\(directory)/\(name)") }
        if !stale.isEmpty { try Directory.synchronize(directory) }
    }

    private static func isOwn(_ name: String) -> Bool {
        name.hasSuffix(ending) || name.hasSuffix(ending + replacementSuffix)
    }

    private func path(_ file: StoredFile) -> String { "\(directory)/\(name(file))" }

    private func name(_ file: StoredFile) -> String {
        switch (file, roots) {
        case (.root, .newest): "root.json"
        default: file.fileName
        }
    }
}
