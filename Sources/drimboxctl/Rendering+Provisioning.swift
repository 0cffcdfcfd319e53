// SPDX-License-Identifier: Apache-2.0
import Admin

// Enrolment, answer files, backups, acceptance.
extension Rendering {
    func enrolment(_ status: EnrolmentStatus) -> String {
        var lines = [row(messages.provisioning, messages.provisioning(status.state))]
        if let key = status.key, let fingerprint = status.keyFingerprint {
            lines.append(row(messages.keyRow, "\(clean(fingerprint))   \(messages.key(key))"))
        } else {
            lines.append(row(messages.keyRow, messages.noKey))
        }
        if let certificate = status.certificate {
            lines.append(
                row(messages.certificateRow, "\(clean(certificate.subject))   \(clean(certificate.serial))")
            )
            lines.append(row("", "\(messages.issuedBy) \(clean(certificate.issuer))"))
            lines.append(
                row(messages.validity, messages.until("\(certificate.notBefore)", "\(certificate.notAfter)"))
            )
        } else {
            lines.append(row(messages.certificateRow, messages.noCertificate))
        }
        if let objection = status.objection { lines.append("! \(clean(objection))") }
        return lines.joined(separator: "\n")
    }

    func provisioning(_ report: ProvisioningReport) -> String {
        var lines = [
            row(messages.signature, report.signedBy.map { messages.signedBy(clean($0)) } ?? messages.unsigned)
        ]
        lines += change(report.transaction, report.revision)
        lines.append(
            row(messages.persons, report.users.isEmpty ? "-" : report.users.map(clean).joined(separator: " "))
        )
        lines.append(row(messages.provisioning, messages.provisioning(report.state)))
        return lines.joined(separator: "\n")
    }

    func backup(_ summary: BackupSummary) -> String {
        [
            row(messages.created, "\(summary.created)   DRIMbox \(clean(summary.site))"),
            row(messages.version, clean(summary.software)),
            row(messages.revisions, "\(summary.revisions)"),
            row(messages.persons, "\(summary.users)"),
            row(
                messages.audit,
                "\(messages.auditRows(summary.auditRows))   \(clean(summary.auditHead ?? "-"))"
            ),
            row(messages.identity, clean(summary.identity ?? messages.none)),
            row(messages.credentials, "\(summary.credentials)"),
        ].joined(separator: "\n")
    }

    func restored(_ report: RestoreReport) -> String {
        let lines = [backup(report.backup)] + change(report.transaction, report.revision)
        return (lines + [row(messages.identity, clean(report.identity))]).joined(separator: "\n")
    }

    private func change(_ transaction: TransactionStatus?, _ revision: Int) -> [String] {
        guard let transaction else { return [row(messages.configuration, messages.unchanged(revision))] }
        return [row(messages.configuration, self.transaction(transaction))]
    }

    /// 80 columns: for a printer, and to sign.
    func acceptance(_ report: AcceptanceReport) -> String {
        let line = String(repeating: "-", count: 80)
        var lines = [
            messages.acceptanceTitle, line, row("DRIMbox", clean(report.site)),
            row(messages.date, "\(report.time)"), row(messages.version, clean(report.software)),
            row(messages.revision, "\(report.revision)"),
            row(messages.provisioning, messages.provisioning(report.state)), line,
        ]
        for check in report.checks {
            let verdict = messages.verdict(check.verdict)
            let head = padded(verdict, 11) + padded(messages.topic(check.topic), 17)
            lines += wrapped("\(clean(check.target))  \(clean(check.detail))", after: head)
        }
        let failed = report.checks.count { $0.verdict == .failed }
        lines += [line, failed == 0 ? messages.acceptancePassed : messages.acceptanceFailed(failed)]
        return lines.joined(separator: "\n")
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    /// The text behind `head`, in as many lines of 80 columns as it takes.
    private func wrapped(_ text: String, after head: String) -> [String] {
        let width = 80 - head.count
        var lines: [String] = []
        var rest = text[...]
        while !rest.isEmpty || lines.isEmpty {
            lines.append(
                (lines.isEmpty ? head : String(repeating: " ", count: head.count)) + rest.prefix(width)
            )
            rest = rest.dropFirst(width)
        }
        return lines
    }

    func disks(_ disks: [DiskReport]) -> String {
        table(
            disks.map { disk in
                [
                    clean(disk.name), disk.state.rawValue, clean(disk.model ?? "-"),
                    clean(disk.serial ?? "-"),
                    disk.temperatureCelsius.map { "\($0) C" } ?? "-",
                    disk.wearPercent.map { "\(messages.wear) \($0) %" } ?? "-",
                ]
            }
        )
    }

    func tpm(_ tpm: TPMReport) -> String {
        var lines = [
            row("tpm", "\(clean(tpm.manufacturer)) \(clean(tpm.model)) \(clean(tpm.firmwareVersion))"),
            row("self-test", tpm.selfTest.hasPassed ? "ok" : "failed \(clean(tpm.selfTest.code ?? "?"))"),
            row(messages.keyRow, tpm.identityKey?.rawValue ?? "?"),
        ]
        if let lockout = tpm.lockout {
            let state = lockout.isLocked ? "locked, \(lockout.recoverySeconds) s" : "free"
            lines.append(row("lockout", "\(state)   \(lockout.failedTries)/\(lockout.maximumTries)"))
        }
        if let hash = tpm.endorsementKeyHash { lines.append(row("ek", clean(hash))) }
        lines += tpm.pcrs.sorted { $0.key < $1.key }.map { row("pcr \($0.key)", clean($0.value)) }
        return lines.joined(separator: "\n")
    }

    func clock(_ clock: ClockReport) -> String {
        [
            row(messages.clock, clock.isSynchronised ? messages.synchronised : messages.notSynchronised),
            row("source", clean(clock.source ?? "-")),
            row("stratum", clock.stratum.map { "\($0)" } ?? "-"),
            row("offset", clock.offsetSeconds.map { "\(Int(($0 * 1_000_000).rounded())) us" } ?? "-"),
        ].joined(separator: "\n")
    }
}
