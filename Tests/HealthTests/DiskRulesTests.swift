// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Health

@Suite("Disk rules") struct DiskRulesTests {
    /// A good disk with `change` made to it.
    private func disk(
        _ device: String = "/dev/sda",
        at time: Timestamp = .start,
        _ change: (inout DiskReport) -> Void = { _ in }
    ) -> DiskReport {
        var report = DiskReport(device: device, time: time, state: .good)
        report.kind = device.contains("nvme") ? .nvme : .ataHDD
        report.model = "Model"
        report.serial = "S1"
        report.reallocatedSectors = 0
        report.pendingSectors = 0
        change(&report)
        return report
    }

    private func codes(_ report: DiskReport, earlier: [Admin.Issue] = []) -> [String]? {
        DiskRules.issues(of: report, after: nil, earlier: earlier, now: report.time).codes
    }

    @Test(
        "wear: at, below and above its limits",
        arguments: [
            (nil, []), (0, []), (79, []), (80, ["W-DISK-03:sda"]), (94, ["W-DISK-03:sda"]),
            (95, ["E-DISK-03:sda"]),
            (255, ["E-DISK-03:sda"]),
        ] as [(Int?, [String])]
    )
    func wear(_ percent: Int?, _ expected: [String]) {
        #expect(codes(disk { $0.wearPercent = percent }) == expected)
    }

    @Test(
        "heat: at, below and above its limits",
        arguments: [
            ("/dev/nvme0", 69, nil), ("/dev/nvme0", 70, "W-HEAT-01:nvme0"),
            ("/dev/nvme0", 79, "W-HEAT-01:nvme0"),
            ("/dev/nvme0", 80, "E-HEAT-01:nvme0"), ("/dev/sda", 54, nil), ("/dev/sda", 55, "W-HEAT-01:sda"),
            ("/dev/sda", 59, "W-HEAT-01:sda"), ("/dev/sda", 60, "E-HEAT-01:sda"), ("/dev/sda", -5, nil),
        ] as [(String, Int, String?)]
    )
    func heat(_ device: String, _ celsius: Int, _ code: String?) {
        #expect(codes(disk(device) { $0.temperatureCelsius = celsius }) == [code].compactMap(\.self))
    }

    @Test("heat clears three degrees below its limit") func heatSequence() throws {
        var issues: [Admin.Issue] = []
        let steps: [(Int, String?)] = [
            (55, "W"), (53, "W"), (52, "W"), (51, nil), (54, nil), (60, "E"), (57, "E"), (56, "W"), (59, "W"),
            (40, nil),
        ]
        for (celsius, letter) in steps {
            let report = disk { $0.temperatureCelsius = celsius }
            issues = try #require(DiskRules.issues(of: report, after: nil, earlier: issues, now: .start))
            #expect(issues.codes == [letter].compactMap { $0.map { "\($0)-HEAT-01:sda" } }, "\(celsius)")
        }
    }

    @Test("a disk that fails, foretells it, or failed self-tests") func verdicts() {
        #expect(codes(disk { $0.state = .failing }) == ["E-DISK-01:sda"])
        #expect(codes(disk { $0.exitStatus = 16 }) == ["E-DISK-02:sda"])
        #expect(codes(disk { $0.failingAttributes = ["Spin_Retry_Count"] }) == ["E-DISK-02:sda"])
        #expect(codes(disk { $0.exitStatus = 128 }) == ["W-DISK-05:sda"])
        #expect(codes(disk { $0.selfTestErrors = 1 }) == ["W-DISK-05:sda"])
        #expect(codes(disk { $0.selfTestErrors = 0 }) == [])
        #expect(codes(disk { $0.exitStatus = 32 | 64 | 4 }) == [])
    }

    @Test("growth of errors, with the trend per day", arguments: ["reallocated", "pending", "mediaErrors"])
    func growth(_ name: String) throws {
        let keys: [String: WritableKeyPath<DiskReport, Int?>] = [
            "reallocated": \.reallocatedSectors, "pending": \.pendingSectors, "mediaErrors": \.mediaErrors,
        ]
        let key = try #require(keys[name])
        let before = disk { $0[keyPath: key] = 4 }
        for (count, days, perDay) in [(5, 1.0, "1"), (10, 0.5, "12"), (5, 3, "0.3")] {
            let now = Timestamp.start.after(days: days)
            let report = disk(at: now) { $0[keyPath: key] = count }
            let issues = try #require(DiskRules.issues(of: report, after: before, earlier: [], now: now))
            #expect(issues.codes == ["W-DISK-04:sda"])
            #expect(issues[0].severity == .warning)
            #expect(issues[0].evidence["perDay"] == perDay)
            #expect(issues[0].evidence[name] == "\(count)")
            #expect(issues[0].evidence["grown"] == "\(name) +\(count - 4)")
        }
        for count in [0, 4] {
            let report = disk(at: Timestamp.start.after(days: 1)) { $0[keyPath: key] = count }
            #expect(DiskRules.issues(of: report, after: before, earlier: [], now: report.time).codes == [])
        }
    }

    @Test("without a report before, without values in it, or of another disk, nothing grows")
    func noComparison() {
        let report = disk(at: Timestamp.start.after(days: 1)) { $0.reallocatedSectors = 9 }
        let asleep = DiskReport(device: "/dev/sda", time: .start, state: .asleep)
        let other = disk { $0.serial = "S2" }
        for previous in [nil, asleep, other] {
            #expect(DiskRules.issues(of: report, after: previous, earlier: [], now: report.time).codes == [])
        }
    }

    @Test("a clock that went back gives growth, but no trend") func clockWentBack() throws {
        let report = disk(at: Timestamp.start.after(days: -1)) { $0.pendingSectors = 2 }
        let issues = try #require(DiskRules.issues(of: report, after: disk(), earlier: [], now: report.time))
        #expect(issues.codes == ["W-DISK-04:sda"])
        #expect(issues[0].evidence["perDay"] == nil)
    }

    @Test("growth stays noted for seven days after the last") func growthMemory() throws {
        let first = disk(at: Timestamp.start.after(days: 1)) { $0.pendingSectors = 2 }
        var issues = try #require(DiskRules.issues(of: first, after: disk(), earlier: [], now: first.time))
        var previous = first
        for (days, isThere) in [(1.1, true), (5, true), (7.99, true), (8.0, false), (8.1, false)] {
            let report = disk(at: Timestamp.start.after(days: days)) { $0.pendingSectors = 2 }
            issues = try #require(
                DiskRules.issues(of: report, after: previous, earlier: issues, now: report.time)
            )
            #expect(issues.codes == (isThere ? ["W-DISK-04:sda"] : []), "\(days)")
            if isThere { #expect(issues[0].since == first.time) }
            previous = report
        }
    }

    @Test("asleep: unchanged, but it did answer") func asleep() throws {
        let asleep = DiskReport(device: "/dev/sda", time: .start, state: .asleep)
        #expect(DiskRules.issues(of: asleep, after: nil, earlier: [], now: .start) == nil)
        let worn = try #require(
            DiskRules.issues(of: disk { $0.wearPercent = 96 }, after: nil, earlier: [], now: .start)
        )
        #expect(DiskRules.issues(of: asleep, after: nil, earlier: worn, now: .start) == nil)
        let silent = Smartctl.silent(device: "/dev/sda", time: .start)
        let both = try #require(DiskRules.issues(of: silent, after: disk(), earlier: worn, now: .start))
        #expect(both.codes == ["E-DISK-03:sda", "E-DISK-07:sda"])
        #expect(DiskRules.issues(of: asleep, after: nil, earlier: both, now: .start) == worn)
    }

    @Test("a silent or unreadable disk keeps what was known of it, and its name plate") func silent() throws {
        let before = disk { $0.state = .failing }
        let failing = try #require(DiskRules.issues(of: before, after: nil, earlier: [], now: .start))
        let later = Timestamp.start.after(days: 1)
        let silent = Smartctl.silent(device: "/dev/sda", time: later)
        let issues = try #require(DiskRules.issues(of: silent, after: before, earlier: failing, now: later))
        #expect(issues.codes == ["E-DISK-01:sda", "E-DISK-07:sda"])
        #expect(issues.evidence("E-DISK-01:sda") == failing[0].evidence)
        #expect(issues.evidence("E-DISK-07:sda") == ["disk": "sda", "model": "Model", "serial": "S1"])
        let unreadable = DiskReport(device: "/dev/sda", time: later, state: .unreadable)
        let next = try #require(DiskRules.issues(of: unreadable, after: before, earlier: issues, now: later))
        #expect(next.codes == ["E-DISK-01:sda", "W-DISK-06:sda"])
        #expect(DiskRules.issues(of: disk(at: later), after: before, earlier: next, now: later) == [])
    }

    @Test("an issue keeps the time it began; another disk in the bay begins anew") func since() throws {
        let hot = { (time: Timestamp, serial: String) in
            self.disk(at: time) {
                $0.temperatureCelsius = 57
                $0.serial = serial
            }
        }
        let first = try #require(
            DiskRules.issues(of: hot(.start, "S1"), after: nil, earlier: [], now: .start)
        )
        let later = Timestamp.start.after(days: 1)
        let same = try #require(
            DiskRules.issues(of: hot(later, "S1"), after: nil, earlier: first, now: later)
        )
        #expect(same[0].since == .start)
        let other = try #require(
            DiskRules.issues(of: hot(later, "S2"), after: nil, earlier: first, now: later)
        )
        #expect(other[0].since == later)
    }

    @Test("issues of other disks are not taken for its own") func neighbours() throws {
        let hot = disk("/dev/sdb") { $0.temperatureCelsius = 57 }
        let theirs = try #require(DiskRules.issues(of: hot, after: nil, earlier: [], now: .start))
        #expect(codes(disk { $0.temperatureCelsius = 53 }, earlier: theirs) == [])
        let silent = Smartctl.silent(device: "/dev/sda", time: .start)
        #expect(codes(silent, earlier: theirs) == ["E-DISK-07:sda"])
    }

    @Test("every issue has a summary without full stop, evidence and advice in sentences") func wording()
        throws
    {
        let report = disk(at: Timestamp.start.after(days: 1)) {
            ($0.state, $0.exitStatus, $0.wearPercent, $0.temperatureCelsius) = (.failing, 16 | 128, 99, 99)
            $0.pendingSectors = 1
        }
        let issues = try #require(DiskRules.issues(of: report, after: disk(), earlier: [], now: report.time))
        #expect(issues.count == 6)
        for issue in issues {
            #expect(!issue.summary.hasSuffix(".") && issue.summary.contains("sda"))
            #expect(issue.evidence["serial"] == "S1" && issue.evidence["model"] == "Model")
            #expect(!issue.suggestions.isEmpty && issue.suggestions.allSatisfy { $0.hasSuffix(".") })
            #expect(issue.severity == (issue.code.hasPrefix("E-") ? .critical : .warning))
        }
    }
}
