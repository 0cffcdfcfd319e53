// SPDX-License-Identifier: Apache-2.0
import Identity
import Synchronization

/// One browser of one professional. What it holds is nobody else's.
final class Session: Sendable {
    enum Stage: Sendable {
        /// The professional is at Pro Santé Connect.
        case signingIn(PendingSignIn)
        /// The professional is back, and the provider is asked who it is.
        case identifying
        case signedIn(Professional, Tokens)
        case ended
    }

    struct State: Sendable {
        var stage: Stage
        /// In which structure the professional works now.
        var activity: Professional.Activity?
        /// Opened, by their name in this session's URLs.
        var patients: [String: OpenedPatient] = [:]
        /// The patient whose page is wanted after signing in.
        var next: String?
        /// The structure that the call names, where it names one.
        var situation: String?
        /// Milliseconds since 1970.
        var used: Int64
    }

    /// Every form of this session carries it.
    let formToken = RandomToken.make()
    /// Milliseconds since 1970.
    let created: Int64
    private let state: Mutex<State>

    init(_ stage: Stage, now: Int64) {
        created = now
        state = Mutex(State(stage: stage, used: now))
    }

    func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        state.withLock { body(&$0) }
    }

    /// Nil where nobody is signed in.
    var professional: Professional? {
        state.withLock { state in
            guard case .signedIn(let professional, _) = state.stage else { return nil }
            return professional
        }
    }

    var tokens: Tokens? {
        state.withLock { state in
            guard case .signedIn(_, let tokens) = state.stage else { return nil }
            return tokens
        }
    }

    var activity: Professional.Activity? { state.withLock { $0.activity } }

    /// In the order in which they were opened.
    var patients: [OpenedPatient] {
        state.withLock { state in state.patients.values.sorted { $0.opened < $1.opened } }
    }

    func patient(_ name: String) -> OpenedPatient? { state.withLock { $0.patients[name] } }

    /// An access token that another box will still find good (RFC 6749 6). `now` is in milliseconds since 1970.
    func accessToken(_ party: RelyingParty, now: Int64) async throws -> String {
        guard let professional, let tokens else { throw SignInError.expired }
        let fresh: Tokens
        do throws(SignInError) {
            fresh = try await party.refresh(tokens, subject: professional.subject)
        } catch {
            // While the provider is silent the token is good for what it has left.
            guard case .unavailable = error, tokens.accessExpires > now / 1000 else { throw error }
            return tokens.accessToken
        }
        let isAlive = state.withLock { state in
            guard case .signedIn = state.stage else { return false }
            state.stage = .signedIn(professional, fresh)
            return true
        }
        guard isAlive else { throw SignInError.expired }
        return fresh.accessToken
    }
}
