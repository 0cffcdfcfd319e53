// SPDX-License-Identifier: Apache-2.0
package import Linux

/// How a service is started.
package protocol ServiceControl: Sendable {
    /// Returns when the program has been started, not when it is ready.
    func start() async throws -> any RunningService
}

/// One run of a service.
package protocol RunningService: Sendable {
    /// Nil where it is not known (yet).
    func pid() async -> Int32?
    /// Waits for the end of the run; not interrupted by cancellation.
    func exit() async -> ProcessExit
    /// Asks the program to end, ends it by force after `deadline`; returns at its end.
    func stop(deadline: Duration) async
}

/// A service as a child process; for machines without systemd, and tests.
package struct ChildService: ServiceControl {
    private let executable: String
    private let arguments: [String]

    package init(executable: String, arguments: [String]) {
        self.executable = executable
        self.arguments = arguments
    }

    package func start() async throws -> any RunningService {
        RunningChild(process: try await ChildProcess.start(executable, arguments))
    }

    private struct RunningChild: RunningService {
        let process: ChildProcess

        func pid() async -> Int32? { process.pid }

        func exit() async -> ProcessExit { await process.exit() }

        func stop(deadline: Duration) async {
            process.signal(Signal.terminate)
            let killer = Task { [process] in
                try await Task.sleep(for: deadline)
                process.signal(Signal.kill)
            }
            _ = await process.exit()
            killer.cancel()
        }
    }
}

/// A service as a unit of systemd, driven by `systemctl`. The unit has `Restart=no`.
package struct SystemdService: ServiceControl {
    private static let systemctl = "/usr/bin/systemctl"
    private let unit: String

    package init(unit: String) {
        self.unit = unit
    }

    package func start() async throws -> any RunningService {
        // One that a supervisor before us left behind may run with a document that nobody confirmed.
        _ = try? await ChildProcess.run(Self.systemctl, ["stop", "--quiet", unit], deadline: .seconds(30))
        // `--wait` returns at the end of the unit: no polling.
        let waiter = try await ChildProcess.start(Self.systemctl, ["start", "--wait", "--quiet", unit])
        return RunningUnit(unit: unit, waiter: waiter)
    }

    private struct RunningUnit: RunningService {
        let unit: String
        let waiter: ChildProcess

        func pid() async -> Int32? {
            await property("MainPID").flatMap { $0 > 0 ? $0 : nil }
        }

        func exit() async -> ProcessExit {
            let ended = await waiter.exit()
            // CLD_EXITED is 1; CLD_KILLED and CLD_DUMPED are 2 and 3 (siginfo_t).
            guard let code = await property("ExecMainCode"), let status = await property("ExecMainStatus"),
                code > 0
            else { return ended }
            return code == 1 ? .status(status) : .signal(status)
        }

        func stop(deadline: Duration) async {
            _ = try? await ChildProcess.run(SystemdService.systemctl, ["stop", unit], deadline: deadline)
            let force = ["kill", "--kill-whom=all", "--signal=KILL", unit]
            if await property("MainPID") ?? 0 > 0 {
                _ = try? await ChildProcess.run(SystemdService.systemctl, force, deadline: deadline)
            }
            _ = await waiter.exit()
        }

        private func property(_ name: String) async -> Int32? {
            let arguments = ["show", "--value", "--property=\(name)", unit]
            let result = try? await ChildProcess.run(
                SystemdService.systemctl,
                arguments,
                deadline: .seconds(5)
            )
            return result.flatMap { Int32($0.output.trimmedOfNewline) }
        }
    }
}

extension String {
    fileprivate var trimmedOfNewline: String {
        String(prefix { !$0.isNewline })
    }
}
