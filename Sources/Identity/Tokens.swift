// SPDX-License-Identifier: Apache-2.0

/// What the provider gave for a professional. Secrets: kept in memory, never logged.
package struct Tokens: Equatable, Sendable {
    package let accessToken: String
    package let refreshToken: String?
    package let idToken: String
    /// Seconds since 1970.
    package let accessExpires: Int64
    /// Seconds since 1970; nil where the provider does not say.
    package let refreshExpires: Int64?

    package init(
        accessToken: String,
        refreshToken: String?,
        idToken: String,
        accessExpires: Int64,
        refreshExpires: Int64?
    ) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.idToken = idToken
        self.accessExpires = accessExpires
        self.refreshExpires = refreshExpires
    }
}

extension Tokens: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "tokens until \(accessExpires)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["accessExpires": accessExpires]) }
}
