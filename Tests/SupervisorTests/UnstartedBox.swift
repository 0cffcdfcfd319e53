// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Health
import HostNetwork
import Store

@testable import Supervisor

/// The parts of a supervisor that is never run, in a directory of its own.
struct UnstartedBox {
    let folder: BoxDirectory
    let configuration: SupervisorConfiguration
    let journal = EventJournal()
    let board: StatusBoard
    let table: RevisionTable
    let transactions: ConfigurationTransactions

    init() throws {
        folder = try BoxDirectory()
        let text = """
            { "site": "Test", "stateDirectory": "\(folder.path)", "runtimeDirectory": "\(folder.path)",
              "health": { "disks": true },
              "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                           "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } } }
            """
        configuration = try SupervisorConfiguration(json: Array(text.utf8))
        board = StatusBoard(site: "Test", journal: journal)
        table = try RevisionTable(path: configuration.databasePath)
        transactions = ConfigurationTransactions(
            configuration: configuration,
            table: table,
            revision: try table.append(time: 0, author: "", comment: "", document: ""),
            box: configuration.factory,
            networkd: Networkd(
                directory: folder.path,
                ownDirectory: folder.path,
                tools: .init(usesUnits: false)
            ),
            surroundings: .init(
                applyGateway: { _ in },
                gatewayAnswers: { true },
                echo: { NetworkTestStep(.pacs, $0, isOK: false, "") }
            ),
            board: board,
            journal: journal
        )
    }

    func desk(_ probe: HardwareProbe) throws -> ProvisioningDesk {
        let users = try UserTable(path: folder.path + "/desk-users.db")
        let audit = try AuditTable(path: folder.path + "/desk-audit.db")
        let enrolment = Enrolment(
            settings: configuration,
            table: table,
            transactions: transactions,
            hardware: probe,
            board: board,
            journal: journal
        )
        let credentials = CredentialStore(settings: configuration, table: table, journal: journal)
        let answers = AnswerDesk(
            settings: configuration,
            transactions: transactions,
            enrolment: enrolment,
            credentials: credentials,
            users: ConsoleUsers(table: users, journal: journal),
            journal: journal
        )
        return ProvisioningDesk(
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
                health: monitor(probe),
                board: board,
                journal: journal,
                asksUnits: false
            ),
            acceptance: AcceptanceDesk(
                settings: configuration,
                table: table,
                audit: audit,
                transactions: transactions,
                enrolment: enrolment,
                health: monitor(probe),
                board: board,
                journal: journal
            ),
            power: PowerControl(command: nil, journal: journal),
            reset: FactoryReset(directory: folder.path),
            shell: ShellDesk(
                settings: configuration,
                enrolment: enrolment,
                hardware: probe,
                audit: audit,
                board: board,
                journal: journal,
                startsUnit: false
            ),
            recovery: RecoveryDesk(hardware: probe, journal: journal)
        )
    }

    /// Over a /sys and a /proc below the directory.
    func monitor(_ probe: HardwareProbe) -> HealthMonitor {
        HealthMonitor(
            settings: configuration.health,
            directory: folder.path,
            probe: probe,
            networkProbe: HardwareProbe(door: .socket(folder.path + "/none")),
            files: SystemFiles(root: folder.path),
            table: table,
            transactions: transactions,
            board: board,
            journal: journal
        )
    }
}
