// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux

/// Keeps one service running: starts it, asks it how it is, starts it again when it ends or falls silent.
package actor ServiceSupervisor {
    package struct Timing: Sendable {
        /// Between two questions before the first answer.
        package var startProbeInterval: Duration = .milliseconds(25)
        /// A service that has not answered so long after its start is silent. A spool may take long to
        /// recover.
        package var startDeadline: Duration = .seconds(120)
        package var probeInterval: Duration = .seconds(10)
        package var probeDeadline: Duration = .seconds(5)
        /// So many questions without answer in a row, and the service is silent.
        package var missesBeforeRestart = 3
        /// Between the request to end and the end by force.
        package var stopDeadline: Duration = .seconds(15)

        package init() {}
    }

    /// What the supervisor asks of a service beyond starting and stopping it.
    package struct Conversation: Sendable {
        /// Throws where the service does not answer.
        let probe: @Sendable (_ deadline: Duration) async throws -> Void
        /// Reads the service's events after the first answer until the run ends.
        let follow: @Sendable () async -> Void

        package init(
            probe: @escaping @Sendable (_ deadline: Duration) async throws -> Void,
            follow: @escaping @Sendable () async -> Void
        ) {
            self.probe = probe
            self.follow = follow
        }
    }

    /// Exit status of our programs for an invalid configuration: no new start helps.
    private static let invalidConfiguration = ProcessExit.status(3)

    private enum End {
        case exited(ProcessExit)
        case silent(ProcessExit)
        case notStarted(String)

        var description: String {
            switch self {
            case .exited(let exit): "\(exit)"
            case .silent(let exit): "no answer, ended by the supervisor (\(exit))"
            case .notStarted(let reason): "not started: \(reason)"
            }
        }
    }

    private let name: String
    private let control: any ServiceControl
    private let conversation: Conversation
    private let board: StatusBoard
    private let journal: EventJournal
    private let timing: Timing
    private var policy: RestartPolicy
    private let origin = ContinuousClock.now
    private var pid: Int32?
    private var starts = 0
    private var lastExit: String?
    private let answered: @Sendable () -> Void
    private var current: (any RunningService)?
    private var isRestartWanted = false
    /// Opens where somebody does not want to wait for the next start.
    private var wake = Gate()

    /// Calls `answered` at the first answer of each run.
    package init(
        name: String,
        control: any ServiceControl,
        conversation: Conversation,
        board: StatusBoard,
        journal: EventJournal,
        timing: Timing = Timing(),
        policy: RestartPolicy = RestartPolicy(),
        answered: @escaping @Sendable () -> Void = {}
    ) {
        self.name = name
        self.control = control
        self.conversation = conversation
        self.board = board
        self.journal = journal
        self.timing = timing
        self.policy = policy
        self.answered = answered
    }

    /// Runs until the task is cancelled; the service has ended when this returns.
    package func run() async {
        while !Task.isCancelled {
            await enter(.starting)
            let end: End
            do {
                starts += 1
                let service = try await control.start()
                current = service
                end = await watch(service)
            } catch {
                end = .notStarted("\(error)")
            }
            current = nil
            pid = nil
            lastExit = end.description
            if Task.isCancelled { break }
            if !isRestartWanted, await !recover(from: end) {
                // Held or failed: nothing to do until a person asks for a start or the supervisor itself ends.
                await wake.wait()
                if Task.isCancelled { return }
            }
            if isRestartWanted { await forget() }
        }
        await enter(.stopped)
    }

    /// Ends the service, where it runs, and starts it at once; what it did before is forgotten. Returns when it
    /// has been told to end.
    package func restart() async {
        isRestartWanted = true
        wake.open()
        if let current { await stop(current) }
    }

    private func forget() async {
        isRestartWanted = false
        wake = Gate()
        policy.forget()
        for code in ["E-SVC-01", "E-SVC-02", "E-SVC-03", "W-SVC-04"] { await board.clear(code) }
    }

    // MARK: One run

    private enum News {
        case exited(ProcessExit)
        case silent
        case cancelled
    }

    private func watch(_ service: any RunningService) async -> End {
        policy.started(at: ContinuousClock.now - origin)
        pid = await service.pid()
        await enter(.starting)
        return await withTaskGroup(of: News.self) { group in
            group.addTask { .exited(await service.exit()) }
            group.addTask { await self.ask(service) ? .cancelled : .silent }
            var wasSilent = false
            for await news in group {
                switch news {
                case .exited(let exit):
                    group.cancelAll()
                    return wasSilent ? .silent(exit) : .exited(exit)
                case .silent:
                    wasSilent = true
                    journal.record(
                        "service.unresponsive",
                        .warning,
                        service: name,
                        "\(name) does not answer and is ended",
                        ["misses": "\(timing.missesBeforeRestart)"]
                    )
                    await stop(service)
                case .cancelled:
                    await stop(service)
                }
            }
            return .notStarted("no end was seen")
        }
    }

    /// In a task of its own: cancellation of the supervisor must not cut the service's time to end.
    private func stop(_ service: any RunningService) async {
        await Task { [timing] in await service.stop(deadline: timing.stopDeadline) }.value
    }

    /// Asks again and again. False when the service is silent, true when the task is cancelled.
    private func ask(_ service: any RunningService) async -> Bool {
        guard await awaitFirstAnswer() else { return Task.isCancelled }
        pid = await service.pid()
        await enter(.running)
        await board.clear("E-SVC-03")
        if !policy.isCrashLooping { await board.clear("W-SVC-04") }
        answered()
        return await withTaskGroup(of: Bool?.self) { group in
            group.addTask { [conversation] in
                await conversation.follow()
                return nil
            }
            group.addTask { await self.askOnAndOn() }
            defer { group.cancelAll() }
            for await result in group {
                if let result { return result }
            }
            return true
        }
    }

    private func awaitFirstAnswer() async -> Bool {
        let deadline = ContinuousClock.now + timing.startDeadline
        while ContinuousClock.now < deadline {
            if await answers() { return true }
            do { try await Task.sleep(for: timing.startProbeInterval) } catch { return false }
        }
        return false
    }

    private func askOnAndOn() async -> Bool {
        var misses = 0
        while misses < timing.missesBeforeRestart {
            do { try await Task.sleep(for: timing.probeInterval) } catch { return true }
            if await answers() {
                misses = 0
                policy.stillRuns(at: ContinuousClock.now - origin)
                if !policy.isCrashLooping {
                    await board.clear("E-SVC-01")
                    await board.clear("W-SVC-04")
                }
            } else {
                misses += 1
            }
            if Task.isCancelled { return true }
        }
        return false
    }

    private func answers() async -> Bool {
        do {
            try await conversation.probe(timing.probeDeadline)
            return true
        } catch {
            return false
        }
    }

    // MARK: After a run

    /// False when the service is not to be started again.
    private func recover(from end: End) async -> Bool {
        if case .exited(Self.invalidConfiguration) = end {
            await enter(.failed)
            await board.raise(issue("E-SVC-03", .critical, "\(name) refuses its configuration"))
            return false
        }
        let wasCrashLooping = policy.isCrashLooping
        let decision = policy.ended(at: ContinuousClock.now - origin)
        if policy.isCrashLooping, !wasCrashLooping {
            journal.record(
                "crashloop",
                .critical,
                service: name,
                "\(name) ends again and again",
                ["lastExit": end.description]
            )
            await board.raise(issue("E-SVC-01", .critical, "\(name) ends again and again"))
        }
        switch decision {
        case .hold:
            await enter(.held)
            await board.clear("W-SVC-04")
            await board.raise(
                issue("E-SVC-02", .critical, "\(name) ended too often and is not started again")
            )
            return false
        case .start(let pause):
            let milliseconds = Int64(pause / .milliseconds(1))
            await enter(
                .backoff,
                nextStart: Timestamp(milliseconds: Timestamp.now.milliseconds + milliseconds)
            )
            await board.raise(issue("W-SVC-04", .warning, "\(name) ended and is started again"))
            await sleep(for: pause)
            return true
        }
    }

    private func sleep(for pause: Duration) async {
        await withTaskGroup(of: Void.self) { [wake] group in
            group.addTask { try? await Task.sleep(for: pause) }
            group.addTask { await wake.wait() }
            await group.next()
            group.cancelAll()
        }
    }

    private func issue(_ code: String, _ severity: Severity, _ summary: String) -> Issue {
        Issue(
            code: code,
            severity: severity,
            since: .now,
            summary: summary,
            evidence: ["service": name, "lastExit": lastExit ?? "none", "starts": "\(starts)"],
            suggestions: ["drimboxctl events --kind service", "journalctl -u drimboxd -u drimbox-gateway"]
        )
    }

    private func enter(_ state: ServiceStatus.State, nextStart: Timestamp? = nil) async {
        let before = await board.service(named: name)
        let isNew = before?.state != state
        let status = ServiceStatus(
            name: name,
            state: state,
            pid: pid,
            restarts: max(0, starts - 1),
            lastExit: lastExit,
            since: isNew ? .now : before?.since ?? .now
        )
        await board.set(status, nextStart: nextStart)
        guard isNew else { return }
        var attributes = ["state": state.rawValue]
        attributes["pid"] = pid.map { "\($0)" }
        attributes["lastExit"] = lastExit
        let severity: Severity =
            switch state {
            case .backoff: .warning
            case .held, .failed: .critical
            case .starting, .running, .stopped: .info
            }
        journal.record("service.state", severity, service: name, "\(name) is \(state.rawValue)", attributes)
    }
}
