// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import Provisioning
import Store

/// The box's identity: which key, whose certificate, and how far that brings it.
actor Enrolment {
    /// Kept in the database of revisions.
    private enum Fact {
        /// SubjectPublicKeyInfo in base64.
        static let publicKey = "identity-public-key"
        static let imported = "identity-imported"
    }

    nonisolated let settings: SupervisorConfiguration
    private nonisolated let table: RevisionTable
    private let transactions: ConfigurationTransactions
    private let hardware: HardwareProbe
    private let board: StatusBoard
    private let journal: EventJournal
    private let now: @Sendable () -> Timestamp

    init(
        settings: SupervisorConfiguration,
        table: RevisionTable,
        transactions: ConfigurationTransactions,
        hardware: HardwareProbe,
        board: StatusBoard,
        journal: EventJournal,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        self.settings = settings
        self.table = table
        self.transactions = transactions
        self.hardware = hardware
        self.board = board
        self.journal = journal
        self.now = now
    }

    nonisolated var directory: String { settings.stateDirectory + "/identity" }
    nonisolated var chainPath: String { directory + "/chain.pem" }
    nonisolated var authoritiesPath: String { directory + "/authorities.pem" }
    nonisolated var keyPath: String { directory + "/key.pem" }

    // MARK: State

    var state: ProvisioningState {
        get async { await status().state }
    }

    func status() async -> EnrolmentStatus {
        let key = knownKey
        let chain = try? CertificateChain(pem: content(chainPath))
        let objection = await objection(chain, key)
        let isGood = chain != nil && objection == nil
        return EnrolmentStatus(
            state: await state(isCertified: isGood),
            key: key == nil ? nil : FileStamp(keyPath) == nil ? .tpm : .file,
            keyFingerprint: key.map { CertificateChain.fingerprint($0) },
            certificate: chain?.summary,
            objection: objection,
            imported: (try? table.fact(Fact.imported)).flatMap { Timestamp($0) }
        )
    }

    /// Nil where no key is known yet.
    var fullFingerprint: String? { knownKey.map { CertificateChain.fullFingerprint($0) } }

    /// Of the identity, as the last request or import had it.
    private var knownKey: [UInt8]? {
        (try? table.fact(Fact.publicKey)).flatMap { Data(base64Encoded: $0) }.map { Array($0) }
    }

    private func state(isCertified: Bool) async -> ProvisioningState {
        guard await transactions.isConfigured else { return .factory }
        guard isCertified else { return .configured }
        let services = await board.services
        return !services.isEmpty && services.allSatisfy { $0.state == .running } ? .inService : .enrolled
    }

    /// Nil also where there is no certificate.
    private func objection(_ chain: CertificateChain?, _ key: [UInt8]?) async -> String? {
        guard let chain else {
            return FileStamp(chainPath) == nil ? nil : "the certificate cannot be read"
        }
        let (summary, time) = (chain.summary, now())
        if summary.notAfter < time { return "expired at \(summary.notAfter)" }
        if summary.notBefore > time { return "not valid before \(summary.notBefore)" }
        if key != chain.publicKey { return "the certificate is for another key" }
        if await board.openIssues.contains(where: { $0.code == "E-TPM-04" }) {
            return "the security chip is another one"
        }
        return nil
    }

    /// For the warnings before its end.
    nonisolated var reading: CertificateExpiry.Reading? {
        guard FileStamp(chainPath) != nil else { return nil }
        let content = (try? readFile(chainPath, limit: CertificateChain.maximumLength)) ?? []
        return CertificateExpiry.Reading(
            name: "identity",
            path: chainPath,
            areAuthorities: false,
            content: .success(CertificateText.certificates(in: content))
        )
    }

    nonisolated func content(_ path: String) -> String {
        String(decoding: (try? readFile(path, limit: CertificateChain.maximumLength)) ?? [], as: UTF8.self)
    }

    // MARK: Key and certificate

    /// PKCS#10, PEM; makes the identity key where there is none.
    func certificateRequest(_ subject: EnrolmentRequest) async throws -> String {
        let question = ProbeRequest.certificateRequest(
            commonName: subject.commonName,
            organization: subject.organization
        )
        let answer = await hardware.ask(question, seconds: HardwareProbe.tpmDeadline)
        guard case .certificateRequest(let pem)? = answer else { throw Self.problem(answer) }
        if let key = CertificateChain.publicKey(ofRequest: pem) {
            try table.set(Fact.publicKey, to: Data(key).base64EncodedString())
        }
        return pem
    }

    /// Takes a certificate over that is the box's in every respect; else nothing changes.
    func take(_ request: CertificateImport) async throws -> EnrolmentStatus {
        let authorities = try requiredAuthorities(request)
        do throws(ProvisioningError) {
            let chain = try CertificateChain(pem: request.chain)
            let key = try await publicKey(request)
            let summary = try await chain.check(publicKey: key, authorities: authorities, now: now())
            try keep(chain, key, authorities, request.privateKey)
            journal.record(
                "enrol.imported",
                .info,
                "the box has a certificate",
                [
                    "serial": summary.serial, "notAfter": "\(summary.notAfter)",
                    "key": CertificateChain.fingerprint(key),
                ]
            )
        } catch {
            throw Problem(error, title: "the certificate is not taken over")
        }
        return await status()
    }

    private func requiredAuthorities(_ request: CertificateImport) throws -> String {
        guard let path = settings.provisioning.authorities else {
            if let authorities = request.authorities { return authorities }
            throw Problem(
                status: 422,
                code: ProvisioningError.Code.certificateAnchor.rawValue,
                title: "the certificate is not taken over",
                detail: "the box's document names no authorities, and neither does the request",
                hint: "drimboxctl enrol import CHAIN.pem --authorities CA.pem"
            )
        }
        guard request.authorities == nil else {
            throw Problem(
                status: 422,
                code: ProvisioningError.Code.certificateAnchor.rawValue,
                title: "the certificate is not taken over",
                detail: "found authorities in the request, expected none: \(path) names them",
                hint: "drimboxctl enrol import CHAIN.pem"
            )
        }
        return CertificateText.certificates(in: try readFile(path, limit: CertificateChain.maximumLength))
    }

    private func publicKey(_ request: CertificateImport) async throws(ProvisioningError) -> [UInt8] {
        if let privateKey = request.privateKey {
            guard !settings.health.tpm else {
                throw ProvisioningError(
                    .certificateKey,
                    at: "the request",
                    found: "a private key",
                    expected: "none: this box's key is in its security chip"
                )
            }
            return try CertificateChain.publicKey(ofPrivateKey: privateKey)
        }
        let answer = await hardware.ask(.publicKey, seconds: HardwareProbe.tpmDeadline)
        if case .publicKey(let key)? = answer { return key }
        // Without a chip to look after, what the request was made for counts.
        if !settings.health.tpm, let knownKey { return knownKey }
        let problem = Self.problem(answer)
        throw ProvisioningError(
            .certificateKey,
            at: "the box's key",
            found: problem.detail ?? problem.title,
            expected: "an identity key: drimboxctl enrol csr NAME"
        )
    }

    /// The chain last: it is what makes the box enrolled.
    private func keep(
        _ chain: CertificateChain,
        _ key: [UInt8],
        _ authorities: String,
        _ privateKey: String?
    ) throws(ProvisioningError) {
        do {
            try Directory.create(directory, mode: 0o755)
            if let privateKey {
                try replaceFile(keyPath, with: Array(privateKey.utf8), mode: 0o600)
            } else if FileStamp(keyPath) != nil {
                try Directory.remove(file: keyPath)
            }
            try replaceFile(authoritiesPath, with: Array(authorities.utf8), mode: 0o644)
            try table.set(Fact.publicKey, to: Data(key).base64EncodedString())
            try table.set(Fact.imported, to: "\(now())")
            try replaceFile(chainPath, with: Array(chain.pem.utf8), mode: 0o644)
            try Directory.synchronize(directory)
        } catch {
            throw ProvisioningError(
                .certificatePEM,
                at: directory,
                found: "\(error)",
                expected: "a directory that takes files"
            )
        }
    }

    static func problem(_ answer: ProbeAnswer?) -> Problem {
        switch answer {
        case .tpmFailure(let failure)?:
            Problem(
                status: failure.kind == .lockout ? 423 : 502,
                code: failure.kind == .lockout ? "tpm.lockout" : "tpm.failed",
                title: "the security chip makes no request",
                detail: failure.description
            )
        case .refused(let reason)?:
            Problem(status: 400, code: "request.body", title: "not acceptable", detail: reason)
        default:
            Problem(
                status: 504,
                code: "tpm.timeout",
                title: "the security chip does not answer",
                detail: "no answer in \(HardwareProbe.tpmDeadline) s",
                hint: "power the box off for 30 s"
            )
        }
    }
}

extension Problem {
    init(_ error: ProvisioningError, title: String, status: Int = 422) {
        self.init(status: status, code: error.code.rawValue, title: title, detail: error.description)
    }
}
