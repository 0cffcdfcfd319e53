// SPDX-License-Identifier: Apache-2.0
import Admin
import Glibc
import Hummingbird
import Linux
import Logging
import NIOCore
import ServiceLifecycle

/// Remembers when a connection was opened.
final class ConnectionStart: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = NIOAny

    let instant = ContinuousClock.now
}

/// The admin socket.
struct AdminServer: Service {
    private static let idleTimeout = TimeAmount.seconds(300)

    let path: String
    let group: String
    /// Users beyond the group may connect; the responder tells them apart.
    let isOpenToAll: Bool
    let responder: AdminResponder
    let journal: EventJournal
    let listening: Gate

    func run() async throws {
        try UnixSocket.claim(path)
        // From bind(2) to chmod(2) nobody but us can connect. Nothing else makes files meanwhile: the gateway
        // is started when `listening` opens.
        let mask = umask(0o177)
        var logger = Logger(label: "admin")
        logger.logLevel = .warning
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionStart()],
                    idleTimeout: Self.idleTimeout
                )
            ),
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
            onServerRunning: { _ in
                umask(mask)
                permit()
                journal.record("admin.ready", .info, "the admin API listens", ["socket": path])
                listening.open()
            },
            logger: logger
        )
        try await application.run()
    }

    private func permit() {
        let gid = Accounts.groupID(named: group)
        if gid == nil {
            journal.record(
                "admin.no-group",
                .warning,
                "the group of the admin API does not exist",
                ["group": group]
            )
        }
        do {
            try UnixSocket.permit(path, group: gid, others: isOpenToAll)
        } catch {
            journal.record(
                "admin.socket",
                .warning,
                "the group cannot use the admin socket",
                ["reason": "\(error)"]
            )
        }
    }
}
