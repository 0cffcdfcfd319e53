// SPDX-License-Identifier: Apache-2.0
import Admin
import Identity
import Linux
import NIOHTTP1
import Source
import Transfer

/// Whose access token comes with a request, as Pro Santé Connect says.
final class ProfessionalIdentity: Sendable {
    private let client: HTTPSClient
    private let introspection: TokenIntrospection

    init(_ identity: GatewayConfiguration.ProSanteConnect, _ security: Security) throws {
        let provider = identity.provider
        let client = try security.client(provider)
        self.client = client
        let secret = try security.secret(provider)
        introspection = TokenIntrospection(
            issuer: provider.issuer,
            now: { WallClock.milliseconds() / 1000 },
            ask: { token in
                var form: FormFields = ["token": token, "token_type_hint": "access_token"]
                var headers: [(name: String, value: String)] = [("Accept", "application/json")]
                if let secret {
                    let credentials = ProviderExchange.Credentials(
                        clientID: provider.clientID,
                        secret: secret
                    )
                    headers.append(("Authorization", credentials.basic))
                } else {
                    // RFC 8705 2: the certificate says who we are, and this whom to look for.
                    form.append("client_id", provider.clientID)
                }
                let answer = try await client.post(
                    Array(form.encoded.utf8),
                    contentType: "application/x-www-form-urlencoded",
                    to: identity.introspection,
                    headers: headers
                )
                guard answer.status == 200 else { throw UnexpectedStatus(status: answer.status) }
                return answer.body
            }
        )
    }

    /// DOMAIN: 401 for a token that is none or not good, 503 where nobody can say.
    func admit(_ request: HTTPRequest) async -> RetrieveAdmission {
        let named = request.headers["Authorization"]
        guard let value = named.first, named.count == 1, value.lowercased().hasPrefix("bearer ") else {
            return .refused(Self.unauthorized("Bearer"), reason: "no bearer token")
        }
        let token = String(value.dropFirst("bearer ".count).drop { $0 == " " })
        do {
            let found = try await introspection.check(token)
            return .admitted(who: "\(found.subject ?? "nobody") by \(found.client ?? "unnamed software")")
        } catch {
            switch error {
            case .refused:
                return .refused(Self.unauthorized("Bearer error=\"invalid_token\""), reason: "\(error)")
            case .unavailable:
                var response = HTTPResponse.text(.serviceUnavailable, "the identity provider does not answer")
                response.headers.replaceOrAdd(name: "Retry-After", value: "5")
                return .refused(response, reason: "\(error)")
            }
        }
    }

    /// - Throws: where the token is not good, or was not given to one of these clients.
    func check(_ token: String, of clients: Set<String>) async throws(SignInError) {
        let found: IntrospectedToken
        do throws(TokenIntrospection.Failure) {
            found = try await introspection.check(token)
        } catch {
            switch error {
            case .refused(let reason): throw .invalid("token", found: reason, expected: "a good one")
            case .unavailable(let reason): throw .unavailable(reason)
            }
        }
        guard let client = found.client, clients.contains(client) else {
            throw .invalid("token", found: "one of other software", expected: "one of consumer.priorClients")
        }
    }

    func shutdown() async { await client.shutdown() }

    private struct UnexpectedStatus: Error, CustomStringConvertible {
        let status: Int

        var description: String { "found status \(status), expected 200" }
    }

    private static func unauthorized(_ challenge: String) -> HTTPResponse {
        var response = HTTPResponse.text(.unauthorized, "Authentication failure")
        response.headers.replaceOrAdd(name: "WWW-Authenticate", value: challenge)
        return response
    }
}
