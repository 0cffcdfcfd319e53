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
}
