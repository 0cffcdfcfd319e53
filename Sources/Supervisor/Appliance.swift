// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import Glibc
import Linux
import NIOCore
import HostNetwork
package import ServiceLifecycle
import Store

/// The one place that composes the supervisor.
package struct Appliance: Sendable {
    package static let gatewayName = "gateway"
    /// For a gateway that was started anew with a change that is tried.
    private static let gatewayPatience: Duration = .seconds(20)
    private static let gatewayUnit = "drimbox-gateway.service"

    private let configuration: SupervisorConfiguration
    private let isSafeMode: Bool
    private let journal = EventJournal()

    /// `isSafeMode`: the confirmed network, the admin API for looking and going back, no gateway.
    package init(configuration: SupervisorConfiguration, isSafeMode: Bool = false) {
        self.configuration = configuration
        self.isSafeMode = isSafeMode
    }

    /// The admin API and its questions to the gateway need no second event loop. To be called once in a
    /// process, before anything else: NIO traps otherwise.
    package static func limitThreads() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
    }

    /// Makes the directories, opens the databases, renders the gateway's document; returns the services in the
    /// order of their start. They end in reverse, the gateway before the admin API that tells of it.
    package func prepare() throws -> [any Service] {
        for directory in [configuration.stateDirectory, configuration.runtimeDirectory] {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        // A second supervisor must not touch what the first one's gateway reads.
        try UnixSocket.claim(configuration.admin.socket)
        let reset = FactoryReset(directory: configuration.stateDirectory)
        let erased = try reset.erase()
        let table = try RevisionTable(path: configuration.databasePath)
        let (audit, damagedAudit) = try AuditTable.openOrPutAside(
            path: configuration.stateDirectory + "/audit.db"
        )
        let (users, damagedUsers) = try UserTable.openOrPutAside(
            path: configuration.stateDirectory + "/users.db"
        )
        noteDamage("audit.lost", "the audit could not be read; a new chain begins", damagedAudit)
        noteDamage(
            "session.users-lost",
            "the persons of the console could not be read; add them again",
            damagedUsers
        )
        if let erased {
            try Self.begin(audit, after: erased)
            try reset.finish()
            journal.record("reset.done", .warning, "the box is in its factory state")
        }
        let stage = RestoreStage(directory: configuration.stateDirectory)
        if let interrupted = try stage.interrupted() {
            try stage.finish(interrupted, table: table, users: users)
            journal.record("backup.restored", .warning, "an interrupted restore was finished")
        }
        let credentials = CredentialStore(settings: configuration, table: table, journal: journal)
        credentials.recover()
        let (revision, box) = try load(table)
        try Self.write(configuration.gateway(for: box), to: configuration.gatewayDocumentPath)
        return compose(table, audit, users, credentials, revision, box)
    }

    /// The new chain says where the old one ended.
    private static func begin(_ audit: AuditTable, after erased: FactoryReset.Erased) throws(StoreError) {
        let (number, hash) = (erased.last?.number ?? erased.row, erased.last?.hash ?? erased.hash)
        try audit.append(
            time: Timestamp.now.milliseconds,
            user: erased.user,
            action: "FACTORY-RESET",
            subject: "the audit before had \(number) rows, newest hash \(hash)",
            outcome: "erased",
            reason: erased.reason
        )
    }

    /// The gateway has another user; the document holds no secret.
    private static func write(_ gateway: GatewayConfiguration, to path: String) throws(SystemCallError) {
        try replaceFile(path, with: gateway.encodeJSON(), mode: 0o644)
    }

    private func noteDamage(_ kind: String, _ message: String, _ damaged: String?) {
        guard let damaged else { return }
        journal.record(kind, .critical, message, ["damaged": damaged])
    }

    /// The newest revision; at the first start the document of the file becomes it.
    private func load(_ table: RevisionTable) throws -> (RevisionTable.Revision, BoxConfiguration) {
        switch table.condition {
        case .sound: break
        case .restored(let damaged):
            journal.record(
                "database.restored",
                .critical,
                "the database was damaged; its last copy is used",
                ["damaged": damaged]
            )
        case .lost(let damaged):
            journal.record(
                "database.lost",
                .critical,
                "the database was damaged and there was no copy; the factory configuration is used",
                ["damaged": damaged]
            )
        }
        let factory = configuration.factory
        let text = factory.json.text()
        guard let newest = try table.newest() else {
            let first = try table.append(
                time: Timestamp.now.milliseconds,
                author: ConfigurationTransactions.factoryAuthor,
                comment: "read from the file at the first start",
                document: text
            )
            try table.set("factory-document", to: text)
            return (first, factory)
        }
        if try table.fact("factory-document") != text {
            journal.record(
                "config.file-ignored",
                .warning,
                "the file has changed since the first start; the box keeps its own configuration",
                ["hint": "drimboxctl config apply", "revision": "\(newest.number)"]
            )
        }
        return (newest, try understood(newest, table) ?? factory)
    }

    /// The revision's configuration. One that this version does not understand must not keep the box down: the
    /// newest one that it does stands in, nil where there is none.
    private func understood(_ newest: RevisionTable.Revision, _ table: RevisionTable) throws
        -> BoxConfiguration?
    {
        do throws(ConfigurationError) {
            return try BoxConfiguration(json: Array(newest.document.utf8))
        } catch {
            let older = Array(try table.all().dropFirst())
            let found = BoxConfiguration.first(understoodIn: older.map(\.document))
            journal.record(
                "config.unreadable",
                .critical,
                "the newest revision is not understood; an older one is used",
                [
                    "revision": "\(newest.number)",
                    "used": found.map { "\(older[$0.index].number)" } ?? "factory",
                    "reason": "\(error)",
                ]
            )
            return found?.box
        }
    }

    private func compose(
        _ table: RevisionTable,
        _ audit: AuditTable,
        _ users: UserTable,
        _ credentials: CredentialStore,
        _ revision: RevisionTable.Revision,
        _ box: BoxConfiguration
    ) -> [any Service] {
        let board = StatusBoard(site: box.site, isSafeMode: isSafeMode, journal: journal)
        let listening = Gate()
        let answered = Gate()
        let client = GatewayClient(socketPath: configuration.runtimeDirectory + "/gateway.sock")
        let gateway = ServiceSupervisor(
            name: Self.gatewayName,
            control: control,
            conversation: ServiceSupervisor.Conversation(
                probe: { await board.set(try await client.pipeline(deadline: $0)) },
                follow: { [journal] in await client.follow(journal) }
            ),
            board: board,
            journal: journal,
            answered: answered.open
        )
        let transactions = ConfigurationTransactions(
            configuration: configuration,
            table: table,
            revision: revision,
            box: box,
            networkd: Networkd(
                directory: configuration.networkDirectory,
                ownDirectory: configuration.runtimeDirectory + "/network",
                tools: NetworkTools(usesUnits: isUnit)
            ),
            surroundings: surroundings(gateway, client),
            board: board,
            journal: journal
        )
        let enrolment = Enrolment(
            settings: configuration,
            table: table,
            transactions: transactions,
            hardware: hardware,
            board: board,
            journal: journal
        )
        let watch = CertificateWatch(enrolment: enrolment, transactions: transactions, hardware: hardware)
        let shell = ShellDesk(
            settings: configuration,
            enrolment: enrolment,
            hardware: hardware,
            audit: audit,
            board: board,
            journal: journal,
            startsUnit: isUnit
        )
        let recovery = RecoveryDesk(hardware: hardware, journal: journal)
        let monitor = HealthMonitor(
            settings: configuration.health,
            directory: configuration.stateDirectory,
            probe: hardware,
            networkProbe: networkProbe,
            table: table,
            transactions: transactions,
            board: board,
            journal: journal,
            certificates: { await watch.readings() },
            audit: audit,
            standing: { shell.issues() + recovery.issues() }
        )
        let persons = ConsoleUsers(table: users, journal: journal)
        let answers = AnswerDesk(
            settings: configuration,
            transactions: transactions,
            enrolment: enrolment,
            credentials: credentials,
            users: persons,
            journal: journal
        )
        let updates = UpdateClient(path: configuration.runtimeDirectory + "/update.sock")
        let updateService = UpdateService(
            watch: UpdateWatch(
                client: updates,
                board: board,
                journal: journal,
                told: try? table.fact("update-told"),
                keep: { try? table.set("update-told", to: $0) },
                record: { [journal] in Self.record($0, in: audit, journal) }
            )
        )
        let routes = AdminRoutes(
            board: board,
            gateway: client,
            supervisor: gateway,
            transactions: transactions,
            health: monitor,
            hardware: hardware,
            users: persons,
            updates: updates,
            desk: ProvisioningDesk(
                enrolment: enrolment,
                answers: answers,
                credentials: credentials,
                media: MediaDesk(
                    settings: configuration,
                    transactions: transactions,
                    enrolment: enrolment,
                    credentials: credentials,
                    answers: answers
                ),
                backups: BackupDesk(
                    settings: configuration,
                    table: table,
                    userTable: users,
                    audit: audit,
                    transactions: transactions,
                    enrolment: enrolment,
                    credentials: credentials,
                    journal: journal
                ),
                support: SupportDesk(
                    settings: configuration,
                    table: table,
                    userTable: users,
                    audit: audit,
                    transactions: transactions,
                    enrolment: enrolment,
                    health: monitor,
                    board: board,
                    journal: journal,
                    asksUnits: isUnit
                ),
                acceptance: AcceptanceDesk(
                    settings: configuration,
                    table: table,
                    audit: audit,
                    transactions: transactions,
                    enrolment: enrolment,
                    health: monitor,
                    board: board,
                    journal: journal
                ),
                power: PowerControl(
                    command: configuration.provisioning.powerCommand
                        ?? (isUnit ? "/usr/bin/systemctl" : nil),
                    journal: journal
                ),
                reset: FactoryReset(directory: configuration.stateDirectory),
                shell: shell,
                recovery: recovery
            ),
            audit: audit,
            journal: journal
        )
        let admin = configuration.admin
        let authorization = PeerAuthorization(
            group: admin.group,
            operators: admin.operators,
            viewers: admin.viewers,
            ownUser: geteuid(),
            journal: journal
        )
        let server = AdminServer(
            path: admin.socket,
            group: admin.group,
            isOpenToAll: admin.operators != nil || admin.viewers != nil,
            responder: AdminResponder(
                authorization: authorization,
                routes: routes.all,
                isSafeMode: isSafeMode,
                audit: audit,
                journal: journal
            ),
            journal: journal,
            listening: listening
        )
        let reporter = ReadinessReporter(
            notify: Notify(),
            board: board,
            journal: journal,
            adminSocket: admin.socket,
            databaseAnswers: { (try? table.probe(time: Timestamp.now.milliseconds)) != nil },
            listening: listening,
            answered: answered
        )
        let health = HealthService(monitor: monitor)
        if isSafeMode {
            answered.open()
            return [server, RestoringService(transactions: transactions), health, updateService, reporter]
        }
        let pipeline = GatewayService(
            supervisor: gateway,
            transactions: transactions,
            board: board,
            listening: listening
        )
        return [server, pipeline, health, updateService, reporter]
    }

    private static func record(_ status: UpdateStatus, in audit: AuditTable, _ journal: EventJournal) {
        do {
            try audit.append(
                time: Timestamp.now.milliseconds,
                user: "drimbox-update",
                action: "UPDATE",
                subject: status.release ?? status.running.release,
                outcome: status.hold == .failed ? "failed" : status.phase.rawValue,
                reason: status.reason ?? ""
            )
        } catch {
            journal.record("audit.failed", .critical, "a row could not be written: \(error)")
        }
    }

    private func surroundings(
        _ gateway: ServiceSupervisor,
        _ client: GatewayClient
    ) -> ConfigurationTransactions.Surroundings {
        let path = configuration.gatewayDocumentPath
        return .init(
            applyGateway: {
                try Self.write($0, to: path)
                await gateway.restart()
            },
            gatewayAnswers: { [isSafeMode] in
                isSafeMode ? true : await client.answers(within: Self.gatewayPatience)
            },
            echo: { await client.echo($0) },
            applyUpdates: { [configuration] in try Self.write($0, for: configuration) }
        )
    }

    /// What drimbox-update starts anew for is another content: the same one is not written again.
    private static func write(_ updates: UpdateSettings?, for configuration: SupervisorConfiguration) throws {
        let path = configuration.updateSettingsPath
        guard let updates else { return try Directory.remove(file: path) }
        let content = updates.rendered(credentialsDirectory: configuration.credentialsDirectory)
        if (try? readFile(path, limit: 1 << 20)) == content { return }
        try replaceFile(path, with: content, mode: 0o644)
        try Directory.synchronize(configuration.stateDirectory)
    }

    private var hardware: HardwareProbe { probe(behind: "probe.sock") }

    /// The same program in another sandbox: it has the network, and no disk or chip.
    private var networkProbe: HardwareProbe { probe(behind: "network-probe.sock") }

    private func probe(behind socket: String) -> HardwareProbe {
        if isUnit { return HardwareProbe(door: .socket("\(configuration.runtimeDirectory)/\(socket)")) }
        let health = configuration.health
        let arguments = ["--tcti", health.tcti, "--smartctl", health.smartctl]
        return HardwareProbe(door: .child(executable: Self.besideUs("drimbox-probe"), arguments: arguments))
    }

    private var isUnit: Bool {
        let environment = ProcessInfo.processInfo.environment
        return environment["NOTIFY_SOCKET"] != nil && environment["INVOCATION_ID"] != nil
            && FileManager.default.fileExists(atPath: "/run/systemd/system")
    }

    /// The unit where systemd runs us, a child of ours elsewhere.
    private var control: any ServiceControl {
        if configuration.gatewayExecutable == nil, isUnit {
            return SystemdService(unit: Self.gatewayUnit)
        }
        return ChildService(
            executable: configuration.gatewayExecutable ?? Self.besideUs("drimbox-gateway"),
            arguments: ["--config", configuration.gatewayDocumentPath, "--supervised"]
        )
    }

    private static func besideUs(_ name: String) -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        guard let slash = own.lastIndex(of: "/") else { return "/usr/libexec/\(name)" }
        return own[...slash] + name
    }
}

/// The supervised gateway's place among the services.
private struct GatewayService: Service {
    let supervisor: ServiceSupervisor
    let transactions: ConfigurationTransactions
    let board: StatusBoard
    let listening: Gate

    func run() async throws {
        await withGracefulShutdownHandler {
            await cancelWhenGracefulShutdown {
                // The gateway's addresses have to be there.
                await transactions.restore()
                await listening.wait()
                if !Task.isCancelled { await supervisor.run() }
            }
        } onGracefulShutdown: {
            Task { await board.stop() }
        }
    }
}

/// Releases on their way, watched.
private struct UpdateService: Service {
    let watch: UpdateWatch

    func run() async throws {
        await cancelWhenGracefulShutdown { await watch.run() }
    }
}

/// Safe mode: the network comes up, and nothing is started.
private struct RestoringService: Service {
    let transactions: ConfigurationTransactions

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await transactions.restore()
            await Gate().wait()
        }
    }
}
