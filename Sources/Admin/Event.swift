// SPDX-License-Identifier: Apache-2.0

package enum Severity: String, Codable, Sendable, CaseIterable, Comparable {
    case info
    case warning
    case critical

    package static func < (left: Self, right: Self) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .info: 0
        case .warning: 1
        case .critical: 2
        }
    }
}

/// Something that happened, as `GET /v1/events` tells it. Never carries patient data.
package struct Event: Codable, Equatable, Sendable {
    /// Rises by one with each event of its source; starts at 1 with the process.
    package let seq: UInt64
    package let time: Timestamp
    /// Dotted, most general word first: `service.state`, `association.rejected`.
    package let kind: String
    package let severity: Severity
    /// The program the event is about.
    package let service: String
    /// One English sentence without a full stop.
    package let message: String
    package let attributes: [String: String]

    package init(
        seq: UInt64,
        time: Timestamp,
        kind: String,
        severity: Severity = .info,
        service: String,
        message: String,
        attributes: [String: String] = [:]
    ) {
        self.seq = seq
        self.time = time
        self.kind = kind
        self.severity = severity
        self.service = service
        self.message = message
        self.attributes = attributes
    }
}
