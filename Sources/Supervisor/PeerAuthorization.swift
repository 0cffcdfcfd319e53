// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import Synchronization

/// Who may use the admin API: root, the supervisor's own user, and the members of one group.
final class PeerAuthorization: Sendable {
    /// A denied user makes one event per so much time, however often it tries.
    private static let silence: Duration = .seconds(60)

    private let group: String
    private let ownUser: UInt32
    private let journal: EventJournal
    private let lastDenials = Mutex<[UInt32: ContinuousClock.Instant]>([:])

    init(group: String, ownUser: UInt32, journal: EventJournal) {
        self.group = group
        self.ownUser = ownUser
        self.journal = journal
    }

    func permits(_ peer: PeerCredentials) -> Bool {
        if peer.uid == 0 || peer.uid == ownUser { return true }
        if let gid = Accounts.groupID(named: group),
            peer.gid == gid || Accounts.isUser(peer.uid, memberOf: gid)
        {
            return true
        }
        noteDenial(of: peer)
        return false
    }

    private func noteDenial(of peer: PeerCredentials) {
        let now = ContinuousClock.now
        let isNews = lastDenials.withLock { last in
            if let time = last[peer.uid], now - time < Self.silence { return false }
            last[peer.uid] = now
            return true
        }
        guard isNews else { return }
        journal.record(
            "auth.denied",
            .warning,
            "a user outside the group \(group) asked the admin API",
            ["uid": "\(peer.uid)", "gid": "\(peer.gid)", "pid": "\(peer.pid)"]
        )
    }
}
