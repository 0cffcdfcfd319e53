// SPDX-License-Identifier: Apache-2.0
package import Admin

/// `W-TIME-01` the clock follows nothing or is off, `E-TIME-02` it is earlier than the software was built.
package enum ClockRules {
    /// Seconds, either way: raised above, cleared below.
    static let offset = (raisedAbove: 1.0, clearedBelow: 0.5)

    /// Without a report only the date is looked at: whoever expects a time service makes one of its silence.
    package static func issues(
        of report: ClockReport?,
        buildDate: Timestamp,
        earlier: [Issue],
        now: Timestamp
    ) -> [Issue] {
        var maker = IssueMaker(earlier: earlier, now: now)
        if let report { raiseOffset(report, &maker) }
        if now < buildDate {
            maker.raise(
                "E-TIME-02",
                "the clock is wrong: it is earlier than the software",
                ["clock": "\(now)", "built": "\(buildDate)"],
                [
                    "Set the clock.",
                    "Replace the battery of the board where this comes back after a power cut.",
                ]
            )
        }
        return maker.issues
    }

    private static func raiseOffset(_ report: ClockReport, _ maker: inout IssueMaker) {
        let seconds = abs(report.offsetSeconds ?? 0)
        let wasThere = maker.before("W-TIME-01") != nil
        let isOff = seconds > offset.raisedAbove || (wasThere && seconds >= offset.clearedBelow)
        guard isOff || !report.isSynchronised else { return }
        maker.raise(
            "W-TIME-01",
            report.isSynchronised ? "the clock is off" : "the clock is not synchronised",
            [
                "synchronised": "\(report.isSynchronised)", "offset": report.offsetSeconds.map(\.short),
                "stratum": report.stratum.map(String.init), "source": report.source,
            ],
            ["Check that the time servers answer on UDP port 123: drimboxctl net test ntp"]
        )
    }
}
