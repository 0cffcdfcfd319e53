// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Supervisor

@Suite("Restart policy") struct RestartPolicyTests {
    /// The decisions after runs of the given lengths.
    private func decisions(_ runs: [Duration], _ policy: inout RestartPolicy) -> [RestartPolicy.Decision] {
        var now: Duration = .zero
        return runs.map { run in
            policy.started(at: now)
            now += run
            let decision = policy.ended(at: now)
            if case .start(let pause) = decision { now += pause }
            return decision
        }
    }

    @Test("pauses grow 1, 2, 5, 15, 60 s and stay there; the tenth end holds the service") func pauses() {
        var policy = RestartPolicy()
        let pauses: [Int] = [1, 2, 5, 15, 60, 60, 60, 60, 60]
        let expected = pauses.map { RestartPolicy.Decision.start(after: .seconds($0)) } + [.hold]
        #expect(decisions(Array(repeating: .seconds(1), count: 10), &policy) == expected)
    }

    @Test("the fifth end within ten minutes is a crash loop, the fourth is not") func crashLoop() {
        var policy = RestartPolicy()
        _ = decisions(Array(repeating: .seconds(1), count: 4), &policy)
        #expect(!policy.isCrashLooping)
        policy = RestartPolicy()
        _ = decisions(Array(repeating: .seconds(1), count: 5), &policy)
        #expect(policy.isCrashLooping)
    }

    @Test("five ends spread over more than ten minutes are no crash loop") func slowEnds() {
        var policy = RestartPolicy()
        _ = decisions(Array(repeating: .seconds(200), count: 5), &policy)
        #expect(!policy.isCrashLooping)
    }

    @Test("ten minutes of running make earlier ends forgotten, one second less does not") func reset() {
        var policy = RestartPolicy()
        let shorts = Array(repeating: Duration.seconds(1), count: 5)
        #expect(decisions(shorts + [.seconds(600)], &policy).last == .start(after: .seconds(1)))
        #expect(!policy.isCrashLooping)
        policy = RestartPolicy()
        #expect(decisions(shorts + [.seconds(599)], &policy).last == .start(after: .seconds(60)))
    }

    @Test("a crash loop is over while the service still runs") func over() {
        var policy = RestartPolicy()
        _ = decisions(Array(repeating: .seconds(1), count: 5), &policy)
        policy.started(at: .seconds(1000))
        policy.stillRuns(at: .seconds(1599))
        #expect(policy.isCrashLooping)
        policy.stillRuns(at: .seconds(1600))
        #expect(!policy.isCrashLooping)
    }

    @Test("a service that cannot even start counts as ended") func neverStarted() {
        var policy = RestartPolicy()
        #expect(policy.ended(at: .zero) == .start(after: .seconds(1)))
        #expect(policy.ended(at: .seconds(1)) == .start(after: .seconds(2)))
    }
}
