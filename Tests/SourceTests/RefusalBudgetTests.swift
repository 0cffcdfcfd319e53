// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Source

@Suite("Refusals that leave a trace") struct RefusalBudgetTests {
    @Test("the first of a minute do, and the first of the next says how many did not") func budget() {
        var budget = RefusalBudget()
        let admitted = (0..<250).map { budget.admit(at: 60_000 + $0) }
        #expect(admitted.prefix(100).allSatisfy { $0 == 0 })
        #expect(admitted.dropFirst(100).allSatisfy { $0 == nil })
        #expect(budget.admit(at: 120_000) == 150)
        #expect(budget.admit(at: 120_001) == 0)
    }
}
