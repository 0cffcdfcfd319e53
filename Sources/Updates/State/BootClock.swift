// SPDX-License-Identifier: Apache-2.0
import Linux

/// The time that trials, consents and soak times are counted in: of each boot, the time of day that its first agent saw, and
/// what has passed since by a clock that nobody sets.
///
/// So a clock that is set, as after a boot with a dead battery, neither ends a trial nor prolongs it, also where the agent
/// starts anew in between. All calls block.
package struct BootClock: Sendable {
    /// Milliseconds since 1970 at the boot, as its first agent saw it.
    private let bootTime: Int64
    private let sinceBoot: @Sendable () -> Int64

    /// `path` is the file that the boot's agents share; its directory is there. `bootID` is the kernel's random boot id.
    /// `isReader` writes nothing. `realTime` and `sinceBoot` are in milliseconds, since 1970 and since the boot.
    package init(
        path: String,
        bootID: String,
        isReader: Bool = false,
        realTime: Int64,
        sinceBoot: @escaping @Sendable () -> Int64 = { WallClock.millisecondsSinceBoot() }
    ) {
        self.sinceBoot = sinceBoot
        if let kept = Self.kept(path, bootID) {
            bootTime = kept
            return
        }
        bootTime = realTime - sinceBoot()
        // Where the disk takes nothing, no record gets on either: the next agent of the boot begins as the first.
        if !isReader { try? Self.keep(bootTime, path, bootID) }
    }

    /// Milliseconds since 1970.
    package func now() -> Int64 { bootTime + sinceBoot() }

    /// Nil for another boot's, and for a file that is not one of these.
    private static func kept(_ path: String, _ bootID: String) -> Int64? {
        guard let bytes = try? readFile(path, limit: 256) else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard words.count == 2, words[0] == bootID else { return nil }
        return Int64(words[1])
    }

    private static func keep(_ bootTime: Int64, _ path: String, _ bootID: String) throws(SystemCallError) {
        try replaceFile(path, with: Array("\(bootID) \(bootTime)\n".utf8), mode: 0o600)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        try Directory.synchronize(parts.isEmpty ? "." : parts.joined(separator: "/") + "/")
    }
}
