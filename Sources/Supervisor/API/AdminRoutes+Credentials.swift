// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird

// Files for the gateway, one at a time or from a USB stick.
extension AdminRoutes {
    /// Base64 of the longest file, and what stands around it.
    private static let longestUpload = CredentialUpload.longest / 3 * 4 + 1024

    var credentialRoutes: [AdminRoute] {
        [
            get("/v1/credentials") { _ in
                AdminAnswer.json(
                    CredentialList(credentials: try await desk.credentials.list(await transactions.document))
                )
            },
            AdminRoute(
                method: "PUT",
                pattern: "/v1/credentials/{name}",
                role: .admin,
                longestBody: Self.longestUpload
            ) { request in
                let upload = try decoded(CredentialUpload.self, request)
                guard let content = Data(base64Encoded: upload.content) else {
                    throw Problem(
                        status: 400,
                        code: "request.body",
                        title: "the request is not understood",
                        detail: "content: found no base64, expected base64"
                    )
                }
                let file = try await desk.credentials.put(
                    request.parameter("name"),
                    Array(content),
                    usedBy: await transactions.document
                )
                await health.look()
                return AdminAnswer.json(file)
            },
            AdminRoute(method: "DELETE", pattern: "/v1/credentials/{name}", role: .admin) { request in
                try await desk.credentials.remove(request.parameter("name"), await transactions.document)
                return AdminAnswer.json(
                    CredentialList(credentials: try await desk.credentials.list(await transactions.document))
                )
            },
            get("/v1/media") { _ in AdminAnswer.json(MediumList(media: try desk.media.list())) },
            post("/v1/media/{name}/import", role: .admin, mayTakeLong: true) { request in
                let report = try await desk.media.take(
                    request.parameter("name"),
                    author: request.caller.user,
                    reason: request.reason
                )
                await health.look()
                return AdminAnswer.json(report)
            },
        ]
    }
}
