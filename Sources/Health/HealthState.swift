// SPDX-License-Identifier: Apache-2.0
package import Admin

/// All that the rules need to know of the time before, and the issues that are open now.
package struct HealthState: Codable, Equatable, Sendable {
    package private(set) var issues: [Issue] = []
    /// The newest report with values of each disk, by device.
    private var disks: [String: DiskReport] = [:]
    private var memory: MemoryReport?

    package init() {}

    /// Applies every rule to `report`. What it does not hold raises nothing, and its issues go; a part that is
    /// read less often is put into each report as it was read last.
    package mutating func take(_ report: HealthReport, buildDate: Timestamp) {
        let (earlier, now) = (issues, report.time)
        var found: [Issue] = []
        for disk in report.disks {
            let answer = DiskRules.issues(of: disk, after: disks[disk.device], earlier: earlier, now: now)
            found += answer ?? earlier.filter { DiskRules.concerns($0, disk: disk.name) }
            if disk.hasValues { disks[disk.device] = disk }
        }
        found += report.raid.flatMap { RAIDRules.issues(of: $0, earlier: earlier, now: now) }
        found += report.sensors.flatMap { HeatRules.issues(of: $0, earlier: earlier, now: now) }
        found += report.fans.flatMap { HeatRules.issues(of: $0, earlier: earlier, now: now) }
        found += report.fileSystems.flatMap { FileSystemRules.issues(of: $0, earlier: earlier, now: now) }
        if let new = report.memory {
            found += MemoryRules.issues(of: new, after: memory, earlier: earlier, now: now)
            memory = new
        }
        found += ClockRules.issues(of: report.clock, buildDate: buildDate, earlier: earlier, now: now)
        if let ups = report.ups { found += UPSRules.issues(of: ups, earlier: earlier, now: now) }
        issues = found
    }
}
