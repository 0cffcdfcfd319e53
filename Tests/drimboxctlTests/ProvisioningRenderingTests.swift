// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import drimboxctl

@Suite("drimboxctl text: acceptance and enrolment") struct ProvisioningRenderingTests {
    private let time = Timestamp(milliseconds: 1_795_480_147_737)

    private func rendering(_ language: Language) -> Rendering {
        Rendering(messages: Messages(language: language), now: time)
    }

    private func report(_ verdict: AcceptanceReport.Verdict) -> AcceptanceReport {
        AcceptanceReport(
            time: time,
            site: "Radiologie Nord",
            software: "1.4.2",
            revision: 7,
            state: .inService,
            checks: [
                .init(.network, "gateway 10.10.0.1", .passed, "answers in 1 ms"),
                .init(.archive, "PACS1", verdict, String(repeating: "no answer ", count: 12)),
                .init(.nationalRecord, "DMP", .notTested, "not part of this version"),
            ]
        )
    }

    @Test("an acceptance report in English: 80 columns") func english() {
        let text = rendering(.english).acceptance(report(.failed))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(
            text.hasPrefix(
                """
                ACCEPTANCE REPORT
                --------------------------------------------------------------------------------
                DRIMbox          Radiologie Nord
                date             2026-11-24T00:29:07.737Z
                version          1.4.2
                revision         7
                provisioning     in service
                --------------------------------------------------------------------------------
                PASS       network          gateway 10.10.0.1  answers in 1 ms
                FAIL       archive (PACS)   PACS1  no answer no answer no answer no answer no an
                """
            )
        )
        #expect(text.hasSuffix("FAILED: 1 of the tests"))
    }

    @Test("and in French") func french() {
        let text = rendering(.french).acceptance(report(.passed))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(text.hasPrefix("RAPPORT DE RECETTE\n") && text.contains("non testé  dossier national DMP"))
        #expect(text.hasSuffix("RECETTE PRONONCÉE : ce qui a été testé fonctionne"))
    }

    @Test("enrolment: what is missing says how to get it, what comes from outside cannot steer the terminal")
    func enrolment() {
        let empty = rendering(.english).enrolment(EnrolmentStatus(state: .configured))
        #expect(empty.contains("configured: not enrolled") && empty.contains("drimboxctl enrol csr NAME"))
        let certificate = CertificateSummary(
            subject: "CN=\u{1B}[2JX",
            issuer: "CN=I",
            serial: "01",
            notBefore: time,
            notAfter: time,
            certificates: 2
        )
        let full = rendering(.french).enrolment(
            EnrolmentStatus(
                state: .inService,
                key: .tpm,
                keyFingerprint: "00ff",
                certificate: certificate,
                objection: "expired"
            )
        )
        #expect(
            full.contains("CN=?[2JX") && full.contains("dans la puce de sécurité")
                && full.contains("! expired")
        )
    }
}
