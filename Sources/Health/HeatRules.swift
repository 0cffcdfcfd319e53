// SPDX-License-Identifier: Apache-2.0
package import Admin

/// What the sensors mean by the limits of their own chips: `W-HEAT-02`, `E-HEAT-02` and, of fans, `W-FAN-01`.
/// The codes end with chip and label: `W-HEAT-02:coretemp-Core-0`.
package enum HeatRules {
    /// Degrees below its limit at which a sensor's issue goes.
    static let gap = 3.0

    package static func issues(of reading: SensorReading, earlier: [Issue], now: Timestamp) -> [Issue] {
        guard reading.highCelsius != nil || reading.criticalCelsius != nil else { return [] }
        let critical = reading.criticalCelsius ?? .infinity
        let limits = Limits(
            warning: min(reading.highCelsius ?? critical, critical),
            critical: critical,
            gap: gap
        )
        var maker = IssueMaker(
            earlier: earlier,
            now: now,
            about: subject(reading.chip, reading.label),
            facts: [
                "chip": reading.chip, "sensor": reading.label, "temperature": reading.celsius.short,
                "high": reading.highCelsius.map(\.short), "critical": reading.criticalCelsius.map(\.short),
            ]
        )
        let before = maker.severityBefore(warning: "W-HEAT-02", critical: "E-HEAT-02")
        let what = "sensor \(reading.label) of \(reading.chip)"
        switch limits.severity(reading.celsius, before: before) {
        case .critical:
            let advice = ["Check fans and air at once: the box may switch itself off."]
            maker.raise("E-HEAT-02", "\(what) is far too hot", [:], advice)
        case .warning:
            maker.raise(
                "W-HEAT-02",
                "\(what) is too hot",
                [:],
                ["Check the fans and the air around the box."]
            )
        case .info, nil: break
        }
        return maker.issues
    }

    package static func issues(of reading: FanReading, earlier: [Issue], now: Timestamp) -> [Issue] {
        guard reading.hasAlarm else { return [] }
        var maker = IssueMaker(earlier: earlier, now: now, about: subject(reading.chip, reading.label))
        maker.raise(
            "W-FAN-01",
            "fan \(reading.label) of \(reading.chip) does not turn as it should",
            ["chip": reading.chip, "fan": reading.label, "rpm": "\(reading.rotationsPerMinute)"],
            ["Clean or replace the fan."]
        )
        return maker.issues
    }

    private static func subject(_ chip: String, _ label: String) -> String { "\(chip)-\(label)".asSubject }
}
