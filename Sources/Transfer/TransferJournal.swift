// SPDX-License-Identifier: Apache-2.0
import Linux
import Synchronization

/// Where the wire's news and counts are kept until somebody pulls them.
package final class TransferJournal: Sendable {
    /// The newest events are kept while nobody reads; older ones are dropped, never waited for.
    package static let bufferedEvents = 4096

    package let events: AsyncStream<TransferEvent>
    private let continuation: AsyncStream<TransferEvent>.Continuation
    private let state = Mutex(TransferCounts())

    package init() {
        (events, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.bufferedEvents)
        )
    }

    package var counts: TransferCounts { state.withLock { $0 } }

    package func finish() {
        continuation.finish()
    }

    /// An instance was received and acknowledged.
    func countReceived(_ bytes: Int64) {
        let now = WallClock.milliseconds()
        count {
            $0.instancesReceived += 1
            $0.bytesReceived += bytes
            $0.lastInstance = now
        }
    }

    func record(_ event: TransferEvent) {
        continuation.yield(event)
    }

    func count(_ change: (inout TransferCounts) -> Void) {
        state.withLock { change(&$0) }
    }
}
