// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import Provisioning

/// Takes an answer file: who signed it, what it says, and the same trial as every change of the configuration.
struct AnswerDesk: Sendable {
    let settings: SupervisorConfiguration
    let transactions: ConfigurationTransactions
    let enrolment: Enrolment
    let credentials: CredentialStore
    let users: ConsoleUsers
    let journal: EventJournal

    func apply(_ request: ProvisioningRequest, author: String, reason: String) async throws
        -> ProvisioningReport
    {
        guard let file = Data(base64Encoded: request.file).map({ Array($0) }) else {
            throw Problem(
                ProvisioningError(.answerInvalid, at: "file", found: "no base64", expected: "base64"),
                title: Self.title
            )
        }
        let signer: String?
        do throws(ProvisioningError) {
            signer = try signedBy(file, request, reason)
        } catch {
            throw Problem(error, title: Self.title, status: error.code == .answerUnsigned ? 403 : 422)
        }
        let answers: AnswerFile
        do throws(ConfigurationError) {
            answers = try AnswerFile(json: file)
        } catch {
            throw Problem(status: 422, code: "answer.invalid", title: Self.title, detail: error.description)
        }
        // Hashed before anything changes: a password that cannot be is refused in time.
        let people = try answers.users.map { try users.entry($0) }
        let transaction = try await transactions.carryThrough(
            TransactionRequest(
                document: answers.document,
                comment: signer.map { "answer file, signed by \($0)" } ?? "answer file, unsigned",
                confirm: request.confirm
            ),
            with: answers.credentials.mapValues { Array($0.utf8) },
            in: credentials,
            author: author
        )
        let isUndone = transaction?.state == .rolledBack
        if !isUndone { try users.put(people) }
        let added = isUndone ? [] : people.map(\.name)
        journal.record(
            "provisioning.applied",
            isUndone ? .warning : .info,
            isUndone ? "an answer file was undone" : "an answer file was applied",
            ["signedBy": signer ?? "nobody", "users": "\(added.count)", "tx": transaction?.tx ?? "-"]
        )
        return ProvisioningReport(
            signedBy: signer,
            transaction: transaction,
            revision: await transactions.number,
            users: added,
            state: await enrolment.state
        )
    }

    private static let title = "the answer file is not applied"

    /// Nil where a person takes it unsigned, and says why.
    private func signedBy(_ file: [UInt8], _ request: ProvisioningRequest, _ reason: String)
        throws(ProvisioningError) -> String?
    {
        guard let text = request.signature else {
            guard request.acceptsUnsigned == true else {
                throw ProvisioningError(
                    .answerUnsigned,
                    at: "the file",
                    found: "no signature",
                    expected: "FILE.sig beside it, or --unsigned and a reason"
                )
            }
            guard !reason.isEmpty else {
                throw ProvisioningError(
                    .answerUnsigned,
                    at: "the request",
                    found: "no reason",
                    expected: "why the file is taken unsigned: --reason TEXT"
                )
            }
            return nil
        }
        let trusted = settings.provisioning.answerKeys
        if request.key != nil, !trusted.isEmpty {
            throw ProvisioningError(
                .answerKey,
                at: "the request",
                found: "a key",
                expected: "none: the box's document says whose signature counts"
            )
        }
        guard let signature = Data(base64Encoded: text) else {
            throw ProvisioningError(.answerSignature, at: "signature", found: "no base64", expected: "base64")
        }
        return try DetachedSignature.verify(
            file,
            signature: Array(signature),
            publicKeys: trusted.isEmpty ? request.key.map { [$0] } ?? [] : trusted
        )
    }
}

extension ConfigurationTransactions {
    private static let pause: Duration = .milliseconds(50)

    /// The same with files that the document needs; they go as the change does.
    nonisolated func carryThrough(
        _ request: TransactionRequest,
        with files: [String: [UInt8]],
        in credentials: CredentialStore,
        author: String
    ) async throws -> TransactionStatus? {
        try await credentials.exchange(files)
        let status: TransactionStatus?
        do {
            status = try await carryThrough(request, author: author)
        } catch {
            try await credentials.undo()
            throw error
        }
        if status?.state == .rolledBack {
            try await credentials.undo()
        } else {
            // Confirmed: where this fails, the next start sees that it was.
            try await credentials.settle()
        }
        return status
    }

    /// Proposes a change and waits for its end; nil where nothing would change. One that a person has to confirm
    /// has no place here.
    func carryThrough(_ request: TransactionRequest, author: String) async throws -> TransactionStatus? {
        guard request.confirm.mode != .manual else {
            throw Problem(
                status: 400,
                code: "request.body",
                title: "the request is not understood",
                detail: "confirm.mode: found manual, expected auto or none"
            )
        }
        var status: TransactionStatus
        do {
            status = try propose(request, base: nil, author: author)
        } catch let problem as Problem where problem.code == "config.unchanged" {
            return nil
        }
        while !status.isFinal {
            try await Task.sleep(for: Self.pause)
            status = try self.status(of: status.tx)
        }
        return status
    }
}
