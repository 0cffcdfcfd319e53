// SPDX-License-Identifier: Apache-2.0
import Synchronization
import Testing

@testable import Identity

private let issuer = "https://auth.example/realms/esante-wallet"

/// A provider of one answer, and time that passes when it is told to.
private final class Provider: Sendable {
    struct Away: Error {}

    private let state = Mutex((answer: String?.some(""), asked: 0, time: Int64(1000)))

    init(_ answer: String?) { state.withLock { $0.answer = answer } }

    var asked: Int { state.withLock { $0.asked } }
    func set(_ answer: String?) { state.withLock { $0.answer = answer } }
    func pass(_ seconds: Int64) { state.withLock { $0.time += seconds } }

    func introspection() -> TokenIntrospection {
        TokenIntrospection(issuer: issuer, now: { self.state.withLock { $0.time } }) { _ in
            try await Task.sleep(for: .milliseconds(5))
            guard
                let answer = self.state.withLock({ state in
                    state.asked += 1
                    return state.answer
                })
            else { throw Away() }
            return Array(answer.utf8)
        }
    }

    static func token(active: Bool = true, expires: Int? = 2000, issuer: String? = issuer) -> String {
        var members = ["\"active\":\(active)", "\"azp\":\"box-b\"", "\"SubjectNameID\":\"899700000001\""]
        if let expires { members.append("\"exp\":\(expires)") }
        if let issuer { members.append("\"iss\":\"\(issuer)\"") }
        return "{\(members.joined(separator: ","))}"
    }
}

@Suite("Access tokens, introspected") struct TokenIntrospectionTests {
    private func failure(_ answer: String?, _ token: String = "abc.DEF-1") async -> TokenIntrospection
        .Failure?
    {
        let introspection = Provider(answer).introspection()
        do {
            _ = try await introspection.check(token)
            return nil
        } catch {
            return error
        }
    }

    @Test("a good token is asked for once a minute, however many requests carry it") func cached()
        async throws
    {
        let provider = Provider(Provider.token())
        let introspection = provider.introspection()
        try await withThrowingTaskGroup(of: IntrospectedToken.self) { group in
            for _ in 0..<50 { group.addTask { try await introspection.check("abc") } }
            for try await token in group {
                #expect(token.subject == "899700000001")
                #expect(token.client == "box-b")
            }
        }
        #expect(provider.asked == 1)
        provider.pass(59)
        _ = try await introspection.check("abc")
        #expect(provider.asked == 1)
        _ = try await introspection.check("abd")
        #expect(provider.asked == 2)
        provider.pass(1)
        // Withdrawn meanwhile: believed for a minute, not longer.
        provider.set(Provider.token(active: false))
        await #expect(throws: TokenIntrospection.Failure.self) { try await introspection.check("abc") }
    }

    @Test("no answer outlives the token") func expiry() async throws {
        let provider = Provider(Provider.token(expires: 1010))
        let introspection = provider.introspection()
        _ = try await introspection.check("abc")
        provider.pass(11)
        await #expect(throws: TokenIntrospection.Failure.self) { try await introspection.check("abc") }
        #expect(provider.asked == 2)
    }

    @Test("what is inactive, expired, of another issuer or no token at all is refused") func refused() async {
        for answer in [
            Provider.token(active: false), Provider.token(expires: 1000), Provider.token(expires: nil),
            Provider.token(issuer: "https://auth.example/realms/other"), Provider.token(issuer: nil),
        ] {
            guard case .refused = await failure(answer) else {
                Issue.record("\(answer)")
                continue
            }
        }
        for token in ["", "a b", "a\r\nX: y", String(repeating: "a", count: 17_000)] {
            guard case .refused = await failure(Provider.token(), token) else {
                Issue.record("\(token.prefix(10))")
                continue
            }
        }
    }

    @Test("a provider that is away or answers nonsense refuses nobody: it cannot be said") func away() async {
        for answer in [nil, "", "[]", "{\"active\":\"yes\"}", "<html/>"] {
            guard case .unavailable = await failure(answer) else {
                Issue.record("\(answer ?? "nothing")")
                continue
            }
        }
    }
}
