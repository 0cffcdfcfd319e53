// SPDX-License-Identifier: Apache-2.0
import TUF
import Testing

@testable import Updates

@Suite("Names of releases") struct ReleaseVersionTests {
    @Test("are compared number by number") func order() throws {
        let names = [
            "0", "1", "1.0.1", "1.9", "1.10", "1.10.0.1", "2026.9.0", "2026.10.0", "2026.10.2", "999999999",
        ]
        let versions = try names.map { try #require(ReleaseVersion($0)) }
        #expect(versions.shuffled().sorted() == versions)
        #expect(ReleaseVersion("1.2") == ReleaseVersion("1.2.0.0"))
        #expect(Set([ReleaseVersion("1.2"), ReleaseVersion("1.2.0")]).count == 1)
    }

    @Test(
        "have one to four numbers",
        arguments: [
            "", ".", "1.", ".1", "1..2", "1.2.3.4.5", "01", "1.00", "1a", "-1", "+1", " 1", "1/2", "١",
            "1234567890",
        ]
    ) func form(text: String) { #expect(ReleaseVersion(text) == nil) }
}

@Suite("Who is offered a release") struct RolloutTests {
    private func rollout(_ members: String = "") throws -> Rollout {
        try Rollout(
            parsing: Array(
                """
                { "release": "2026.10.0", "cohorts_permille": 1000, "paused": false, "urgent": false, "blocked": []
                  \(members.isEmpty ? "" : ", \(members)") }
                """.utf8
            )
        )
    }

    private func rollout(replacing text: String, with other: String) throws -> Rollout {
        let all = """
            { "release": "2026.10.0", "cohorts_permille": 1000, "not_before": "2026-11-28T22:00:00Z",
              "paused": false, "urgent": false, "blocked": ["2026.8.0", "2026.10"] }
            """
        return try Rollout(parsing: Array(all.replacing(text, with: other).utf8))
    }

    private func custom(_ more: String = "") throws -> ReleaseCustom {
        let text = "{ \"hw\": [\"drimbox-1\", \"drimbox-2\"], \"rollback_index\": 7 \(more) }"
        return try ReleaseCustom(try JSON(parsing: Array(text.utf8)))
    }

    private let now = UTCTime(seconds: 1_795_900_000)

    private func box(
        _ identifier: String = "box-1",
        hardware: String = "drimbox-1",
        installed: String = "2026.9.0",
        floor: Int = 7
    ) throws -> Rollout.Box {
        Rollout.Box(
            identifier: identifier,
            hardware: hardware,
            installed: try #require(ReleaseVersion(installed)),
            floor: floor
        )
    }

    private let release = ReleaseVersion("2026.10.0")

    @Test("who is older, fits and has the turn") func offered() throws {
        let release = try #require(release)
        #expect(try rollout().offer(custom(), to: box(), at: now) == .offered(release, isUrgent: false))
        let urgent = try rollout(replacing: "\"urgent\": false", with: "\"urgent\": true")
        let late = try #require(UTCTime("2026-11-28T22:00:00Z"))
        let blocked = try rollout(replacing: ", \"2026.10\"", with: "")
        #expect(try blocked.offer(custom(), to: box(), at: late) == .offered(release, isUrgent: false))
        #expect(urgent.isUrgent)
    }

    @Test("not who has it, or a newer one") func notNewer() throws {
        let release = try #require(release)
        for name in ["2026.10.0", "2026.10", "2026.11.0", "2027"] {
            let installed = try #require(ReleaseVersion(name))
            #expect(
                try rollout().offer(custom(), to: box(installed: name), at: now)
                    == .withheld(.notNewer(release: release, installed: installed))
            )
        }
    }

    @Test("nobody, if it is blocked, paused or too early") func nobody() throws {
        let release = try #require(release)
        let late = try #require(UTCTime("2026-11-28T22:00:00Z"))
        let early = UTCTime(seconds: late.seconds - 1)
        let blocked = try rollout(replacing: "", with: "")
        #expect(try blocked.offer(custom(), to: box(), at: late) == .withheld(.blocked(release)))
        let open = try rollout(replacing: ", \"2026.10\"", with: "")
        #expect(try open.offer(custom(), to: box(), at: early) == .withheld(.notBefore(late)))
        let text = """
            { "release": "2026.10.0", "cohorts_permille": 1000, "paused": true, "urgent": true, "blocked": [] }
            """
        let stopped = try Rollout(parsing: Array(text.utf8))
        #expect(try stopped.offer(custom(), to: box(), at: late) == .withheld(.paused))
    }

    @Test("not other hardware, nothing below the floor, nobody too old") func unfit() throws {
        #expect(
            try rollout().offer(custom(), to: box(hardware: "drimbox-3"), at: now)
                == .withheld(.hardware(found: "drimbox-3", expected: ["drimbox-1", "drimbox-2"]))
        )
        #expect(
            try rollout().offer(custom(), to: box(floor: 8), at: now)
                == .withheld(.belowFloor(rollbackIndex: 7, floor: 8))
        )
        let minimum = try custom(", \"min_from\": \"2026.9.1\"")
        let (installed, required) = (ReleaseVersion("2026.9.0"), ReleaseVersion("2026.9.1"))
        #expect(
            try rollout().offer(minimum, to: box(), at: now)
                == .withheld(.minimumFrom(installed: #require(installed), required: #require(required)))
        )
        #expect(
            try rollout().offer(minimum, to: box(installed: "2026.9.1"), at: now)
                == .offered(#require(release), isUrgent: false)
        )
    }

    @Test("a cohort is the first 8 bytes of SHA-256, of a thousand, and another for every release")
    func cohort() throws {
        // hashlib.sha256(b"box-1\\0" + b"2026.9.0"), and so on.
        let old = try #require(ReleaseVersion("2026.9.0"))
        let new = try #require(ReleaseVersion("2026.10.0"))
        #expect(Rollout.cohort(of: "box-1", old) == 264)
        #expect(Rollout.cohort(of: "box-1", new) == 535)
        #expect(Rollout.cohort(of: "box-2", old) == 790)
        let open = try #require(UTCTime("2027-01-01T00:00:00Z"))
        let text = { (count: Int) in
            """
            { "release": "2026.10.0", "cohorts_permille": \(count), "paused": false, "urgent": true, "blocked": [] }
            """
        }
        let below = try Rollout(parsing: Array(text(535).utf8))
        #expect(try below.offer(custom(), to: box(), at: open) == .withheld(.cohort(535, limit: 535)))
        let above = try Rollout(parsing: Array(text(536).utf8))
        #expect(try above.offer(custom(), to: box(), at: open) == .offered(new, isUrgent: true))
    }

    @Test("a tenth of the cohorts is a tenth of the boxes; none is none, all is all") func share() throws {
        let release = try #require(release)
        let cohorts = (0..<5000).map { Rollout.cohort(of: "DRX-\($0)", release) }
        #expect((400...600).contains(cohorts.count { $0 < 100 }))
        #expect(cohorts.allSatisfy { (0..<1000).contains($0) })
    }

    @Test(
        "what is wrong in the files is refused with the path to it",
        arguments: [
            ("\"2026.10.0\"", "\"latest\"", "rollout.release"), ("1000", "1001", "rollout.cohorts_permille"),
            ("1000", "-1", "rollout.cohorts_permille"), ("22:00:00Z", "25:00:00Z", "rollout.not_before"),
            ("22:00:00Z", "22:00:00+01:00", "rollout.not_before"),
            ("\"paused\": false", "\"paused\": 0", "rollout.paused"),
            ("\"urgent\": false,", "", "rollout.urgent"),
            ("\"2026.8.0\"", "\"\"", "rollout.blocked[0]"), ("\"2026.8.0\"", "8", "rollout.blocked[0]"),
        ]
    ) func refuses(find: String, replacement: String, place: String) {
        let error = #expect(throws: FormatError.self) { try rollout(replacing: find, with: replacement) }
        #expect(error?.place == place, "\(String(describing: error))")
    }

    @Test(
        "what is wrong in the metadata's custom field is refused with the path to it",
        arguments: [
            ("null", "custom"), ("{}", "custom.hw"), ("{\"hw\":[]}", "custom.hw"),
            ("{\"hw\":[1]}", "custom.hw[0]"),
            ("{\"hw\":[\"a\"]}", "custom.rollback_index"),
            ("{\"hw\":[\"a\"],\"rollback_index\":-1}", "custom.rollback_index"),
            ("{\"hw\":[\"a\"],\"rollback_index\":1,\"min_from\":\"v1\"}", "custom.min_from"),
        ]
    ) func custom(text: String, place: String) throws {
        let json = try JSON(parsing: Array(text.utf8))
        let error = #expect(throws: FormatError.self) { try ReleaseCustom(json) }
        #expect(error?.place == place)
    }
}
