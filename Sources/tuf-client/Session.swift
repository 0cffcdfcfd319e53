// SPDX-License-Identifier: Apache-2.0
import Linux
import TUF

/// One update: the updater's wishes, carried out on the disk and on the network.
struct Session {
    private let store: TrustStore
    private let repository: Repository
    private let metadataURL: String
    private let bootstrap: [UInt8]
    private let bootstrapVersion: Int
    private var updater: Updater

    init(store: TrustStore, repository: Repository, metadataURL: String, now: UTCTime) throws {
        self.store = store
        self.repository = repository
        self.metadataURL = metadataURL
        bootstrap = try store.root()
        updater = try Updater(bootstrap: bootstrap, startTime: now)
        bootstrapVersion = updater.trusted.root.version
    }

    mutating func refresh() async throws {
        while let request = updater.request {
            switch request {
            case .load(.root(let version)):
                // The directory holds one root, which the update begins with.
                try updater.answer(version == bootstrapVersion ? bootstrap : nil)
            case .load(let file): try updater.answer(store.load(file))
            case .fetch(let file):
                try updater.answer(
                    await repository.metadata(metadataURL + file.path, limit: file.maximumLength)
                )
            case .store(let file, let bytes):
                try store.store(file, bytes)
                try updater.answer(nil)
            case .remove(let file):
                try store.remove(file)
                try updater.answer(nil)
            }
        }
    }

    /// Downloads a target unless it is there already.
    mutating func download(_ path: String, from baseURL: String, to targets: TargetStore) async throws {
        try updater.search(for: path)
        try await refresh()
        guard let target = updater.target else {
            throw MetadataError(step: .noTarget, subject: path, reason: .noSuchTarget)
        }
        if targets.holds(target) { return }
        let consistent = updater.trusted.root.consistentSnapshot
        let url = baseURL + target.repositoryPath(consistentSnapshot: consistent)
        try targets.store(target, try await repository.target(url, target))
    }
}
