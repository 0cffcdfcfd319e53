// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Identity

/// One thing that is wrong, and the name of the error that it has to give.
private struct Attack: Sendable, CustomTestStringConvertible {
    let name: String
    let error: String
    let change: @Sendable (inout StubProvider.Behaviour) -> Void

    init(
        _ name: String,
        _ error: String,
        _ change: @escaping @Sendable (inout StubProvider.Behaviour) -> Void
    ) {
        (self.name, self.error, self.change) = (name, error, change)
    }

    var testDescription: String { name }
}

private let attacks = [
    Attack("nonce of another", "ID token nonce") { $0.idToken["nonce"] = "\"other\"" },
    Attack("no nonce", "ID token nonce") { $0.idToken["nonce"] = "" },
    Attack("token for another client", "ID token audience") { $0.idToken["aud"] = "\"another\"" },
    Attack("several audiences without azp", "ID token authorized party") {
        $0.idToken = ["aud": "[\"drimbox-box\",\"other\"]", "azp": ""]
    },
    Attack("azp of another", "ID token authorized party") { $0.idToken["azp"] = "\"other\"" },
    Attack("wrong iss", "ID token issuer") { $0.idToken["iss"] = "\"https://auth.example\"" },
    Attack("alg none", "ID token algorithm") { $0.algorithm = "none" },
    Attack("alg None", "ID token algorithm") { $0.algorithm = "None" },
    Attack("HS256 with the public key", "ID token algorithm") {
        $0.algorithm = "HS256"
        $0.hmacKey = StubProvider.first.publicPEM
    },
    Attack("HS256 with no key", "ID token algorithm") {
        $0.algorithm = "HS256"
        $0.hmacKey = ""
    },
    Attack("signed by a stranger", "ID token signature") { $0.signer = StubProvider.stranger },
    Attack("unknown kid", "ID token key") { $0.signer = StubProvider.second },
    Attack("expired", "ID token expiry") { $0.idToken["exp"] = "1799999900" },
    Attack("no exp", "ID token expiry") { $0.idToken["exp"] = "" },
    Attack("exp as text", "ID token expiry") { $0.idToken["exp"] = "\"1900000000\"" },
    Attack("iat in the future", "ID token issue time") { $0.idToken["iat"] = "1800000100" },
    Attack("at_hash wrong", "ID token at_hash") { $0.idToken["at_hash"] = "\"AAAA\"" },
    Attack("weaker acr", "ID token acr") { $0.idToken["acr"] = "\"eidas0\"" },
    Attack("unnamed acr", "ID token acr") { $0.idToken["acr"] = "\"1\"" },
    Attack("no sub", "ID token subject") { $0.idToken["sub"] = "" },
    Attack("no ID token", "token answer") { $0.answer["id_token"] = "" },
    Attack("encrypted ID token", "ID token") { $0.answer["id_token"] = "\"a.b.c.d.e\"" },
    Attack("no token at all", "ID token") { $0.answer["id_token"] = "\"a.b\"" },
    Attack("a token of another type", "token type") { $0.answer["token_type"] = "\"mac\"" },
    Attack("an access token with a line break", "token answer") {
        $0.answer["access_token"] = "\"a\\r\\nb\""
    },
    Attack("userinfo of another sub", "userinfo subject") { $0.userinfo["sub"] = "\"f:1:other\"" },
    Attack("userinfo without identifier", "userinfo identifier") { $0.userinfo["SubjectNameID"] = "" },
    Attack("userinfo JWT signed by another", "userinfo signature") {
        $0.userinfoSigner = StubProvider.stranger
    },
    Attack("userinfo JWT of another issuer", "userinfo issuer") {
        $0.userinfoSigner = StubProvider.first
        $0.userinfoClaims["iss"] = "\"https://auth.example\""
    },
    Attack("userinfo JWT for another", "userinfo audience") {
        $0.userinfoSigner = StubProvider.first
        $0.userinfoClaims["aud"] = "\"other\""
    },
    Attack("userinfo JWT of the past", "userinfo expiry") {
        $0.userinfoSigner = StubProvider.first
        $0.userinfoClaims["exp"] = "1"
    },
    Attack("discovery with other issuer", "discovery issuer") {
        $0.discovery["issuer"] = "\"https://evil.example\""
    },
    Attack("http endpoint", "discovery token_endpoint") {
        $0.discovery["token_endpoint"] = "\"http://auth.example/token\""
    },
    Attack("http alias", "discovery token_endpoint") {
        $0.discovery["mtls_endpoint_aliases"] = "{\"token_endpoint\":\"http://auth.example/token\"}"
    },
    Attack("no keys", "discovery jwks_uri") { $0.discovery["jwks_uri"] = "" },
]

private func signIn(_ provider: StubProvider, _ party: RelyingParty) async throws -> SignedIn {
    let pending = try await party.begin()
    let code = provider.authorize(pending.url)
    return try await party.complete(pending, state: pending.state, code: code, issuer: nil)
}

private func error(_ work: () async throws -> Void) async -> SignInError? {
    do {
        try await work()
        return nil
    } catch {
        return error as? SignInError
    }
}

private func what(_ error: SignInError?) -> String {
    if case .invalid(let what, _, _) = error { what } else { error.map { "\($0)" } ?? "nothing" }
}

@Suite("Professionals sign in") struct RelyingPartyTests {
    @Test("the browser is sent with PKCE, state, nonce and acr_values") func begin() async throws {
        let provider = StubProvider()
        let party = provider.relyingParty { $0.acrValues = "eidas1" }
        let pending = try await party.begin()
        let url = try #require(URLComponents(string: pending.url))
        #expect(pending.url.hasPrefix("https://wallet.example/auth?"))
        let items = (url.queryItems ?? []).reduce(into: [:]) { $0[$1.name] = $1.value }
        #expect(items["response_type"] == "code")
        #expect(items["scope"] == "openid scope_all")
        #expect(items["redirect_uri"] == StubProvider.redirect)
        #expect(items["acr_values"] == "eidas1")
        #expect(items["state"] == pending.state && items["nonce"] == pending.nonce)
        #expect(items["code_challenge"] == ProofKey.challenge(pending.verifier))
        #expect(Set([pending.state, pending.nonce, pending.verifier]).count == 3)
        #expect([pending.state, pending.nonce, pending.verifier].allSatisfy { $0.utf8.count == 43 })
        #expect(!pending.url.contains(pending.verifier))
        #expect(!"\(pending) \(String(reflecting: pending))".contains(pending.verifier))
        let elsewhere = provider.relyingParty { $0.authorizationEndpoint = "https://other.example/a?x=1" }
        #expect(try await elsewhere.begin().url.hasPrefix("https://other.example/a?x=1&response_type=code&"))
    }

    @Test("RFC 7636 appendix B, RFC 4648 and at_hash of OpenID Connect Core A.3") func vectors() {
        let octets: [UInt8] = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105,
            214, 191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
        ]
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        #expect(Base64URL.encode(octets) == verifier)
        #expect(Base64URL.decode(verifier) == octets)
        #expect(ProofKey.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        #expect(
            ProofKey.accessTokenHash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y")
                == "77QmUPtjPfzWtF2AnpK9RQ"
        )
        for text in ["Zg==", "Z+8", "a", "é"] { #expect(Base64URL.decode(text) == nil, "\(text)") }
        #expect(ProofKey.areSame("a", "a") && !ProofKey.areSame("a", "b") && !ProofKey.areSame("a", "aa"))
    }

    @Test(
        "with each algorithm, and userinfo plain or signed",
        arguments: ["RS256", "PS256", "ES256", "HS256"]
    )
    func completes(algorithm: String) async throws {
        let provider = StubProvider { behaviour in
            behaviour.algorithm = algorithm
            if algorithm == "ES256" { behaviour.signer = StubProvider.curve }
            if algorithm == "PS256" { behaviour.userinfoSigner = StubProvider.first }
        }
        let secret = algorithm == "HS256" ? StubProvider.secret : nil
        let signedIn = try await signIn(provider, provider.relyingParty { $0.clientSecret = secret })
        let professional = try Professional(signedIn.claims)
        #expect(professional.identifier == "899700000001")
        #expect(professional.familyName == "RADIO" && professional.givenName == "Zoé")
        #expect(professional.activities.map(\.structureName) == ["CABINET"])
        #expect(signedIn.tokens.accessExpires == provider.time + 300)
        #expect(signedIn.tokens.refreshExpires == provider.time + 1800)
        #expect(provider.posted.map(\.credentials?.secret) == [secret])
        #expect(provider.posted[0].form["client_id"] == StubProvider.client)
        #expect(!"\(signedIn) \(String(reflecting: signedIn.tokens))".contains("access-"))
    }

    @Test("whatever is wrong is refused by name", arguments: attacks)
    private func refuses(attack: Attack) async {
        let provider = StubProvider(attack.change)
        let error = await error {
            _ = try Professional(await signIn(provider, provider.relyingParty()).claims)
        }
        #expect(what(error) == attack.error)
        let text = error.map { "\($0)" } ?? ""
        for secret in ["899700000001", "access-", "refresh-", "code-", "RADIO", "eyJ"] {
            #expect(!text.contains(secret), "\(text)")
        }
    }

    @Test("a token that is silent on the level is refused where it has to speak") func silentLevel()
        async throws
    {
        let provider = StubProvider()
        provider.set { $0.idToken["acr"] = "" }
        _ = try await signIn(provider, provider.relyingParty())
        let refusal = await error {
            _ = try await signIn(provider, provider.relyingParty { $0.demandsACR = true })
        }
        #expect(what(refusal) == "ID token acr")
    }

    @Test("HS256 is the client secret's, or rests on the connection where that is said") func sharedKey()
        async throws
    {
        let provider = StubProvider { behaviour in
            behaviour.algorithm = "HS256"
            behaviour.hmacKey = "the provider's own"
        }
        let secret = provider.relyingParty { $0.clientSecret = StubProvider.secret }
        #expect(what(await error { _ = try await signIn(provider, secret) }) == "ID token signature")
        let trusting = provider.relyingParty { $0.trustsTokenEndpointForHS256 = true }
        #expect(try Professional(await signIn(provider, trusting).claims).identifier == "899700000001")
        provider.set { $0.idToken["nonce"] = "\"other\"" }
        #expect(what(await error { _ = try await signIn(provider, trusting) }) == "ID token nonce")
        // Other algorithms keep their signatures.
        provider.set { behaviour in
            behaviour.idToken = [:]
            behaviour.algorithm = "RS256"
            behaviour.signer = StubProvider.stranger
        }
        #expect(what(await error { _ = try await signIn(provider, trusting) }) == "ID token signature")
    }

    @Test("state, code and issuer of the answer") func answers() async throws {
        let provider = StubProvider()
        let party = provider.relyingParty()
        let (mine, other) = (try await party.begin(), try await party.begin())
        let code = provider.authorize(mine.url)
        for state in [other.state, "", mine.state + "x"] {
            let found = await error {
                _ = try await party.complete(mine, state: state, code: code, issuer: nil)
            }
            #expect(what(found) == "state")
        }
        let foreign = await error {
            _ = try await party.complete(mine, state: mine.state, code: code, issuer: "https://evil.example")
        }
        #expect(what(foreign) == "answer's issuer")
        #expect(provider.posted.isEmpty)
        // Injected: the code of another sign-in meets another verifier.
        let injected = await error {
            _ = try await party.complete(other, state: other.state, code: code, issuer: nil)
        }
        #expect(injected == .denied("invalid_grant", reason: "Cod? not valid"))
        let again = provider.authorize(mine.url)
        _ = try await party.complete(mine, state: mine.state, code: again, issuer: StubProvider.issuer)
        let replayed = await error {
            _ = try await party.complete(mine, state: mine.state, code: again, issuer: nil)
        }
        #expect(replayed == .denied("invalid_grant", reason: "Cod? not valid"))
        provider.pass(601)
        let late = await error {
            _ = try await party.complete(other, state: other.state, code: "code", issuer: nil)
        }
        #expect(late == .expired)
    }

    @Test("RFC 9207: a provider that names itself always does") func issuerNamed() async {
        let provider = StubProvider {
            $0.discovery["authorization_response_iss_parameter_supported"] = "true"
        }
        #expect(
            what(await error { _ = try await signIn(provider, provider.relyingParty()) }) == "answer's issuer"
        )
    }

    @Test("a refusal by the provider is told, and its text is tamed") func refusals() async throws {
        let party = StubProvider().relyingParty()
        let pending = try await party.begin()
        let denied = await party.refusal(
            pending,
            state: pending.state,
            error: "access_denied",
            description: "no\r\n<b>card</b> é",
            issuer: nil
        )
        #expect(denied == .denied("access_denied", reason: "no??<b>card</b> ?"))
        let forged = await party.refusal(
            pending,
            state: "other",
            error: "access_denied",
            description: nil,
            issuer: nil
        )
        #expect(what(forged) == "state")
        #expect(SignInError.refusal("<script>", nil) == .denied("unnamed error", reason: ""))
    }

    @Test("a rotated key is found, asking once a minute at most") func rotation() async throws {
        let provider = StubProvider()
        let party = provider.relyingParty()
        _ = try await signIn(provider, party)
        #expect(provider.asked("certs") == 1)
        provider.set { $0.signer = StubProvider.second }
        for _ in 0..<5 {
            #expect(what(await error { _ = try await signIn(provider, party) }) == "ID token key")
        }
        #expect(provider.asked("certs") == 1)
        provider.set { $0.published = [StubProvider.second] }
        provider.pass(60)
        _ = try await signIn(provider, party)
        #expect(provider.asked("certs") == 2)
        // The withdrawn one is gone.
        provider.set { $0.signer = StubProvider.first }
        #expect(what(await error { _ = try await signIn(provider, party) }) == "ID token key")
    }

    @Test("a provider that is away refuses nobody", arguments: [0, 500, 503, 429]) func away(status: Int)
        async throws
    {
        let provider = StubProvider()
        let party = provider.relyingParty()
        let pending = try await party.begin()
        let code = provider.authorize(pending.url)
        provider.set { $0.status = status }
        let found = await error {
            _ = try await party.complete(pending, state: pending.state, code: code, issuer: nil)
        }
        guard case .unavailable = found else {
            Issue.record("\(what(found))")
            return
        }
        provider.set { $0.status = nil }
        _ = try await party.complete(pending, state: pending.state, code: code, issuer: nil)
    }

    @Test("clients with a certificate go to the aliases of RFC 8705") func aliases() async throws {
        let provider = StubProvider {
            $0.discovery["mtls_endpoint_aliases"] = "{\"token_endpoint\":\"https://mtls.example/token\"}"
        }
        _ = try await signIn(provider, provider.relyingParty())
        _ = try await signIn(provider, provider.relyingParty { $0.clientSecret = StubProvider.secret })
        #expect(provider.posted[0].url == "https://mtls.example/token")
        #expect(provider.posted[1].url == "\(StubProvider.issuer)/protocol/openid-connect/token")
    }
}

@Suite("Professionals stay signed in, and sign out") struct SessionTests {
    @Test("tokens are refreshed a minute ahead, once however many ask") func refresh() async throws {
        let provider = StubProvider()
        let party = provider.relyingParty()
        let signedIn = try await signIn(provider, party)
        let subject = signedIn.claims.subject
        provider.pass(239)
        #expect(try await party.refresh(signedIn.tokens, subject: subject) == signedIn.tokens)
        provider.pass(1)
        let renewed = try await withThrowingTaskGroup(of: Tokens.self) { group in
            for _ in 0..<20 {
                group.addTask { try await party.refresh(signedIn.tokens, subject: subject) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(renewed.map(\.accessToken)).count == 1)
        #expect(renewed[0].accessToken != signedIn.tokens.accessToken)
        #expect(renewed[0].accessExpires == provider.time + 300)
        #expect(provider.posted.count == 2)
        // One that comes late with the old tokens is not thrown out.
        #expect(try await party.refresh(signedIn.tokens, subject: subject) == renewed[0])
        #expect(provider.posted.count == 2)
        provider.pass(61)
        let late = await error { _ = try await party.refresh(signedIn.tokens, subject: subject) }
        #expect(late == .expired)
    }

    @Test("a session that the provider has ended is over") func ended() async throws {
        let provider = StubProvider { $0.refreshHasIDToken = false }
        let party = provider.relyingParty()
        let signedIn = try await signIn(provider, party)
        provider.pass(300)
        let renewed = try await party.refresh(signedIn.tokens, subject: signedIn.claims.subject)
        #expect(renewed.idToken == signedIn.tokens.idToken)
        provider.pass(1800)
        let asked = provider.posted.count
        let over = await error { _ = try await party.refresh(renewed, subject: "x") }
        #expect(over == .expired && provider.posted.count == asked)
        let forever = Tokens(
            accessToken: "a",
            refreshToken: "gone",
            idToken: "",
            accessExpires: 0,
            refreshExpires: nil
        )
        #expect(await error { _ = try await party.refresh(forever, subject: "x") } == .expired)
        let short = Tokens(
            accessToken: "a",
            refreshToken: nil,
            idToken: "",
            accessExpires: provider.time + 5,
            refreshExpires: nil
        )
        #expect(try await party.refresh(short, subject: "x") == short)
        provider.pass(5)
        #expect(await error { _ = try await party.refresh(short, subject: "x") } == .expired)
    }

    @Test("a refresh that brings another is refused") func others() async throws {
        for (member, value, name) in [
            ("sub", "\"f:1:other\"", "ID token subject"),
            ("iss", "\"https://auth.example\"", "ID token issuer"),
            ("aud", "\"other\"", "ID token audience"), ("exp", "1", "ID token expiry"),
        ] {
            let provider = StubProvider()
            let party = provider.relyingParty()
            let signedIn = try await signIn(provider, party)
            provider.pass(299)
            provider.set { $0.idToken[member] = value }
            let found = await error {
                _ = try await party.refresh(signedIn.tokens, subject: signedIn.claims.subject)
            }
            #expect(what(found) == name)
        }
    }

    @Test("signing out, with the browser and without") func logout() async throws {
        let provider = StubProvider()
        let party = provider.relyingParty()
        let tokens = try await signIn(provider, party).tokens
        let url = try #require(await party.logoutURL(tokens, state: "s t"))
        #expect(url.hasPrefix("\(StubProvider.issuer)/protocol/openid-connect/logout?id_token_hint=eyJ"))
        #expect(url.hasSuffix("&post_logout_redirect_uri=https%3A%2F%2Fbox.example%2Fbye&state=s%20t"))
        await party.end(tokens)
        let last = try #require(provider.posted.last)
        #expect(last.url.hasSuffix("/logout") && last.form["refresh_token"] == tokens.refreshToken)
        let mute = StubProvider { $0.discovery["end_session_endpoint"] = "" }
        #expect(await mute.relyingParty().logoutURL(tokens, state: "") == nil)
        await mute.relyingParty().end(tokens)
        #expect(mute.posted.isEmpty)
    }
}
