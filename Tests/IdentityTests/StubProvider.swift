// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras
import Foundation
import Synchronization

@testable import Identity

/// JSON texts by member name.
typealias Members = [String: String]

/// An OpenID provider with keys of its own; it signs without jwt-kit, so that this is no conversation with itself.
final class StubProvider: Sendable {
    static let issuer = "https://auth.example/auth/realms/esante-wallet"
    static let redirect = "https://box.example/redirect"
    static let client = "drimbox-box"
    static let secret = "sandbox-s3cret"
    static let subject = "f:550dc1c8:899700000001"

    struct Signer: Sendable {
        let identifier: String
        let rsa: _RSA.Signing.PrivateKey?
        let p256: P256.Signing.PrivateKey?

        var publicPEM: String { rsa?.publicKey.pemRepresentation ?? "" }

        var jwk: String {
            if let parts = try? rsa?.publicKey.getKeyPrimitives() {
                let (n, e) = (Base64URL.encode(parts.modulus), Base64URL.encode(parts.publicExponent))
                return #"{"kty":"RSA","use":"sig","kid":"\#(identifier)","n":"\#(n)","e":"\#(e)"}"#
            }
            let point = p256?.publicKey.rawRepresentation ?? Data()
            let (x, y) = (Base64URL.encode(point.prefix(32)), Base64URL.encode(point.suffix(32)))
            return
                #"{"kty":"EC","use":"sig","alg":"ES256","crv":"P-256","kid":"\#(identifier)","x":"\#(x)","y":"\#(y)"}"#
        }
    }

    /// Made once: an RSA key takes a while.
    static let first = Signer(identifier: "rsa-1", rsa: rsa(), p256: nil)
    static let second = Signer(identifier: "rsa-2", rsa: rsa(), p256: nil)
    /// Whose key it is nobody knows, though it calls itself the first.
    static let stranger = Signer(identifier: "rsa-1", rsa: rsa(), p256: nil)
    static let curve = Signer(identifier: "ec-1", rsa: nil, p256: P256.Signing.PrivateKey())

    private static func rsa() -> _RSA.Signing.PrivateKey? { try? _RSA.Signing.PrivateKey(keySize: .bits2048) }

    /// What it does; a test changes some of it.
    struct Behaviour: Sendable {
        var algorithm = "RS256"
        var signer = StubProvider.first
        var published = [StubProvider.first, StubProvider.curve]
        var hmacKey = StubProvider.secret
        /// Instead of, or besides, what would be right; empty text leaves a member out.
        var idToken: Members = [:]
        var userinfo: Members = [:]
        var answer: Members = [:]
        var discovery: Members = [:]
        var userinfoSigner: Signer?
        var userinfoClaims: Members = ["iss": "\"\(issuer)\"", "aud": "\"\(client)\""]
        var refreshHasIDToken = true
        /// Fails every request with this status; 0 is away.
        var status: Int?
    }

    struct State: Sendable {
        var time: Int64 = 1_800_000_000
        var behaviour = Behaviour()
        var codes: [String: FormFields] = [:]
        var refreshTokens: Set<String> = []
        var asked: [String: Int] = [:]
        var posted: [(form: FormFields, url: String, credentials: ProviderExchange.Credentials?)] = []
        var counter: UInt64 = 0
    }

    struct Away: Error {}

    private let state = Mutex(State())

    init(_ change: (inout Behaviour) -> Void = { _ in }) { set(change) }

    func set(_ change: (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }
    func pass(_ seconds: Int64) { state.withLock { $0.time += seconds } }
    func asked(_ path: String) -> Int { state.withLock { $0.asked[path] ?? 0 } }
    var posted: [(form: FormFields, url: String, credentials: ProviderExchange.Credentials?)] {
        state.withLock { $0.posted }
    }
    var time: Int64 { state.withLock { $0.time } }

    func relyingParty(_ change: (inout RelyingParty.Settings) -> Void = { _ in }) -> RelyingParty {
        var settings = RelyingParty.Settings(
            issuer: Self.issuer,
            discoveryURL: "\(Self.issuer)/.well-known/wallet-openid-configuration",
            clientID: Self.client,
            redirectURI: Self.redirect,
            postLogoutRedirectURI: "https://box.example/bye"
        )
        change(&settings)
        let exchange = ProviderExchange(
            get: { url, bearer in try self.get(url, bearer) },
            post: { form, url, credentials in
                try await Task.sleep(for: .milliseconds(2))
                return try self.post(form, url, credentials)
            }
        )
        return RelyingParty(
            settings: settings,
            exchange: exchange,
            now: { self.time },
            random: { count in
                self.state.withLock { state in
                    state.counter += 1
                    return Array(repeating: UInt8(truncatingIfNeeded: state.counter), count: count)
                }
            }
        )
    }

    /// What the browser comes back with: a code.
    func authorize(_ url: String) -> String {
        var query: FormFields = [:]
        for pair in url.split(separator: "?").last?.split(separator: "&") ?? [] {
            let parts = pair.split(separator: "=").map { String($0).removingPercentEncoding ?? "" }
            query.append(parts[0], parts.count > 1 ? parts[1] : "")
        }
        return state.withLock { state in
            let code = "code-\(state.codes.count + 1)"
            state.codes[code] = query
            return code
        }
    }

    // MARK: resources

    private func get(_ url: String, _ bearer: String?) throws -> ProviderExchange.Answer {
        try state.withLock { state in
            let path = url.split(separator: "/").last.map(String.init) ?? ""
            state.asked[path, default: 0] += 1
            let behaviour = state.behaviour
            if behaviour.status == 0 { throw Away() }
            if let status = behaviour.status { return Self.json(status, "{}") }
            switch path {
            case "wallet-openid-configuration": return Self.json(200, Self.discovery(behaviour))
            case "certs":
                let keys =
                    behaviour.published.map(\.jwk) + [
                        #"{"kty":"oct","k":"AA"}"#, #"{"kty":"RSA","use":"enc"}"#,
                    ]
                return Self.json(200, "{\"keys\":[\(keys.joined(separator: ","))]}")
            case "userinfo": return Self.userinfo(behaviour, bearer)
            default: return Self.json(404, "{}")
            }
        }
    }

    private func post(_ form: FormFields, _ url: String, _ credentials: ProviderExchange.Credentials?) throws
        -> ProviderExchange.Answer
    {
        try state.withLock { state in
            state.posted.append((form, url, credentials))
            if state.behaviour.status == 0 { throw Away() }
            if let status = state.behaviour.status { return Self.json(status, "{}") }
            guard form["client_id"] == Self.client else {
                return Self.json(401, "{\"error\":\"invalid_client\"}")
            }
            if url.hasSuffix("/logout") { return Self.json(204, "") }
            var nonce: String?
            if form["grant_type"] == "refresh_token" {
                guard state.refreshTokens.remove(form["refresh_token"] ?? "") != nil else {
                    return Self.json(400, "{\"error\":\"invalid_grant\"}")
                }
            } else {
                guard let query = state.codes.removeValue(forKey: form["code"] ?? ""),
                    query["redirect_uri"] == form["redirect_uri"],
                    query["code_challenge_method"] == "S256",
                    query["code_challenge"] == ProofKey.challenge(form["code_verifier"] ?? "")
                else {
                    return Self.json(
                        400,
                        "{\"error\":\"invalid_grant\",\"error_description\":\"Codé not valid\"}"
                    )
                }
                nonce = query["nonce"]
            }
            state.counter += 1
            return Self.tokens(&state, nonce)
        }
    }

    private static func tokens(_ state: inout State, _ nonce: String?) -> ProviderExchange.Answer {
        let behaviour = state.behaviour
        let access = "access-\(state.counter)"
        state.refreshTokens.insert("refresh-\(state.counter)")
        var claims: Members = [
            "iss": "\"\(issuer)\"", "sub": "\"\(subject)\"", "aud": "\"\(client)\"",
            "exp": "\(state.time + 300)",
            "iat": "\(state.time)", "at_hash": "\"\(ProofKey.accessTokenHash(access))\"", "acr": "\"eidas1\"",
            "azp": "\"\(client)\"",
        ]
        if let nonce { claims["nonce"] = "\"\(nonce)\"" }
        var answer: Members = [
            "access_token": "\"\(access)\"", "token_type": "\"Bearer\"", "expires_in": "300",
            "refresh_token": "\"refresh-\(state.counter)\"", "refresh_expires_in": "1800",
        ]
        if nonce != nil || behaviour.refreshHasIDToken {
            let token = sign(
                object(claims, behaviour.idToken),
                behaviour.algorithm,
                behaviour.signer,
                hmac: behaviour.hmacKey
            )
            answer["id_token"] = "\"\(token)\""
        }
        return json(200, object(answer, behaviour.answer))
    }

    private static func userinfo(_ behaviour: Behaviour, _ bearer: String?) -> ProviderExchange.Answer {
        guard bearer?.hasPrefix("access-") == true else { return json(401, "{\"error\":\"invalid_token\"}") }
        var claims: Members = [
            "sub": "\"\(subject)\"", "SubjectNameID": "\"899700000001\"", "family_name": "\"RADIO\"",
            "given_name": "\"Zoé\"", "SubjectOrganization": "\"CABINET\"",
        ]
        guard let signer = behaviour.userinfoSigner else {
            return json(200, object(claims, behaviour.userinfo))
        }
        claims.merge(behaviour.userinfoClaims) { $1 }
        let token = sign(object(claims, behaviour.userinfo), "RS256", signer, hmac: "")
        return .init(status: 200, contentType: "application/jwt;charset=UTF-8", body: Array(token.utf8))
    }

    private static func discovery(_ behaviour: Behaviour) -> String {
        let base = "\(issuer)/protocol/openid-connect"
        return object(
            [
                "issuer": "\"\(issuer)\"", "authorization_endpoint": "\"https://wallet.example/auth\"",
                "token_endpoint": "\"\(base)/token\"", "userinfo_endpoint": "\"\(base)/userinfo\"",
                "jwks_uri": "\"\(base)/certs\"", "end_session_endpoint": "\"\(base)/logout\"",
            ],
            behaviour.discovery
        )
    }

    // MARK: texts

    private static func object(_ members: Members, _ changes: Members) -> String {
        let all = members.merging(changes) { $1 }.filter { !$0.value.isEmpty }
        return
            "{\(all.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ","))}"
    }

    private static func json(_ status: Int, _ text: String) -> ProviderExchange.Answer {
        .init(status: status, contentType: "application/json", body: Array(text.utf8))
    }

    static func sign(_ payload: String, _ algorithm: String, _ signer: Signer, hmac: String) -> String {
        let header = "{\"alg\":\"\(algorithm)\",\"typ\":\"JWT\",\"kid\":\"\(signer.identifier)\"}"
        let signed = "\(Base64URL.encode(header.utf8)).\(Base64URL.encode(payload.utf8))"
        let digest = SHA256.hash(data: Data(signed.utf8))
        let signature: Data? =
            switch algorithm {
            case "RS256":
                try? signer.rsa?.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation
            case "PS256": try? signer.rsa?.signature(for: digest, padding: .PSS).rawRepresentation
            case "ES256": try? signer.p256?.signature(for: digest).rawRepresentation
            case "HS256":
                Data(
                    HMAC<SHA256>.authenticationCode(
                        for: Data(signed.utf8),
                        using: SymmetricKey(data: Data(hmac.utf8))
                    )
                )
            default: nil
            }
        return "\(signed).\(Base64URL.encode(signature ?? Data()))"
    }
}
