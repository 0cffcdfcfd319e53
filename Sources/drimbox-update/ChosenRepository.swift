// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Updates

/// The server's repository, or a medium's. Opened when it is needed: a trial is judged whatever has become of the server's
/// settings.
final class ChosenRepository: UpdateRepository {
    private struct Choice {
        var medium: String?
        var opened: (any UpdateRepository)?
    }

    private let open: @Sendable (_ medium: String?) throws(SourceFailure) -> any UpdateRepository
    private let choice: Mutex<Choice>

    /// `medium` is a directory with `metadata` and the targets in it.
    init(
        medium: String?,
        _ open: @escaping @Sendable (_ medium: String?) throws(SourceFailure) -> any UpdateRepository
    ) {
        self.open = open
        choice = Mutex(Choice(medium: medium))
    }

    var medium: String? { choice.withLock { $0.medium } }

    /// From now on; what is read from the other one fails.
    func choose(medium: String?) async {
        let old = choice.withLock { choice -> (any UpdateRepository)? in
            if choice.medium == medium { return nil }
            defer { choice = Choice(medium: medium) }
            return choice.opened
        }
        await Self.close(old)
    }

    private func repository() throws(SourceFailure) -> any UpdateRepository {
        let result = choice.withLock { choice -> Result<any UpdateRepository, SourceFailure> in
            if let opened = choice.opened { return .success(opened) }
            let medium = choice.medium
            let result = Result { () throws(SourceFailure) in try open(medium) }
            choice.opened = try? result.get()
            return result
        }
        return try result.get()
    }

    func metadata(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8]? {
        try await repository().metadata(path, limit: limit)
    }

    func target(_ path: String, limit: Int) async throws(SourceFailure) -> [UInt8] {
        try await repository().target(path, limit: limit)
    }

    func read(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8] {
        try await repository().read(file, range)
    }

    func close() async { await Self.close(choice.withLock { $0.opened }) }

    private static func close(_ repository: (any UpdateRepository)?) async {
        if let server = repository as? HTTPRepository { await server.close() }
    }
}
