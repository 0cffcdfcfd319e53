// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Updates

@Suite("Health before and after") struct HealthBaselineTests {
    private let baseline = HealthBaseline(
        required: ["units", "database"],
        checks: ["units": true, "gateway": true, "pacs": false, "link": true]
    )
    private let well = ["units": true, "database": true, "gateway": true, "link": true]

    @Test("only what worked before must work now, and what is always required") func verdict() {
        #expect(baseline.verdict(now: well) == .good)
        // The cable of something that was broken before, and a check that is new.
        #expect(baseline.verdict(now: well.merging(["pacs": false, "new": false]) { $1 }) == .good)
        #expect(baseline.verdict(now: well.merging(["link": false]) { $1 }) == .failing(["link"]))
        #expect(baseline.verdict(now: well.merging(["database": false]) { $1 }) == .failing(["database"]))
        #expect(baseline.verdict(now: [:]) == .failing(["database", "gateway", "link", "units"]))
        let none = HealthBaseline(required: ["units"], checks: [:])
        #expect(none.verdict(now: ["units": true]) == .good)
    }

    @Test("a verdict counts when it has held for three minutes without a gap") func hold() {
        var watch = HealthWatch(baseline)
        let bad = well.merging(["link": false]) { $1 }
        #expect(watch.observe(well, at: 0) == .holding(since: 0))
        for second in [60, 120, 179] as [Int64] {
            #expect(watch.observe(well, at: second * 1000) == .holding(since: 0))
        }
        #expect(watch.observe(bad, at: 179_500) == .failing(["link"]))
        #expect(watch.observe(well, at: 180_000) == .holding(since: 180_000))
        for second in [240, 300, 359] as [Int64] {
            #expect(watch.observe(well, at: second * 1000) == .holding(since: 180_000))
        }
        #expect(watch.observe(well, at: 360_000) == .good)
        #expect(watch.observe(well, at: 361_000) == .good)
        #expect(watch.observe(well, at: 421_001) == .holding(since: 421_001), "nobody looked for a minute")
        #expect(watch.observe(well, at: 400_000) == .holding(since: 400_000), "the clock went back")
    }

    @Test("the hash tells baselines apart, and not the order of names") func hash() {
        let others = [
            HealthBaseline(required: ["units"], checks: baseline.checks),
            HealthBaseline(required: baseline.required, checks: ["units": true]),
            HealthBaseline(
                required: baseline.required,
                checks: baseline.checks.merging(["pacs": true]) { $1 }
            ),
            HealthBaseline(required: [], checks: [:]),
            HealthBaseline(required: ["units", "database\nrequired 1 x"], checks: baseline.checks),
        ]
        #expect(Set((others + [baseline]).map(\.hash)).count == others.count + 1)
        #expect(baseline.hash.count == 32)
        let same = HealthBaseline(
            required: ["database", "units"],
            checks: ["link": true, "pacs": false, "gateway": true, "units": true]
        )
        #expect(same.hash == baseline.hash)
    }
}
