// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird

/// What brings the box into service, and out of it.
struct ProvisioningDesk: Sendable {
    let enrolment: Enrolment
}

extension AdminRoutes {
    var provisioning: [AdminRoute] {
        enrolmentRoutes
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
