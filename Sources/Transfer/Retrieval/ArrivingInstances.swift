// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// Instances on their way from the archive: their UIDs as they become readable.
package struct ArrivingInstances: Sendable {
    /// What is missing when the archive says that it has sent everything, or fails.
    package struct Incomplete: Error, CustomStringConvertible {
        package let missing: Int
        package let reason: String

        package var description: String { "\(missing) instances did not arrive: \(reason)" }
    }

    package let wanted: Set<UID>
    private let arrivals: AsyncStream<InstanceArrivals.Arrival>
    private let flights: [Task<Void, any Error>]

    init(
        wanted: Set<UID>,
        arrivals: AsyncStream<InstanceArrivals.Arrival>,
        flights: [Task<Void, any Error>]
    ) {
        self.wanted = wanted
        self.arrivals = arrivals
        self.flights = flights
    }

    /// Each wanted instance once, as it arrives; then the end, or `Incomplete`. What a reader does not take is not
    /// held: only its UID is.
    package func uids() -> AsyncThrowingStream<UID, any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: UID.self)
        let task = Task {
            await withTaskGroup(of: Step.self) { group in
                group.addTask {
                    var left = wanted
                    for await arrival in arrivals where left.remove(arrival.sopInstanceUID) != nil {
                        continuation.yield(arrival.sopInstanceUID)
                        if left.isEmpty { return .arrived(left: 0) }
                    }
                    return .arrived(left: left.count)
                }
                group.addTask {
                    var reason: String?
                    for flight in flights {
                        do { try await flight.value } catch { reason = "\(error)" }
                    }
                    // What was announced before the archive's last word is still in the stream.
                    try? await Task.sleep(for: .milliseconds(100))
                    return .flown(reason)
                }
                var reason = "the archive did not send them"
                for await step in group {
                    switch step {
                    case .flown(let failure):
                        reason = failure ?? reason
                        group.cancelAll()
                    case .arrived(let left):
                        continuation.finish(
                            throwing: left > 0 ? Incomplete(missing: left, reason: reason) : nil
                        )
                        group.cancelAll()
                        return
                    }
                }
            }
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }

    private enum Step: Sendable {
        case arrived(left: Int)
        case flown(String?)
    }
}
