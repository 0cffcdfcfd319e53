// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Supervisor

@Suite("What an answer for an address of ours means") struct AddressRulesTests {
    private let ours = LinkAddress(interface: "care0", address: "10.10.0.5")

    private func conflict(_ owner: String?) -> AddressConflict {
        AddressConflict(link: ours, hardwareAddress: owner)
    }

    @Test("another host raises, and keeps the time of the first answer") func raised() {
        var rules = AddressRules()
        rules.take([], asked: [ours], own: [], now: Timestamp(milliseconds: 1))
        #expect(rules.issues.isEmpty)
        for time in [2, 3] as [Int64] {
            rules.take(
                [conflict("02:00:00:00:00:01")],
                asked: [ours],
                own: [],
                now: Timestamp(milliseconds: time)
            )
        }
        #expect(rules.issues.map(\.code) == ["E-NET-03:10.10.0.5"])
        #expect(rules.issues.first?.since == Timestamp(milliseconds: 2))
        #expect(rules.issues.first?.evidence["hardwareAddress"] == "02:00:00:00:00:01")
        #expect(rules.issues.first?.evidence["interface"] == "care0")
    }

    @Test("one lost answer does not clear; two do, and so does another address of ours") func cleared() {
        var rules = AddressRules()
        func round(_ conflicts: [AddressConflict], asked: [LinkAddress]) -> Int {
            rules.take(conflicts, asked: asked, own: [], now: .now)
            return rules.issues.count
        }
        #expect(round([conflict(nil)], asked: [ours]) == 1)
        #expect(round([], asked: [ours]) == 1)
        #expect(round([conflict(nil)], asked: [ours]) == 1)
        #expect(round([], asked: [ours]) == 1)
        #expect(round([], asked: [ours]) == 0)
        #expect(round([conflict(nil)], asked: [ours]) == 1)
        #expect(round([], asked: [LinkAddress(interface: "care0", address: "10.10.0.6")]) == 0)
    }

    @Test("another link of this box is nobody else") func ownLinks() {
        var rules = AddressRules()
        rules.take([conflict("02:00:00:00:00:09")], asked: [ours], own: ["02:00:00:00:00:09"], now: .now)
        #expect(rules.issues.isEmpty)
    }
}
