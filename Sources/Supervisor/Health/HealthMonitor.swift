// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Health
import HostNetwork
import Linux
import Provisioning
import ServiceLifecycle
import Store

/// Looks at the hardware now and then, and at once when the kernel says that a device changed; raises and clears
/// the issues that follow.
actor HealthMonitor {
    struct Timing: Sendable {
        /// Heat, memory, arrays, file systems, clock, UPS, links.
        var interval: Duration = .seconds(60)
        /// Every so many rounds: disks and TPM, which cost a process each.
        var slowEvery = 30
        /// Every so many rounds: the audit's chain, from its beginning.
        var auditEvery = 60
        var writeDeadline: Duration = .seconds(5)
    }

    private static let endorsementKey = "endorsement-key-hash"

    private let settings: SupervisorConfiguration.Health
    private let directory: String
    private let probe: HardwareProbe
    private let networkProbe: HardwareProbe
    private let files: SystemFiles
    private let table: RevisionTable
    private let transactions: ConfigurationTransactions
    private let board: StatusBoard
    private let journal: EventJournal
    private let certificates: @Sendable () async -> [CertificateExpiry.Reading]
    private let audit: AuditTable?
    private let standing: @Sendable () -> [Issue]
    private let timing: Timing
    private let started: Timestamp
    private var state = HealthState()
    private var health: BoxHealth
    private var tpmIssues: [Issue] = []
    private var linkIssues: [Issue] = []
    private var addresses = AddressRules()
    /// Why addresses could not be asked for, as it was told last.
    private var addressFailure: String?
    private var vanished: [Issue] = []
    private var auditIssues: [Issue] = []
    /// Codes that this monitor has raised.
    private var raised: Set<String> = []
    private var round = 0

    init(
        settings: SupervisorConfiguration.Health,
        directory: String,
        probe: HardwareProbe,
        networkProbe: HardwareProbe,
        files: SystemFiles = SystemFiles(),
        table: RevisionTable,
        transactions: ConfigurationTransactions,
        board: StatusBoard,
        journal: EventJournal,
        certificates: @escaping @Sendable () async -> [CertificateExpiry.Reading] = { [] },
        audit: AuditTable? = nil,
        standing: @escaping @Sendable () -> [Issue] = { [] },
        timing: Timing = Timing()
    ) {
        self.settings = settings
        self.directory = directory
        self.probe = probe
        self.networkProbe = networkProbe
        self.files = files
        self.table = table
        self.transactions = transactions
        self.board = board
        self.journal = journal
        self.certificates = certificates
        self.audit = audit
        self.standing = standing
        self.timing = timing
        started = .now
        health = BoxHealth(
            report: HealthReport(time: .now, disks: [], raid: [], sensors: [], fans: [], fileSystems: [])
        )
    }

    /// As it was read last.
    var report: BoxHealth { health }

    /// Until the task is cancelled.
    func run() async {
        let (signals, continuation) = AsyncStream.makeStream(
            of: Bool.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        await withDiscardingTaskGroup { group in
            group.addTask { [timing] in
                continuation.yield(false)
                while (try? await Task.sleep(for: timing.interval)) != nil { continuation.yield(false) }
                continuation.finish()
            }
            group.addTask {
                for await _ in DeviceEvents.stream(subsystem: "block") { continuation.yield(true) }
            }
            for await isDeviceEvent in signals {
                await look(everything: isDeviceEvent)
                if Task.isCancelled { break }
            }
            group.cancelAll()
        }
    }

    /// One round; the slow parts only in some, or where `everything` is asked for.
    func look(everything: Bool = false) async {
        let isSlow = everything || round % timing.slowEvery == 0
        if everything || round % timing.auditEvery == 0 { await verifyAudit() }
        round += 1
        var report = health.report
        report.time = .now
        report.raid = files.raid()
        report.sensors = files.sensors()
        report.fans = files.fans()
        report.memory = files.memory(events: nil)
        report.fileSystems = [await fileSystem()]
        if settings.clock { report.clock = await clock() }
        if let name = settings.ups { report.ups = await ups(name) }
        if isSlow {
            if settings.disks { report.disks = await disks() }
            if settings.tpm { await readTPM() }
        }
        health.report = report
        state.take(report, buildDate: Software.built)
        linkIssues = await links()
        await readAddresses()
        await publish()
    }

    // MARK: Readings

    private func fileSystem() async -> FileSystemReport {
        let takesWrites = await FileSystemProbe.takesWrites(directory, deadline: timing.writeDeadline)
        let usage = try? FileSystemProbe.usage(of: directory)
        return FileSystemReport(
            path: files.mount(holding: directory)?.path ?? directory,
            totalBytes: usage?.totalBytes ?? 0,
            freeBytes: usage?.freeBytes ?? 0,
            freeInodesPercent: usage?.freeInodesPercent,
            errors: files.ext4Errors(holding: directory),
            takesWrites: takesWrites
        )
    }

    private func clock() async -> ClockReport {
        let result = try? await ChildProcess.run(
            "/usr/bin/chronyc",
            ["-c", "tracking"],
            deadline: .seconds(5)
        )
        return result.flatMap { Chrony.tracking($0.output) } ?? ClockReport(isSynchronised: false)
    }

    private func ups(_ name: String) async -> UPSReport? {
        let result = try? await ChildProcess.run("/usr/bin/upsc", [name], deadline: .seconds(5))
        return result.flatMap { UPS.report($0.output) }
    }

    private func disks() async -> [DiskReport] {
        let devices = files.disks()
        var reports: [DiskReport] = []
        for device in devices {
            let answer = await probe.ask(.disk(device: device), seconds: HardwareProbe.diskDeadline)
            if case .disk(let report) = answer {
                reports.append(report)
            } else {
                reports.append(Smartctl.silent(device: device, time: .now))
            }
        }
        noteVanished(health.report.disks.filter { !devices.contains($0.device) }, present: devices)
        return reports
    }

    /// A disk that was there and is not: only a person can know whether that is right.
    private func noteVanished(_ gone: [DiskReport], present: [String]) {
        vanished.removeAll { issue in present.contains { $0 == issue.evidence["device"] } }
        vanished += gone.map { disk in
            Issue(
                code: "E-DISK-08:\(disk.name)",
                severity: .critical,
                since: .now,
                summary: "a disk has vanished",
                evidence: [
                    "disk": disk.name, "device": disk.device, "model": disk.model ?? "?",
                    "serial": disk.serial ?? "?",
                ],
                suggestions: ["look whether it was pulled out", "look at its cable"]
            )
        }
    }

    private func readTPM() async {
        let answer = await probe.ask(.tpm, seconds: HardwareProbe.tpmDeadline)
        let reading: TPMRules.Reading
        switch answer {
        case .tpm(let report):
            reading = .report(report)
            health.tpm = report
            health.tpmFailure = nil
            pin(report)
        case .tpmFailure(let failure):
            reading = .failure(failure)
            health.tpmFailure = failure.description
        default:
            reading = .silent
            health.tpmFailure = "no answer in \(HardwareProbe.tpmDeadline) s"
        }
        let pinned = try? table.fact(Self.endorsementKey)
        tpmIssues = TPMRules.issues(of: reading, pinned: pinned, earlier: tpmIssues, now: .now)
    }

    /// The first chip that answers is the box's.
    private func pin(_ report: TPMReport) {
        guard let hash = report.endorsementKeyHash, (try? table.fact(Self.endorsementKey)) == .some(nil)
        else { return }
        do {
            try table.set(Self.endorsementKey, to: hash)
            journal.record(
                "tpm.pinned",
                .info,
                "the security chip is now this box's",
                ["endorsementKey": hash]
            )
        } catch {
            journal.record(
                "tpm.pinned",
                .warning,
                "the security chip could not be noted",
                ["reason": "\(error)"]
            )
        }
    }

    private func links() async -> [Issue] {
        guard let network = await transactions.box.network else { return [] }
        return await transactions.linkSteps(network).filter { !$0.isOK }.map { step in
            let kind =
                switch step.cause {
                case .noLease: "W-NET-02"
                case .notAuthorized: "E-NET-04"
                default: "E-NET-01"
                }
            let code = "\(kind):\(step.target)"
            return Issue(
                code: code,
                severity: step.cause == .noLease ? .warning : .critical,
                since: linkIssues.first { $0.code == code }?.since ?? .now,
                summary: "\(step.target): \(step.detail)",
                evidence: ["interface": step.target, "detail": step.detail],
                suggestions: ["drimboxctl net test"]
            )
        }
    }

    /// Whether other hosts answer for our addresses, leased ones too.
    private func readAddresses() async {
        guard let network = await transactions.box.network else { return addresses = AddressRules() }
        // Where nobody knows the links, what is known of them stands.
        guard let links = try? await transactions.links() else { return }
        let names = Set(network.interfaces.map(\.name))
        let configured = links.filter { $0.hasCarrier && names.contains($0.ifname) }
        var asked: [LinkAddress] = []
        var conflicts: [AddressConflict] = []
        for link in configured {
            for entry in link.globalAddresses {
                guard let address = entry.local else { continue }
                let ours = LinkAddress(interface: link.ifname, address: address)
                // The kernel asks for IPv6 addresses itself, before it uses them (RFC 4862 5.4), and does not say who
                // answered.
                if entry.family == "inet" {
                    asked.append(ours)
                } else if entry.dadfailed == true {
                    conflicts.append(AddressConflict(link: ours, hardwareAddress: nil))
                }
            }
        }
        var failure: String?
        if !asked.isEmpty {
            let answer = await networkProbe.ask(
                .addressConflicts(asked),
                seconds: HardwareProbe.addressDeadline
            )
            switch answer {
            case .addressConflicts(let found, let failures):
                conflicts += found
                failure = failures.first
            case .refused(let reason): failure = reason
            default: failure = "no answer in \(HardwareProbe.addressDeadline) s"
            }
        }
        if let failure, failure != addressFailure {
            journal.record(
                "net.address-unchecked",
                .warning,
                "whether another device has our address could not be asked",
                ["reason": failure]
            )
        }
        addressFailure = failure
        addresses.take(
            conflicts,
            asked: asked + conflicts.map(\.link),
            own: Set(links.compactMap { $0.address?.lowercased() }),
            now: .now
        )
    }

    /// Off the monitor's thread of work: a year of rows takes a while.
    private func verifyAudit() async {
        guard let audit else { return }
        let result = await Task.detached(priority: .background) { try? audit.verify() }.value
        guard case .broken(let number)? = result else {
            auditIssues = []
            return
        }
        auditIssues = [
            Issue(
                code: "E-AUDIT-01",
                severity: .critical,
                since: .now,
                summary: "the audit was changed: its chain is broken at row \(number)",
                evidence: ["row": "\(number)"],
                suggestions: [
                    "keep the box as it is and call support",
                    "drimboxctl audit ls --since \(max(0, number - 2))",
                ]
            )
        ]
    }

    private func publish() async {
        let expiring = CertificateExpiry.issues(of: await certificates(), now: .now)
        let issues =
            state.issues + tpmIssues + linkIssues + addresses.issues + vanished + auditIssues + expiring
            + standing()
        for issue in issues { await board.raise(issue) }
        let codes = Set(issues.map(\.code))
        for code in raised.subtracting(codes) { await board.clear(code) }
        raised = codes
    }
}

/// The monitor's place among the services.
struct HealthService: Service {
    let monitor: HealthMonitor

    func run() async throws {
        await cancelWhenGracefulShutdown { await monitor.run() }
    }
}
