// SPDX-License-Identifier: Apache-2.0
import Crypto

/// Signs people in with an OpenID provider: authorization code, PKCE, state and nonce.
package actor RelyingParty {
    package struct Settings: Equatable, Sendable {
        package var issuer: String
        package var discoveryURL: String
        package var clientID: String
        /// Nil: the client certificate authenticates (RFC 8705).
        package var clientSecret: String?
        package var scope: String
        package var acrValues: String
        /// Whether who signs in without a word on the level (`acr`) is refused.
        package var demandsACR: Bool
        package var redirectURI: String
        package var postLogoutRedirectURI: String?
        package var clockSkewSeconds: Int64
        /// Instead of the discovered one.
        package var authorizationEndpoint: String?
        /// Keycloak signs HS256 with a key of its own, which no client has. Then TLS to the token endpoint
        /// may vouch for the ID token instead (OpenID Connect Core 3.1.3.7, 6), and for nothing else.
        package var trustsTokenEndpointForHS256: Bool

        package init(
            issuer: String,
            discoveryURL: String,
            clientID: String,
            clientSecret: String? = nil,
            scope: String = "openid scope_all",
            acrValues: String = "eidas1",
            demandsACR: Bool = false,
            redirectURI: String,
            postLogoutRedirectURI: String? = nil,
            clockSkewSeconds: Int64 = 60,
            authorizationEndpoint: String? = nil,
            trustsTokenEndpointForHS256: Bool = false
        ) {
            self.issuer = issuer
            self.discoveryURL = discoveryURL
            self.clientID = clientID
            self.clientSecret = clientSecret
            self.scope = scope
            self.acrValues = acrValues
            self.demandsACR = demandsACR
            self.redirectURI = redirectURI
            self.postLogoutRedirectURI = postLogoutRedirectURI
            self.clockSkewSeconds = clockSkewSeconds
            self.authorizationEndpoint = authorizationEndpoint
            self.trustsTokenEndpointForHS256 = trustsTokenEndpointForHS256
        }
    }

    /// How long the browser may be away.
    static let longestSignInSeconds: Int64 = 600
    /// An access token with more than this left is good for the next retrieval.
    static let refreshAheadSeconds: Int64 = 60
    /// The discovery document is believed for so long.
    private static let discoverySeconds: Int64 = 3600
    private static let longestAnswer = 1 << 20
    private static let capacity = 4096

    private let settings: Settings
    private let exchange: ProviderExchange
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private let random: @Sendable (Int) -> [UInt8]
    private let rules: IDTokenRules
    private let keys: ProviderKeys
    private var discovered: (provider: OpenIDProvider, at: Int64)?
    private var refreshing:
        [SHA256Digest: (task: Task<Result<Tokens, SignInError>, Never>, subject: String)] = [:]
    /// Who comes late with a refresh token that was just used gets what it was used for.
    private var refreshed: [SHA256Digest: (tokens: Tokens, subject: String, until: Int64)] = [:]

    /// `random` makes so many unpredictable bytes.
    package init(
        settings: Settings,
        exchange: ProviderExchange,
        now: @escaping @Sendable () -> Int64,
        random: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.settings = settings
        self.exchange = exchange
        self.now = now
        self.random = random
        rules = IDTokenRules(
            issuer: settings.issuer,
            clientID: settings.clientID,
            acrValues: settings.acrValues,
            demandsACR: settings.demandsACR,
            clockSkewSeconds: settings.clockSkewSeconds
        )
        keys = ProviderKeys(now: now) { uri in await Self.document(uri, exchange) }
    }

    // MARK: signing in

    package func begin() async throws(SignInError) -> PendingSignIn {
        let provider = try await provider()
        let state = secret()
        let nonce = secret()
        let verifier = secret()
        var query: FormFields = [
            "response_type": "code", "client_id": settings.clientID, "redirect_uri": settings.redirectURI,
            "scope": settings.scope, "state": state, "nonce": nonce,
            "code_challenge": ProofKey.challenge(verifier), "code_challenge_method": "S256",
        ]
        if !settings.acrValues.isEmpty { query.append("acr_values", settings.acrValues) }
        let endpoint = settings.authorizationEndpoint ?? provider.authorizationEndpoint
        return PendingSignIn(
            state: state,
            nonce: nonce,
            verifier: verifier,
            url: Self.url(endpoint, query),
            began: now()
        )
    }

    /// `issuer` is the answer's `iss` (RFC 9207), where it has one.
    package func complete(_ pending: PendingSignIn, state: String, code: String, issuer: String?)
        async throws(SignInError) -> SignedIn
    {
        let provider = try await provider()
        try check(pending, state: state, issuer: issuer, provider)
        guard !code.isEmpty, code.utf8.count <= 4096 else {
            throw .invalid("authorization code", found: "none", expected: "one")
        }
        let answer = try await token(
            [
                "grant_type": "authorization_code", "code": code, "redirect_uri": settings.redirectURI,
                "code_verifier": pending.verifier,
            ],
            provider
        )
        guard let idToken = answer.idToken else {
            throw .invalid("token answer", found: "no id_token", expected: "one (scope openid)")
        }
        let subject = try await verify(
            idToken: idToken,
            nonce: pending.nonce,
            accessToken: answer.accessToken,
            provider
        )
        let claims = try await userinfo(answer.accessToken, provider)
        guard claims.subject == subject else {
            throw .invalid("userinfo subject", found: "another", expected: "the ID token's")
        }
        return SignedIn(claims: claims, tokens: answer.tokens(idToken: idToken))
    }

    /// What an answer that carries `error` instead of a code means (RFC 6749 4.1.2.1).
    package func refusal(
        _ pending: PendingSignIn,
        state: String,
        error: String,
        description: String?,
        issuer: String?
    ) async -> SignInError {
        do {
            try check(pending, state: state, issuer: issuer, try await provider())
            return .refusal(error, description)
        } catch {
            return error
        }
    }

    private func check(
        _ pending: PendingSignIn,
        state: String,
        issuer: String?,
        _ provider: OpenIDProvider
    ) throws(SignInError) {
        guard ProofKey.areSame(state, pending.state) else {
            throw .invalid("state", found: "another", expected: "the one sent")
        }
        guard now() - pending.began <= Self.longestSignInSeconds else { throw .expired }
        guard issuer == provider.issuer || issuer == nil && !provider.namesIssuer else {
            throw .invalid(
                "answer's issuer",
                found: issuer == nil ? "none" : "another",
                expected: SignInError.sanitised(provider.issuer)
            )
        }
    }

    private func verify(idToken: String, nonce: String?, accessToken: String, _ provider: OpenIDProvider)
        async throws(SignInError) -> String
    {
        let token = try SignedToken(reading: idToken, what: "ID token")
        if token.algorithm == .HS256 {
            try verifyHS256(token)
        } else {
            try await verify(token, what: "ID token", provider)
        }
        return try rules.check(token.claims, nonce: nonce, accessToken: accessToken, now: now())
    }

    /// Never with a public key: the secret, or nothing but the connection that it came over.
    private func verifyHS256(_ token: SignedToken) throws(SignInError) {
        if let secret = settings.clientSecret, token.isSigned(withSecret: secret) { return }
        guard !settings.trustsTokenEndpointForHS256 else { return }
        guard settings.clientSecret != nil else {
            throw .invalid("ID token algorithm", found: "HS256", expected: "RS256, PS256 or ES256")
        }
        throw .invalid("ID token signature", found: "a false one", expected: "the client secret's")
    }

    private func verify(_ token: SignedToken, what: String, _ provider: OpenIDProvider)
        async throws(SignInError)
    {
        guard token.algorithm != .HS256 else {
            throw .invalid("\(what) algorithm", found: "HS256", expected: "RS256, PS256 or ES256")
        }
        let candidates = try await keys.candidates(for: token, at: provider.jwksURI)
        guard !candidates.isEmpty else {
            throw .invalid("\(what) key", found: "an unknown one", expected: "one of the provider's JWKS")
        }
        for key in candidates where await token.isSigned(by: key) { return }
        throw .invalid("\(what) signature", found: "a false one", expected: "the provider's")
    }

    private func userinfo(_ accessToken: String, _ provider: OpenIDProvider) async throws(SignInError)
        -> UserClaims
    {
        let url = endpoint("userinfo_endpoint", provider.userinfoEndpoint, provider)
        let answer = try await Self.ask { [exchange] in try await exchange.get(url, accessToken) }
        guard answer.status == 200 else { throw Self.failure(answer, "userinfo") }
        let type = answer.contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        guard type == "application/jwt" else { return try UserClaims(reading: answer.body) }
        let token = try SignedToken(reading: String(decoding: answer.body, as: UTF8.self), what: "userinfo")
        try await verify(token, what: "userinfo", provider)
        try rules.checkIssuerAndAudience(token.claims, what: "userinfo")
        if let expires = token.claims["exp"] {
            guard let expires = expires.seconds, expires + settings.clockSkewSeconds > now() else {
                throw .invalid("userinfo expiry", found: "a past time", expected: "a future exp")
            }
        }
        return try UserClaims(token.claims)
    }

    /// Whose access token it is, where somebody else has signed the professional in.
    package func professional(holding accessToken: String) async throws(SignInError) -> Professional {
        try Professional(try await userinfo(accessToken, try await provider()))
    }

    // MARK: staying signed in

    /// The same tokens while the access token has a minute left, else new ones. `subject` is that of who signed in.
    package func refresh(_ tokens: Tokens, subject: String) async throws(SignInError) -> Tokens {
        guard tokens.accessExpires - now() <= Self.refreshAheadSeconds else { return tokens }
        guard let refreshToken = tokens.refreshToken else {
            guard tokens.accessExpires > now() else { throw .expired }
            return tokens
        }
        let key = SHA256.hash(data: Array(refreshToken.utf8))
        if let last = refreshed[key], last.until > now(), last.subject == subject { return last.tokens }
        if let until = tokens.refreshExpires, until <= now() { throw .expired }
        if let last = refreshing[key], last.subject == subject { return try await last.task.value.get() }
        let task = Task { () async -> Result<Tokens, SignInError> in
            do throws(SignInError) {
                return .success(try await self.renew(tokens, refreshToken, subject))
            } catch {
                return .failure(error)
            }
        }
        refreshing[key] = (task, subject)
        let result = await task.value
        refreshing[key] = nil
        let renewed = try result.get()
        let time = now()
        refreshed = refreshed.filter { $0.value.until > time }
        if refreshed.count < Self.capacity {
            let until = min(renewed.accessExpires, time + Self.refreshAheadSeconds)
            refreshed[key] = (renewed, subject, until)
        }
        return renewed
    }

    private func renew(_ tokens: Tokens, _ refreshToken: String, _ subject: String)
        async throws(SignInError) -> Tokens
    {
        let provider = try await provider()
        let answer: TokenAnswer
        do {
            answer = try await token(
                ["grant_type": "refresh_token", "refresh_token": refreshToken],
                provider
            )
        } catch {
            if case .denied("invalid_grant", _) = error { throw .expired }
            throw error
        }
        guard let idToken = answer.idToken else {
            return answer.tokens(idToken: tokens.idToken, after: tokens)
        }
        let found = try await verify(
            idToken: idToken,
            nonce: nil,
            accessToken: answer.accessToken,
            provider
        )
        guard found == subject else {
            throw .invalid("ID token subject", found: "another", expected: "that of who signed in")
        }
        return answer.tokens(idToken: idToken, after: tokens)
    }

    // MARK: signing out

    /// Where to send the browser to end the provider's session too (RP-Initiated Logout 1.0, 2).
    package func logoutURL(_ tokens: Tokens, state: String) async -> String? {
        guard let endpoint = try? await provider().endSessionEndpoint else { return nil }
        var query: FormFields = ["id_token_hint": tokens.idToken, "client_id": settings.clientID]
        if let uri = settings.postLogoutRedirectURI {
            query.append("post_logout_redirect_uri", uri)
            query.append("state", state)
        }
        return Self.url(endpoint, query)
    }

    /// Ends the session without the browser, as Keycloak allows; silent where it cannot.
    package func end(_ tokens: Tokens) async {
        guard let refreshToken = tokens.refreshToken else { return }
        refreshed = refreshed.filter { $0.value.tokens.refreshToken != refreshToken }
        guard let provider = try? await provider(), let plain = provider.endSessionEndpoint else { return }
        let url = endpoint("end_session_endpoint", plain, provider)
        _ = try? await post(["refresh_token": refreshToken], url)
    }

    // MARK: the provider

    /// The provider's metadata, for who needs its introspection endpoint.
    package func provider() async throws(SignInError) -> OpenIDProvider {
        if let discovered, now() - discovered.at < Self.discoverySeconds { return discovered.provider }
        let body = try await Self.document(settings.discoveryURL, exchange).get()
        let provider = try OpenIDProvider(reading: body, expecting: settings.issuer)
        discovered = (provider, now())
        return provider
    }

    private func token(_ form: FormFields, _ provider: OpenIDProvider) async throws(SignInError)
        -> TokenAnswer
    {
        let asked = now()
        let answer = try await post(form, endpoint("token_endpoint", provider.tokenEndpoint, provider))
        guard answer.status == 200 else { throw Self.failure(answer, "token") }
        return try TokenAnswer(reading: answer.body, asked: asked)
    }

    private func post(_ form: FormFields, _ url: String) async throws(SignInError) -> ProviderExchange.Answer
    {
        var form = form
        let credentials = settings.clientSecret.map {
            ProviderExchange.Credentials(clientID: settings.clientID, secret: $0)
        }
        form.append("client_id", settings.clientID)
        let sent = form
        return try await Self.ask { [exchange] in try await exchange.post(sent, url, credentials) }
    }

    private func endpoint(_ name: String, _ plain: String, _ provider: OpenIDProvider) -> String {
        settings.clientSecret == nil ? provider.mutualTLSEndpoints[name] ?? plain : plain
    }

    /// 32 random bytes: 43 characters (RFC 7636 4.1).
    private func secret() -> String { Base64URL.encode(random(32)) }

    private static func url(_ endpoint: String, _ query: FormFields) -> String {
        "\(endpoint)\(endpoint.contains("?") ? "&" : "?")\(query.encoded)"
    }

    private static func document(_ url: String, _ exchange: ProviderExchange) async -> Result<
        [UInt8], SignInError
    > {
        do {
            let answer = try await ask { try await exchange.get(url, nil) }
            guard answer.status == 200 else {
                return .failure(.unavailable("found status \(answer.status), expected 200"))
            }
            return .success(answer.body)
        } catch {
            return .failure(error)
        }
    }

    private static func ask(_ send: @Sendable () async throws -> ProviderExchange.Answer)
        async throws(SignInError)
        -> ProviderExchange.Answer
    {
        let answer: ProviderExchange.Answer
        do {
            answer = try await send()
        } catch {
            throw .unavailable(SignInError.sanitised("\(error)"))
        }
        guard answer.body.count <= longestAnswer else {
            throw .invalid("answer", found: "\(answer.body.count) bytes", expected: "1 MiB at most")
        }
        return answer
    }

    /// RFC 6749 5.2, RFC 6750 3.1; 5xx and 429 are no refusal.
    private static func failure(_ answer: ProviderExchange.Answer, _ what: String) -> SignInError {
        guard (400..<500).contains(answer.status), answer.status != 429 else {
            return .unavailable("\(what): found status \(answer.status), expected 200")
        }
        let body = JSONValue(reading: answer.body)
        guard let error = body?["error"]?.text else {
            return .denied("invalid_request", reason: "\(what): status \(answer.status)")
        }
        return .refusal(error, body?["error_description"]?.text)
    }
}
