// SPDX-License-Identifier: Apache-2.0
import Admin

/// The verdict on a white list, for a person.
extension Rendering {
    func whiteList(_ verdict: WhiteListVerdict) -> String {
        guard verdict.isAccepted else {
            return "\(messages.listRefused): \(clean(verdict.reason ?? "-"))"
        }
        func text(_ time: Timestamp?) -> String { time.map { "\($0)" } ?? "-" }
        var lines = [
            "\(messages.listAccepted) \(text(verdict.at))",
            row(messages.listGenerated, text(verdict.generated)),
            row(messages.listSigned, text(verdict.signingTime)),
            row(messages.listSigner, clean(verdict.signer ?? "-")),
        ]
        lines += (verdict.issuers ?? []).map { row(messages.listIssuer, clean($0)) }
        lines.append(row(messages.listValid, text(verdict.validUntil)))
        if verdict.isRevocationChecked != true { lines.append(messages.listRevocation) }
        let domains = verdict.domains ?? []
        lines.append(row(messages.listBoxes, "\(domains.count)"))
        lines += (verdict.unusable ?? []).map { "! \(clean($0))" }
        return lines.joined(separator: "\n")
    }
}

extension Messages {
    var listRefused: String { pick("refused", "refusée") }
    var listAccepted: String { pick("accepted at", "acceptée au") }
    var listGenerated: String { pick("Generated", "Générée") }
    var listSigned: String { pick("Signed", "Signée") }
    var listSigner: String { pick("Signer", "Signataire") }
    var listIssuer: String { pick("Issuer", "Émetteur") }
    var listValid: String { pick("Valid until", "Valable jusqu'au") }
    var listBoxes: String { pick("Boxes", "Boîtes") }

    var listRevocation: String {
        pick("! revocation was not looked at", "! la révocation n'a pas été vérifiée")
    }
}
