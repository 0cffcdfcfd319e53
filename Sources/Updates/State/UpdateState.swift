// SPDX-License-Identifier: Apache-2.0

/// Where an update is (UPDATES 4.10).
package enum UpdateState: Equatable, Sendable {
    case idle
    case checking
    /// A release is there, and something is waited for before its first byte is fetched.
    case offered(Hold)
    case fetching
    /// The release is in the other slot, whole and proven.
    case staged(Hold)
    /// The release has an entry in the boot partition.
    case armed
    case rebooting
    /// The release runs, and has not been found good yet.
    case trial
    /// Its entry is losing its counter. Never on the disk: the entry's name says whether it was.
    case committing
    case committed
    /// The machine takes no release below this one's index any more.
    case floorRaised
    case aborted
    case rolledBack
}

/// What an update waits for.
package enum Hold: UInt8, CaseIterable, Sendable {
    case nothing = 0
    case window = 1
    case consent = 2
    /// The roll-out has not come to this machine.
    case cohort = 3
    /// The roll-out begins later.
    case notBefore = 4
    case paused = 5
    /// The release failed as often as it may; a technician may ask for it again.
    case failed = 6
}

extension UpdateState {
    /// One byte of the record; a hold has another.
    var code: UInt8 {
        switch self {
        case .idle: 1
        case .checking: 2
        case .offered: 3
        case .fetching: 4
        case .staged: 5
        case .armed: 6
        case .rebooting: 7
        case .trial: 8
        case .committing: 9
        case .committed: 10
        case .floorRaised: 11
        case .aborted: 12
        case .rolledBack: 13
        }
    }

    package var hold: Hold {
        switch self {
        case .offered(let hold), .staged(let hold): hold
        default: .nothing
        }
    }

    init?(code: UInt8, hold: Hold) {
        switch code {
        case 1: self = .idle
        case 2: self = .checking
        case 3: self = .offered(hold)
        case 4: self = .fetching
        case 5: self = .staged(hold)
        case 6: self = .armed
        case 7: self = .rebooting
        case 8: self = .trial
        case 9: self = .committing
        case 10: self = .committed
        case 11: self = .floorRaised
        case 12: self = .aborted
        case 13: self = .rolledBack
        default: return nil
        }
        if hold != self.hold { return nil }
    }

    /// A release is on its way, and can still be dropped without a trace.
    package var isUnderWay: Bool {
        switch self {
        case .offered, .fetching, .staged, .armed: true
        default: false
        }
    }

    /// The release runs, or is about to: nothing else is begun.
    package var isDecisive: Bool { [.rebooting, .trial, .committing].contains(self) }
}
