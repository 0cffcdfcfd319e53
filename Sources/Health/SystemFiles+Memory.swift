// SPDX-License-Identifier: Apache-2.0
package import Admin

extension SystemFiles {
    /// `events`: a control group's `memory.events`, as a path below the root, whose ended programs count.
    /// Nil where `/proc/meminfo` cannot be read.
    package func memory(events: String? = nil) -> MemoryReport? {
        let info = text("proc/meminfo") ?? ""
        guard let total = Self.kibibytes("MemTotal:", in: info) else { return nil }
        return MemoryReport(
            totalBytes: total,
            availableBytes: Self.kibibytes("MemAvailable:", in: info) ?? 0,
            fullPressurePercent: text("proc/pressure/memory").flatMap(Self.fullPressure),
            oomKills: events.flatMap { text($0) }.flatMap { Self.number(after: "oom_kill", in: $0) },
            eccCorrected: errors("ce_count"),
            eccUncorrected: errors("ue_count")
        )
    }

    /// The sum over all memory controllers; nil where none counts.
    private func errors(_ file: String) -> Int? {
        let directory = "sys/devices/system/edac/mc"
        let counts = names(directory).filter { $0.hasPrefix("mc") }
            .compactMap { integer("\(directory)/\($0)/\(file)") }
        return counts.isEmpty ? nil : counts.reduce(0) { $0.addingClamped(max(0, $1)) }
    }

    private static func kibibytes(_ name: String, in text: String) -> Int? {
        guard let value = number(after: name, in: text), value >= 0 else { return nil }
        let (bytes, overflow) = value.multipliedReportingOverflow(by: 1024)
        return overflow ? nil : bytes
    }

    private static func number(after name: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 1, words[0] == name { return Int(words[1]) }
        }
        return nil
    }

    /// Of the line `full avg10=0.00 avg60=0.00 avg300=0.00 total=0`
    /// (Documentation/accounting/psi.rst of the kernel).
    private static func fullPressure(_ text: String) -> Double? {
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("full ") }) else {
            return nil
        }
        let word = line.split(separator: " ").first { $0.hasPrefix("avg60=") }
        return word.flatMap { Double(finite: $0.dropFirst(6)) }
    }
}
