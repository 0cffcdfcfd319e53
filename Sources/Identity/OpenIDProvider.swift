// SPDX-License-Identifier: Apache-2.0

/// What the provider says of itself (OpenID Connect Discovery 1.0, 3).
package struct OpenIDProvider: Equatable, Sendable {
    package let issuer: String
    package let authorizationEndpoint: String
    package let tokenEndpoint: String
    package let userinfoEndpoint: String
    package let endSessionEndpoint: String?
    package let jwksURI: String
    package let introspectionEndpoint: String?
    /// The authorization's answer names its issuer (RFC 9207 3).
    package let namesIssuer: Bool
    /// Where clients with a certificate go instead, by metadata name (RFC 8705 5).
    package let mutualTLSEndpoints: [String: String]

    package init(reading json: [UInt8], expecting issuer: String) throws(SignInError) {
        guard let document = JSONValue(reading: json), document.isObject else {
            throw .invalid("discovery", found: "no JSON object", expected: "OpenID provider metadata")
        }
        guard document["issuer"]?.text == issuer else {
            throw .invalid("discovery issuer", found: "another one", expected: SignInError.sanitised(issuer))
        }
        self.issuer = issuer
        authorizationEndpoint = try Self.endpoint("authorization_endpoint", document)
        tokenEndpoint = try Self.endpoint("token_endpoint", document)
        userinfoEndpoint = try Self.endpoint("userinfo_endpoint", document)
        jwksURI = try Self.endpoint("jwks_uri", document)
        endSessionEndpoint = try Self.optional("end_session_endpoint", document)
        introspectionEndpoint = try Self.optional("introspection_endpoint", document)
        namesIssuer = document["authorization_response_iss_parameter_supported"] == .bool(true)
        var aliases: [String: String] = [:]
        if let named = document["mtls_endpoint_aliases"], named.isObject {
            for name in [
                "token_endpoint", "userinfo_endpoint", "introspection_endpoint", "end_session_endpoint",
            ] {
                aliases[name] = try Self.optional(name, named)
            }
        }
        mutualTLSEndpoints = aliases
    }

    private static func optional(_ name: String, _ document: JSONValue) throws(SignInError) -> String? {
        switch document[name] {
        case nil, .null: nil
        default: try endpoint(name, document)
        }
    }

    private static func endpoint(_ name: String, _ document: JSONValue) throws(SignInError) -> String {
        guard let url = document[name]?.text else {
            throw .invalid("discovery \(name)", found: "none", expected: "an https URL")
        }
        guard isAcceptable(url) else {
            throw .invalid("discovery \(name)", found: SignInError.sanitised(url), expected: "an https URL")
        }
        return url
    }

    /// https, or http to this very machine; visible ASCII, no user, no fragment.
    static func isAcceptable(_ url: String) -> Bool {
        let isPlain = url.hasPrefix("http://")
        guard isPlain || url.hasPrefix("https://"),
            url.utf8.allSatisfy({
                (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "\\")
            })
        else { return false }
        let authority = url.dropFirst(isPlain ? 7 : 8).prefix { $0 != "/" && $0 != "?" }
        guard !authority.isEmpty, !authority.contains("@") else { return false }
        let host =
            authority.hasPrefix("[")
            ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return !host.isEmpty && (!isPlain || ["127.0.0.1", "[::1]", "localhost"].contains(host))
    }
}
