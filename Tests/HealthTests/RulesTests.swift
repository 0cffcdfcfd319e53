// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Health

@Suite("File system rules") struct FileSystemRulesTests {
    private func report(used: Int, inodesUsed: Double? = nil) -> FileSystemReport {
        FileSystemReport(
            path: "/var/lib/drimbox",
            totalBytes: 1000,
            freeBytes: 1000 - used,
            freeInodesPercent: inodesUsed.map { 100 - $0 }
        )
    }

    private static let sequence: [(tenths: Int, letter: String?)] = [
        (799, nil), (800, "W"), (790, "W"), (750, "W"), (749, nil), (799, nil), (949, "W"), (950, "E"),
        (910, "E"),
        (900, "E"), (899, "W"), (949, "W"), (1000, "E"), (749, nil), (950, "E"), (780, "W"), (0, nil),
    ]

    @Test("space and inodes: raised from 80 and 95 %, cleared below 75 and 90 %", arguments: [true, false])
    func usage(isSpace: Bool) {
        var issues: [Admin.Issue] = []
        let number = isSpace ? "02" : "03"
        for (tenths, letter) in Self.sequence {
            let report = isSpace ? report(used: tenths) : report(used: 0, inodesUsed: Double(tenths) / 10)
            issues = FileSystemRules.issues(of: report, earlier: issues, now: .start)
            #expect(
                issues.codes == [letter].compactMap { $0.map { "\($0)-FS-\(number):var-lib-drimbox" } },
                "\(tenths)"
            )
        }
    }

    @Test(
        "errors and refused writes",
        arguments: [
            (nil, nil, false), (0, true, false), (0, nil, false), (1, true, true), (0, false, true),
            (nil, false, true),
        ] as [(Int?, Bool?, Bool)]
    )
    func refusesWrites(_ errors: Int?, _ takesWrites: Bool?, _ isCritical: Bool) {
        var report = report(used: 0)
        (report.errors, report.takesWrites) = (errors, takesWrites)
        let issues = FileSystemRules.issues(of: report, earlier: [], now: .start)
        #expect(issues.codes == (isCritical ? ["E-FS-01:var-lib-drimbox"] : []))
        if isCritical { #expect(issues[0].summary == "data disk refuses writes; do not power-cycle") }
    }

    @Test("a report without sizes raises nothing of them") func empty() {
        let report = FileSystemReport(path: "/", totalBytes: 0, freeBytes: 0)
        #expect(FileSystemRules.issues(of: report, earlier: [], now: .start).isEmpty)
    }

    @Test(
        "the code's end is the mount point",
        arguments: [
            ("/", "root"), ("/var", "var"), ("/var/lib/drimbox/", "var-lib-drimbox"),
            ("/données disque", "donn-es-disque"),
            ("", "root"),
        ]
    )
    func subject(_ path: String, _ subject: String) {
        #expect(FileSystemRules.subject(of: path) == subject)
    }
}

@Suite("RAID, heat and fan rules") struct HardwareRulesTests {
    @Test("a degraded array, with the missing slot and the rebuild") func raid() {
        var report = RAIDReport(
            name: "md0",
            level: "raid1",
            devices: "[U_]",
            isDegraded: true,
            state: "clean"
        )
        var issues = RAIDRules.issues(of: report, earlier: [], now: .start)
        #expect(issues.codes == ["E-RAID-01:md0"])
        #expect(issues[0].evidence["devices"] == "[U_]")
        #expect(issues[0].evidence["missing"] == "1")
        #expect(issues[0].evidence["rebuildPercent"] == nil)
        report.syncPercent = 12.54
        let later = Timestamp.start.after(days: 1)
        issues = RAIDRules.issues(of: report, earlier: issues, now: later)
        #expect(issues[0].evidence["rebuildPercent"] == "12.5")
        #expect(issues[0].since == .start)
        (report.devices, report.isDegraded) = ("[UU]", false)
        #expect(RAIDRules.issues(of: report, earlier: issues, now: later).isEmpty)
    }

    @Test(
        "heat by the chip's own limits",
        arguments: [
            (84.9, 85, 100, nil), (85, 85, 100, "W"), (99.9, 85, 100, "W"), (100, 85, 100, "E"),
            (120, nil, nil, nil),
            (99.9, nil, 100, nil), (100, nil, 100, "E"), (99.9, 85, nil, "W"), (150, 85, nil, "W"),
            (84, 100, 84, "E"),
        ] as [(Double, Double?, Double?, String?)]
    )
    func heat(_ celsius: Double, _ high: Double?, _ critical: Double?, _ letter: String?) {
        let reading = SensorReading(
            chip: "coretemp",
            label: "Package id 0",
            celsius: celsius,
            highCelsius: high,
            criticalCelsius: critical
        )
        let issues = HeatRules.issues(of: reading, earlier: [], now: .start)
        #expect(issues.codes == [letter].compactMap { $0.map { "\($0)-HEAT-02:coretemp-Package-id-0" } })
        if letter != nil {
            #expect(issues[0].evidence["sensor"] == "Package id 0")
            #expect(issues[0].evidence["temperature"] == celsius.short)
        }
    }

    @Test("heat clears three degrees below") func heatSequence() {
        var issues: [Admin.Issue] = []
        for (celsius, letter) in [
            (84.0, nil), (85, "W"), (82, "W"), (81.9, nil), (100, "E"), (97, "E"), (96.9, "W"),
        ] {
            let reading = SensorReading(
                chip: "a",
                label: "b",
                celsius: celsius,
                highCelsius: 85,
                criticalCelsius: 100
            )
            issues = HeatRules.issues(of: reading, earlier: issues, now: .start)
            #expect(issues.codes == [letter].compactMap { $0.map { "\($0)-HEAT-02:a-b" } }, "\(celsius)")
        }
    }

    @Test("a fan's alarm") func fan() {
        var fan = FanReading(chip: "nct6775", label: "fan2", rotationsPerMinute: 0)
        #expect(HeatRules.issues(of: fan, earlier: [], now: .start).isEmpty)
        fan.hasAlarm = true
        #expect(HeatRules.issues(of: fan, earlier: [], now: .start).codes == ["W-FAN-01:nct6775-fan2"])
    }
}

@Suite("Memory, clock and UPS rules") struct OtherRulesTests {
    private func memory(pressure: Double? = nil, corrected: Int? = nil, uncorrected: Int? = nil)
        -> MemoryReport
    {
        MemoryReport(
            totalBytes: 1 << 30,
            availableBytes: 1 << 20,
            fullPressurePercent: pressure,
            eccCorrected: corrected,
            eccUncorrected: uncorrected
        )
    }

    @Test("pressure: raised above 10 %, cleared below 5 %") func pressure() {
        var issues: [Admin.Issue] = []
        let steps: [(Double?, Bool)] = [
            (10, false), (10.1, true), (10, true), (5, true), (4.9, false), (9, false), (99, true),
            (nil, false),
        ]
        for (percent, isThere) in steps {
            issues = MemoryRules.issues(
                of: memory(pressure: percent),
                after: nil,
                earlier: issues,
                now: .start
            )
            #expect(issues.codes == (isThere ? ["W-MEM-01"] : []), "\(percent ?? -1)")
        }
    }

    @Test("programs that were ended are part of the evidence") func oomKills() {
        var (before, report) = (memory(), memory(pressure: 50))
        (before.oomKills, report.oomKills) = (2, 5)
        let issues = MemoryRules.issues(of: report, after: before, earlier: [], now: .start)
        #expect(issues.evidence("W-MEM-01")["oomKills"] == "3")
    }

    @Test(
        "corrected errors that grow, also over a restart; not those of the first report",
        arguments: [
            (nil, 5, false), (5, 5, false), (5, 6, true), (5, 0, false), (5, 2, true), (nil, nil, false),
            (5, nil, false),
        ] as [(Int?, Int?, Bool)]
    )
    func corrected(_ before: Int?, _ count: Int?, _ isThere: Bool) {
        let issues = MemoryRules.issues(
            of: memory(corrected: count),
            after: memory(corrected: before),
            earlier: [],
            now: .start
        )
        #expect(issues.codes == (isThere ? ["W-ECC-01"] : []))
        let later = Timestamp.start.after(days: 6.9)
        let next = MemoryRules.issues(
            of: memory(corrected: count),
            after: memory(corrected: count),
            earlier: issues,
            now: later
        )
        #expect(next == issues)
        #expect(
            MemoryRules.issues(
                of: memory(corrected: count),
                after: nil,
                earlier: next,
                now: later.after(days: 1)
            ) == []
        )
    }

    @Test(
        "errors that were not corrected",
        arguments: [(nil, false), (0, false), (1, true)] as [(Int?, Bool)]
    )
    func uncorrected(_ count: Int?, _ isThere: Bool) {
        let issues = MemoryRules.issues(of: memory(uncorrected: count), after: nil, earlier: [], now: .start)
        #expect(issues.codes == (isThere ? ["E-ECC-01"] : []))
    }

    @Test(
        "clock: synchronised, and less than a second off",
        arguments: [
            (true, 0, false), (true, 1, false), (true, 1.001, true), (true, -1, false), (true, -1.001, true),
            (true, nil, false), (false, 0, true), (false, nil, true),
        ] as [(Bool, Double?, Bool)]
    )
    func clock(_ isSynchronised: Bool, _ offset: Double?, _ isThere: Bool) {
        let report = ClockReport(
            isSynchronised: isSynchronised,
            offsetSeconds: offset,
            stratum: 3,
            source: "ntp1"
        )
        let issues = ClockRules.issues(of: report, buildDate: .start, earlier: [], now: .start)
        #expect(issues.codes == (isThere ? ["W-TIME-01"] : []))
        if isThere { #expect(issues[0].evidence["source"] == "ntp1") }
    }

    @Test("clock: the offset clears below half a second") func offsetSequence() {
        var issues: [Admin.Issue] = []
        for (offset, isThere) in [(2.0, true), (0.9, true), (-0.5, true), (0.49, false), (0.9, false)] {
            let report = ClockReport(isSynchronised: true, offsetSeconds: offset)
            issues = ClockRules.issues(of: report, buildDate: .start, earlier: issues, now: .start)
            #expect(issues.codes == (isThere ? ["W-TIME-01"] : []), "\(offset)")
        }
    }

    @Test("clock: not earlier than the software", arguments: [(-1, true), (0, false), (1, false)])
    func buildDate(_ milliseconds: Int64, _ isThere: Bool) {
        let now = Timestamp(milliseconds: Timestamp.start.milliseconds + milliseconds)
        let issues = ClockRules.issues(of: nil, buildDate: .start, earlier: [], now: now)
        #expect(issues.codes == (isThere ? ["E-TIME-02"] : []))
    }

    @Test(
        "UPS: on battery, and not for long",
        arguments: [
            ("OL", 100, nil), ("OL CHRG", 5, nil), ("OL LB", 5, nil), ("OB DISCHRG", 21, "W-UPS-01"),
            ("OB DISCHRG", 20, "E-UPS-02"), ("OB", 0, "E-UPS-02"), ("OB LB", 50, "E-UPS-02"),
            ("OB", nil, "W-UPS-01"),
            ("", nil, nil),
        ] as [(String, Int?, String?)]
    )
    func ups(_ status: String, _ charge: Int?, _ code: String?) {
        let report = UPSReport(
            status: status.split(separator: " ").map(String.init),
            chargePercent: charge,
            runtimeSeconds: 425
        )
        let issues = UPSRules.issues(of: report, earlier: [], now: .start)
        #expect(issues.codes == [code].compactMap(\.self))
        if code != nil { #expect(issues[0].evidence["minutesLeft"] == "7") }
        if code == "E-UPS-02" { #expect(issues[0].summary == "the battery is nearly empty: 7 minutes left") }
    }
}

@Suite("Health state") struct HealthStateTests {
    @Test("all rules together: issues come, keep their time, and go") func sequence() throws {
        var state = HealthState()
        let good = try Fixture.report("wdc-wd20efrx-68euzn0")
        var report = HealthReport(
            time: .start,
            disks: [good],
            raid: [
                RAIDReport(name: "md0", level: "raid1", devices: "[UU]", isDegraded: false, state: "clean")
            ],
            sensors: [SensorReading(chip: "a", label: "b", celsius: 40, criticalCelsius: 90)],
            fans: [FanReading(chip: "a", label: "f", rotationsPerMinute: 900)],
            fileSystems: [FileSystemReport(path: "/", totalBytes: 100, freeBytes: 50)],
            memory: MemoryReport(totalBytes: 100, availableBytes: 50, eccCorrected: 3),
            clock: ClockReport(isSynchronised: true),
            ups: UPSReport(status: ["OL"], chargePercent: 100)
        )
        state.take(report, buildDate: .start)
        #expect(state.issues.isEmpty)

        report.time = Timestamp.start.after(days: 1)
        report.disks[0].time = report.time
        report.disks[0].reallocatedSectors = 7
        report.raid[0].isDegraded = true
        report.sensors[0].celsius = 95
        report.fans[0].hasAlarm = true
        report.fileSystems[0].errors = 1
        report.memory?.eccCorrected = 4
        report.clock = ClockReport(isSynchronised: false)
        report.ups = UPSReport(status: ["OB"], chargePercent: 80)
        state.take(report, buildDate: .start)
        let all = [
            "E-FS-01:root", "E-HEAT-02:a-b", "E-RAID-01:md0", "W-DISK-04:sda", "W-ECC-01", "W-FAN-01:a-f",
            "W-TIME-01",
            "W-UPS-01",
        ]
        #expect(state.issues.codes == all)

        // A minute later the disk sleeps, and nothing else has changed.
        let raised = report.time
        report.time = raised.after(days: 0.001)
        report.disks = [DiskReport(device: "/dev/sda", time: report.time, state: .asleep)]
        state.take(report, buildDate: .start)
        #expect(state.issues.codes == all)
        #expect(state.issues.allSatisfy { $0.since == raised })

        // Compared to the report before it slept: two more in another day.
        report.time = raised.after(days: 1)
        report.disks = [try Fixture.report("wdc-wd20efrx-68euzn0", time: report.time)]
        report.disks[0].reallocatedSectors = 9
        state.take(report, buildDate: .start)
        #expect(state.issues.evidence("W-DISK-04:sda")["perDay"] == "2")

        state.take(HealthReport(time: report.time), buildDate: .start)
        #expect(state.issues.isEmpty)
    }

    @Test("reports and state are the same after JSON") func roundTrip() throws {
        var state = HealthState()
        let report = HealthReport(
            time: .start,
            disks: [
                try Fixture.report("hitachi-hds721050dle630"),
                Smartctl.silent(device: "/dev/sdb", time: .start),
            ],
            raid: [
                RAIDReport(name: "md0", level: "raid1", devices: "[U_]", isDegraded: true, state: "clean")
            ],
            sensors: [SensorReading(chip: "a", label: "b", celsius: 40.5, criticalCelsius: 90)],
            fans: [FanReading(chip: "a", label: "f", rotationsPerMinute: 900)],
            fileSystems: [FileSystemReport(path: "/", totalBytes: 100, freeBytes: 50, takesWrites: true)],
            memory: MemoryReport(totalBytes: 100, availableBytes: 50, fullPressurePercent: 0.25),
            clock: ClockReport(isSynchronised: true, offsetSeconds: -0.001),
            ups: UPSReport(status: ["OL"], chargePercent: 100)
        )
        state.take(report, buildDate: .start)
        #expect(state.issues.count == 5)
        #expect(try JSONDecoder().decode(HealthReport.self, from: JSONEncoder().encode(report)) == report)
        #expect(try JSONDecoder().decode(HealthState.self, from: JSONEncoder().encode(state)) == state)
    }

    @Test("a disk that is read less often than the rest does not grow twice") func sameDiskReport() throws {
        var state = HealthState()
        var report = HealthReport(time: .start, disks: [try Fixture.report("st3500418as")])
        state.take(report, buildDate: .start)
        report.time = Timestamp.start.after(days: 1)
        report.disks[0].time = report.time
        report.disks[0].pendingSectors = 4
        state.take(report, buildDate: .start)
        let issues = state.issues
        #expect(issues.codes == ["W-DISK-04:sda"])
        report.time = Timestamp.start.after(days: 1.01)
        state.take(report, buildDate: .start)
        #expect(state.issues == issues)
    }
}
