// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import X509

/// How long the certificates of the box, and those that its configuration names, are good for.
package enum CertificateExpiry {
    /// A file of certificates, or why it could not be read.
    package struct Reading: Sendable {
        /// What the certificates are for: `identity`, `dicom`, `peer PACS`.
        package let name: String
        package let path: String
        /// The last certificate counts instead of the first: authorities stand beside each other.
        package let areAuthorities: Bool
        /// PEM.
        package let content: Result<String, Failure>

        package init(name: String, path: String, areAuthorities: Bool, content: Result<String, Failure>) {
            self.name = name
            self.path = path
            self.areAuthorities = areAuthorities
            self.content = content
        }
    }

    package struct Failure: Error, Sendable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    /// By days that are left: the code, and what it says.
    private static let steps: [(days: Int, code: String, severity: Severity)] = [
        (0, "E-CERT-01", .critical), (7, "E-CERT-02", .critical), (30, "W-CERT-03", .warning),
        (60, "W-CERT-04", .warning),
    ]
    private static let unreadable = "E-CERT-05"
    private static let early = "W-CERT-06"

    /// One issue for each file that ends within 60 days, has ended, or cannot be used.
    package static func issues(of readings: [Reading], now: Timestamp) -> [Issue] {
        readings.compactMap { issue(of: $0, now: now) }
    }

    private static func issue(of reading: Reading, now: Timestamp) -> Issue? {
        let certificates: [Certificate]
        do {
            let text = try reading.content.get()
            certificates = try CertificateChain.read(text, name: "certificate", maximumCount: 256)
        } catch {
            return Issue(
                code: "\(unreadable):\(reading.name)",
                severity: .critical,
                since: now,
                summary: "certificate \(reading.name) cannot be read",
                evidence: ["name": reading.name, "file": reading.path, "reason": "\(error)"],
                suggestions: ["put the certificate where the configuration names it"]
            )
        }
        let ends = certificates.map(\.notValidAfter)
        guard let end = reading.areAuthorities ? ends.max() : ends.min(), let first = certificates.first
        else { return nil }
        if !reading.areAuthorities, first.notValidBefore > now.date {
            return Issue(
                code: "\(early):\(reading.name)",
                severity: .warning,
                since: now,
                summary: "certificate \(reading.name) is not valid yet",
                evidence: [
                    "name": reading.name, "file": reading.path,
                    "notBefore": "\(Timestamp(first.notValidBefore))",
                ],
                suggestions: ["look at the box's clock"]
            )
        }
        let left = end.timeIntervalSince(now.date)
        let days = Int((left / 86_400).rounded(.down))
        guard let step = left < 0 ? steps.first : steps.dropFirst().first(where: { days < $0.days }) else {
            return nil
        }
        return Issue(
            code: "\(step.code):\(reading.name)",
            severity: step.severity,
            since: now,
            summary: left < 0
                ? "certificate \(reading.name) has expired"
                : "certificate \(reading.name) expires in \(days) d",
            evidence: [
                "name": reading.name, "file": reading.path, "days": "\(days)",
                "notAfter": "\(Timestamp(end))",
            ],
            suggestions: [
                "ask for a new certificate: drimboxctl enrol csr", "drimboxctl enrol import CHAIN.pem",
            ]
        )
    }
}
