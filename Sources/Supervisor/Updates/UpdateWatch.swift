// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux

/// `drimbox-update`'s socket, seen from the supervisor.
struct UpdateClient: Sendable {
    /// Seconds; a check waits for the vendor's server.
    static let patience = 8
    static let checkPatience = 60

    let path: String

    var isThere: Bool { FileStamp(path) != nil }

    func ask(_ order: UpdateOrder, seconds: Int = patience) async throws -> UpdateAnswer {
        let question = Array(try JSONEncoder().encode(order)) + [0x0A]
        let bytes = try await UnixSocket.exchange(path, question, seconds: seconds).get()
        return try JSONDecoder().decode(UpdateAnswer.self, from: Data(bytes))
    }
}

/// Asks how updates are, and tells of what changed: to the journal, to the audit, as issues.
actor UpdateWatch {
    private static let interval = Duration.seconds(5)
    /// Looks without an answer until somebody is told: `drimbox-update` may be starting.
    private static let silencesTolerated = 6

    private let client: UpdateClient
    private let board: StatusBoard
    private let journal: EventJournal
    private let record: @Sendable (UpdateStatus) -> Void
    private var silences = 0
    /// What was told last, also before a restart: an update ends with one.
    private var told: String?
    private let keep: @Sendable (String) -> Void

    /// `record` keeps what cannot be taken back: a release that is about to start, was committed, or went.
    init(
        client: UpdateClient,
        board: StatusBoard,
        journal: EventJournal,
        told: String? = nil,
        keep: @escaping @Sendable (String) -> Void = { _ in },
        record: @escaping @Sendable (UpdateStatus) -> Void
    ) {
        self.client = client
        self.board = board
        self.journal = journal
        self.record = record
        self.told = told
        self.keep = keep
    }

    func run() async {
        while !Task.isCancelled {
            await look()
            try? await Task.sleep(for: Self.interval)
        }
    }

    func look() async {
        guard client.isThere else { return }
        guard case .status(let status)? = try? await client.ask(.status) else {
            silences += 1
            if silences >= Self.silencesTolerated { await board.raise(Self.silence) }
            return
        }
        silences = 0
        await board.clear(Self.silence.code)
        await board.judge(status)
        tell(status)
    }

    private func tell(_ status: UpdateStatus) {
        let parts = [status.phase.rawValue, status.hold?.rawValue, status.release]
        let news = parts.map { $0 ?? "" }.joined(separator: " ")
        guard news != told else { return }
        told = news
        // Last: after a power cut it is told twice rather than never.
        defer { keep(news) }
        var facts = ["phase": status.phase.rawValue]
        facts["release"] = status.release
        facts["waitsFor"] = status.hold?.rawValue
        facts["reason"] = status.reason
        journal.record(
            "update.state",
            status.phase == .rolledBack ? .warning : .info,
            "the update is \(status.phase.rawValue)",
            facts
        )
        switch status.phase {
        case .armed, .rebooting, .committed, .floorRaised, .rolledBack: record(status)
        // Where the box came back from it while nobody looked.
        case .offered where status.hold == .failed: record(status)
        case .idle, .checking, .offered, .fetching, .staged, .trial, .committing, .aborted: break
        }
    }

    private static let silence = Issue(
        code: "E-UPD-01",
        severity: .critical,
        since: .now,
        summary: "drimbox-update does not answer: no release is installed, and none on trial is committed",
        suggestions: ["look at its log, then restart it: journalctl -u drimbox-update"]
    )
}

extension StatusBoard {
    /// A release that waits is no fault; one that went, a repository that cannot be had, or a damaged record is.
    func judge(_ status: UpdateStatus) {
        set("W-UPD-02", wrong: status.phase == .rolledBack || status.hold == .failed) {
            Issue(
                code: $0,
                severity: .warning,
                since: .now,
                summary: "a release did not hold: the box went back from it, and does not try it by itself",
                evidence: ["release": status.release ?? "?", "reason": status.reason ?? "see the failures"],
                suggestions: [
                    "tell the vendor", "drimboxctl update install --retry tries it once more",
                ]
            )
        }
        set("W-UPD-03", wrong: status.problem != nil) {
            Issue(
                code: $0,
                severity: .warning,
                since: .now,
                summary: "the last look for releases, or the last step of an update, failed",
                evidence: ["problem": status.problem ?? ""],
                suggestions: ["drimboxctl update check", "drimboxctl net test"]
            )
        }
        let isDamaged = !status.damaged.isEmpty || status.floor.value == nil
        set("W-UPD-04", wrong: isDamaged) {
            Issue(
                code: $0,
                severity: .warning,
                since: .now,
                summary: "the record of updates, or the rollback floor, cannot be read",
                evidence: ["problem": status.damaged.first ?? status.floor.problem ?? ""],
                suggestions: ["drimboxctl update status", "drimboxctl health"]
            )
        }
    }

    private func set(_ code: String, wrong: Bool, _ issue: (String) -> Issue) {
        if wrong { raise(issue(code)) } else { clear(code) }
    }
}
