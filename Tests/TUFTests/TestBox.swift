// SPDX-License-Identifier: Apache-2.0
@testable import TUF

/// A machine that updates: what shipped with it and what it has stored.
struct TestBox {
    struct PowerCut: Error {}

    var bootstrap: [UInt8]
    var disk: [String: [UInt8]] = [:]
    var now = TestRepository.now
    var limits = Limits()
    /// What the last update fetched, stored and removed, in order.
    private(set) var log: [String] = []

    init(_ repository: TestRepository) { bootstrap = repository.files["1.root.json"] ?? [] }

    /// Refreshes, then looks for `targets`; the power fails before write `cut`, counted from 0.
    @discardableResult
    mutating func update(
        from repository: TestRepository,
        targets: [String] = [],
        cut: Int? = nil
    ) throws -> [TargetFile?] {
        log = []
        var updater = try Updater(bootstrap: bootstrap, startTime: now, limits: limits)
        var writes = 0
        var found: [TargetFile?] = []
        for target in [nil] + targets.map(Optional.some) {
            if let target { try updater.search(for: target) }
            while let request = updater.request {
                switch request {
                case .load(let file): try updater.answer(disk[file.fileName])
                case .fetch(let file):
                    log.append("fetch \(file.path)")
                    try updater.answer(repository.files[file.path])
                case .store(let file, let bytes):
                    if writes == cut { throw PowerCut() }
                    writes += 1
                    log.append("store \(file.fileName)")
                    disk[file.fileName] = bytes
                    try updater.answer(nil)
                case .remove(let file):
                    if writes == cut { throw PowerCut() }
                    writes += 1
                    if disk.removeValue(forKey: file.fileName) != nil {
                        log.append("remove \(file.fileName)")
                    }
                    try updater.answer(nil)
                }
            }
            if target != nil { found.append(updater.target) }
        }
        return found
    }

    func holds(_ repository: TestRepository, _ roles: String...) -> Bool {
        roles.allSatisfy { role in
            let name = "\(role).json"
            let version = role == "timestamp" ? name : "\(repository.version(role)).\(name)"
            return disk[name] != nil && disk[name] == repository.files[version]
        }
    }
}
