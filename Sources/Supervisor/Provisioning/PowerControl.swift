// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux

/// Restarts the machine, or switches it off.
struct PowerControl: Sendable {
    /// The answer has to reach who asked.
    static let delay = 1
    private static let deadline: Duration = .seconds(30)

    /// Started with `reboot` or `poweroff`; nil where this machine is not the box's.
    let command: String?
    let journal: EventJournal

    /// `before` is done just before, when the answer has left.
    func start(
        _ action: PowerAnswer.Action,
        before: @escaping @Sendable () async -> Void = {}
    ) throws -> PowerAnswer {
        let command = try available()
        journal.record(
            "power.\(action.rawValue)",
            .warning,
            action == .reboot ? "the box is restarted" : "the box is switched off",
            ["seconds": "\(Self.delay)"]
        )
        Task {
            try? await Task.sleep(for: .seconds(Self.delay))
            await before()
            let word = action == .reboot ? "reboot" : "poweroff"
            let result = try? await ChildProcess.run(command, [word], deadline: Self.deadline)
            if result?.exit == .status(0) { return }
            journal.record(
                "power.failed",
                .critical,
                "the box could not be restarted or switched off",
                ["exit": result.map { "\($0.exit)" } ?? "not started"]
            )
        }
        return PowerAnswer(action: action, seconds: Self.delay)
    }

    @discardableResult
    func available() throws -> String {
        guard let command else {
            throw Problem(
                status: 409,
                code: "power.unavailable",
                title: "this machine is not the box's to switch",
                detail: "found no service manager, expected systemd, or provisioning.powerCommand"
            )
        }
        return command
    }
}
