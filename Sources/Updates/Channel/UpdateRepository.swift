// SPDX-License-Identifier: Apache-2.0

/// A TUF repository: `metadata` and `targets`, on a server or on a medium.
package protocol UpdateRepository: ReleaseSource {
    /// A file below `metadata`, nil if there is none; of one that is longer than `limit` bytes, `limit` + 1.
    func metadata(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8]?
    /// A file below `targets`; of one that is longer than `limit` bytes, `limit` + 1.
    func target(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8]
}

/// The tree `drimbox-update` on a medium that somebody brought.
package struct DirectoryRepository: UpdateRepository {
    private let metadata: DirectorySource
    private let targets: DirectorySource

    /// `path` is the directory that holds `metadata` and `targets`.
    package init(_ path: String) throws(SourceFailure) {
        metadata = try DirectorySource("\(path)/metadata")
        targets = try DirectorySource("\(path)/targets")
    }

    package func metadata(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8]? {
        do throws(SourceFailure) {
            return try await metadata.read(path, upTo: 0..<limit + 1)
        } catch {
            if error.kind == .gone { return nil }
            throw error
        }
    }

    package func target(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8] {
        try await targets.read(path, upTo: 0..<limit + 1)
    }

    package func read(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8] {
        try await targets.read(file, range)
    }
}
