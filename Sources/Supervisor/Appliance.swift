// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
import Glibc
import Linux
import NIOCore
package import ServiceLifecycle

/// The one place that composes the supervisor.
package struct Appliance: Sendable {
    package static let gatewayName = "gateway"
    private static let gatewayUnit = "drimbox-gateway.service"

    private let configuration: SupervisorConfiguration
    private let journal = EventJournal()

    package init(configuration: SupervisorConfiguration) {
        self.configuration = configuration
    }

    /// The admin API and its questions to the gateway need no second event loop. To be called once in a
    /// process, before anything else: NIO traps otherwise.
    package static func limitThreads() {
        NIOSingletons.groupLoopCountSuggestion = 1
        NIOSingletons.blockingPoolThreadCountSuggestion = 1
    }

    /// Makes the directories and renders the gateway's document. To be called before the services run.
    package func prepare() throws {
        for directory in [configuration.stateDirectory, configuration.runtimeDirectory] {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        // A second supervisor must not touch what the first one's gateway reads.
        try UnixSocket.claim(configuration.admin.socket)
        // The gateway has another user; the document holds no secret.
        try replaceFile(
            configuration.gatewayDocumentPath,
            with: configuration.gateway.encodeJSON(),
            mode: 0o644
        )
    }

    /// In the order of their start; they end in reverse, the gateway before the admin API that tells of it.
    package var services: [any Service] {
        let board = StatusBoard(site: configuration.site, journal: journal)
        let listening = Gate()
        let answered = Gate()
        let socket = configuration.runtimeDirectory + "/gateway.sock"
        let client = GatewayClient(socketPath: socket)
        let authorization = PeerAuthorization(
            group: configuration.admin.group,
            ownUser: geteuid(),
            journal: journal
        )
        let server = AdminServer(
            path: configuration.admin.socket,
            group: configuration.admin.group,
            responder: AdminResponder(
                authorization: authorization,
                board: board,
                gateway: client,
                journal: journal
            ),
            journal: journal,
            listening: listening
        )
        let conversation = ServiceSupervisor.Conversation(
            probe: { await board.set(try await client.pipeline(deadline: $0)) },
            follow: { [journal] in await client.follow(journal) }
        )
        let gateway = ServiceSupervisor(
            name: Self.gatewayName,
            control: control,
            conversation: conversation,
            board: board,
            journal: journal,
            answered: answered.open
        )
        let reporter = ReadinessReporter(
            notify: Notify(),
            board: board,
            journal: journal,
            adminSocket: configuration.admin.socket,
            listening: listening,
            answered: answered
        )
        return [server, GatewayService(supervisor: gateway, board: board, listening: listening), reporter]
    }

    /// The unit where systemd runs us, a child of ours elsewhere.
    private var control: any ServiceControl {
        let environment = ProcessInfo.processInfo.environment
        let isUnit = environment["NOTIFY_SOCKET"] != nil && environment["INVOCATION_ID"] != nil
        let hasSystemd = FileManager.default.fileExists(atPath: "/run/systemd/system")
        if configuration.gatewayExecutable == nil, isUnit, hasSystemd {
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
    let board: StatusBoard
    let listening: Gate

    func run() async throws {
        await withGracefulShutdownHandler {
            await cancelWhenGracefulShutdown {
                await listening.wait()
                if !Task.isCancelled { await supervisor.run() }
            }
        } onGracefulShutdown: {
            Task { await board.stop() }
        }
    }
}
