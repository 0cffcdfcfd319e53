// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Synchronization

/// Tells who waits for a study that an instance of it has arrived and is visible, however it came.
package final class InstanceArrivals: Sendable {
    package struct Arrival: Sendable, Equatable {
        package let studyInstanceUID: UID
        package let seriesInstanceUID: UID
        package let sopInstanceUID: UID
    }

    private struct State {
        var nextID = 0
        var listeners: [UID: [Int: AsyncStream<Arrival>.Continuation]] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// To be called once the instance can be read.
    package func announce(_ header: InstanceHeader) {
        let listeners = state.withLock { $0.listeners[header.studyInstanceUID] }
        guard let listeners else { return }
        let arrival = Arrival(
            studyInstanceUID: header.studyInstanceUID,
            seriesInstanceUID: header.seriesInstanceUID,
            sopInstanceUID: header.sopInstanceUID
        )
        for listener in listeners.values { listener.yield(arrival) }
    }

    /// Every arrival from now on, until the iteration ends. UIDs only are held back for a slow reader.
    package func arrivals(of study: UID) -> AsyncStream<Arrival> {
        let (stream, continuation) = AsyncStream.makeStream(of: Arrival.self)
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            state.listeners[study, default: [:]][state.nextID] = continuation
            return state.nextID
        }
        continuation.onTermination = { [weak self] _ in self?.remove(id, study) }
        return stream
    }

    private func remove(_ id: Int, _ study: UID) {
        state.withLock { state in
            state.listeners[study]?[id] = nil
            if state.listeners[study]?.isEmpty == true { state.listeners[study] = nil }
        }
    }
}
