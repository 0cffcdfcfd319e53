// SPDX-License-Identifier: Apache-2.0

/// A sign-in that the browser is away for. Bind it to that browser, and use it once.
package struct PendingSignIn: Equatable, Sendable {
    package let state: String
    package let nonce: String
    /// PKCE's `code_verifier` (RFC 7636 4.1).
    package let verifier: String
    /// Where to send the browser.
    package let url: String
    /// Seconds since 1970.
    package let began: Int64
}
