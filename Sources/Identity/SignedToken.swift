// SPDX-License-Identifier: Apache-2.0
import Crypto
import JWTKit

/// A JWS in compact form (RFC 7515 7.1) whose signature is yet to be checked.
struct SignedToken: Sendable {
    /// Asymmetric algorithms that are accepted, and HS256, for which the caller must have a secret.
    enum Algorithm: String, Sendable { case RS256, PS256, ES256, HS256 }

    static let longest = 256 << 10

    let text: String
    let algorithm: Algorithm
    let keyIdentifier: String?
    /// A JSON object. Believe nothing of it before `isSigned`.
    let claims: JSONValue

    /// `what` names the token in errors.
    init(reading text: String, what: String) throws(SignInError) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count != 5 else {
            throw .invalid(what, found: "an encrypted token (RFC 7516)", expected: "a signed one (RFC 7515)")
        }
        guard text.utf8.count <= Self.longest, parts.count == 3,
            let header = Base64URL.decode(parts[0]).flatMap(JSONValue.init(reading:)), header.isObject,
            let claims = Base64URL.decode(parts[1]).flatMap(JSONValue.init(reading:)), claims.isObject
        else { throw .invalid(what, found: "no token", expected: "a signed one (RFC 7515)") }
        let named = header["alg"]?.text ?? "none"
        guard let algorithm = Algorithm(rawValue: named) else {
            throw .invalid(
                "\(what) algorithm",
                found: SignInError.sanitised(String(named.prefix(16))),
                expected: "RS256, PS256 or ES256"
            )
        }
        // Extensions that have to be understood (RFC 7515 4.1.11): we understand none.
        guard header["crit"] == nil else {
            throw .invalid("\(what) header", found: "crit", expected: "no critical extension")
        }
        self.text = text
        self.algorithm = algorithm
        self.claims = claims
        keyIdentifier = header["kid"]?.text
    }

    private struct AnyPayload: JWTPayload {
        func verify(using algorithm: some JWTAlgorithm) {}
    }

    /// A key of the provider; one of another kind has signed nothing.
    func isSigned(by key: ProviderKeys.Key) async -> Bool {
        guard let jwk = key.jwk(for: algorithm) else { return false }
        let keys = JWTKeyCollection()
        guard (try? await keys.add(jwk: jwk)) != nil else { return false }
        return (try? await keys.verify(text, as: AnyPayload.self)) != nil
    }

    /// The client's secret, for HS256 alone (OpenID Connect Core 3.1.3.7, 8). jwt-kit traps on a short one.
    func isSigned(withSecret secret: String) -> Bool {
        guard algorithm == .HS256, !secret.isEmpty, let end = text.lastIndex(of: "."),
            let signature = Base64URL.decode(text[text.index(after: end)...])
        else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(
            signature,
            authenticating: Array(text[..<end].utf8),
            using: SymmetricKey(data: Array(secret.utf8))
        )
    }
}
