// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import Synchronization

/// Who may do what over the admin API: root, the supervisor's own user and the members of one group all of it,
/// the members of two others less.
final class PeerAuthorization: Sendable {
    /// A denied user makes one event per so much time, however often it tries.
    private static let silence: Duration = .seconds(60)

    private let groups: [(name: String, role: Role)]
    private let ownUser: UInt32
    private let journal: EventJournal
    private let lastDenials = Mutex<[UInt32: ContinuousClock.Instant]>([:])
    private let lastRows = Mutex<[UInt32: ContinuousClock.Instant]>([:])

    init(
        group: String,
        operators: String? = nil,
        viewers: String? = nil,
        ownUser: UInt32,
        journal: EventJournal
    ) {
        let others = [(operators, Role.operator), (viewers, Role.viewer)]
        groups = [(group, .admin)] + others.compactMap { name, role in name.map { ($0, role) } }
        self.ownUser = ownUser
        self.journal = journal
    }

    /// Nil for who may not even look.
    func role(of peer: PeerCredentials) -> Role? {
        if peer.uid == 0 || peer.uid == ownUser { return .admin }
        for (name, role) in groups {
            guard let gid = Accounts.groupID(named: name) else { continue }
            if peer.gid == gid || Accounts.isUser(peer.uid, memberOf: gid) { return role }
        }
        noteDenial(of: peer)
        return nil
    }

    /// Whether a denied user's attempt to change something is worth a row in the audit: a user without any right
    /// must not fill it.
    func isNews(_ uid: UInt32) -> Bool {
        lastRows.withLock { Self.note(uid, in: &$0) }
    }

    private static func note(_ uid: UInt32, in last: inout [UInt32: ContinuousClock.Instant])
        -> Bool
    {
        let now = ContinuousClock.now
        if let time = last[uid], now - time < silence { return false }
        last[uid] = now
        return true
    }

    private func noteDenial(of peer: PeerCredentials) {
        guard lastDenials.withLock({ Self.note(peer.uid, in: &$0) }) else { return }
        journal.record(
            "auth.denied",
            .warning,
            "a user outside the group \(groups[0].name) asked the admin API",
            ["uid": "\(peer.uid)", "gid": "\(peer.gid)", "pid": "\(peer.pid)"]
        )
    }
}
