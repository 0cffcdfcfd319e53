// SPDX-License-Identifier: Apache-2.0
import Identity
import Synchronization

/// Who looks at images.
package struct Reader: Equatable, Sendable {
    package enum Role: String, Sendable {
        case doctor
        case patient
        /// Of the patient, in law.
        case representative
    }

    package var role: Role
    /// As traces name them: a professional's national identifier; patients and those who represent them by no name.
    package var identifier: String
    /// How they came to see the exam, as traces say it: `report` or `consumer`.
    package var purpose: String

    package init(role: Role, identifier: String, purpose: String) {
        self.role = role
        self.identifier = identifier
        self.purpose = purpose
    }
}

/// One reader in one browser, with the exams that they opened. Its handle stands in the path, its secret in a cookie that
/// no script reads: who has one of them has nothing.
final class ViewSession: Sendable {
    enum Stage: Sendable {
        /// The reader is at the identity provider.
        case signingIn(PendingSignIn, ImageDisplayLink, SignInDesk)
        /// They are back, and the provider is asked who they are.
        case identifying
        case open(Reader, [ExamAccess], Tokens?)
        case ended
    }

    private struct State: Sendable {
        var stage: Stage
        /// Milliseconds since 1970.
        var used: Int64
        /// Exams of which the first view is in the traces.
        var traced: Set<Int> = []
    }

    let handle: String
    /// Milliseconds since 1970.
    let created: Int64
    let language: Language
    let isSecure: Bool
    private let digest: String
    private let state: Mutex<State>

    init(_ stage: Stage, handle: String, secret: String, language: Language, isSecure: Bool, now: Int64) {
        self.handle = handle
        self.language = language
        self.isSecure = isSecure
        created = now
        digest = SecretToken.digest(secret)
        state = Mutex(State(stage: stage, used: now))
    }

    /// The path that everything of the session lies below.
    var path: String { "/viewer/s/\(handle)" }

    /// Digests are compared, which tell nothing of what they are of.
    func belongs(to secret: String) -> Bool { SecretToken.digest(secret) == digest }

    var stage: Stage { state.withLock { $0.stage } }

    var reader: Reader? {
        guard case .open(let reader, _, _) = stage else { return nil }
        return reader
    }

    /// Milliseconds since 1970.
    var used: Int64 { state.withLock { $0.used } }

    func use(at time: Int64) { state.withLock { $0.used = time } }

    /// The sign-in that was begun here, once: a second answer of the provider finds nothing.
    func takeSignIn() -> (PendingSignIn, ImageDisplayLink)? {
        state.withLock { state in
            guard case .signingIn(let pending, let link, _) = state.stage else { return nil }
            state.stage = .identifying
            return (pending, link)
        }
    }

    /// Whether this is the first view of an exam, which is traced.
    func isFirstView(of exam: Int) -> Bool { state.withLock { !$0.traced.contains(exam) } }

    func noteView(of exam: Int) { state.withLock { _ = $0.traced.insert(exam) } }

    /// The stage that it ended in.
    @discardableResult func end() -> Stage {
        state.withLock { state in
            defer { state.stage = .ended }
            return state.stage
        }
    }

    // MARK: The cookie

    /// The prefix has browsers take it only with Secure, without Domain and for all paths (RFC 6265bis 4.1.3.2), so that no
    /// neighbour under the same domain can set it. Plain text is for this machine's own tests.
    static func cookieName(_ handle: String, isSecure: Bool) -> String {
        cookiePrefix(isSecure: isSecure) + handle
    }

    static func cookiePrefix(isSecure: Bool) -> String {
        isSecure ? "__Host-drimbox-view-" : "drimbox-view-"
    }

    /// Lax: the browser comes back to us from the identity provider, and must be known then.
    static func cookie(_ handle: String, secret: String?, isSecure: Bool) -> String {
        let name = cookieName(handle, isSecure: isSecure)
        let end = "Path=/; HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
        guard let secret else { return "\(name)=; Max-Age=0; \(end)" }
        return "\(name)=\(secret); \(end)"
    }
}
