// SPDX-License-Identifier: Apache-2.0
package import Admin

/// `W-UPS-01` the box runs on battery, `E-UPS-02` and not for long.
package enum UPSRules {
    /// Percent of charge at which intake stops and the box shuts down.
    package static let lowCharge = 20

    package static func issues(of report: UPSReport, earlier: [Issue], now: Timestamp) -> [Issue] {
        guard report.isOnBattery else { return [] }
        let minutes = report.runtimeSeconds.map { $0 / 60 }
        var maker = IssueMaker(
            earlier: earlier,
            now: now,
            facts: [
                "charge": report.chargePercent.map(String.init), "minutesLeft": minutes.map(String.init),
                "status": report.status.joined(separator: " "),
            ]
        )
        if report.isLow || report.chargePercent.map({ $0 <= lowCharge }) == true {
            let rest = minutes.map { ": \($0) minutes left" } ?? ""
            let advice = ["Bring mains power back now: the box is about to shut down."]
            maker.raise("E-UPS-02", "the battery is nearly empty\(rest)", [:], advice)
        } else {
            maker.raise("W-UPS-01", "the box runs on battery", [:], ["Check the mains power of the box."])
        }
        return maker.issues
    }
}
