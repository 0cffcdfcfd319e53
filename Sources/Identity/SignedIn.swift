// SPDX-License-Identifier: Apache-2.0

/// A professional, and what proves it from now on.
package struct SignedIn: Equatable, Sendable {
    package let professional: Professional
    package let tokens: Tokens

    package init(professional: Professional, tokens: Tokens) {
        self.professional = professional
        self.tokens = tokens
    }
}
