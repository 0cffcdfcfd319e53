// SPDX-License-Identifier: Apache-2.0

/// How a change of the configuration becomes the one in force.
package struct ConfirmPolicy: Codable, Equatable, Sendable {
    package enum Mode: String, Codable, Sendable, CaseIterable {
        /// Every probe that passed before has to pass after.
        case auto
        /// A person says so, on a connection opened after the change.
        case manual
        /// At once, when the network is as the document wants it.
        case none
    }

    package static let seconds = 10...900

    package let mode: Mode
    /// Undone after so long without confirmation.
    package let seconds: Int

    package init(mode: Mode, seconds: Int = 120) {
        self.mode = mode
        self.seconds = seconds
    }
}

/// `GET /v1/config/transactions/{tx}`.
package struct TransactionStatus: Codable, Equatable, Sendable {
    package enum State: String, Codable, Sendable {
        case applying
        case awaiting
        case confirmed
        case rolledBack = "rolled-back"
    }

    package let tx: String
    package var state: State
    package let confirm: ConfirmPolicy
    package let author: String
    package let comment: String
    /// The revision it changes; while it is not confirmed, this one is what everybody returns to.
    package let base: Int
    /// Once it is confirmed.
    package var revision: Int?
    package let deadline: Timestamp
    package let differences: [ConfigurationDifference]
    package var probes: [NetworkTestStep]
    /// Why it was rolled back.
    package var reason: String?

    package init(
        tx: String,
        state: State,
        confirm: ConfirmPolicy,
        author: String,
        comment: String,
        base: Int,
        deadline: Timestamp,
        differences: [ConfigurationDifference]
    ) {
        self.tx = tx
        self.state = state
        self.confirm = confirm
        self.author = author
        self.comment = comment
        self.base = base
        self.deadline = deadline
        self.differences = differences
        probes = []
    }

    package var isFinal: Bool { state == .confirmed || state == .rolledBack }
}

/// One line of `GET /v1/config/revisions`.
package struct RevisionSummary: Codable, Equatable, Sendable {
    package let number: Int
    package let time: Timestamp
    package let author: String
    package let comment: String
    package let isRescue: Bool
    package let isCurrent: Bool

    package init(
        number: Int,
        time: Timestamp,
        author: String,
        comment: String,
        isRescue: Bool,
        isCurrent: Bool
    ) {
        self.number = number
        self.time = time
        self.author = author
        self.comment = comment
        self.isRescue = isRescue
        self.isCurrent = isCurrent
    }
}

package struct RevisionList: Codable, Equatable, Sendable {
    package let revisions: [RevisionSummary]

    package init(revisions: [RevisionSummary]) {
        self.revisions = revisions
    }
}

/// `POST /v1/config/validate`.
package struct ValidationReport: Codable, Equatable, Sendable {
    package struct Finding: Codable, Equatable, Sendable {
        package let path: String
        package let code: String
        package let message: String
    }

    package let ok: Bool
    package let errors: [Finding]
    package let diff: [ConfigurationDifference]
    /// Absent where nothing changes or something is wrong.
    package let changeClass: ConfigurationDifference.Class?

    private enum CodingKeys: String, CodingKey {
        case ok
        case errors
        case diff
        case changeClass = "class"
    }

    package init(error: ConfigurationError) {
        ok = false
        errors = error.findings.map {
            Finding(path: $0.path, code: $0.code, message: "found \($0.found), expected \($0.expected)")
        }
        diff = []
        changeClass = nil
    }

    package init(diff: [ConfigurationDifference]) {
        ok = true
        errors = []
        self.diff = diff
        changeClass =
            diff.isEmpty ? nil : diff.contains { $0.changeClass == .disruptive } ? .disruptive : .live
    }
}

/// Body of `POST /v1/config/transactions`; `doc` is the whole document.
package struct TransactionRequest: Sendable {
    package let document: JSONValue
    package let comment: String
    package let confirm: ConfirmPolicy

    /// Unknown members are errors, as in every request of `/v1`.
    package init(json: [UInt8]) throws(ConfigurationError) {
        let findings = ConfigurationReader.Findings()
        let value = try JSONValue(parsing: json)
        var reader = ConfigurationReader(value, findings: findings)
        comment = reader.optionalString("comment", .text) ?? ""
        _ = reader.object("doc")
        document = value[path: "doc"] ?? .null
        if var confirm = reader.optionalObject("confirm") {
            let mode: ConfirmPolicy.Mode = confirm.choice("mode", default: nil, or: .auto)
            let seconds = confirm.integer("seconds", in: ConfirmPolicy.seconds, default: 120)
            confirm.finish()
            self.confirm = ConfirmPolicy(mode: mode, seconds: seconds)
        } else {
            confirm = ConfirmPolicy(mode: .auto)
        }
        reader.finish()
        try findings.check()
    }

    package init(document: JSONValue, comment: String, confirm: ConfirmPolicy) {
        self.document = document
        self.comment = comment
        self.confirm = confirm
    }

    package var json: JSONValue {
        .object([
            "doc": document, "comment": comment.isEmpty ? .null : .string(comment),
            "confirm": .object(["mode": .string(confirm.mode.rawValue), "seconds": .integer(confirm.seconds)]
            ),
        ])
    }
}

/// `GET /v1/network/tests`-like reports: `POST /v1/network/tests`.
package struct NetworkTestReport: Codable, Equatable, Sendable {
    package let steps: [NetworkTestStep]

    package init(steps: [NetworkTestStep]) {
        self.steps = steps
    }
}

/// `GET /v1/audit`.
package struct AuditRow: Codable, Equatable, Sendable {
    package let number: Int
    package let time: Timestamp
    package let user: String
    package let action: String
    package let subject: String
    package let outcome: String
    package let reason: String
    package let hash: String

    package init(
        number: Int,
        time: Timestamp,
        user: String,
        action: String,
        subject: String,
        outcome: String,
        reason: String,
        hash: String
    ) {
        self.number = number
        self.time = time
        self.user = user
        self.action = action
        self.subject = subject
        self.outcome = outcome
        self.reason = reason
        self.hash = hash
    }
}

package struct AuditPage: Codable, Equatable, Sendable {
    package let rows: [AuditRow]

    package init(rows: [AuditRow]) {
        self.rows = rows
    }
}

/// `GET /v1/audit/verify`.
package struct AuditVerification: Codable, Equatable, Sendable {
    package let isIntact: Bool
    package let rows: Int
    /// Hash of the newest row: written down elsewhere, it proves that nothing before it was changed.
    package let head: String?
    /// First row that does not follow from the one before.
    package let firstBroken: Int?

    package init(isIntact: Bool, rows: Int, head: String?, firstBroken: Int?) {
        self.isIntact = isIntact
        self.rows = rows
        self.head = head
        self.firstBroken = firstBroken
    }
}

/// What a caller of the admin API may do; each role may do what those before it may.
package enum Role: String, Codable, Sendable, CaseIterable, Comparable {
    case viewer
    case `operator`
    case admin

    package static func < (left: Self, right: Self) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .admin: 2
        }
    }
}

/// `GET /v1/whoami`.
package struct Identity: Codable, Equatable, Sendable {
    package let uid: UInt32
    package let user: String
    package let role: Role

    package init(uid: UInt32, user: String, role: Role) {
        self.uid = uid
        self.user = user
        self.role = role
    }
}
