// SPDX-License-Identifier: Apache-2.0
package import Admin

/// Documentation/hwmon/sysfs-interface.rst of the kernel.
extension SystemFiles {
    /// Of air or silicon; beyond it, nothing is connected to the chip's pin.
    private static let plausibleCelsius = -40.0...150.0

    /// All temperatures of the box in degrees, with the limits of their chips where these are set.
    package func sensors() -> [SensorReading] {
        chips().flatMap { chip in
            numbers(of: "temp", in: chip.path).compactMap { number -> SensorReading? in
                let path = "\(chip.path)/temp\(number)"
                guard integer("\(path)_fault") ?? 0 == 0, let celsius = celsius("\(path)_input"),
                    Self.plausibleCelsius.contains(celsius)
                else { return nil }
                return SensorReading(
                    chip: chip.name,
                    label: label(path) ?? "temp\(number)",
                    celsius: celsius,
                    highCelsius: limit("\(path)_max"),
                    criticalCelsius: limit("\(path)_crit")
                )
            }
        }
    }

    package func fans() -> [FanReading] {
        chips().flatMap { chip in
            numbers(of: "fan", in: chip.path).compactMap { number -> FanReading? in
                let path = "\(chip.path)/fan\(number)"
                guard let rotations = integer("\(path)_input") else { return nil }
                return FanReading(
                    chip: chip.name,
                    label: label(path) ?? "fan\(number)",
                    rotationsPerMinute: rotations,
                    hasAlarm: integer("\(path)_alarm") == 1 || integer("\(path)_fault") == 1
                )
            }
        }
    }

    /// Chips of the same name get the kernel's number, too: `nvme.hwmon2`.
    private func chips() -> [(name: String, path: String)] {
        let chips = names("sys/class/hwmon").map { directory in
            let path = "sys/class/hwmon/\(directory)"
            return (directory, path, (text("\(path)/name") ?? directory).printable(limit: 40))
        }
        let counts = Dictionary(chips.map { ($0.2, 1) }, uniquingKeysWith: +)
        return chips.map { directory, path, name in (counts[name] == 1 ? name : "\(name).\(directory)", path)
        }
    }

    private func numbers(of kind: String, in path: String) -> [Int] {
        names(path).compactMap { name in
            guard name.hasPrefix(kind), name.hasSuffix("_input") else { return nil }
            return Int(name.dropFirst(kind.count).dropLast(6))
        }.sorted()
    }

    private func label(_ path: String) -> String? {
        guard let label = text("\(path)_label")?.printable(limit: 40), !label.isEmpty else { return nil }
        return label
    }

    private func celsius(_ path: String) -> Double? { integer(path).map { Double($0) / 1000 } }

    /// Drivers fill what is not set with 0, or with the largest value of the register.
    private func limit(_ path: String) -> Double? {
        celsius(path).flatMap { $0 > 0 && Self.plausibleCelsius.contains($0) ? $0 : nil }
    }
}
