// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// Reads ranges from a source as a good guest: not faster than allowed, again after a pause when it failed, and not for
/// ever.
struct RangeFetcher: Sendable {
    let source: any ReleaseSource
    let limits: InstallationLimits
    let clock: InstallationClock
    /// Told how many bytes have come.
    let received: @Sendable (Int) -> Void
    private let pace: Pace?

    init(
        _ source: any ReleaseSource,
        _ limits: InstallationLimits,
        _ clock: InstallationClock,
        received: @escaping @Sendable (Int) -> Void
    ) {
        self.source = source
        self.limits = limits
        self.clock = clock
        self.received = received
        pace = limits.bytesPerSecond.map { Pace(bytesPerSecond: $0, clock: clock) }
    }

    /// Nil when the task was cancelled.
    func fetch(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8]? {
        var bytes: [UInt8] = []
        // Half a second's worth, so that what is fetched at once is no more than what is allowed.
        let piece = pace.map { max(4096, $0.bytesPerSecond / 2) } ?? max(1, range.count)
        if piece < range.count { bytes.reserveCapacity(range.count) }
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, start + piece)
            await pace?.wait(for: end - start)
            guard let part = try await attempt(file, start..<end) else { return nil }
            received(part.count)
            if part.count == range.count { return part }
            bytes += part
            start = end
        }
        return bytes
    }

    private func attempt(_ file: String, _ range: Range<Int>) async throws(SourceFailure) -> [UInt8]? {
        var pause = limits.shortestPause
        var attempt = 1
        while !Task.isCancelled {
            switch await read(file, range) {
            case .success(let bytes): return bytes
            case .failure(let failure):
                if Task.isCancelled { return nil }
                if failure.kind != .transient || attempt >= limits.attempts { throw failure }
            }
            attempt += 1
            await clock.sleep(pause)
            // Decorrelated jitter: boxes that failed together do not come back together.
            let longest = min(limits.longestPause, pause * 3)
            pause = limits.shortestPause + (longest - limits.shortestPause) * Double.random(in: 0...1)
        }
        return nil
    }

    private func read(_ file: String, _ range: Range<Int>) async -> Result<[UInt8], SourceFailure> {
        let source = source
        let clock = clock
        let time = limits.requestTime + .seconds(range.count / max(1, limits.slowestBytesPerSecond))
        return await withTaskGroup(
            of: Result<[UInt8], SourceFailure>.self,
            returning: Result<[UInt8], SourceFailure>.self
        ) { group in
            group.addTask { await Self.read(file, range, from: source) }
            group.addTask {
                await clock.sleep(time)
                return .failure(SourceFailure(.transient, file, "no answer within \(time)"))
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(SourceFailure(.transient, file, "no answer"))
        }
    }

    private static func read(
        _ file: String,
        _ range: Range<Int>,
        from source: any ReleaseSource
    ) async -> Result<[UInt8], SourceFailure> {
        do throws(SourceFailure) {
            let bytes = try await source.read(file, range)
            guard bytes.count == range.count else {
                return .failure(
                    SourceFailure(
                        .transient,
                        file,
                        "found \(bytes.count) bytes from \(range.lowerBound), expected \(range.count)"
                    )
                )
            }
            return .success(bytes)
        } catch {
            return .failure(error)
        }
    }
}

/// A token bucket that is never fuller than empty: who takes bytes waits until those before are paid for.
final class Pace: Sendable {
    let bytesPerSecond: Int
    private let clock: InstallationClock
    /// When the next bytes may be asked for.
    private let next: Mutex<Duration>

    init(bytesPerSecond: Int, clock: InstallationClock) {
        self.bytesPerSecond = max(1, bytesPerSecond)
        self.clock = clock
        next = Mutex(clock.now())
    }

    func wait(for count: Int) async {
        let now = clock.now()
        let pause = next.withLock { next in
            let start = max(now, next)
            next = start + .seconds(Double(count) / Double(bytesPerSecond))
            return start - now
        }
        if pause > .zero { await clock.sleep(pause) }
    }
}
