// SPDX-License-Identifier: Apache-2.0
import Linux
import TUF
import Updates

/// What the running system says of itself: kernel command line, initial RAM disk, os-release and firmware.
struct SystemFacts {
    let running: RunningSystem
    let release: ReleaseVersion
    /// Seconds since 1970; the clock is never before it.
    let built: Int64

    private static let selectedEntry =
        "/sys/firmware/efi/efivars/LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

    /// `root` goes before every path, for a system that is not this one.
    init(root: String) throws {
        func text(_ path: String) throws -> String {
            String(decoding: try readFile(root + path, limit: 64 << 10), as: UTF8.self)
        }
        let words = try text("/proc/cmdline").split { $0 == " " || $0 == "\n" }
        guard let hash = words.last(where: { $0.hasPrefix("roothash=") })?.dropFirst("roothash=".count),
            let rootHash = HexDigits.bytes(of: String(hash)), rootHash.count == 32
        else {
            throw UpdateRefusal(
                description: "/proc/cmdline: found no roothash of 64 digits, expected the running one"
            )
        }
        let name = try text("/run/drimbox/slot").filter { !$0.isWhitespace }
        guard let slot = ["a": Slot.a, "b": Slot.b][name] else {
            throw UpdateRefusal(description: "/run/drimbox/slot: found \(name.prefix(16)), expected a or b")
        }
        let values = Self.values(try text("/etc/os-release"))
        guard let release = values["IMAGE_VERSION"].flatMap({ ReleaseVersion($0) }) else {
            throw UpdateRefusal(description: "/etc/os-release: found no IMAGE_VERSION, expected a release's")
        }
        guard let index = values["DRIMBOX_ROLLBACK_INDEX"].flatMap({ UInt64($0) }) else {
            throw UpdateRefusal(
                description: "/etc/os-release: found no DRIMBOX_ROLLBACK_INDEX, expected a number"
            )
        }
        self.release = release
        built = values["DRIMBOX_BUILT"].flatMap { Int64($0) } ?? 0
        running = RunningSystem(
            slot: slot,
            release: release.description,
            rootHash: rootHash,
            rollbackIndex: index,
            bootID: try text("/proc/sys/kernel/random/boot_id").filter { !$0.isWhitespace },
            start: Self.start(try? readFile(root + Self.selectedEntry, limit: 4096))
        )
    }

    /// Four bytes of attributes, then UTF-16 with a zero at its end.
    private static func start(_ variable: [UInt8]?) -> RunningSystem.Start {
        guard let variable, variable.count > 6 else { return .unknown }
        let units = stride(from: 4, to: variable.count - 1, by: 2).map {
            UInt16(variable[$0]) | UInt16(variable[$0 + 1]) << 8
        }
        return .entry(String(decoding: units.prefix { $0 != 0 }, as: UTF16.self))
    }

    private static func values(_ text: String) -> [String: String] {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { values[parts[0]] = parts[1].filter { $0 != "\"" } }
        }
        return values
    }
}

/// Why nothing is done: what, found, expected.
struct UpdateRefusal: Error, CustomStringConvertible {
    let description: String
}
