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
}
