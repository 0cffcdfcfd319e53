// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird

/// What brings the box into service, and out of it.
struct ProvisioningDesk: Sendable {
    let enrolment: Enrolment
    let answers: AnswerDesk
    let backups: BackupDesk
}

extension AdminRoutes {
    var provisioning: [AdminRoute] {
        enrolmentRoutes + backupRoutes
    }

    /// A restore brings fifty revisions.
    private static let longestBackup = 32 << 20

    private var backupRoutes: [AdminRoute] {
        [
            post("/v1/provisioning", role: .admin) { request in
                let file = try decoded(ProvisioningRequest.self, request)
                try check(file.confirm)
                let report = try await desk.answers.apply(
                    file,
                    author: request.caller.user,
                    reason: request.reason
                )
                return AdminAnswer.json(report)
            },
            post("/v1/backups", role: .admin, worksInSafeMode: true) { request in
                let file = try await desk.backups.create(try decoded(BackupRequest.self, request))
                return AdminAnswer.bytes(file, type: "application/octet-stream")
            },
            AdminRoute(
                method: "POST",
                pattern: "/v1/backups/restore",
                role: .admin,
                needsReason: true,
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
            post("/v1/enrolment/csr", role: .admin) { request in
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
