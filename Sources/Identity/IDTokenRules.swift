// SPDX-License-Identifier: Apache-2.0

/// What an ID token must say (OpenID Connect Core 3.1.3.7), its signature apart.
struct IDTokenRules: Sendable {
    let issuer: String
    let clientID: String
    /// `acr_values` as asked, weakest accepted first or last.
    let acrValues: String
    /// Whether a sign-in without `acr` fails, which is voluntary (OpenID Connect Core 5.5.1.1).
    let demandsACR: Bool
    let clockSkewSeconds: Int64

    /// The token's `sub`. `nonce` is nil for tokens of a refresh, which need none (12.2).
    func check(_ claims: JSONValue, nonce: String?, accessToken: String, now: Int64) throws(SignInError)
        -> String
    {
        try checkIssuerAndAudience(claims, what: "ID token")
        guard let expires = claims["exp"]?.seconds, expires + clockSkewSeconds > now else {
            throw .invalid("ID token expiry", found: "a past time, or none", expected: "a future exp")
        }
        guard let issued = claims["iat"]?.seconds, issued <= now + clockSkewSeconds else {
            throw .invalid("ID token issue time", found: "a future time, or none", expected: "a past iat")
        }
        if let nonce {
            guard let found = claims["nonce"]?.text, ProofKey.areSame(found, nonce) else {
                throw .invalid("ID token nonce", found: "another, or none", expected: "the one sent")
            }
        }
        if let hash = claims["at_hash"] {
            guard let hash = hash.text, hash == ProofKey.accessTokenHash(accessToken) else {
                throw .invalid("ID token at_hash", found: "another", expected: "the access token's")
            }
        }
        try checkLevel(claims, isDemanded: demandsACR && nonce != nil)
        guard let subject = claims["sub"]?.text, subject.utf8.count <= 255 else {
            throw .invalid("ID token subject", found: "none", expected: "sub")
        }
        return subject
    }

    /// 2 to 5: `what` is signed by the provider, for this client.
    func checkIssuerAndAudience(_ claims: JSONValue, what: String) throws(SignInError) {
        guard claims["iss"]?.text == issuer else {
            throw .invalid(
                "\(what) issuer",
                found: "another, or none",
                expected: SignInError.sanitised(issuer)
            )
        }
        let audience = claims["aud"]?.texts ?? []
        guard audience.contains(clientID) else {
            throw .invalid("\(what) audience", found: "another client", expected: "this one")
        }
        let party = claims["azp"]
        guard party == nil && audience.count == 1 || party?.text == clientID else {
            throw .invalid("\(what) authorized party", found: "another, or none", expected: "this client")
        }
    }

    /// `eidas2` is more than `eidas1`; names without a number must be among those asked.
    private func checkLevel(_ claims: JSONValue, isDemanded: Bool) throws(SignInError) {
        let value = claims["acr"]
        if value == nil && !isDemanded { return }
        let asked = acrValues.split(separator: " ").map(String.init)
        guard !asked.isEmpty else { return }
        let found = value?.text ?? ""
        let least = asked.compactMap(Self.level).min()
        guard
            asked.contains(found) || least.flatMap({ least in Self.level(found).map { $0 >= least } }) == true
        else {
            throw .invalid(
                "ID token acr",
                found: value == nil ? "none" : SignInError.sanitised(String(found.prefix(32))),
                expected: SignInError.sanitised("at least \(acrValues)")
            )
        }
    }

    private static func level(_ name: String) -> Int? {
        name.hasPrefix("eidas") ? Int(name.dropFirst("eidas".count)) : nil
    }
}
