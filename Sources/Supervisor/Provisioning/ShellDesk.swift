// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Glibc
import Linux
import Provisioning
import Store

/// The break-glass shell: it opens once for the vendor's signature of a challenge of this box.
actor ShellDesk {
    static let issueCode = "W-SHELL-01"
    /// A telephone call, and somebody who walks to the key.
    private static let lifetime: Int64 = 30 * 60 * 1000
    private static let sessionSeconds = 1800
    /// So many wrong responses, and the challenge is gone.
    private static let tries = 3
    private static let systemctl = "/usr/bin/systemctl"

    private struct Open {
        let challenge: ShellChallenge
        var tries = 0
    }

    private let keys: [String]
    private let enrolment: Enrolment
    private let audit: AuditTable
    private let board: StatusBoard
    private let journal: EventJournal
    /// Gone with a reboot.
    private nonisolated let mark: String
    /// The unit that gives the shell on a terminal is started; else who asked starts a shell.
    private let startsUnit: Bool
    private let now: @Sendable () -> Timestamp
    private var open: Open?

    init(
        settings: SupervisorConfiguration,
        enrolment: Enrolment,
        audit: AuditTable,
        board: StatusBoard,
        journal: EventJournal,
        startsUnit: Bool,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        keys = settings.admin.shellKeys
        mark = settings.runtimeDirectory + "/shell-opened"
        self.enrolment = enrolment
        self.audit = audit
        self.board = board
        self.journal = journal
        self.startsUnit = startsUnit
        self.now = now
    }

    /// A new challenge; the one before counts no longer.
    func challenge() async throws -> ShellChallenge {
        guard !keys.isEmpty else {
            throw Problem(
                status: 409,
                code: "shell.no-key",
                title: "this box has no break-glass shell",
                detail: "found no key in admin.shellKeys of the box's document"
            )
        }
        guard let identity = await enrolment.fullFingerprint?.prefix(16) else {
            throw Problem(
                status: 409,
                code: "shell.no-identity",
                title: "the box has no identity that a challenge could be for",
                hint: "drimboxctl enrol csr NAME"
            )
        }
        let expires = Timestamp(milliseconds: now().milliseconds + Self.lifetime)
        let challenge = ShellChallenge(
            challenge: "\(identity).\(Self.minute(expires)).\(Self.nonce())",
            expires: expires
        )
        open = Open(challenge: challenge)
        journal.record(
            "shell.challenge",
            .warning,
            "a break-glass shell was asked for",
            ["challenge": challenge.challenge]
        )
        return challenge
    }

    /// Spends the challenge, writes the audit, and only then lets a shell start.
    func open(_ response: ShellResponse, user: String, reason: String) async throws -> ShellOpening {
        // A unit's instance: never more than the name of a line.
        guard
            response.terminal.wholeMatch(of: /tty[A-Za-z0-9]{1,12}/) != nil
                || (response.terminal.isEmpty && !startsUnit),
            let signature = response.signature
        else {
            throw Problem(
                status: 422,
                code: "shell.response",
                title: "this is no response",
                detail:
                    "expected \(ShellResponse.characters) characters of base32, and the name of a terminal"
            )
        }
        guard let current = open, current.challenge.expires > now() else {
            open = nil
            throw Problem(
                status: 409,
                code: "shell.no-challenge",
                title: "there is no challenge, or it has expired",
                hint: "ask for a new one"
            )
        }
        let key = try verify(signature)
        open = nil
        try audit.append(
            time: now().milliseconds,
            user: user,
            action: "SHELL-OPEN",
            subject: "\(current.challenge.challenge) signed by \(key)"
                + (response.terminal.isEmpty ? "" : ", on \(response.terminal)"),
            outcome: "opened",
            reason: reason
        )
        try replaceFile(mark, with: Array("\(now())\n".utf8), mode: 0o644)
        journal.record(
            "shell.opened",
            .critical,
            "a break-glass shell was opened",
            ["challenge": current.challenge.challenge, "key": key, "terminal": response.terminal]
        )
        for issue in issues() { await board.raise(issue) }
        if startsUnit { try await start(on: response.terminal) }
        return ShellOpening(isStarted: startsUnit, seconds: Self.sessionSeconds)
    }

    /// The fingerprint of the key that signed.
    private func verify(_ signature: [UInt8]) throws -> String {
        guard let challenge = open?.challenge.challenge else { throw CancellationError() }
        do throws(ProvisioningError) {
            return try DetachedSignature.verify(
                ShellChallenge.signedContent(challenge),
                signature: signature,
                publicKeys: keys
            )
        } catch {
            open?.tries += 1
            let isOver = (open?.tries ?? 0) >= Self.tries
            if isOver { open = nil }
            journal.record("shell.refused", .warning, "a response to the break-glass challenge is wrong")
            throw Problem(
                status: 403,
                code: "shell.signature",
                title: "the shell stays shut",
                detail: error.description,
                hint: isOver ? "ask for a new challenge" : "type it again"
            )
        }
    }

    private func start(on terminal: String) async throws {
        let unit = "drimbox-shell@\(terminal).service"
        let result = try await ChildProcess.run(
            Self.systemctl,
            ["start", "--no-block", unit],
            deadline: .seconds(15)
        )
        guard result.exit == .status(0) else {
            throw Problem(
                status: 503,
                code: "shell.unit",
                title: "the shell could not be started",
                detail: "systemctl start \(unit): \(result.exit)"
            )
        }
    }

    /// Until the next boot, everybody sees that somebody had a shell.
    nonisolated func issues() -> [Issue] {
        guard let text = try? readFile(mark, limit: 256) else { return [] }
        let time = String(decoding: text, as: UTF8.self).filter { !$0.isWhitespace }
        return [
            Issue(
                code: Self.issueCode,
                severity: .warning,
                since: Timestamp(time) ?? .now,
                summary: "a break-glass shell was opened since the box was started",
                evidence: ["time": time],
                suggestions: ["read the audit", "restart the box when the work is done"]
            )
        ]
    }

    /// `20261129T0440Z`
    private static func minute(_ time: Timestamp) -> String {
        "\(time)".prefix(16).filter { $0 != "-" && $0 != ":" } + "Z"
    }

    /// 80 bits in four groups.
    private static func nonce() -> String {
        let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")
        var generator = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            String((0..<4).map { _ in alphabet[Int.random(in: 0..<32, using: &generator)] })
        }.joined(separator: "-")
    }
}
