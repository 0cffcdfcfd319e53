// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Glibc
import Linux
import Synchronization
import TUF
import Updates

/// This machine's slots, boot partition, records and repository, put together.
final class UpdateBox: Sendable {
    private static let longestRoot = 512 << 10
    private static let checkDeadline = Duration.seconds(20)

    let configuration: UpdateConfiguration
    let facts: SystemFacts
    let repository: ChosenRepository
    let floor: FloorKeeper
    private let clock: UpdateClock
    private let bootClock: BootClock
    /// Nobody else works on the slots while it is open.
    private let lock: Descriptor?
    private let isRebootAsked = Mutex(false)
    /// The server has said that something is new.
    private let isNews = Mutex(false)

    /// `isReader` only looks at what is on the disks, and may do so beside another.
    init(
        _ configuration: UpdateConfiguration,
        media: String?,
        systemRoot: String,
        isReader: Bool
    ) throws {
        self.configuration = configuration
        facts = try SystemFacts(root: systemRoot)
        try Directory.create(configuration.directory)
        lock = isReader ? nil : try Self.lock(configuration.directory + "/lock")
        clock = UpdateClock(
            path: configuration.directory + "/time",
            imageTime: UTCTime(seconds: facts.built)
        )
        bootClock = BootClock(
            path: configuration.directory + "/clock",
            bootID: facts.running.bootID,
            isReader: isReader,
            realTime: clock.now().seconds * 1000
        )
        floor = FloorKeeper(configuration)
        let server = configuration.server
        repository = ChosenRepository(medium: media) { medium throws(SourceFailure) in
            if let medium { return try DirectoryRepository(medium) }
            guard let server else {
                throw SourceFailure(.refused, "server", "found none, expected one, or a medium")
            }
            return try HTTPRepository(baseURL: server.url, options: Self.options(server))
        }
    }

    private static func lock(_ path: String) throws -> Descriptor {
        let file = try Descriptor(opening: path, O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o600)
        guard try file.tryLock(of: path) else {
            throw UpdateRefusal(description: "\(path): found another at work, expected nobody")
        }
        return file
    }

    /// Nobody is to reboot the box for what was dropped.
    func forgetReboot() { isRebootAsked.withLock { $0 = false } }

    func shutdown() async { await repository.close() }

    private static func options(_ server: UpdateConfiguration.Server) -> UpdateServerOptions {
        var options = UpdateServerOptions()
        options.authorities = server.authorities
        if let certificate = server.certificate, let key = server.privateKey {
            options.identity = (certificate, key)
        }
        options.proxy = server.proxy.map { ($0.host, $0.port) }
        return options
    }

    /// Milliseconds since 1970, by the boot's clock.
    func now() -> Int64 { bootClock.now() }

    // MARK: The repository

    func look() async throws -> ReleaseLookUp.Answer {
        // Who brings a medium has chosen its release.
        let isMedium = repository.medium != nil
        let name = isMedium ? "offlineRoot" : "root"
        guard let root = isMedium ? configuration.offlineRoot : configuration.root else {
            throw UpdateRefusal(
                description: "\(name): found none, expected the repository's first root"
            )
        }
        let store = try TrustStore(
            directory: configuration.directory + (isMedium ? "/trust-offline" : "/trust"),
            bootstrap: readFile(root, limit: Self.longestRoot)
        )
        var session = try UpdateSession(store: store, repository: repository, now: clock.now())
        let lookUp = ReleaseLookUp(
            channel: isMedium ? nil : configuration.channel,
            box: Rollout.Box(
                identifier: configuration.device,
                hardware: configuration.hardware,
                installed: facts.release,
                floor: Int(clamping: try await floor.value())
            )
        )
        let answer = try await lookUp.look(in: &session)
        // Metadata was fresh at that time: it never goes back behind it.
        try clock.keep(session.startTime)
        return answer
    }

    // MARK: What people ask for

    func install(retry: Bool) async throws -> UpdateAgent.Status {
        let agent = try agent()
        await agent.start()
        await tellWindow(agent)
        await agent.check()
        await agent.settle()
        let release = await agent.status.record.release
        if retry, case .offered(.failed) = await agent.status.state {
            await agent.send(.retry(release))
            await agent.settle()
        }
        return await agent.status
    }

    func consent(hours: Int) async throws -> UpdateAgent.Status {
        let agent = try agent()
        await agent.start()
        await agent.settle()
        let until = now() + Int64(hours) * 3_600_000
        await agent.send(.consent(release: await agent.status.record.release, until: until))
        await agent.settle()
        return await agent.status
    }

    func abort() async throws -> UpdateAgent.Status {
        let agent = try agent()
        await agent.start()
        await agent.send(.abort)
        await agent.settle()
        return await agent.status
    }

    // MARK: From boot to boot

    /// Until the box is to reboot, or, `once`, until nothing is on trial.
    func run(interval: Int, checkInterval: Int, once: Bool) async throws {
        let agent = try agent()
        await agent.start()
        let events = once ? nil : stream()
        let listener = events.map { events in
            Task { [self] in for await _ in events.hints() { isNews.withLock { $0 = true } } }
        }
        let orders = once ? nil : try orders()
        let clerk = orders.map { orders in Task { [self] in await serve(orders, agent) } }
        var untilCheck = 0
        var told = ""
        while !Task.isCancelled {
            await tellWindow(agent)
            await agent.tick()
            // With a command of its own the box is asked again at each tick, until it goes down.
            if configuration.rebootCommand == nil, isRebootAsked.withLock({ $0 }) { break }
            let status = await agent.status
            if once, !status.state.isDecisive {
                await agent.settle()
                break
            }
            if status.words != told {
                told = status.words
                await report(status, to: events)
            }
            let hasNews = isNews.withLock { news in
                defer { news = false }
                return news
            }
            if !once, untilCheck <= 0 || hasNews {
                if status.state != .fetching { await repository.choose(medium: nil) }
                await agent.check()
                // Boxes that were started together do not ask together.
                untilCheck = checkInterval - Int.random(in: 0...checkInterval / 6)
            }
            untilCheck -= interval
            try await Task.sleep(for: .seconds(interval))
        }
        orders?.close()
        await clerk?.value
        listener?.cancel()
        await listener?.value
        await events?.close()
        print(await agent.status.words)
    }

    /// Hints of the server that something is new; they only make the box look (UPDATES 4.8). Without them a trial is
    /// judged all the same.
    private func stream() -> EventStream? {
        guard let settings = configuration.server, repository.medium == nil, settings.events else {
            return nil
        }
        do {
            return try EventStream(
                baseURL: settings.url,
                device: configuration.device,
                options: Self.options(settings)
            )
        } catch {
            StandardError.print("drimbox-update: events: \(error)")
            return nil
        }
    }

    /// Lost where the server does not answer: the next one says what is then.
    private func report(_ status: UpdateAgent.Status, to events: EventStream?) async {
        let state = BoxState(
            device: configuration.device,
            running: facts.running.release,
            state: status.state.words,
            release: status.record.release,
            reason: status.problem ?? status.record.reason
        )
        guard let events, let body = try? JSONEncoder().encode(state) else { return }
        try? await events.report(Array(body))
    }

    /// Only of windows that are configured: without one nothing waits for any.
    func tellWindow(_ agent: UpdateAgent) async {
        if configuration.timing.windows.isEmpty { return }
        // Windows are of the day, whatever the boot's clock was set to at first.
        let time = clock.now().seconds * 1000
        if let until = configuration.timing.windows.compactMap({ $0.closes(time) }).max() {
            await agent.send(.windowOpened(until: now() + until - time))
        } else {
            await agent.send(.windowClosed)
        }
    }

    private func agent() throws -> UpdateAgent {
        var policy = UpdatePolicy()
        policy.download = configuration.timing.download.gate
        policy.reboot = configuration.timing.reboot.gate
        var limits = InstallationLimits()
        limits.bytesPerSecond = configuration.timing.bytesPerSecond
        let (slots, checks) = (configuration.slots, configuration.checks)
        return try UpdateAgent(
            UpdateAgent.Parts(
                running: facts.running,
                directory: configuration.directory,
                partition: MountedPartition(mountPoint: configuration.bootPartition),
                storage: { slot, isWritable in
                    let paths = slot == .a ? slots.a : slots.b
                    return TargetSlot(
                        data: try BlockStorage(opening: paths.data, isWritable: isWritable),
                        hashes: try BlockStorage(opening: paths.hashes, isWritable: isWritable)
                    )
                },
                lookUp: { [self] in
                    switch try await look() {
                    case .found(let found, _): found
                    case .nothing: nil
                    }
                },
                source: repository,
                limits: limits,
                checks: { await Self.results(of: checks) },
                required: Set(checks.filter(\.isRequired).map(\.name)),
                raiseFloor: { [floor] index, manifest in try await floor.raise(to: index, manifest) },
                reboot: { [self] _ in try await reboot() },
                report: { report in
                    StandardError.print(
                        "drimbox-update: \(report.state.words) \(report.release) \(report.reason)"
                    )
                },
                now: { [self] in now() }
            ),
            policy: policy
        )
    }

    private static func results(of checks: [UpdateConfiguration.Check]) async -> [String: Bool] {
        var results: [String: Bool] = [:]
        for check in checks {
            let ended = try? await ChildProcess.run(
                check.command[0],
                Array(check.command.dropFirst()),
                deadline: checkDeadline
            )
            if case .status(0)? = ended?.exit {
                results[check.name] = true
            } else {
                results[check.name] = false
            }
        }
        return results
    }

    /// The box's own command; where there is none, whoever started this does it.
    private func reboot() async throws {
        isRebootAsked.withLock { $0 = true }
        guard let command = configuration.rebootCommand else { return }
        let (exit, _) = try await ChildProcess.run(command, [], deadline: .seconds(60))
        guard case .status(0) = exit else {
            throw UpdateRefusal(description: "\(command): found \(exit), expected status 0")
        }
    }
}

extension UpdateConfiguration.Gate {
    fileprivate var gate: UpdatePolicy.Gate {
        switch self {
        case .open: .open
        case .window: .window
        case .consent: .consent
        case .windowAndConsent: .windowAndConsent
        }
    }
}

/// What the server is told of the box (UPDATES 4.8).
private struct BoxState: Encodable {
    let device: String
    let running: String
    let state: String
    let release: String
    let reason: String
}
