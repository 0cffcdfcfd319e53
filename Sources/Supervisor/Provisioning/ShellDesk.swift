// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Glibc
import Linux
import Provisioning
import Store

/// The break-glass shell: it opens once for the vendor's signature of a challenge of this box. On the appliance what is decided
/// here only spares a wrong response the way: root makes the challenge and judges the response itself (`ShellLock`).
actor ShellDesk {
    static let issueCode = "W-SHELL-01"
    private static let sessionSeconds = 1800
    /// So many wrong responses, and the challenge is gone.
    private static let tries = 3
    private static let systemctl = "/usr/bin/systemctl"

    private struct Open {
        let challenge: ShellChallenge
        let terminal: String
        var tries = 0
    }

    private let keys: [String]
    private let responsePath: String
    private let ownDirectory: String
    private let hardware: HardwareProbe
    private let enrolment: Enrolment
    private let audit: AuditTable
    private let board: StatusBoard
    private let journal: EventJournal
    /// The appliance's, where it starts the shell. Gone with a reboot.
    private nonisolated let lock: ShellLock
    /// The unit that gives the shell on a terminal is started; else who asked starts a shell.
    private let startsUnit: Bool
    private let now: @Sendable () -> Timestamp
    private var open: Open?

    init(
        settings: SupervisorConfiguration,
        enrolment: Enrolment,
        hardware: HardwareProbe,
        audit: AuditTable,
        board: StatusBoard,
        journal: EventJournal,
        startsUnit: Bool,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) {
        keys = settings.admin.shellKeys
        responsePath = settings.shellResponsePath
        self.hardware = hardware
        ownDirectory = settings.runtimeDirectory + "/shell"
        lock = ShellLock(directory: startsUnit ? ShellLock.applianceDirectory : ownDirectory)
        self.enrolment = enrolment
        self.audit = audit
        self.board = board
        self.journal = journal
        self.startsUnit = startsUnit
        self.now = now
    }

    /// A new challenge; the one before counts no longer. `terminal` is empty where who asks starts the shell.
    func challenge(on terminal: String) async throws -> ShellChallenge {
        guard ShellResponse.isTerminal(terminal) || (terminal.isEmpty && !startsUnit) else {
            throw Problem(
                status: 422,
                code: "shell.terminal",
                title: "a shell cannot appear there",
                detail: "found another name, expected that of a line below /dev, as ttyS0"
            )
        }
        guard !keys.isEmpty else {
            throw Problem(
                status: 409,
                code: "shell.no-key",
                title: "this box has no break-glass shell",
                detail: "found no key in admin.shellKeys of the box's document"
            )
        }
        let challenge = startsUnit ? try await rootsChallenge(terminal) : try await ownChallenge(terminal)
        open = Open(challenge: challenge, terminal: terminal)
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
        guard ShellResponse.isTerminal(response.terminal) || (response.terminal.isEmpty && !startsUnit),
            let signature = response.signature
        else { throw Self.noResponse }
        guard let current = open, current.challenge.expires > now() else {
            open = nil
            throw Problem(
                status: 409,
                code: "shell.no-challenge",
                title: "there is no challenge, or it has expired",
                hint: "ask for a new one"
            )
        }
        guard current.terminal == response.terminal else { throw Self.noResponse }
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
        if startsUnit {
            // The console, which has asked, goes when its line is taken away: that ends nothing here.
            try await Task { try await start(response, user: user) }.value
        } else {
            try Directory.create(ownDirectory, mode: 0o755)
            try lock.mark(at: now())
        }
        journal.record(
            "shell.opened",
            .critical,
            "a break-glass shell was opened",
            ["challenge": current.challenge.challenge, "key": key, "terminal": response.terminal]
        )
        for issue in issues() { await board.raise(issue) }
        return ShellOpening(isStarted: startsUnit, seconds: Self.sessionSeconds)
    }

    private static var noResponse: Problem {
        Problem(
            status: 422,
            code: "shell.response",
            title: "this is no response",
            detail:
                "expected \(ShellResponse.characters) characters of base32, and the challenge's terminal"
        )
    }

    private static var noIdentity: Problem {
        Problem(
            status: 409,
            code: "shell.no-identity",
            title: "the box has no identity that a challenge could be for",
            hint: "drimboxctl enrol csr NAME"
        )
    }

    private func ownChallenge(_ terminal: String) async throws -> ShellChallenge {
        guard let fingerprint = await enrolment.fullFingerprint else { throw Self.noIdentity }
        return ShellLock.newChallenge(fingerprint: fingerprint, terminal: terminal, at: now())
    }

    /// Says which box it is where its security chip does; one that is silent or broken is no reason to have no shell.
    private func rootsChallenge(_ terminal: String) async throws -> ShellChallenge {
        var answer = await hardware.ask(
            .shellChallenge(terminal: terminal, asksTPM: true),
            seconds: HardwareProbe.tpmDeadline
        )
        if case .shellChallenge(let challenge)? = answer { return challenge }
        if case .tpmFailure(let failure)? = answer, failure.kind == .noKey { throw Self.noIdentity }
        answer = await hardware.ask(
            .shellChallenge(terminal: terminal, asksTPM: false),
            seconds: HardwareProbe.tpmDeadline
        )
        if case .shellChallenge(let challenge)? = answer { return challenge }
        throw Problem(
            status: 503,
            code: "shell.unit",
            title: "there is no challenge",
            detail: "drimbox-probe: found \(answer.map { "\($0)" } ?? "no answer"), expected a challenge"
        )
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

    /// Root judges the response again, and returns when the shell is there.
    private func start(_ response: ShellResponse, user: String) async throws {
        let unit = "drimbox-shell@\(response.terminal).service"
        try replaceFile(responsePath, with: Array((response.response + "\n").utf8), mode: 0o600)
        defer { try? Directory.remove(file: responsePath) }
        let result = try await ChildProcess.run(Self.systemctl, ["start", unit], deadline: .seconds(20))
        guard result.exit == .status(0) else {
            try audit.append(
                time: now().milliseconds,
                user: user,
                action: "SHELL-OPEN",
                subject: unit,
                outcome: "failed",
                reason: "systemctl: \(result.exit)"
            )
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
        guard let time = lock.opened else { return [] }
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
}
