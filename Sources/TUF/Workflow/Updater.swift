// SPDX-License-Identifier: Apache-2.0

/// The client workflow as a dialogue (TUF 5): what it wants next is `request`, and `answer` goes on.
///
/// ```
/// var updater = try Updater(bootstrap: root, startTime: now)
/// while let request = updater.request {
///     switch request {
///     case .load(let file): try updater.answer(disk.read(file.fileName))
///     case .fetch(let file): try updater.answer(repository.get(file.path, file.maximumLength))
///     case .store(let file, let bytes): disk.replace(file.fileName, bytes); try updater.answer(nil)
///     case .remove(let file): disk.remove(file.fileName); try updater.answer(nil)
///     }
/// }
/// ```
/// When there is no request left, the top-level roles are fresh, and `search` begins another dialogue. After an
/// error the updater is of no more use; what has been stored is good for the next one.
package struct Updater: Sendable {
    package enum Request: Equatable, Sendable {
        /// Answered with nil if there is no such file, or if it cannot be read.
        case load(StoredFile)
        /// Answered with nil if the repository has no such file; any other failure is the caller's.
        case fetch(MetadataFile)
        /// To be on the disk, whole and for good, before the answer, which is nil.
        case store(StoredFile, [UInt8])
        /// As for `store`; no error if there is no such file.
        case remove(StoredFile)
    }

    private enum Phase: Equatable, Sendable {
        /// Whether the bootstrap root is the one that the stored files were made under.
        case bootstrapRoot
        case storedRoot
        case remoteRoot
        case storedTimestamp
        case remoteTimestamp
        case storedSnapshot
        case remoteSnapshot
        case storedTargets(TargetSearch.Visit)
        case remoteTargets(TargetSearch.Visit)
        case idle
    }

    package private(set) var trusted: TrustedMetadataSet
    /// Nil when the dialogue is over.
    package private(set) var request: Request?
    /// What the last search found.
    package private(set) var target: TargetFile?
    private let limits: Limits
    private let bootstrap: [UInt8]
    private var phase = Phase.bootstrapRoot
    private var rotations = 0
    /// Done in order before the next request of `phase`.
    private var writes: [Request] = []
    private var search: TargetSearch?

    /// Begins with the root that shipped with the machine: stored roots are only trusted as its successors.
    /// `startTime` is the time of all checks of expiry (TUF 5.1).
    package init(
        bootstrap: [UInt8],
        startTime: UTCTime,
        limits: Limits = Limits()
    ) throws(MetadataError) {
        self.bootstrap = bootstrap
        self.limits = limits
        if bootstrap.count > limits.root {
            throw MetadataError(step: .loadRoot, subject: "root", reason: .tooLong(limit: limits.root))
        }
        trusted = try TrustedMetadataSet(root: bootstrap, startTime: startTime)
        request = .load(.root(version: trusted.root.version))
    }

    /// Begins the search for a target (TUF 5.6.7), once there is no request.
    package mutating func search(for targetPath: String) throws(MetadataError) {
        if request != nil {
            throw MetadataError(step: .noTarget, subject: targetPath, reason: .requires("5.6.6"))
        }
        target = nil
        search = TargetSearch(for: targetPath, limit: limits.delegations)
        try visitNext()
    }

    package mutating func answer(_ bytes: [UInt8]?) throws(MetadataError) {
        switch request {
        case .store, .remove:
            request = writes.isEmpty ? nil : writes.removeFirst()
            if request == nil { try proceed() }
        case .load: try loaded(bytes)
        case .fetch(let file):
            if let bytes, bytes.count > file.maximumLength {
                let reason = MetadataError.Reason.tooLong(limit: file.maximumLength)
                throw MetadataError(step: fetchStep, subject: file.role, reason: reason)
            }
            try fetched(bytes, file)
        case nil: break
        }
    }

    /// Hands out the writes so far, then goes on with `phase`.
    private mutating func perform(_ requests: [Request]) throws(MetadataError) {
        writes += requests
        request = writes.isEmpty ? nil : writes.removeFirst()
        if request == nil { try proceed() }
    }
}

// MARK: - What arrives

extension Updater {
    private mutating func loaded(_ bytes: [UInt8]?) throws(MetadataError) {
        switch phase {
        case .bootstrapRoot:
            phase = .storedRoot
            // Another root than the stored files were made under: keys may have rotated in between (TUF 5.3.11).
            let file = StoredFile.root(version: trusted.root.version)
            try perform(bytes == bootstrap ? [] : Self.forgetting + [.store(file, bootstrap)])
        case .storedRoot:
            // A stored root that is not valid is as good as none: the repository has it too.
            if let bytes, bytes.count <= limits.root, (try? trusted.updateRoot(bytes)) != nil {
                try proceed()
            } else {
                phase = .remoteRoot
                try proceed()
            }
        case .storedTimestamp:
            if let bytes { try? trusted.loadTimestamp(bytes) }
            phase = .remoteTimestamp
            try proceed()
        case .storedSnapshot:
            if let bytes, (try? trusted.loadSnapshot(bytes)) == true {
                try beginTargets()
            } else {
                phase = .remoteSnapshot
                try proceed()
            }
        case .storedTargets(let visit):
            if let bytes,
                (try? trusted.updateTargets(bytes, visit.name, delegator: visit.delegator)) != nil
            {
                try visited(visit)
            } else {
                phase = .remoteTargets(visit)
                try proceed()
            }
        case .remoteRoot, .remoteTimestamp, .remoteSnapshot, .remoteTargets, .idle: break
        }
    }

    private static var forgetting: [Request] { [.remove(.role("snapshot")), .remove(.role("timestamp"))] }

    private mutating func fetched(_ bytes: [UInt8]?, _ file: MetadataFile) throws(MetadataError) {
        guard let bytes else {
            if phase == .remoteRoot { return try finishRoot() }
            throw MetadataError(step: fetchStep, subject: file.role, reason: .unavailable)
        }
        switch phase {
        case .remoteRoot:
            let old = trusted.root
            try trusted.updateRoot(bytes)
            rotations += 1
            let new = trusted.root
            let isRotation =
                new.timestamp.dropsKey(of: old.timestamp) || new.snapshot.dropsKey(of: old.snapshot)
            // Removed before the root is stored: after a power cut in between, nobody would see the rotation.
            let root = Request.store(.root(version: new.version), bytes)
            try perform(isRotation ? Self.forgetting + [root] : [root])
        case .remoteTimestamp:
            let isNew = try trusted.updateTimestamp(bytes)
            phase = .storedSnapshot
            try perform(isNew ? [.store(.role("timestamp"), bytes)] : [])
        case .remoteSnapshot:
            try trusted.updateSnapshot(bytes)
            writes.append(.store(.role("snapshot"), bytes))
            try beginTargets()
        case .remoteTargets(let visit):
            try trusted.updateTargets(bytes, visit.name, delegator: visit.delegator)
            writes.append(.store(.role(visit.name), bytes))
            try visited(visit)
        case .bootstrapRoot, .storedRoot, .storedTimestamp, .storedSnapshot, .storedTargets, .idle: break
        }
    }

    private mutating func finishRoot() throws(MetadataError) {
        try trusted.finishRoot()
        phase = .storedTimestamp
        try proceed()
    }

    private mutating func beginTargets() throws(MetadataError) {
        phase = .storedTargets(.topLevel)
        try perform([])
    }

    private mutating func visited(_ visit: TargetSearch.Visit) throws(MetadataError) {
        phase = .idle
        if search != nil, let targets = trusted.targets(visit.name) {
            search?.found(targets, of: visit)
            try visitNext()
        } else {
            try perform([])
        }
    }

    /// Goes through the roles that are known already, up to one that is not, or to the end of the search.
    private mutating func visitNext() throws(MetadataError) {
        phase = .idle
        while let visit = search?.next() {
            guard let targets = try trusted.targets(visit.name, delegator: visit.delegator) else {
                phase = .storedTargets(visit)
                break
            }
            search?.found(targets, of: visit)
        }
        if phase == .idle, let ended = search {
            search = nil
            target = ended.target
        }
        try perform([])
    }
}

// MARK: - What is wanted

extension Updater {
    private mutating func proceed() throws(MetadataError) {
        let next = trusted.root.version + 1
        switch phase {
        case .bootstrapRoot: request = .load(.root(version: trusted.root.version))
        case .storedRoot: request = .load(.root(version: next))
        case .remoteRoot:
            if rotations >= limits.rootRotations { return try finishRoot() }
            request = .fetch(MetadataFile(role: "root", version: next, maximumLength: limits.root))
        case .storedTimestamp: request = .load(.role("timestamp"))
        case .remoteTimestamp:
            let file = MetadataFile(role: "timestamp", version: nil, maximumLength: limits.timestamp)
            request = .fetch(file)
        case .storedSnapshot: request = .load(.role("snapshot"))
        case .remoteSnapshot:
            if let meta = trusted.timestamp?.snapshot {
                request = .fetch(try file("snapshot", meta, limit: limits.snapshot))
            }
        case .storedTargets(let visit):
            // Refused before anything is read, if the snapshot does not list it.
            _ = try trusted.targetsMeta(visit.name)
            request = .load(.role(visit.name))
        case .remoteTargets(let visit):
            let meta = try trusted.targetsMeta(visit.name)
            request = .fetch(try file(visit.name, meta, limit: limits.targets))
        case .idle: request = nil
        }
    }

    private func file(_ role: String, _ meta: MetaFile, limit: Int) throws(MetadataError) -> MetadataFile {
        if let length = meta.length, length > limit {
            throw MetadataError(step: fetchStep, subject: role, reason: .tooLong(limit: limit))
        }
        return MetadataFile(
            role: role,
            version: trusted.root.consistentSnapshot ? meta.version : nil,
            maximumLength: meta.length ?? limit
        )
    }

    private var fetchStep: MetadataError.Step {
        switch phase {
        case .bootstrapRoot, .storedRoot, .remoteRoot: .fetchRoot
        case .storedTimestamp, .remoteTimestamp: .fetchTimestamp
        case .storedSnapshot, .remoteSnapshot: .fetchSnapshot
        case .storedTargets, .remoteTargets, .idle: .fetchTargets
        }
    }
}
