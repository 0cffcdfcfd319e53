// SPDX-License-Identifier: Apache-2.0
package import NIOCore
import NIOPosix
import Synchronization

/// Event loops for associations, each new one going to the loop with the fewest: writing to disk blocks the
/// loop, and with a loop of its own an association blocks only itself.
package final class AssociationLoops: Sendable {
    private let loops: [any EventLoop]
    private let group: MultiThreadedEventLoopGroup
    private let load: Mutex<[Int]>

    package init(count: Int) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        loops = Array(group.makeIterator())
        load = Mutex(Array(repeating: 0, count: loops.count))
    }

    /// The least loaded loop, counted as having one association more until `release` is called with it.
    package func take() -> any EventLoop {
        let index = load.withLock { load in
            var best = 0
            for candidate in load.indices where load[candidate] < load[best] { best = candidate }
            load[best] += 1
            return best
        }
        return loops[index]
    }

    package func release(_ loop: any EventLoop) {
        guard let index = loops.firstIndex(where: { $0 === loop }) else { return }
        load.withLock { $0[index] = max(0, $0[index] - 1) }
    }

    package func shutdownGracefully() async throws {
        try await group.shutdownGracefully()
    }
}
