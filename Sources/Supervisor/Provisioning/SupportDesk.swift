// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import Provisioning
import Store

/// Puts together what support needs, and nothing that says who anybody is: no patient, no user, no password.
struct SupportDesk: Sendable {
    private static let events = 2000
    private static let systemctl = "/usr/bin/systemctl"
    private static let units = [
        "drimboxd.service", "drimbox-gateway.service", "drimbox-netgen.service", "drimbox-firewall.service",
        "drimbox-probe.socket", "drimbox-network-probe.socket", "drimbox-console@ttyS0.service",
        "systemd-networkd.service", "chrony.service",
    ]

    let settings: SupervisorConfiguration
    let table: RevisionTable
    let userTable: UserTable
    let audit: AuditTable
    let transactions: ConfigurationTransactions
    let enrolment: Enrolment
    let health: HealthMonitor
    let board: StatusBoard
    let journal: EventJournal
    let asksUnits: Bool

    /// A tar of JSON and text files.
    func bundle(_ status: BoxStatus, metrics: String) async throws -> [UInt8] {
        var archive = TapeArchive()
        let seconds = Timestamp.now.milliseconds / 1000
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        func add(_ name: String, _ value: some Encodable) throws {
            archive.add(
                "drimbox-support/\(name)",
                Array(try encoder.encode(value)) + [0x0A],
                seconds: seconds
            )
        }
        func add(_ name: String, text: String) {
            archive.add("drimbox-support/\(name)", Array(text.utf8), seconds: seconds)
        }
        try add("version.json", VersionReport())
        add("status.json", text: try withoutSite(status).text() + "\n")
        try add("issues.json", IssueList(issues: await board.openIssues))
        try add("services.json", ServiceList(services: await board.services))
        try add("health.json", await health.report)
        add("configuration.json", text: Redaction.document(await transactions.document).text() + "\n")
        try add("revisions.json", try revisions())
        try add("enrolment.json", await withoutNames(enrolment.status()))
        try add("audit.json", try verdict())
        try add("users.json", try users())
        add("events.ndjson", text: try recentEvents())
        add("metrics.txt", text: metrics)
        add("units.txt", text: await unitStates())
        return archive.content
    }

    private func withoutSite(_ status: BoxStatus) throws -> JSONValue {
        Redaction.document(try JSONValue(parsing: Array(try JSONEncoder().encode(status))))
    }

    private func withoutNames(_ status: EnrolmentStatus) -> EnrolmentStatus {
        EnrolmentStatus(
            state: status.state,
            key: status.key,
            keyFingerprint: status.keyFingerprint,
            certificate: status.certificate.map {
                CertificateSummary(
                    subject: Redaction.removed,
                    issuer: Redaction.removed,
                    serial: $0.serial,
                    notBefore: $0.notBefore,
                    notAfter: $0.notAfter,
                    certificates: $0.certificates
                )
            },
            objection: status.objection,
            imported: status.imported
        )
    }

    private func revisions() throws -> RevisionList {
        RevisionList(
            revisions: try table.all().map {
                RevisionSummary(
                    number: $0.number,
                    time: Timestamp(milliseconds: $0.time),
                    author: Redaction.removed,
                    comment: Redaction.removed,
                    isRescue: $0.isRescue,
                    isCurrent: false
                )
            }
        )
    }

    private func verdict() throws -> AuditVerification {
        switch try audit.verify() {
        case .intact(let rows, let head):
            AuditVerification(isIntact: true, rows: rows, head: head, firstBroken: nil)
        case .broken(let number):
            AuditVerification(isIntact: false, rows: number - 1, head: nil, firstBroken: number)
        }
    }

    /// How many of each role.
    private func users() throws -> [String: Int] {
        Dictionary(try userTable.all().map { ($0.role, 1) }, uniquingKeysWith: +)
    }

    private func recentEvents() throws -> String {
        let newest = journal.log.newest
        let since = newest > UInt64(Self.events) ? newest - UInt64(Self.events) : 0
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try journal.log.events(after: since).events.map {
            String(decoding: try encoder.encode(Redaction.event($0)), as: UTF8.self) + "\n"
        }.joined()
    }

    private func unitStates() async -> String {
        guard asksUnits else { return "not run by systemd\n" }
        let properties = "--property=Id,LoadState,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestamp"
        let result = try? await ChildProcess.run(
            Self.systemctl,
            ["show", properties] + Self.units,
            deadline: .seconds(10),
            limit: 64 << 10
        )
        return result?.output ?? "no answer\n"
    }
}
