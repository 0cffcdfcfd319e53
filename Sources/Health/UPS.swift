// SPDX-License-Identifier: Apache-2.0
package import Admin

/// What NUT's `upsc NAME` answers: a line `name: value` per variable.
package enum UPS {
    private static let mostWords = 16

    /// Nil without `ups.status`, as when the driver does not answer.
    package static func report(_ text: String) -> UPSReport? {
        var values: [Substring: Substring] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[line[..<colon]] = line[line.index(after: colon)...].trimmed
        }
        guard let status = values["ups.status"] else { return nil }
        let charge = values["battery.charge"].flatMap(number)
        return UPSReport(
            status: status.printable(limit: 100).split(separator: " ").prefix(mostWords).map(String.init),
            chargePercent: charge.map { min($0, 100) },
            runtimeSeconds: values["battery.runtime"].flatMap(number)
        )
    }

    /// Some drivers write `98.0`.
    private static func number(_ text: Substring) -> Int? {
        guard let value = Double(finite: text), value >= 0 else { return nil }
        return Int(clamping: value)
    }
}
