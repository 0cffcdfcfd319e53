// SPDX-License-Identifier: Apache-2.0
import Identity
import Synchronization

/// The sessions of this box. They are in memory only: a new start signs everybody out.
final class SessionTable: Sendable {
    private static let capacity = 4096
    /// Who does not finish signing in is forgotten.
    private static let signingIn: Int64 = 10 * 60_000
    /// Whatever they do, professionals sign in anew after so long.
    private static let longest: Int64 = 12 * 3_600_000

    private let idle: Int64
    private let now: @Sendable () -> Int64
    private let sessions = Mutex<[String: Session]>([:])

    init(idleMinutes: Int, now: @escaping @Sendable () -> Int64) {
        idle = Int64(idleMinutes) * 60_000
        self.now = now
    }

    /// A new session and its secret, which only the browser keeps; nil where there are too many.
    func begin(_ stage: Session.Stage) -> (session: Session, secret: String)? {
        let session = Session(stage, now: now())
        return add(session).map { (session, $0) }
    }

    /// The session under a new secret: whoever knew the former one has nothing (session fixation).
    func renew(_ session: Session, secret: String) -> String? {
        _ = sessions.withLock { $0.removeValue(forKey: RandomToken.digest(secret)) }
        return add(session)
    }

    /// The session of a browser; counts as its use.
    func find(_ secret: String) -> Session? {
        let key = RandomToken.digest(secret)
        guard let session = sessions.withLock({ $0[key] }) else { return nil }
        let time = now()
        guard isAlive(session, time) else {
            end(secret)
            return nil
        }
        session.change { $0.used = time }
        return session
    }

    func end(_ secret: String) {
        let session = sessions.withLock { $0.removeValue(forKey: RandomToken.digest(secret)) }
        session.map(close)
    }

    /// Ends what nobody used for too long, and says whose they were.
    @discardableResult func sweep() -> [Professional] {
        let time = now()
        let over = sessions.withLock { sessions in
            let over = sessions.filter { !isAlive($0.value, time) }
            for key in over.keys { sessions[key] = nil }
            return Array(over.values)
        }
        defer { over.forEach(close) }
        return over.compactMap(\.professional)
    }

    func endAll() {
        let all = sessions.withLock { sessions in
            defer { sessions = [:] }
            return Array(sessions.values)
        }
        all.forEach(close)
    }

    private func add(_ session: Session) -> String? {
        let secret = RandomToken.make()
        let isKept = sessions.withLock { sessions in
            guard sessions.count < Self.capacity else { return false }
            sessions[RandomToken.digest(secret)] = session
            return true
        }
        if !isKept { sweep() }
        return isKept ? secret : nil
    }

    private func isAlive(_ session: Session, _ time: Int64) -> Bool {
        session.change { state in
            switch state.stage {
            case .signingIn, .identifying: time < session.created + Self.signingIn
            case .signedIn: time < state.used + idle && time < session.created + Self.longest
            case .ended: false
            }
        }
    }

    /// Whatever runs in its name stops.
    private func close(_ session: Session) {
        let patients = session.patients
        session.change { state in
            state.patients = [:]
            state.stage = .ended
        }
        for patient in patients { patient.close() }
    }
}
