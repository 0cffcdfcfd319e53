// SPDX-License-Identifier: Apache-2.0
package import Admin

/// What a disk's report means. The codes end with the disk's name, as in `E-DISK-01:nvme0`:
///
/// - `E-DISK-01` the disk says that it fails, `E-DISK-02` an attribute that foretells failure is at its threshold
/// - `W-DISK-03`, `E-DISK-03` worn; `W-DISK-04` more bad sectors or media errors; `W-DISK-05` self-tests failed
/// - `W-DISK-06` cannot be read, `E-DISK-07` does not answer
/// - `W-HEAT-01`, `E-HEAT-01` too hot
package enum DiskRules {
    static let wear = Limits(warning: 80, critical: 95, gap: 0)
    static let nvmeHeat = Limits(warning: 70, critical: 80, gap: 3)
    static let otherHeat = Limits(warning: 55, critical: 60, gap: 3)

    /// How long after the last growth of its errors a disk stays noted, in milliseconds: 7 days.
    static let growthMemory: Int64 = 7 * millisecondsPerDay
    private static let millisecondsPerDay: Int64 = 86_400_000
    private static let unanswered: Set<Substring> = ["W-DISK-06", "E-DISK-07"]
    private static let codes: Set<Substring> = unanswered.union([
        "E-DISK-01", "E-DISK-02", "W-DISK-03", "E-DISK-03", "W-DISK-04", "W-DISK-05", "W-HEAT-01",
        "E-HEAT-01",
    ])

    /// Whether `issue` is one of those that `issues(of:after:earlier:now:)` makes of this disk.
    static func concerns(_ issue: Issue, disk: String) -> Bool {
        codes.contains(issue.kind) && issue.isAbout(disk)
    }

    /// The disk's issues, or nil where nothing new is known: the earlier ones stay.
    ///
    /// `previous` is the newest earlier report of the device that has values, whose errors the new ones are
    /// compared to. Of `earlier`, only issues about this disk count. A disk that is asleep raises nothing and
    /// clears nothing but "does not answer" and "cannot be read"; one that does not answer or cannot be read
    /// keeps what was known of it. Another serial number is another disk, with which everything begins anew.
    package static func issues(
        of report: DiskReport,
        after previous: DiskReport?,
        earlier: [Issue],
        now: Timestamp
    ) -> [Issue]? {
        let isSame = previous?.serial == nil || report.serial == nil || previous?.serial == report.serial
        let previous = isSame ? previous : nil
        let earlier = earlier.filter { issue in
            guard concerns(issue, disk: report.name) else { return false }
            guard let serial = issue.evidence["serial"], let own = report.serial else { return true }
            return serial == own
        }
        let kept = earlier.filter { !unanswered.contains($0.kind) }
        if report.state == .asleep { return kept.count == earlier.count ? nil : kept }
        var maker = IssueMaker(
            earlier: earlier,
            now: now,
            about: report.name,
            facts: [
                "disk": report.name,
                "model": report.model ?? previous?.model,
                "serial": report.serial ?? previous?.serial,
            ]
        )
        if !report.hasValues {
            kept.forEach { maker.keep($0) }
            raiseUnanswered(report, &maker)
            return maker.issues
        }
        raiseFailure(report, &maker)
        raiseWear(report, &maker)
        raiseGrowth(report, after: previous, now: now, &maker)
        raiseSelfTests(report, &maker)
        raiseHeat(report, &maker)
        return maker.issues
    }

    private static func raiseUnanswered(_ report: DiskReport, _ maker: inout IssueMaker) {
        if report.state == .silent {
            maker.raise(
                "E-DISK-07",
                "disk \(report.name) does not answer",
                [:],
                [
                    "Do not restart the box before the spool is sent.",
                    "Check the disk's cable and bay, then replace it.",
                ]
            )
        } else {
            maker.raise(
                "W-DISK-06",
                "the health of disk \(report.name) cannot be read",
                ["message": report.messages.first, "exit": report.exitStatus.map(String.init)],
                ["Check that the disk is still plugged in and reports SMART data."]
            )
        }
    }

    private static func raiseFailure(_ report: DiskReport, _ maker: inout IssueMaker) {
        let exit = Smartctl.ExitStatus(rawValue: report.exitStatus ?? 0)
        let evidence = [
            "wear": report.wearPercent.map(String.init),
            "reallocated": report.reallocatedSectors.map(String.init),
            "pending": report.pendingSectors.map(String.init),
        ]
        if report.state == .failing {
            let reasons = report.reasonsToFail.isEmpty ? ["SMART status failed"] : report.reasonsToFail
            maker.raise(
                "E-DISK-01",
                "disk \(report.name) fails",
                evidence.merging(["reasons": reasons.joined(separator: ", ")]) { $1 },
                ["Send what is in the spool.", "Replace the disk now."]
            )
        }
        if exit.contains(.prefail) || !report.failingAttributes.isEmpty {
            let names = report.failingAttributes.joined(separator: ", ")
            maker.raise(
                "E-DISK-02",
                "disk \(report.name) is about to fail",
                evidence.merging(["attributes": names.isEmpty ? nil : names]) { $1 },
                ["Replace the disk within a day."]
            )
        }
    }

    private static func raiseWear(_ report: DiskReport, _ maker: inout IssueMaker) {
        guard let wear = report.wearPercent else { return }
        let evidence = ["wear": "\(wear)", "hours": report.powerOnHours.map(String.init)]
        switch Self.wear.severity(Double(wear), before: nil) {
        case .critical:
            let advice = ["Replace the disk: its maker warrants no more writes."]
            maker.raise("E-DISK-03", "disk \(report.name) is worn out", evidence, advice)
        case .warning:
            maker.raise(
                "W-DISK-03",
                "disk \(report.name) is nearly worn out",
                evidence,
                ["Order a new disk."]
            )
        case .info, nil: break
        }
    }

    private static func raiseGrowth(
        _ report: DiskReport,
        after previous: DiskReport?,
        now: Timestamp,
        _ maker: inout IssueMaker
    ) {
        let counts: [(name: String, key: KeyPath<DiskReport, Int?>)] = [
            ("reallocated", \.reallocatedSectors), ("pending", \.pendingSectors),
            ("mediaErrors", \.mediaErrors),
        ]
        var evidence: [String: String?] = [:]
        var (total, grown) = (0, [String]())
        for (name, key) in counts {
            guard let count = report[keyPath: key] else { continue }
            evidence[name] = "\(count)"
            guard let before = previous?[keyPath: key], count > before else { continue }
            total = total.addingClamped(count - before)
            grown.append("\(name) +\(count - before)")
        }
        guard let previous, total > 0 else {
            if let issue = maker.before("W-DISK-04"), issue.isRecent(at: now) { maker.keep(issue) }
            return
        }
        let elapsed = report.time.milliseconds.subtractingReportingOverflow(previous.time.milliseconds)
        if !elapsed.overflow, elapsed.partialValue > 0 {
            evidence["perDay"] =
                (Double(total) * Double(millisecondsPerDay) / Double(elapsed.partialValue)).short
        }
        evidence["grown"] = grown.joined(separator: ", ")
        evidence["lastGrowth"] = "\(now)"
        maker.raise(
            "W-DISK-04",
            "disk \(report.name) has more errors than before",
            evidence,
            ["Plan to replace the disk.", "Run a long self-test."]
        )
    }

    private static func raiseSelfTests(_ report: DiskReport, _ maker: inout IssueMaker) {
        let exit = Smartctl.ExitStatus(rawValue: report.exitStatus ?? 0)
        guard (report.selfTestErrors ?? 0) > 0 || exit.contains(.selfTestLog) else { return }
        maker.raise(
            "W-DISK-05",
            "disk \(report.name) failed its self-tests",
            ["selfTestErrors": report.selfTestErrors.map(String.init)],
            ["Run a long self-test; where it fails too, replace the disk."]
        )
    }

    private static func raiseHeat(_ report: DiskReport, _ maker: inout IssueMaker) {
        guard let celsius = report.temperatureCelsius else { return }
        let limits = report.kind == .nvme ? nvmeHeat : otherHeat
        let before = maker.severityBefore(warning: "W-HEAT-01", critical: "E-HEAT-01")
        let evidence = ["temperature": "\(celsius)"]
        let advice = ["Check the fans and the air around the box."]
        switch limits.severity(Double(celsius), before: before) {
        case .critical: maker.raise("E-HEAT-01", "disk \(report.name) is far too hot", evidence, advice)
        case .warning: maker.raise("W-HEAT-01", "disk \(report.name) is too hot", evidence, advice)
        case .info, nil: break
        }
    }
}

extension Issue {
    /// Whether the growth it tells of is not older than `DiskRules.growthMemory`. One whose growth lies in the
    /// future, by a clock that was set back, is not recent.
    func isRecent(at now: Timestamp) -> Bool {
        guard let growth = evidence["lastGrowth"].flatMap(Timestamp.init) else { return false }
        let age = now.milliseconds.subtractingReportingOverflow(growth.milliseconds)
        return !age.overflow && (0..<DiskRules.growthMemory).contains(age.partialValue)
    }
}
