// SPDX-License-Identifier: Apache-2.0
import JWTKit

/// The provider's public keys (RFC 7517), fetched again for a key that is unknown, once a minute at most.
actor ProviderKeys {
    struct Key: Sendable {
        let identifier: String?
        private let type: String
        private let algorithm: String?
        private let parameters: [String: String]

        /// Nil for keys that sign nothing we could verify.
        init?(_ value: JSONValue) {
            guard let type = value["kty"]?.text, type == "RSA" || type == "EC" else { return nil }
            guard value["use"] == nil || value["use"]?.text == "sig" else { return nil }
            self.type = type
            identifier = value["kid"]?.text
            algorithm = value["alg"]?.text
            var parameters: [String: String] = [:]
            for name in ["n", "e", "crv", "x", "y"] { parameters[name] = value[name]?.text }
            self.parameters = parameters
        }

        /// The key as one of this algorithm, where it is.
        func jwk(for wanted: SignedToken.Algorithm) -> JWK? {
            guard algorithm == nil || algorithm == wanted.rawValue else { return nil }
            switch (type, wanted) {
            case ("RSA", .RS256), ("RSA", .PS256):
                return .rsa(
                    wanted == .RS256 ? .rs256 : .ps256,
                    identifier: "key",
                    modulus: parameters["n"],
                    exponent: parameters["e"]
                )
            case ("EC", .ES256) where parameters["crv"] == "P-256":
                return .ecdsa(
                    .es256,
                    identifier: "key",
                    x: parameters["x"],
                    y: parameters["y"],
                    curve: .p256
                )
            default: return nil
            }
        }
    }

    /// Keys that the provider withdraws are believed for so long.
    static let longestSeconds: Int64 = 3600
    static let betweenFetchesSeconds: Int64 = 60
    private static let mostKeys = 32

    private let now: @Sendable () -> Int64
    private let fetch: @Sendable (String) async -> Result<[UInt8], SignInError>
    private var known: [Key] = []
    private var fetched: Int64?
    private var fetching: Task<Result<[Key], SignInError>, Never>?

    init(
        now: @escaping @Sendable () -> Int64,
        fetch: @escaping @Sendable (String) async -> Result<[UInt8], SignInError>
    ) {
        self.now = now
        self.fetch = fetch
    }

    /// The keys that may have signed a token; empty where the provider has none.
    func candidates(for token: SignedToken, at uri: String) async throws(SignInError) -> [Key] {
        if let fetched, now() - fetched < Self.longestSeconds {
            let found = matching(token)
            if !found.isEmpty || now() - fetched < Self.betweenFetchesSeconds { return found }
        }
        let task = fetching ?? Task { await self.load(uri) }
        fetching = task
        let result = await task.value
        fetching = nil
        known = try result.get()
        fetched = now()
        return matching(token)
    }

    private func matching(_ token: SignedToken) -> [Key] {
        known.filter { key in
            key.jwk(for: token.algorithm) != nil
                && (token.keyIdentifier == nil || token.keyIdentifier == key.identifier)
        }
    }

    private func load(_ uri: String) async -> Result<[Key], SignInError> {
        await fetch(uri).flatMap { body in
            guard let keys = JSONValue(reading: body)?["keys"], case .array(let values) = keys else {
                return .failure(.invalid("JWKS", found: "no key set", expected: "one of RFC 7517 5"))
            }
            return .success(Array(values.compactMap(Key.init).prefix(Self.mostKeys)))
        }
    }
}
