// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird
import Store

/// What brings the box into service, and out of it.
struct ProvisioningDesk: Sendable {
    let enrolment: Enrolment
    let answers: AnswerDesk
    let credentials: CredentialStore
    let media: MediaDesk
    let backups: BackupDesk
    let support: SupportDesk
    let acceptance: AcceptanceDesk
    let power: PowerControl
    let reset: FactoryReset
    let shell: ShellDesk
    let recovery: RecoveryDesk
}

extension AdminRoutes {
    var provisioning: [AdminRoute] {
        enrolmentRoutes + credentialRoutes + backupRoutes + acceptanceRoutes + powerRoutes + shellRoutes
    }

    private var acceptanceRoutes: [AdminRoute] {
        [
            get("/v1/acceptance") { request in
                guard let report = try desk.acceptance.newest() else {
                    throw Problem(
                        status: 404,
                        code: "acceptance.none",
                        title: "no acceptance report has been made",
                        path: request.path,
                        hint: "drimboxctl acceptance report --run"
                    )
                }
                return AdminAnswer.json(report)
            },
            post("/v1/acceptance", role: .operator, mayTakeLong: true) { _ in
                AdminAnswer.json(try await desk.acceptance.run())
            },
            post("/v1/support/bundles", role: .operator, worksInSafeMode: true, mayTakeLong: true) { _ in
                let bundle = try await desk.support.bundle(await status(), metrics: await metrics.text)
                return AdminAnswer.bytes(bundle, type: "application/x-tar")
            },
        ]
    }

    private var shellRoutes: [AdminRoute] {
        [
            AdminRoute(
                method: "POST",
                pattern: "/v1/recovery-key",
                role: .admin,
                needsReason: true,
                worksInSafeMode: true
            ) { _ in AdminAnswer.json(try await desk.recovery.show()) },
            post("/v1/recovery-key/confirm", role: .admin, worksInSafeMode: true) { request in
                let confirmation = try decoded(RecoveryKeyConfirmation.self, request)
                try await desk.recovery.confirm(confirmation.lastGroup)
                await health.look()
                return AdminAnswer.json(IssueList(issues: await board.openIssues))
            },
            AdminRoute(
                method: "POST",
                pattern: "/v1/shell/challenge",
                role: .admin,
                needsReason: true,
                worksInSafeMode: true
            ) { request in
                let place = try decoded(ShellRequest.self, request)
                return AdminAnswer.json(try await desk.shell.challenge(on: place.terminal))
            },
            post("/v1/shell/open", role: .admin, worksInSafeMode: true) { request in
                let response = try decoded(ShellResponse.self, request)
                return AdminAnswer.json(
                    try await desk.shell.open(response, user: request.caller.user, reason: request.reason)
                )
            },
        ]
    }

    private var powerRoutes: [AdminRoute] {
        [
            AdminRoute(
                method: "POST",
                pattern: "/v1/power/reboot",
                role: .operator,
                needsReason: true,
                worksInSafeMode: true
            ) { _ in AdminAnswer.json(try desk.power.start(.reboot), status: 202) },
            AdminRoute(
                method: "POST",
                pattern: "/v1/power/off",
                role: .operator,
                needsReason: true,
                worksInSafeMode: true
            ) { _ in AdminAnswer.json(try desk.power.start(.off), status: 202) },
            AdminRoute(
                method: "POST",
                pattern: "/v1/reset",
                role: .admin,
                needsReason: true,
                worksInSafeMode: true
            ) { request in
                let reset = try decoded(FactoryResetRequest.self, request)
                return AdminAnswer.json(try await factoryReset(reset, request), status: 202)
            },
        ]
    }

    /// A row before, which the marker names; the responder writes another one after.
    private func factoryReset(_ reset: FactoryResetRequest, _ request: AdminRequest) async throws
        -> PowerAnswer
    {
        let expected = FactoryResetRequest.expected(site: await transactions.box.site)
        guard reset.confirmation == expected else {
            throw Problem(
                status: 422,
                code: "reset.confirmation",
                title: "nothing was erased",
                detail: "the confirmation is not \"\(expected)\"",
                hint: "all images, revisions and users are erased: type it as it stands there"
            )
        }
        try desk.power.available()
        let row = try audit.append(
            time: Timestamp.now.milliseconds,
            user: request.caller.user,
            action: "FACTORY-RESET",
            subject: "revisions, users, images, certificates, keys, audit",
            outcome: "begun",
            reason: request.reason
        )
        try desk.reset.ask(user: request.caller.user, reason: request.reason, row: row)
        journal.record("reset.factory", .critical, "the box is taken back to its factory state")
        do {
            return try desk.power.start(.reboot) { [desk, audit] in try? desk.reset.export(audit) }
        } catch {
            desk.reset.withdraw()
            throw error
        }
    }

    /// A restore brings fifty revisions.
    private static let longestBackup = 32 << 20

    private var backupRoutes: [AdminRoute] {
        [
            post("/v1/provisioning", role: .admin, mayTakeLong: true) { request in
                let file = try decoded(ProvisioningRequest.self, request)
                try check(file.confirm)
                let report = try await desk.answers.apply(
                    file,
                    author: request.caller.user,
                    reason: request.reason
                )
                return AdminAnswer.json(report)
            },
            post("/v1/backups", role: .admin, worksInSafeMode: true, mayTakeLong: true) { request in
                let file = try await desk.backups.create(try decoded(BackupRequest.self, request))
                return AdminAnswer.bytes(file, type: "application/octet-stream")
            },
            AdminRoute(
                method: "POST",
                pattern: "/v1/backups/restore",
                role: .admin,
                needsReason: true,
                mayTakeLong: true,
                longestBody: Self.longestBackup
            ) { request in
                let backup = try decoded(RestoreRequest.self, request)
                try check(backup.confirm)
                return AdminAnswer.json(
                    try await desk.backups.restore(
                        backup,
                        author: request.caller.user,
                        reason: request.reason
                    )
                )
            },
        ]
    }

    private func check(_ policy: ConfirmPolicy) throws {
        guard !ConfirmPolicy.seconds.contains(policy.seconds) else { return }
        throw Problem(
            status: 400,
            code: "request.body",
            title: "the request is not understood",
            detail: "confirm.seconds: found \(policy.seconds), expected 10 to 900"
        )
    }

    private var enrolmentRoutes: [AdminRoute] {
        [
            get("/v1/enrolment") { _ in AdminAnswer.json(await desk.enrolment.status()) },
            get("/v1/enrolment/code") { _ in AdminAnswer.json(try await desk.enrolment.code()) },
            post("/v1/enrolment/csr", role: .admin, mayTakeLong: true) { request in
                let subject = try decoded(EnrolmentRequest.self, request)
                return AdminAnswer.json(
                    EnrolmentAnswer(csr: try await desk.enrolment.certificateRequest(subject))
                )
            },
            AdminRoute(method: "PUT", pattern: "/v1/enrolment/certificate", role: .admin) { request in
                let chain = try decoded(CertificateImport.self, request)
                let status = try await desk.enrolment.take(chain)
                await health.look()
                return AdminAnswer.json(status)
            },
        ]
    }
}
