// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import Synchronization
import Testing

@testable import Supervisor

/// A service that does what its script says: one entry per run, the last one repeats.
private final class ScriptedService: ServiceControl {
    enum Run {
        case ends(ProcessExit)
        case runs
        case cannotStart
    }

    struct NotThere: Error {}

    private let script: [Run]
    private let state = Mutex((starts: 0, stops: 0))

    init(_ script: Run...) {
        self.script = script
    }

    var starts: Int { state.withLock { $0.starts } }
    var stops: Int { state.withLock { $0.stops } }

    func start() async throws -> any RunningService {
        let index = state.withLock { state in
            defer { state.starts += 1 }
            return min(state.starts, script.count - 1)
        }
        switch script[index] {
        case .cannotStart: throw NotThere()
        case .ends(let exit): return ScriptedRun(number: Int32(index), ended: exit) {}
        case .runs:
            return ScriptedRun(number: Int32(index), ended: nil) { self.state.withLock { $0.stops += 1 } }
        }
    }
}

private struct ScriptedRun: RunningService {
    let number: Int32
    let ended: ProcessExit?
    let stopped: @Sendable () -> Void
    let gate = Gate()

    func pid() async -> Int32? { 1000 + number }

    func exit() async -> ProcessExit {
        if let ended { return ended }
        // As a process: only its end counts, not the caller's cancellation.
        await Task { await gate.wait() }.value
        return .signal(15)
    }

    func stop(deadline: Duration) async {
        stopped()
        gate.open()
    }
}

private struct Silent: Error {}

@Suite("Service supervisor", .timeLimit(.minutes(10))) struct ServiceSupervisorTests {
    private let journal = EventJournal()
    private let board: StatusBoard

    init() {
        board = StatusBoard(site: "S", journal: journal)
    }

    private var kinds: [String] { journal.log.events(after: 0).events.map(\.kind) }
    private var issueCodes: [String] { get async { await board.report(live: nil).issues.map(\.code) } }

    private func eventually(_ condition: () async -> Bool) async {
        while await !condition(), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(2)) }
    }

    /// Runs a supervisor while `body` looks at it.
    private func supervise(
        _ control: ScriptedService,
        probe: @escaping @Sendable () async throws -> Void = {},
        follow: @escaping @Sendable () async -> Void = {},
        _ body: () async -> Void
    ) async {
        var timing = ServiceSupervisor.Timing()
        timing.startProbeInterval = .milliseconds(1)
        timing.probeInterval = .milliseconds(2)
        timing.startDeadline = .milliseconds(200)
        var policy = RestartPolicy()
        policy.pauses = [.milliseconds(1)]
        let supervisor = ServiceSupervisor(
            name: "gateway",
            control: control,
            conversation: .init(probe: { _ in try await probe() }, follow: follow),
            board: board,
            journal: journal,
            timing: timing,
            policy: policy
        )
        let task = Task { await supervisor.run() }
        await body()
        task.cancel()
        await task.value
    }

    @Test("a service that answers is running, and is stopped with the supervisor") func running() async {
        let control = ScriptedService(.runs)
        await supervise(control) {
            await eventually { await board.service(named: "gateway")?.state == .running }
            let report = await board.report(live: nil)
            #expect(report.state == .inService)
            #expect(await board.service(named: "gateway")?.pid == 1000)
            #expect(control.stops == 0)
        }
        #expect(control.stops == 1)
        #expect(await board.service(named: "gateway")?.state == .stopped)
    }

    @Test("a service that ends is started again, and the issue goes when it runs") func restarts() async {
        let control = ScriptedService(.ends(.signal(9)), .cannotStart, .ends(.status(1)), .runs)
        await supervise(control) {
            await eventually {
                let status = await board.service(named: "gateway")
                return status?.restarts == 3 && status?.state == .running
            }
            #expect(await board.service(named: "gateway")?.lastExit == "exit status 1")
            await eventually { await issueCodes.isEmpty }
        }
        #expect(kinds.contains("issue.raised"))
        #expect(!kinds.contains("crashloop"))
    }

    @Test("five ends are told once as a crash loop, ten hold the service") func crashLoop() async {
        let control = ScriptedService(.ends(.status(1)))
        await supervise(control, probe: { throw Silent() }) {
            await eventually { await board.service(named: "gateway")?.state == .held }
            await eventually { await issueCodes == ["E-SVC-01", "E-SVC-02"] }
            #expect(await board.report(live: nil).state == .degraded)
        }
        #expect(control.starts == 10)
        #expect(kinds.filter { $0 == "crashloop" }.count == 1)
        #expect(await board.service(named: "gateway")?.state == .held)
    }

    @Test("a refused configuration is not tried again") func invalidConfiguration() async {
        let control = ScriptedService(.ends(.status(3)))
        await supervise(control, probe: { throw Silent() }) {
            await eventually { await board.service(named: "gateway")?.state == .failed }
            await eventually { await issueCodes == ["E-SVC-03"] }
        }
        #expect(control.starts == 1)
    }

    @Test("three questions without answer end the service and start it again") func silence() async {
        let control = ScriptedService(.runs)
        let questions = Mutex(0)
        await supervise(control) {
            // The first run answers once, then falls silent for three questions.
            let number = questions.withLock { questions in
                questions += 1
                return questions
            }
            if (2...4).contains(number) { throw Silent() }
        } _: {
            await eventually {
                let status = await board.service(named: "gateway")
                return status?.restarts == 1 && status?.state == .running
            }
            #expect(control.stops == 1)
        }
        #expect(kinds.filter { $0 == "service.unresponsive" }.count == 1)
        #expect(questions.withLock { $0 } >= 5)
    }

    @Test("one or two questions without answer change nothing") func patience() async {
        let control = ScriptedService(.runs)
        let questions = Mutex(0)
        await supervise(control) {
            let number = questions.withLock { questions in
                questions += 1
                return questions
            }
            if number % 3 != 1 { throw Silent() }
        } _: {
            await eventually { questions.withLock { $0 } > 30 }
            #expect(control.starts == 1)
        }
    }

    @Test("a service that never answers is ended when its time to start is over") func neverAnswers() async {
        let control = ScriptedService(.runs)
        await supervise(control, probe: { throw Silent() }) {
            await eventually { control.starts == 2 }
        }
        #expect(kinds.contains("service.unresponsive"))
    }

    @Test("cancellation during the pause ends at once") func cancelledPause() async {
        let control = ScriptedService(.cannotStart)
        let supervisor = ServiceSupervisor(
            name: "gateway",
            control: control,
            conversation: .init(probe: { _ in }, follow: {}),
            board: board,
            journal: journal,
            policy: {
                var policy = RestartPolicy()
                policy.pauses = [.seconds(100_000)]
                return policy
            }()
        )
        let task = Task { await supervisor.run() }
        await eventually { await board.service(named: "gateway")?.state == .backoff }
        #expect((await board.service(named: "gateway")?.nextStartInSeconds ?? 0) > 0)
        task.cancel()
        await task.value
        #expect(control.starts == 1)
    }

    @Test("a spool that fills raises its issue once, changes it and clears it") func spool() async {
        var status = PipelineStatus(process: .init(startTime: Timestamp(milliseconds: 0)))
        status.spool.capacityBytes = 1000
        for (held, codes) in [
            (799, []), (800, ["W-SPOOL-01"]), (949, ["W-SPOOL-01"]), (950, ["E-SPOOL-01"]), (0, []),
        ] {
            status.spool.heldBytes = held
            #expect(await board.report(live: status).issues.map(\.code) == codes)
        }
        #expect(kinds.filter { $0 == "issue.raised" }.count == 2)
        #expect(kinds.filter { $0 == "issue.cleared" }.count == 2)
    }

    @Test("no white list, and one that is refused or cannot be had, are issues until they are not")
    func whiteList() async {
        var status = PipelineStatus(process: .init(startTime: Timestamp(milliseconds: 0)))
        let made = Timestamp(milliseconds: 1)
        for (list, codes) in [
            (PipelineStatus.WhiteList(), ["E-WL-01"]), (.init(problem: "refused"), ["E-WL-01"]),
            (.init(generated: made, boxes: 2, problem: "refused"), ["W-WL-02"]),
            (.init(generated: made, boxes: 2), []),
        ] {
            status.whiteList = list
            #expect(await board.report(live: status).issues.map(\.code) == codes)
        }
    }

    @Test("publications that fail, wait too long or lack their images are issues until they do not")
    func publications() async {
        var status = PipelineStatus(process: .init(startTime: Timestamp(milliseconds: 0)))
        #expect(await board.report(live: status).issues.isEmpty)
        let recent = Timestamp(milliseconds: Timestamp.now.milliseconds - 60_000)
        let old = Timestamp(milliseconds: Timestamp.now.milliseconds - 3_700_000)
        for (publications, codes) in [
            (PipelineStatus.Publications(waiting: 3, waitingSince: recent, awaitingImages: 2, held: 1), []),
            (.init(waiting: 3, waitingSince: old), ["W-PUB-03"]),
            (.init(awaitingImages: 2, overdue: 1), ["W-PUB-02"]),
            (.init(failed: 1), ["E-PUB-01"]), (.init(), []),
        ] {
            status.publications = publications
            #expect(await board.report(live: status).issues.map(\.code) == codes)
        }
    }
}
