// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Store

@Suite("power cuts and killed processes")
struct PowerCutTests {
    /// Histories per run, of 8 cuts each; `DRIMBOX_POWER_CUT_HISTORIES` for more.
    private static var histories: Int {
        ProcessInfo.processInfo.environment["DRIMBOX_POWER_CUT_HISTORIES"].flatMap { Int($0) } ?? 64
    }

    /// Histories that one test case runs through.
    private static let share = 4

    @Test("after any cut what was promised is there and what is there is whole", arguments: 0..<share)
    func cuts(part: Int) throws {
        for seed in stride(from: part, to: Self.histories * Self.share, by: Self.share) {
            let history = CrashHistory(seed: UInt64(seed))
            do {
                try history.run(cuts: 8)
            } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
    }

    /// A history that failed, to look at: its seed in `DRIMBOX_POWER_CUT_SEED`.
    private static var seed: UInt64? {
        ProcessInfo.processInfo.environment["DRIMBOX_POWER_CUT_SEED"].flatMap { UInt64($0) }
    }

    @Test(
        "one history, told step by step",
        .enabled(if: seed != nil, "wants a seed in DRIMBOX_POWER_CUT_SEED")
    )
    func told() throws {
        let history = CrashHistory(seed: try #require(Self.seed))
        history.isTold = true
        try history.run(cuts: 8)
    }

    @Test("the simulation covers what it is for")
    func coverage() throws {
        var sum = CrashHistory.Coverage()
        for seed in 1000..<1040 {
            let history = CrashHistory(seed: UInt64(seed))
            try history.run(cuts: 8)
            sum.add(history.coverage)
        }
        #expect(sum.cuts == 40 * 8)
        #expect(sum.cutsInRecovery > 5)
        #expect(sum.lost > 20)
        #expect(sum.promised > 500)
        #expect(sum.duplicates > 50)
        #expect(sum.replaced > 50)
        #expect(sum.evicted > 50)
        #expect(sum.oversize > 20)
        #expect(sum.moved > 0)
        #expect(sum.indexLost > 10)
    }
}
