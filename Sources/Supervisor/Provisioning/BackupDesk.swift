// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import Provisioning
import Store

/// Makes backups of this box, and takes one over.
///
/// The configuration of a backup is tried like every change; only when it is confirmed the rest follows. What is to
/// follow is on the disk before: a restore that a power cut interrupts is finished at the next start.
struct BackupDesk: Sendable {
    let settings: SupervisorConfiguration
    let table: RevisionTable
    let userTable: UserTable
    let audit: AuditTable
    let transactions: ConfigurationTransactions
    let enrolment: Enrolment
    let credentials: CredentialStore
    let journal: EventJournal

    /// A sealed file.
    func create(_ request: BackupRequest) async throws -> [UInt8] {
        let lock: SealedFile.Lock
        switch (request.passphrase, request.recoveryKey) {
        case (let words?, nil): lock = .passphrase(words)
        case (nil, let key?): lock = .recoveryKey(Data(base64Encoded: key).map { Array($0) } ?? [])
        default: throw Self.oneOfTwo("passphrase or recoveryKey")
        }
        let content = try await content()
        // scrypt takes its time on purpose.
        let result: Result<[UInt8], ProvisioningError> = await Task.detached {
            Result { () throws(ProvisioningError) in try SealedFile.seal(content.json(), with: lock) }
        }.value
        do throws(ProvisioningError) {
            let file = try result.get()
            journal.record(
                "backup.created",
                .info,
                "a backup was made",
                ["bytes": "\(file.count)", "revision": "\(content.revisions[0].number)"]
            )
            return file
        } catch {
            throw Problem(error, title: "no backup was made")
        }
    }

    private func content() async throws -> BackupContent {
        var (rows, head): (Int, String?) = (0, nil)
        if case .intact(let count, let newest) = try audit.verify() {
            (rows, head) = (count, count > 0 ? newest : nil)
        }
        let chain = enrolment.content(enrolment.chainPath)
        return BackupContent(
            created: .now,
            site: await transactions.box.site,
            revisions: try table.all().map {
                BackupContent.Revision(
                    number: $0.number,
                    time: $0.time,
                    author: $0.author,
                    comment: $0.comment,
                    document: $0.document,
                    isRescue: $0.isRescue
                )
            },
            users: try userTable.all().map {
                BackupContent.User(name: $0.name, role: $0.role, hash: $0.hash)
            },
            auditRows: rows,
            auditHead: head,
            identity: chain.isEmpty
                ? nil
                : BackupContent.Identity(
                    chain: chain,
                    authorities: enrolment.content(enrolment.authoritiesPath)
                ),
            credentials: try await credentials.contents().mapValues { Data($0).base64EncodedString() }
        )
    }

    func restore(_ request: RestoreRequest, author: String, reason: String) async throws -> RestoreReport {
        let content = try await opened(request)
        let transaction = try await transactions.carryThrough(
            TransactionRequest(
                document: try JSONValue(parsing: Array(content.revisions[0].document.utf8)),
                comment: "backup of \(content.created)",
                confirm: request.confirm
            ),
            with: (content.credentials ?? [:]).mapValues { Data(base64Encoded: $0).map { Array($0) } ?? [] },
            in: credentials,
            author: author
        )
        if let transaction, transaction.state == .rolledBack {
            throw Problem(
                status: 409,
                code: "backup.rolled_back",
                title: "nothing was restored",
                detail: "the configuration was undone: \(transaction.reason ?? "-")",
                hint: "look at the network, or --confirm none"
            )
        }
        let stage = RestoreStage(directory: settings.stateDirectory)
        try stage.write(content)
        let newest = try stage.finish(content, table: table, users: userTable)
        if let newest { await transactions.adopt(newest) }
        try audit.append(
            time: Timestamp.now.milliseconds,
            user: author,
            action: "RESTORE",
            subject: "backup of \(content.created), audit \(content.auditRows) \(content.auditHead ?? "-")",
            outcome: "restored",
            reason: reason
        )
        journal.record(
            "backup.restored",
            .warning,
            "a backup was restored",
            ["created": "\(content.created)", "revisions": "\(content.revisions.count)"]
        )
        return RestoreReport(
            backup: content.summary,
            transaction: transaction,
            revision: await transactions.number,
            identity: await identity(content)
        )
    }

    private func opened(_ request: RestoreRequest) async throws -> BackupContent {
        let key: SealedFile.Key
        switch (request.passphrase, request.privateKey) {
        case (let words?, nil): key = .passphrase(words)
        case (nil, let text?): key = .privateKey(Data(base64Encoded: text).map { Array($0) } ?? [])
        default: throw Self.oneOfTwo("passphrase or privateKey")
        }
        let file = Data(base64Encoded: request.backup).map { Array($0) } ?? []
        let result: Result<BackupContent, ProvisioningError> = await Task.detached {
            Result { () throws(ProvisioningError) in try BackupContent(sealed: file, with: key) }
        }.value
        do throws(ProvisioningError) {
            return try result.get()
        } catch {
            throw Problem(error, title: "nothing was restored")
        }
    }

    /// A certificate belongs to a key, and the key may be another box's.
    private func identity(_ content: BackupContent) async -> String {
        guard let identity = content.identity else { return "none in the backup" }
        do {
            let isNamed = settings.provisioning.authorities != nil
            _ = try await enrolment.take(
                CertificateImport(chain: identity.chain, authorities: isNamed ? nil : identity.authorities)
            )
            return "restored"
        } catch {
            return "not restored: \((error as? Problem)?.detail ?? "\(error)")"
        }
    }

    private static func oneOfTwo(_ names: String) -> Problem {
        Problem(
            status: 400,
            code: "request.body",
            title: "the request is not understood",
            detail: "found both or none, expected \(names)"
        )
    }
}

/// What a restore still has to do, on the disk until it is done.
struct RestoreStage: Sendable {
    private static let longest = 64 << 20

    let directory: String

    private var path: String { directory + "/restore.json" }

    func write(_ content: BackupContent) throws {
        try replaceFile(path, with: content.json(), mode: 0o600)
        try Directory.synchronize(directory)
    }

    /// One that the last process did not finish; nil where there is none.
    func interrupted() throws -> BackupContent? {
        guard FileStamp(path) != nil else { return nil }
        return try BackupContent(json: try readFile(path, limit: Self.longest))
    }

    /// Users and history in place of those that were; each in one step, and again if need be. The configuration in
    /// force stays the newest.
    ///
    /// - Returns: the revision that is the newest now; nil where there was no history to bring back.
    @discardableResult
    func finish(_ content: BackupContent, table: RevisionTable, users: UserTable) throws
        -> RevisionTable.Revision?
    {
        try users.replaceAll(content.users.map { (name: $0.name, role: $0.role, hash: $0.hash) })
        var newest: RevisionTable.Revision?
        let history = content.revisions.dropFirst().reversed()
        if !history.isEmpty, let current = try table.newest() {
            newest = try table.insertHistory(
                history.map { revision in
                    RevisionTable.Entry(
                        time: revision.time,
                        author: revision.author,
                        comment: "\(revision.comment) (revision \(revision.number) of a backup)",
                        document: revision.document,
                        isRescue: revision.isRescue
                    )
                },
                below: current
            )
        }
        try Directory.remove(file: path)
        try Directory.synchronize(directory)
        return newest
    }
}

extension ConfigurationTransactions {
    /// The same document under a new number.
    func adopt(_ newest: RevisionTable.Revision) {
        guard newest.document == revision.document else { return }
        revision = newest
    }
}
