// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Linux
import Synchronization
import Testing

@testable import Supervisor

@Suite("Updates, watched by the supervisor") struct UpdateWatchTests {
    /// A `drimbox-update` that says what it is told to say.
    private final class Agent: Sendable {
        private let requests: UnixRequests
        private let answer = Mutex<UpdateAnswer?>(nil)
        private let orders = Mutex<[UpdateOrder]>([])

        init(_ path: String) throws {
            requests = try UnixRequests(path: path)
            _ = DetachedThread.start { [self] in
                while let request = try? requests.next() {
                    if let order = try? JSONDecoder().decode(UpdateOrder.self, from: Data(request.line)) {
                        orders.withLock { $0.append(order) }
                    }
                    let bytes = answer.withLock { $0 }.flatMap { try? JSONEncoder().encode($0) }
                    request.answer(bytes.map(Array.init) ?? [])
                }
            }
        }

        func say(_ new: UpdateAnswer?) { answer.withLock { $0 = new } }
        var heard: [UpdateOrder] { orders.withLock { $0 } }
        func stop() { requests.close() }
    }

    private static func status(_ phase: UpdateStatus.Phase, _ release: String? = "2", reason: String? = nil)
        -> UpdateStatus
    {
        UpdateStatus(
            running: .init(release: "1", slot: "A", rollbackIndex: 3),
            phase: phase,
            release: release,
            reason: reason,
            floor: .init(value: 3, keeper: "TPM")
        )
    }

    private struct Setting {
        let box: UnstartedBox
        let agent: Agent
        let watch: UpdateWatch
        let recorded: Recorded

        init() throws {
            box = try UnstartedBox()
            let client = UpdateClient(path: box.folder.path + "/u.sock")
            agent = try Agent(client.path)
            let recorded = Recorded()
            self.recorded = recorded
            watch = UpdateWatch(client: client, board: box.board, journal: box.journal) { status in
                recorded.phases.withLock { $0.append(status.phase) }
            }
        }

        var codes: [String] {
            get async { await box.board.openIssues.map(\.code) }
        }
    }

    private final class Recorded: Sendable {
        let phases = Mutex<[UpdateStatus.Phase]>([])
    }

    @Test("each change is told once; what cannot be taken back stays in the audit") func changes()
        async throws
    {
        let setting = try Setting()
        defer { setting.agent.stop() }
        for status in [
            Self.status(.idle, nil), Self.status(.fetching), Self.status(.fetching), Self.status(.armed),
            Self.status(.trial), Self.status(.committed), Self.status(.committed),
        ] {
            setting.agent.say(.status(status))
            await setting.watch.look()
        }
        #expect(setting.recorded.phases.withLock { $0 } == [.armed, .committed])
        #expect(await setting.codes.isEmpty)
        #expect(setting.agent.heard == Array(repeating: .status, count: 7))
    }

    @Test("a release that went, a repository that cannot be had and a damaged record are issues, and pass")
    func issues() async throws {
        let setting = try Setting()
        defer { setting.agent.stop() }
        var bad = Self.status(.rolledBack, reason: "health: gateway")
        bad.problem = "TUF 5.4.4: timestamp: expired"
        bad.floor.value = nil
        setting.agent.say(.status(bad))
        await setting.watch.look()
        #expect(await setting.codes == ["W-UPD-02", "W-UPD-03", "W-UPD-04"])
        let went = await setting.box.board.openIssues.first
        #expect(went?.evidence["reason"] == "health: gateway")
        setting.agent.say(.status(Self.status(.idle, nil)))
        await setting.watch.look()
        #expect(await setting.codes.isEmpty)
    }

    @Test("one that answers nothing, for longer than a restart takes, is an issue") func silence()
        async throws
    {
        let setting = try Setting()
        defer { setting.agent.stop() }
        for look in 1...6 {
            await setting.watch.look()
            #expect(await setting.codes == (look < 6 ? [] : ["E-UPD-01"]))
        }
        setting.agent.say(.status(Self.status(.idle, nil)))
        await setting.watch.look()
        #expect(await setting.codes.isEmpty)
    }

    @Test("a machine without a second slot has no updates, and no issue for it") func none() async throws {
        let box = try UnstartedBox()
        let client = UpdateClient(path: box.folder.path + "/nobody.sock")
        let watch = UpdateWatch(client: client, board: box.board, journal: box.journal) { _ in }
        for _ in 0..<8 { await watch.look() }
        #expect(await box.board.openIssues.isEmpty)
    }
}
