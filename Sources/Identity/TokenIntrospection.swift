// SPDX-License-Identifier: Apache-2.0
import Crypto

/// Asks the provider whether access tokens are good, each token once a minute at most.
package actor TokenIntrospection {
    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// The token is not good; asking again changes nothing.
        case refused(String)
        /// Nobody can say: the provider does not answer.
        case unavailable(String)

        package var description: String {
            switch self {
            case .refused(let reason): "token: \(reason)"
            case .unavailable(let reason): "introspection: \(reason)"
            }
        }
    }

    /// A good answer is believed for so long, and never longer than the token lives.
    static let longestSeconds: Int64 = 60
    private static let capacity = 4096
    private static let longestToken = 16 << 10

    private let issuer: String
    /// Sends a token to the provider; the body of its answer.
    private let ask: @Sendable (String) async throws -> [UInt8]
    /// Seconds since 1970.
    private let now: @Sendable () -> Int64
    private var known: [SHA256Digest: (token: IntrospectedToken, until: Int64)] = [:]
    private var asking: [SHA256Digest: Task<Result<IntrospectedToken, Failure>, Never>] = [:]

    package init(
        issuer: String,
        now: @escaping @Sendable () -> Int64,
        ask: @escaping @Sendable (String) async throws -> [UInt8]
    ) {
        self.issuer = issuer
        self.now = now
        self.ask = ask
    }

    /// What the provider says of a token that is good now.
    package func check(_ token: String) async throws(Failure) -> IntrospectedToken {
        guard token.utf8.count <= Self.longestToken, !token.isEmpty, token.utf8.allSatisfy(Self.isToken)
        else {
            throw .refused("found no bearer token (RFC 6750 2.1)")
        }
        // The token itself is kept nowhere.
        let key = SHA256.hash(data: Array(token.utf8))
        if let entry = known[key], entry.until > now() { return entry.token }
        if let task = asking[key] { return try await task.value.get() }
        let task = Task { await self.introspect(token) }
        asking[key] = task
        let result = await task.value
        asking[key] = nil
        let answer = try result.get()
        remember(answer, key)
        return answer
    }

    private func introspect(_ token: String) async -> Result<IntrospectedToken, Failure> {
        let body: [UInt8]
        do {
            body = try await ask(token)
        } catch {
            return .failure(.unavailable("\(error)"))
        }
        guard let answer = IntrospectedToken(reading: body) else {
            return .failure(.unavailable("found no answer of RFC 7662"))
        }
        guard answer.isActive else { return .failure(.refused("the provider calls it inactive")) }
        guard let expires = answer.expires, expires > now() else {
            return .failure(.refused("it has expired, or does not say when it does"))
        }
        guard answer.issuer == issuer else {
            return .failure(.refused("it is of another issuer, or of none"))
        }
        return .success(answer)
    }

    private func remember(_ token: IntrospectedToken, _ key: SHA256Digest) {
        let time = now()
        if known.count >= Self.capacity { known = known.filter { $0.value.until > time } }
        // So many at once are not doctors: each is asked for again.
        guard known.count < Self.capacity else { return }
        known[key] = (token, min(token.expires ?? 0, time + Self.longestSeconds))
    }

    /// b64token
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "-._~+/=".utf8.contains(byte)
        }
    }
}
