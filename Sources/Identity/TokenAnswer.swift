// SPDX-License-Identifier: Apache-2.0

/// The token endpoint's answer (RFC 6749 5.1), its times made absolute.
struct TokenAnswer: Sendable {
    private static let longestSeconds: Int64 = 31 * 86_400

    let accessToken: String
    let refreshToken: String?
    let idToken: String?
    private let accessExpires: Int64
    private let refreshExpires: Int64?

    /// `asked` is when the request went, in seconds since 1970.
    init(reading json: [UInt8], asked: Int64) throws(SignInError) {
        guard let answer = JSONValue(reading: json), answer.isObject else {
            throw .invalid("token answer", found: "no JSON object", expected: "tokens (RFC 6749 5.1)")
        }
        guard let accessToken = answer["access_token"]?.text, Self.isSendable(accessToken) else {
            throw .invalid("token answer", found: "no access_token", expected: "one")
        }
        guard answer["token_type"]?.text?.lowercased() == "bearer" else {
            throw .invalid("token type", found: "another", expected: "Bearer")
        }
        self.accessToken = accessToken
        refreshToken = answer["refresh_token"]?.text
        idToken = answer["id_token"]?.text
        // Of unknown life: good for the retrieval at hand.
        accessExpires = asked + (Self.lifetime(answer["expires_in"]) ?? 60)
        // Keycloak says 0 for tokens that end with the session only.
        refreshExpires = Self.lifetime(answer["refresh_expires_in"]).map { asked + $0 }
    }

    func tokens(idToken: String, after earlier: Tokens? = nil) -> Tokens {
        Tokens(
            accessToken: accessToken,
            refreshToken: refreshToken ?? earlier?.refreshToken,
            idToken: idToken,
            accessExpires: accessExpires,
            refreshExpires: refreshToken == nil ? earlier?.refreshExpires : refreshExpires
        )
    }

    private static func lifetime(_ value: JSONValue?) -> Int64? {
        guard let seconds = value?.seconds, seconds > 0 else { return nil }
        return min(seconds, longestSeconds)
    }

    /// It goes into a header as it is.
    private static func isSendable(_ token: String) -> Bool {
        token.utf8.count <= 16 << 10 && token.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
