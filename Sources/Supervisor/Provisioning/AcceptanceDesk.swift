// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import HostNetwork
import Store

/// Tests all that an installer answers for, and keeps the newest report.
struct AcceptanceDesk: Sendable {
    private static let fact = "acceptance"

    let settings: SupervisorConfiguration
    let table: RevisionTable
    let audit: AuditTable
    let transactions: ConfigurationTransactions
    let enrolment: Enrolment
    let health: HealthMonitor
    let board: StatusBoard
    let journal: EventJournal

    func newest() throws -> AcceptanceReport? {
        guard let text = try table.fact(Self.fact) else { return nil }
        return try? JSONDecoder().decode(AcceptanceReport.self, from: Data(text.utf8 + [0x0A]))
    }

    func run() async throws -> AcceptanceReport {
        await health.look(everything: true)
        let report = AcceptanceReport(
            time: .now,
            site: await transactions.box.site,
            revision: await transactions.number,
            state: await enrolment.state,
            checks: try await configuration() + network() + certificates() + hardware() + auditing()
        )
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        try table.set(Self.fact, to: text)
        journal.record(
            "acceptance.report",
            report.hasPassed ? .info : .warning,
            report.hasPassed ? "the acceptance tests have passed" : "acceptance tests have failed",
            ["revision": "\(report.revision)"]
        )
        return report
    }

    private func configuration() async throws -> [AcceptanceReport.Check] {
        let isConfigured = await transactions.isConfigured
        let number = await transactions.number
        let rescue = try table.rescue()
        return [
            .init(
                .configuration,
                "revision \(number)",
                isConfigured ? .passed : .failed,
                isConfigured ? "confirmed" : "the factory's"
            ),
            .init(
                .configuration,
                "rescue revision",
                rescue == nil ? .failed : .passed,
                rescue.map { "revision \($0.number)" } ?? "none: drimboxctl config rescue set"
            ),
        ]
    }

    private func network() async -> [AcceptanceReport.Check] {
        let steps = await transactions.test([]).steps
        var checks = steps.map { step in
            AcceptanceReport.Check(
                step.kind == .pacs ? .archive : .network,
                step.kind == .pacs ? step.target : "\(step.kind.rawValue) \(step.target)",
                step.isOK ? .passed : .failed,
                step.detail
            )
        }
        if !checks.contains(where: { $0.topic == .network }) {
            checks.insert(.init(.network, "-", .notTested, "the box does not look after the network"), at: 0)
        }
        if !checks.contains(where: { $0.topic == .archive }) {
            checks.append(.init(.archive, "-", .notTested, "no archive is configured"))
        }
        return checks + [.init(.nationalRecord, "DMP", .notTested, "it is asked with the first report")]
    }

    private func certificates() async -> [AcceptanceReport.Check] {
        let status = await enrolment.status()
        var checks: [AcceptanceReport.Check] = []
        if let certificate = status.certificate {
            checks.append(
                .init(
                    .certificate,
                    "identity",
                    status.objection == nil ? .passed : .failed,
                    status.objection ?? "valid to \(certificate.notAfter)"
                )
            )
        } else {
            checks.append(.init(.certificate, "identity", .failed, "none: drimboxctl enrol import"))
        }
        for file in settings.gateway(for: await transactions.box).certificateFiles {
            let issue = await board.openIssues.first {
                $0.code.contains("-CERT-") && $0.code.hasSuffix(":\(file.name)")
            }
            let isBad = issue?.severity == .critical
            checks.append(
                .init(.certificate, file.name, isBad ? .failed : .passed, issue?.summary ?? "valid")
            )
        }
        return checks
    }

    private func hardware() async -> [AcceptanceReport.Check] {
        let health = await health.report
        var checks: [AcceptanceReport.Check] = []
        if !settings.health.tpm {
            checks.append(.init(.securityChip, "TPM", .notTested, "the box's document names none"))
        } else if let tpm = health.tpm, health.tpmFailure == nil {
            let isGood = tpm.selfTest.hasPassed && tpm.lockout?.isLocked != true
            let detail = "\(tpm.manufacturer) \(tpm.firmwareVersion), key \(tpm.identityKey?.rawValue ?? "?")"
            checks.append(.init(.securityChip, "TPM", isGood ? .passed : .failed, detail))
        } else {
            checks.append(.init(.securityChip, "TPM", .failed, health.tpmFailure ?? "no answer"))
        }
        if health.report.disks.isEmpty {
            checks.append(
                .init(.disk, "-", .notTested, settings.health.disks ? "none found" : "not looked after")
            )
        }
        for disk in health.report.disks {
            let isGood = disk.state == .good || disk.state == .warning || disk.state == .asleep
            let words = [disk.state.rawValue, disk.model, disk.serial].compactMap { $0 }
            checks.append(.init(.disk, disk.name, isGood ? .passed : .failed, words.joined(separator: " ")))
        }
        for array in health.report.raid {
            let detail = "\(array.level) [\(array.devices)] \(array.state)"
            checks.append(.init(.array, array.name, array.isDegraded ? .failed : .passed, detail))
        }
        for system in health.report.fileSystems {
            let isGood = system.takesWrites != false && (system.errors ?? 0) == 0
            let detail = "\(system.freeBytes >> 30) of \(system.totalBytes >> 30) GiB free"
            checks.append(.init(.fileSystem, system.path, isGood ? .passed : .failed, detail))
        }
        if let clock = health.report.clock {
            let detail = clock.isSynchronised ? "stratum \(clock.stratum ?? 0)" : "not synchronised"
            checks.append(
                .init(.clock, clock.source ?? "-", clock.isSynchronised ? .passed : .failed, detail)
            )
        } else {
            checks.append(.init(.clock, "-", .notTested, "the box's document does not ask for it"))
        }
        return checks
    }

    private func auditing() throws -> [AcceptanceReport.Check] {
        switch try audit.verify() {
        case .intact(let rows, let head):
            [.init(.audit, "\(rows) rows", .passed, "newest hash \(head.prefix(16))")]
        case .broken(let number): [.init(.audit, "row \(number)", .failed, "the chain is broken")]
        }
    }
}
