// SPDX-License-Identifier: Apache-2.0
import Synchronization

@testable import Updates

/// A boot partition in memory that knows what is on the disk: what was done to names since the last
/// synchronisation may be lost.
final class SimulatedPartition: BootPartition {
    /// One change of a directory's names.
    struct Change: Equatable {
        var removed: BootPath?
        var set: BootPath?
        var content: [UInt8] = []

        var directory: BootPath.Directory? { (set ?? removed)?.directory }
    }

    struct State {
        var durable: [BootPath: [UInt8]] = [:]
        var pending: [Change] = []
        /// Every call, by name.
        var log: [String] = []
        /// Calls so far that changed something.
        var changes = 0
        /// Changing calls until one fails.
        var budget: Int?
        /// What stands on the disk in place of what was written, for paths created from now on.
        var misreads: Set<BootPath> = []
    }

    /// What a power cut makes of changes that were not synchronised.
    enum Loss: Hashable, CaseIterable {
        case nothing, everything, firstOnly, lastOnly, allButFirst, even
        /// Both names of a renamed file are there.
        case tornRename
    }

    private let state: Mutex<State>

    init(_ files: [BootPath: String] = [:]) {
        state = Mutex(State(durable: files.mapValues { Array($0.utf8) }))
    }

    var log: [String] { state.withLock { $0.log } }
    var changes: Int { state.withLock { $0.changes } }
    var durable: [BootPath: [UInt8]] { state.withLock { $0.durable } }
    func setBudget(_ calls: Int?) { state.withLock { $0.budget = calls } }
    func misread(_ path: BootPath) { state.withLock { $0.misreads = [path] } }
    func forgetLog() { state.withLock { $0.log = [] } }

    /// What a reader sees now.
    var files: [BootPath: [UInt8]] { state.withLock { Self.files($0) } }

    func text(_ path: BootPath) -> String? { files[path].map { String(decoding: $0, as: UTF8.self) } }

    var entryNames: [String] { files.keys.filter { $0.directory == .entries }.map(\.name).sorted() }

    func cut(_ loss: Loss) {
        state.withLock { state in
            let count = state.pending.count
            for (index, change) in state.pending.enumerated() {
                var change = change
                let isKept =
                    switch loss {
                    case .nothing: true
                    case .everything: false
                    case .firstOnly: index == 0
                    case .lastOnly: index == count - 1
                    case .allButFirst: index > 0
                    case .even: index % 2 == 0
                    case .tornRename: true
                    }
                if loss == .tornRename, change.set != nil { change.removed = nil }
                if isKept { Self.apply(change, to: &state.durable) }
            }
            state.pending = []
            state.budget = nil
        }
    }

    /// The boot loader's rename, which is on the disk at once.
    func renameAtBoot(_ path: BootPath, to other: BootPath) {
        state.withLock { state in
            let content = state.durable[path] ?? []
            Self.apply(Change(removed: path, set: other, content: content), to: &state.durable)
        }
    }

    private static func apply(_ change: Change, to files: inout [BootPath: [UInt8]]) {
        if let removed = change.removed { files[removed] = nil }
        if let set = change.set { files[set] = change.content }
    }

    private static func files(_ state: State) -> [BootPath: [UInt8]] {
        state.pending.reduce(into: state.durable) { apply($1, to: &$0) }
    }

    private func call<Value>(
        _ operation: BootPartitionError.Operation,
        _ path: String,
        _ body: (inout State, [BootPath: [UInt8]]) -> Result<Value, BootPartitionError>
    ) throws(BootPartitionError) -> Value {
        let result = state.withLock { state -> Result<Value, BootPartitionError> in
            if let budget = state.budget {
                if budget == 0 { return .failure(BootPartitionError(operation, path, reason: "no power")) }
                // Looking changes nothing.
                if operation != .list, operation != .read { state.budget = budget - 1 }
            }
            if operation != .list, operation != .read { state.changes += 1 }
            state.log.append("\(operation.rawValue) \(path)")
            let files = Self.files(state)
            return body(&state, files)
        }
        return try result.get()
    }

    private func missing(_ operation: BootPartitionError.Operation, _ path: BootPath) -> BootPartitionError {
        BootPartitionError(operation, "\(path)", reason: "no such file")
    }

    func names(in directory: BootPath.Directory) throws(BootPartitionError) -> [String] {
        try call(.list, directory.rawValue) { _, files in
            .success(files.keys.filter { $0.directory == directory }.map(\.name))
        }
    }

    func read(_ path: BootPath, limit: Int) throws(BootPartitionError) -> [UInt8] {
        try call(.read, "\(path)") { _, files in
            files[path].map { .success($0) } ?? .failure(missing(.read, path))
        }
    }

    func create(_ path: BootPath, with content: [UInt8]) throws(BootPartitionError) {
        try call(.create, "\(path)") { state, files -> Result<Void, BootPartitionError> in
            if files[path] != nil {
                return .failure(BootPartitionError(.create, "\(path)", reason: "exists"))
            }
            let stored = state.misreads.contains(path) ? content.map { ~$0 } : content
            state.pending.append(Change(set: path, content: stored))
            return .success(())
        }
    }

    func rename(_ path: BootPath, to other: BootPath) throws(BootPartitionError) {
        try call(.rename, "\(path) \(other.name)") { state, files -> Result<Void, BootPartitionError> in
            guard let content = files[path] else { return .failure(missing(.rename, path)) }
            if path.directory == other.directory {
                state.pending.append(Change(removed: path, set: other, content: content))
            } else {
                // Two directories are two sectors.
                state.pending.append(Change(set: other, content: content))
                state.pending.append(Change(removed: path))
            }
            return .success(())
        }
    }

    func remove(_ path: BootPath) throws(BootPartitionError) {
        try call(.remove, "\(path)") { state, files -> Result<Void, BootPartitionError> in
            if files[path] != nil { state.pending.append(Change(removed: path)) }
            return .success(())
        }
    }

    func synchronize(_ directory: BootPath.Directory) throws(BootPartitionError) {
        try call(.synchronize, directory.rawValue) { state, _ in
            for change in state.pending where change.directory == directory {
                Self.apply(change, to: &state.durable)
            }
            state.pending.removeAll { $0.directory == directory }
            return .success(())
        }
    }
}

extension BootPath {
    static func entry(_ name: String) -> BootPath { BootPath(.entries, name) }
}
