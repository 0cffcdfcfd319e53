// SPDX-License-Identifier: Apache-2.0
package import Admin

extension SystemFiles {
    private static let mostDisks = 384

    /// The arrays of the md driver (Documentation/admin-guide/md.rst of the kernel), without stopped ones.
    package func raid() -> [RAIDReport] {
        names("sys/block").compactMap { name in
            let directory = "sys/block/\(name)/md"
            guard name.hasPrefix("md"), let state = text("\(directory)/array_state"), state != "clear" else {
                return nil
            }
            let level = text("\(directory)/level") ?? ""
            // RAID 0 has no count of missing disks: it works or is broken.
            let isDegraded = (integer("\(directory)/degraded") ?? 0) > 0 || state == "broken"
            return RAIDReport(
                name: name,
                level: level,
                devices: devices(in: directory),
                isDegraded: isDegraded,
                state: state,
                syncPercent: text("\(directory)/sync_completed").flatMap(Self.percent)
            )
        }
    }

    /// `[U_]`; a disk that is being rebuilt has a slot, but is not in it yet.
    private func devices(in directory: String) -> String {
        let count = min(max(0, integer("\(directory)/raid_disks") ?? 0), Self.mostDisks)
        var slots = [Character](repeating: "_", count: count)
        for name in names(directory) where name.hasPrefix("dev-") {
            guard let slot = integer("\(directory)/\(name)/slot"), slots.indices.contains(slot) else {
                continue
            }
            let words = (text("\(directory)/\(name)/state") ?? "").split { $0 == "," || $0 == " " }
            if words.contains("in_sync"), !words.contains("faulty") { slots[slot] = "U" }
        }
        return "[\(String(slots))]"
    }

    /// Of `done / all`, in sectors; `none` and `delayed` are nil.
    private static func percent(_ text: String) -> Double? {
        let numbers = text.split(separator: "/").map { Double(finite: $0.trimmed) }
        guard numbers.count == 2, let done = numbers[0], let all = numbers[1], all > 0 else { return nil }
        return min(max(0, (1000 * done / all).rounded() / 10), 100)
    }
}
