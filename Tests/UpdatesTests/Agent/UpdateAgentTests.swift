// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import Testing

@testable import Updates

@Suite("The update agent, from the offer to the floor") struct UpdateAgentTests {
    private func withBox(
        answer: @escaping @Sendable (TestSource.Request, Int) -> TestSource.Answer = { _, _ in .right },
        _ body: (AgentBox) async throws -> Void
    ) async throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "agent-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try await body(AgentBox(in: url.path, answer: answer))
    }

    @Test("a release is installed, tried, committed, and raises the floor after its soak") func whole()
        async throws
    {
        try await withBox { box in
            let staged = try await box.run("1")
            #expect(staged.state == .rebooting)
            #expect(box.entryNames == ["A.efi", "B+3.efi"])
            #expect(box.reboots.withLock { $0 } == [.trial])
            // Only what the running slot has not was fetched.
            #expect(staged.progress?.segmentsCopied ?? 0 > 0 && staged.progress?.segmentsPatched ?? 0 > 0)
            #expect(staged.progress?.segmentsFetched == 0)

            let committed = try await box.run("2")
            #expect(committed.state == .committed)
            #expect(box.entryNames == ["A.efi", "B.efi"])
            #expect(FileManager.default.fileExists(atPath: box.directory + "/EFI/drimbox/prev.efi"))
            #expect(box.floor.withLock { $0 } == 1)

            box.advance(73 * AgentBox.hour)
            let agent = try box.agent(try box.boot("3"))
            await agent.start()
            for _ in 0..<8 {
                box.advance(30_000)
                await agent.tick()
            }
            #expect(await agent.status.state == .floorRaised)
            #expect(box.floor.withLock { $0 } == 2)
        }
    }

    @Test("a release that is not well goes back, and is not tried for ever") func unhealthy() async throws {
        try await withBox { box in
            box.health.withLock { $0["2026.10.0"] = ["gateway": false, "link": true] }
            for attempt in 1...2 {
                #expect(try await box.run("\(attempt) a", asks: true).state == .rebooting)
                let trial = try await box.run("\(attempt) b")
                #expect(trial.state == .trial && trial.record.reason.contains("gateway"), "\(trial)")
                #expect(box.reboots.withLock { $0.last } == .goingBack)
                let back = try await box.run("\(attempt) c")
                #expect(back.state == .rolledBack)
                #expect(back.record.failures(of: "2026.10.0") == attempt)
            }
            let agent = try box.agent(try box.boot("3"))
            await agent.start()
            await agent.check()
            #expect(await agent.status.state == .offered(.failed))
            // A technician may ask for it again.
            box.health.withLock { $0 = [:] }
            await agent.send(.retry("2026.10.0"))
            await agent.settle()
            #expect(box.reboots.withLock { $0.last } == .trial)
            #expect(try await box.run("4").state == .committed)
        }
    }

    @Test("what did not work before the reboot need not work after it") func baseline() async throws {
        try await withBox { box in
            let cableOut = ["gateway": true, "link": false]
            box.health.withLock { $0 = ["2026.9.0": cableOut, "2026.10.0": cableOut] }
            let staged = try await box.run("1")
            #expect(staged.state == .rebooting)
            let tried = try await box.run("2")
            #expect(tried.state == .committed)
        }
    }

    @Test("nothing is fetched before it may be, and nothing is armed before the window") func gates()
        async throws
    {
        try await withBox { box in
            box.hold.withLock { $0 = .cohort }
            let agent = try box.agent(try box.boot("1"), policy: UpdatePolicy())
            await agent.start()
            await agent.check()
            #expect(await agent.status.state == .offered(.cohort))
            #expect(box.source.requests.isEmpty)
            box.hold.withLock { $0 = .nothing }
            await agent.check()
            await agent.settle()
            #expect(await agent.status.state == .staged(.window))
            #expect(box.entryNames == ["A.efi"])
            await agent.send(.consent(release: "2026.10.0", until: .max))
            #expect(box.entryNames == ["A.efi", "B+3.efi"])
            #expect(box.reboots.withLock { $0 } == [.trial])
        }
    }

    @Test("a source that fails is no failure of the release, and what came stays") func interrupted()
        async throws
    {
        try await withBox(answer: { request, _ in
            request.file.hasSuffix("uki.efi") ? .failure(.transient) : .right
        }) { box in
            let agent = try box.agent(try box.boot("1"))
            await agent.start()
            await agent.check()
            await agent.settle()
            let status = await agent.status
            #expect(status.state == .fetching)
            #expect(status.record.failures.isEmpty)
            #expect(box.entryNames == ["A.efi"])
            // The next check goes on, and has nothing to fetch but the kernel image.
            let before = box.source.requests.count
            await agent.check()
            await agent.settle()
            let again = box.source.requests.dropFirst(before)
            #expect(!again.isEmpty && again.allSatisfy { $0.file.hasSuffix("uki.efi") })
        }
    }

    @Test(
        "the power is cut before every change: there is always a system to start, and the second try completes"
    )
    func powerCuts() async throws {
        var total = 0
        try await withBox { box in
            _ = try await box.run("1")
            _ = try await box.run("2")
            total = box.power.used
        }
        #expect(total > 20)
        for cut in 0..<total {
            try await withBox { box in
                box.power.last(cut)
                var boots = 0
                var last: UpdateAgent.Status?
                while boots < 12, last?.state != .committed || box.power.isCut {
                    boots += 1
                    last = try await box.run("\(boots)")
                    if box.power.isCut { try box.power.restore() }
                }
                #expect(last?.state == .committed, "cut before change \(cut): \(String(describing: last))")
                #expect(box.entryNames.contains("B.efi"), "cut before change \(cut): \(box.entryNames)")
            }
        }
    }
}
