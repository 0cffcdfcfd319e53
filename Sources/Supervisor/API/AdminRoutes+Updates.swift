// SPDX-License-Identifier: Apache-2.0
import Admin
import Hummingbird

extension AdminRoutes {
    /// Also in safe mode: a newer release may be the way out of it.
    var updateRoutes: [AdminRoute] {
        [
            get("/v1/updates") { try await order(.status, $0) },
            get("/v1/updates/media") { try await order(.media, $0) },
            post("/v1/updates/check", role: .operator, worksInSafeMode: true, mayTakeLong: true) {
                try await order(.check, $0, seconds: UpdateClient.checkPatience)
            },
            post("/v1/updates/install", role: .admin, worksInSafeMode: true, mayTakeLong: true) { request in
                let wish =
                    request.body.isEmpty
                    ? UpdateInstallRequest() : try decoded(UpdateInstallRequest.self, request)
                return try await order(.install(wish), request, seconds: UpdateClient.checkPatience)
            },
            post("/v1/updates/confirm", role: .admin, worksInSafeMode: true) { request in
                let consent =
                    request.body.isEmpty
                    ? UpdateConsentRequest() : try decoded(UpdateConsentRequest.self, request)
                return try await order(.confirm(hours: consent.hours ?? 24), request)
            },
            post("/v1/updates/abort", role: .admin, worksInSafeMode: true) { try await order(.abort, $0) },
            AdminRoute(
                method: "POST",
                pattern: "/v1/updates/rollback",
                role: .admin,
                needsReason: true,
                worksInSafeMode: true
            ) { try await order(.rollback, $0) },
        ]
    }

    private func order(
        _ order: UpdateOrder,
        _ request: AdminRequest,
        seconds: Int = UpdateClient.patience
    ) async throws -> Response {
        let answer: UpdateAnswer
        do {
            answer = try await updates.ask(order, seconds: seconds)
        } catch {
            throw Problem(
                status: 503,
                code: "update.unavailable",
                title: "drimbox-update does not answer",
                detail: "\(error)",
                path: request.path,
                hint: "a machine with one slot has none; else: journalctl -u drimbox-update"
            )
        }
        switch answer {
        case .status(let status): return AdminAnswer.json(status)
        case .media(let list): return AdminAnswer.json(list)
        case .refused(let reason):
            throw Problem(
                status: 412,
                code: "update.state",
                title: "not now",
                detail: reason,
                path: request.path,
                hint: "drimboxctl update status"
            )
        case .failed(let reason):
            throw Problem(
                status: 500,
                code: "update.failed",
                title: "the update agent failed",
                detail: reason,
                path: request.path
            )
        }
    }
}
