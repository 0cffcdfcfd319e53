// SPDX-License-Identifier: Apache-2.0

/// Who signed in, as the provider says it, and what proves it from now on.
package struct SignedIn: Equatable, Sendable {
    package let claims: UserClaims
    package let tokens: Tokens

    package init(claims: UserClaims, tokens: Tokens) {
        self.claims = claims
        self.tokens = tokens
    }
}
