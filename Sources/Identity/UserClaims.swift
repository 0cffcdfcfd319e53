// SPDX-License-Identifier: Apache-2.0

/// What the provider says of who signed in: userinfo (OpenID Connect Core 5.3), from the provider itself or signed by it.
package struct UserClaims: Equatable, Sendable {
    /// The provider's own name of the account: `sub`.
    package let subject: String
    let info: JSONValue

    package init(reading json: [UInt8]) throws(SignInError) {
        guard let info = JSONValue(reading: json), info.isObject else {
            throw .invalid("userinfo", found: "no JSON object", expected: "claims")
        }
        try self.init(info)
    }

    init(_ info: JSONValue) throws(SignInError) {
        guard let subject = info["sub"]?.text else {
            throw .invalid("userinfo subject", found: "none", expected: "sub")
        }
        self.subject = subject
        self.info = info
    }

    subscript(name: String) -> JSONValue? { info[name] }
}

extension UserClaims: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "userinfo" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
