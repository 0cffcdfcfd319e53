// SPDX-License-Identifier: Apache-2.0
package import Linux
package import TUF

/// Why there is no fresh metadata, or no target.
package enum UpdateSessionError: Error, Equatable, CustomStringConvertible {
    /// A step of the client workflow refuses.
    case metadata(MetadataError)
    /// The repository does not answer as it should.
    case source(SourceFailure)
    /// The disk does not keep the trusted metadata.
    case disk(SystemCallError)

    package var description: String {
        switch self {
        case .metadata(let error): "\(error)"
        case .source(let failure): "\(failure)"
        case .disk(let error): "\(error)"
        }
    }
}

/// One update: the updater's wishes, carried out on the disk and on a repository.
///
/// After a refusal of metadata the session is of no more use, after a failure of the source it goes on where it was.
package struct UpdateSession: Sendable {
    /// The time of all checks of expiry (TUF 5.1).
    package let startTime: UTCTime
    private let store: TrustStore
    private let repository: any UpdateRepository
    private var updater: Updater
    private let bootstrapVersion: Int
    private var isPruned = false

    package init(
        store: TrustStore,
        repository: any UpdateRepository,
        now: UTCTime,
        limits: Limits = Limits()
    ) throws(MetadataError) {
        self.store = store
        self.repository = repository
        startTime = now
        updater = try Updater(bootstrap: store.bootstrap, startTime: now, limits: limits)
        bootstrapVersion = updater.trusted.root.version
    }

    /// The version of the root that is trusted by now.
    package var rootVersion: Int { updater.trusted.root.version }

    /// What the top-level targets role vouches for, once refreshed.
    var targetPaths: [String] { updater.trusted.targets("targets")?.targets.entries.map(\.name) ?? [] }

    /// Until all that is wanted is trusted and on the disk.
    package mutating func refresh() async throws(UpdateSessionError) {
        while let request = updater.request {
            let answer = try await perform(request)
            do throws(MetadataError) { try updater.answer(answer) } catch { throw .metadata(error) }
        }
        if isPruned { return }
        isPruned = true
        // What is left over does no harm, and the next update tries again.
        try? prune()
    }

    private func prune() throws(SystemCallError) {
        guard let snapshot = updater.trusted.snapshot else { return }
        let listed = snapshot.meta.entries.map(\.name)
        try store.prune(
            bootstrap: bootstrapVersion,
            newest: rootVersion,
            roles: Set(listed + ["timestamp", "snapshot"])
        )
    }

    /// The content of a target, verified, and what is signed of it. A target longer than `limit` bytes is refused.
    package mutating func target(
        _ path: String,
        limit: Int = ReleaseManifest.maximumLength
    ) async throws(UpdateSessionError) -> (file: TargetFile, bytes: [UInt8]) {
        let file = try await find(path)
        if file.length > limit {
            throw .metadata(MetadataError(step: .target, subject: path, reason: .tooLong(limit: limit)))
        }
        return (file, try await fetch(file))
    }

    /// What is signed of a target.
    package mutating func find(_ path: String) async throws(UpdateSessionError) -> TargetFile {
        try await refresh()
        do throws(MetadataError) { try updater.search(for: path) } catch { throw .metadata(error) }
        try await refresh()
        guard let file = updater.target else {
            throw .metadata(MetadataError(step: .noTarget, subject: path, reason: .noSuchTarget))
        }
        return file
    }

    /// The content of a target that was found, verified.
    package func fetch(_ file: TargetFile) async throws(UpdateSessionError) -> [UInt8] {
        let name = file.repositoryPath(consistentSnapshot: updater.trusted.root.consistentSnapshot)
        let bytes: [UInt8]
        do throws(SourceFailure) {
            bytes = try await repository.target(name, limit: file.length)
        } catch {
            throw .source(error)
        }
        do throws(MetadataError) {
            var verifier = TargetVerifier(file)
            try verifier.take(bytes)
            try verifier.finish()
        } catch {
            throw .metadata(error)
        }
        return bytes
    }

    private func perform(_ request: Updater.Request) async throws(UpdateSessionError) -> [UInt8]? {
        switch request {
        case .load(let file): return store.load(file)
        case .fetch(let file):
            do throws(SourceFailure) {
                return try await repository.metadata(file.path, limit: file.maximumLength)
            } catch {
                throw .source(error)
            }
        case .store(let file, let bytes):
            do throws(SystemCallError) { try store.store(file, bytes) } catch { throw .disk(error) }
        case .remove(let file):
            do throws(SystemCallError) { try store.remove(file) } catch { throw .disk(error) }
        }
        return nil
    }
}
