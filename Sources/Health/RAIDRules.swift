// SPDX-License-Identifier: Apache-2.0
package import Admin

/// `E-RAID-01:md0`: an array runs without one of its disks.
package enum RAIDRules {
    package static func issues(of report: RAIDReport, earlier: [Issue], now: Timestamp) -> [Issue] {
        guard report.isDegraded else { return [] }
        var maker = IssueMaker(earlier: earlier, now: now, about: report.name.asSubject)
        maker.raise(
            "E-RAID-01",
            "RAID \(report.name) is degraded",
            [
                "array": report.name, "level": report.level, "devices": report.devices, "state": report.state,
                "missing": missing(in: report.devices),
                "rebuildPercent": report.syncPercent.map(\.short),
            ],
            report.syncPercent == nil
                ? ["Replace the missing disk and add it to the array.", "Remove no other disk."]
                : ["Wait until the rebuild is done; remove no disk."]
        )
        return maker.issues
    }

    /// Numbers of the slots without a working disk: `1`, or `0, 2`.
    private static func missing(in devices: String) -> String? {
        let slots = devices.filter { $0 == "U" || $0 == "_" }
        let numbers = slots.enumerated().filter { $0.element == "_" }.map { "\($0.offset)" }
        return numbers.isEmpty ? nil : numbers.joined(separator: ", ")
    }
}
