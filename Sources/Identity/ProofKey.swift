// SPDX-License-Identifier: Apache-2.0
import Crypto

/// Digests that RFC 7636 and OpenID Connect put into texts.
enum ProofKey {
    /// `code_challenge` of S256 (RFC 7636 4.2).
    static func challenge(_ verifier: String) -> String {
        Base64URL.encode(SHA256.hash(data: Array(verifier.utf8)))
    }

    /// `at_hash` with one of the 256 bit algorithms (OpenID Connect Core 3.1.3.6).
    static func accessTokenHash(_ token: String) -> String {
        Base64URL.encode(SHA256.hash(data: Array(token.utf8)).prefix(16))
    }

    /// Takes as long wherever the texts differ: digests compare in constant time.
    static func areSame(_ one: String, _ other: String) -> Bool {
        SHA256.hash(data: Array(one.utf8)) == SHA256.hash(data: Array(other.utf8))
    }
}
