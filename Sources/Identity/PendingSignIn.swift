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

    package init(state: String, nonce: String, verifier: String, url: String, began: Int64) {
        self.state = state
        self.nonce = nonce
        self.verifier = verifier
        self.url = url
        self.began = began
    }
}

extension PendingSignIn: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "sign-in of \(began)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["began": began]) }
}
