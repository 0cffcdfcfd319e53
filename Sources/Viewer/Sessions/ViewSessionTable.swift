// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// The sessions of the viewer. They are in memory only: a new start ends them all.
final class ViewSessionTable: Sendable {
    static let capacity = 4096
    /// Who does not finish signing in is forgotten.
    static let signingInMilliseconds: Int64 = 10 * 60_000

    private let idle: Int64
    private let longest: Int64
    private let now: @Sendable () -> Int64
    private let sessions = Mutex<[String: ViewSession]>([:])

    init(idleMinutes: Int, hours: Int, now: @escaping @Sendable () -> Int64) {
        idle = Int64(idleMinutes) * 60_000
        longest = Int64(hours) * 3_600_000
        self.now = now
    }

    /// A new session and its secret, which only the browser keeps; nil where there are too many.
    func begin(_ stage: ViewSession.Stage, language: Language, isSecure: Bool) -> (
        session: ViewSession, secret: String
    )? {
        let secret = SecretToken.make(bits: 256)
        let session = ViewSession(
            stage,
            handle: SecretToken.make(bits: 128),
            secret: secret,
            language: language,
            isSecure: isSecure,
            now: now()
        )
        if sessions.withLock({ $0.count >= Self.capacity }) { sweep() }
        let isKept = sessions.withLock { sessions in
            guard sessions.count < Self.capacity else { return false }
            sessions[session.handle] = session
            return true
        }
        return isKept ? (session, secret) : nil
    }

    func knows(_ handle: String) -> Bool { sessions.withLock { $0[handle] != nil } }

    /// The session of a handle, for the browser that has its secret; counts as its use unless it is none.
    func find(_ handle: String, secret: String, isUse: Bool = true) -> ViewSession? {
        guard let session = sessions.withLock({ $0[handle] }), session.belongs(to: secret) else { return nil }
        let time = now()
        guard isAlive(session, time) else {
            end(session)
            return nil
        }
        if isUse { session.use(at: time) }
        return session
    }

    @discardableResult func end(_ session: ViewSession) -> ViewSession.Stage {
        _ = sessions.withLock { $0.removeValue(forKey: session.handle) }
        return session.end()
    }

    /// When a session ends that nobody uses any more, in milliseconds since 1970.
    func expiry(of session: ViewSession) -> Int64 {
        min(session.used + idle, session.created + longest)
    }

    /// Ends what nobody used for too long, and says whose they were.
    @discardableResult func sweep() -> [Reader] {
        let time = now()
        let over = sessions.withLock { sessions in
            let over = sessions.values.filter { !isAlive($0, time) }
            for session in over { sessions[session.handle] = nil }
            return over
        }
        let readers = over.compactMap(\.reader)
        for session in over { session.end() }
        return readers
    }

    func endAll() {
        let all = sessions.withLock { sessions in
            defer { sessions = [:] }
            return Array(sessions.values)
        }
        for session in all { session.end() }
    }

    private func isAlive(_ session: ViewSession, _ time: Int64) -> Bool {
        switch session.stage {
        case .signingIn, .identifying: time < session.created + Self.signingInMilliseconds
        case .open: time < expiry(of: session)
        case .ended: false
        }
    }
}
