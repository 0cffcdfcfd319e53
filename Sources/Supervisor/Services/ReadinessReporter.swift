// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import ServiceLifecycle
import Transfer

/// Tells systemd that we are ready, how we are, and that we are alive.
struct ReadinessReporter: Service {
    /// The gateway may take longer; we are ready without it then.
    private static let patience: Duration = .seconds(10)
    /// Between two STATUS lines where no watchdog asks for more.
    private static let statusInterval: Duration = .seconds(30)
    private static let selfCheckDeadline: Duration = .seconds(5)

    let notify: Notify
    let board: StatusBoard
    let journal: EventJournal
    let adminSocket: String
    /// Whether a row can be written.
    let databaseAnswers: @Sendable () -> Bool
    let listening: Gate
    let answered: Gate

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await listening.wait()
            let isAnswered = await gatewayAnswers()
            guard !Task.isCancelled else { return }
            let line = await board.line
            notify(.ready, .status(isAnswered ? line : line + "; the gateway has not answered yet"))
            journal.record("supervisor.ready", .info, "the supervisor is ready", ["gateway": "\(isAnswered)"])
            await report()
        }
        notify(.stopping)
    }

    private func gatewayAnswers() async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await answered.wait()
                return true
            }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private func tell(isWritable: Bool) async {
        let code = "E-DB-01"
        guard !isWritable else { return await board.clear(code) }
        await board.raise(
            Issue(
                code: code,
                severity: .critical,
                since: .now,
                summary: "the supervisor's database takes no row: nothing can be changed",
                suggestions: ["look how full the data disk is, and whether it takes writes"]
            )
        )
    }

    private func report() async {
        let interval = notify.watchdogInterval.map { min($0 / 2, Self.statusInterval) } ?? Self.statusInterval
        let client = UnixHTTPClient(socketPath: adminSocket)
        while (try? await Task.sleep(for: interval)) != nil {
            // Through the socket, the event loop, the responder and the board: all that must not hang.
            let answer = try? await client.get("/v1/services", deadline: Self.selfCheckDeadline)
            // A database that hangs holds us up, and the watchdog with us. One that refuses has answered: a new start
            // would not mend the disk, and nobody could be told of it.
            await tell(isWritable: databaseAnswers())
            if answer?.status == 200 {
                notify(.watchdog, .status(await board.line))
            } else {
                journal.record("supervisor.self-check", .critical, "the admin API does not answer us")
            }
        }
    }
}
