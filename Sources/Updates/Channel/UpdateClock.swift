// SPDX-License-Identifier: Apache-2.0
package import Linux
package import TUF

/// The time that metadata is checked with. It does not go back: it is the latest of the real-time clock, the time of the
/// last refresh that succeeded, and the time at which the image was made.
///
/// A time is kept only once metadata was found fresh at it, so that a clock that ran ahead for a while leaves nothing behind
/// that lies after the timestamp's expiry. All calls block.
package struct UpdateClock: Sendable {
    private let path: String
    private let imageTime: UTCTime
    private let realTime: @Sendable () -> UTCTime

    /// `path` is the file of the kept time; its directory is there.
    package init(
        path: String,
        imageTime: UTCTime,
        realTime: @escaping @Sendable () -> UTCTime = { UTCTime(seconds: WallClock.milliseconds() / 1000) }
    ) {
        self.path = path
        self.imageTime = imageTime
        self.realTime = realTime
    }

    package func now() -> UTCTime { max(realTime(), imageTime, kept ?? imageTime) }

    /// Keeps the time of a refresh that succeeded, unless a later one is kept; returns when it is on the disk.
    package func keep(_ time: UTCTime) throws(SystemCallError) {
        if let kept, kept >= time { return }
        try replaceFile(path, with: Array("\(time)\n".utf8), mode: 0o600)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        try Directory.synchronize(parts.isEmpty ? "." : "/" + parts.joined(separator: "/"))
    }

    /// A file that is no time counts as none.
    private var kept: UTCTime? {
        guard let bytes = try? readFile(path, limit: 64) else { return nil }
        return UTCTime(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }
}
