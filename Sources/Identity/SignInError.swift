// SPDX-License-Identifier: Apache-2.0

/// Why a professional is not signed in. No description holds a token, a code or an identity.
package enum SignInError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The provider says no: RFC 6749's `error`, and its `error_description`.
    case denied(String, reason: String)
    /// What came is not what was asked for, or proves nothing.
    case invalid(String, found: String, expected: String)
    /// The session is over: the professional signs in again.
    case expired
    /// Nobody can say: the provider does not answer.
    case unavailable(String)

    package var description: String {
        switch self {
        case .denied(let error, let reason):
            "the identity provider refuses: \(error)\(reason.isEmpty ? "" : " (\(reason))")"
        case .invalid(let what, let found, let expected): "\(what): found \(found), expected \(expected)"
        case .expired: "the session with the identity provider is over"
        case .unavailable(let reason): "the identity provider does not answer: \(reason)"
        }
    }

    /// Printable ASCII, at most 200 characters.
    static func sanitised(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(200).map { scalar in
                    (0x20...0x7E).contains(scalar.value) ? scalar : "?"
                }
            )
        )
    }

    /// An `error` has no spaces; else it is not repeated.
    static func refusal(_ error: String, _ description: String?) -> SignInError {
        let isName =
            !error.isEmpty && error.utf8.count <= 64
            && error.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "_") }
        return .denied(isName ? error : "unnamed error", reason: sanitised(description ?? ""))
    }
}
