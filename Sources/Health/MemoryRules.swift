// SPDX-License-Identifier: Apache-2.0
package import Admin

/// What the memory's report means: `W-MEM-01` programs wait for memory, `W-ECC-01` errors that were corrected,
/// `E-ECC-01` errors that were not.
package enum MemoryRules {
    /// Percent of a minute in which everything waited: raised above, cleared below.
    static let pressure = (raisedAbove: 10.0, clearedBelow: 5.0)

    /// `previous` is the report before this one, of the same start of the box or an earlier one.
    package static func issues(
        of report: MemoryReport,
        after previous: MemoryReport?,
        earlier: [Issue],
        now: Timestamp
    ) -> [Issue] {
        var maker = IssueMaker(earlier: earlier, now: now)
        raisePressure(report, after: previous, &maker)
        raiseCorrected(report, after: previous, now: now, &maker)
        if let errors = report.eccUncorrected, errors > 0 {
            maker.raise(
                "E-ECC-01",
                "memory has errors that cannot be corrected",
                ["uncorrected": "\(errors)", "corrected": report.eccCorrected.map(String.init)],
                ["Send what is in the spool, then replace the memory module."]
            )
        }
        return maker.issues
    }

    private static func raisePressure(
        _ report: MemoryReport,
        after previous: MemoryReport?,
        _ maker: inout IssueMaker
    ) {
        guard let percent = report.fullPressurePercent else { return }
        let wasThere = maker.before("W-MEM-01") != nil
        guard percent > pressure.raisedAbove || (wasThere && percent >= pressure.clearedBelow) else { return }
        let kills = growth(of: report.oomKills, since: previous?.oomKills)
        maker.raise(
            "W-MEM-01",
            "programs wait for memory",
            [
                "pressure": percent.short, "availableBytes": "\(report.availableBytes)",
                "totalBytes": "\(report.totalBytes)", "oomKills": kills > 0 ? "\(kills)" : nil,
            ],
            ["Let fewer transfers run at once.", "Restart the program that grows."]
        )
    }

    private static func raiseCorrected(
        _ report: MemoryReport,
        after previous: MemoryReport?,
        now: Timestamp,
        _ maker: inout IssueMaker
    ) {
        guard let errors = report.eccCorrected else { return }
        let grown = growth(of: errors, since: previous?.eccCorrected)
        guard grown > 0 else {
            if let issue = maker.before("W-ECC-01"), issue.isRecent(at: now) { maker.keep(issue) }
            return
        }
        maker.raise(
            "W-ECC-01",
            "memory errors grow; all were corrected",
            ["corrected": "\(errors)", "grown": "+\(grown)", "lastGrowth": "\(now)"],
            ["Plan to replace the memory module."]
        )
    }

    /// The kernel counts from its start: a count that is less than before has begun anew. Without a count
    /// before there is no growth.
    private static func growth(of count: Int?, since before: Int?) -> Int {
        guard let count, let before, count >= 0, before >= 0 else { return 0 }
        return count >= before ? count - before : count
    }
}
