// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Synchronization

/// Whether what a request names is here, and gets what is not.
///
/// The archive is asked what it has (its answer counts for a while); what is missing in the spool is pulled series by
/// series. A second request for a series on its way waits for the same instances: nothing is pulled twice.
package final class RetrievalTable: Sendable {
    package enum Availability: Sendable {
        /// Everything that is known of is here.
        case complete
        /// The archive does not answer: nobody knows what is missing.
        case unknown(reason: String)
        /// So many instances are in the archive's list, but it did not deliver them a moment ago.
        case undeliverable(count: Int)
        /// The rest is on its way.
        case arriving(ArrivingInstances)
    }

    package struct Limits: Sendable {
        /// An archive's list counts for so long.
        package var listing: Duration = .seconds(30)
        /// That no archive has a study counts for so long.
        package var absence: Duration = .seconds(5)
        /// An instance that was not delivered is not asked for again for so long.
        package var undelivered: Duration = .seconds(60)
        package var policy = RetryPolicy(maximumAttempts: 3)

        package init() {}
    }

    private struct Key: Hashable {
        let study: UID
        let series: UID
    }

    private struct Listing {
        let archive: any ImageArchive
        let series: [ArchivedSeries]
        let time: ContinuousClock.Instant
    }

    /// A series that is being pulled, or the instances of it that are.
    private struct Flight {
        let number: Int
        let covers: Set<UID>
        let task: Task<Void, any Error>
    }

    private struct State {
        var listings: [DICOMwebRoute.Resource: Listing] = [:]
        var flights: [Key: Flight] = [:]
        var nextFlight = 0
        var undelivered: [UID: ContinuousClock.Instant] = [:]
    }

    /// Entries of the lists that are remembered.
    private static let remembered = 1024
    /// Beyond so many instances a whole series is asked for again, since identifiers must stay short.
    private static let instancesPerIdentifier = 200

    private let archives: [any ImageArchive]
    private let arrivals: InstanceArrivals
    /// Which of a resource's instances can be read now.
    private let kept: @Sendable (DICOMwebRoute.Resource) throws -> Set<UID>
    private let journal: TransferJournal
    private let limits: Limits
    private let state = Mutex(State())

    package init(
        archives: [any ImageArchive],
        arrivals: InstanceArrivals,
        journal: TransferJournal,
        limits: Limits = Limits(),
        kept: @escaping @Sendable (DICOMwebRoute.Resource) throws -> Set<UID>
    ) {
        self.archives = archives
        self.arrivals = arrivals
        self.journal = journal
        self.limits = limits
        self.kept = kept
    }

    /// Where `only` is given, what is not in it is neither looked for nor pulled.
    package func availability(
        of resource: DICOMwebRoute.Resource,
        only: Set<UID>? = nil,
        priority: TransferPriority
    ) async throws -> Availability {
        guard !archives.isEmpty else { return .complete }
        let listing: Listing?
        do {
            listing = try await list(resource, priority)
        } catch {
            return .unknown(reason: "\(error)")
        }
        guard let listing, !listing.series.isEmpty else { return .complete }
        // From here no arrival is missed.
        let stream = arrivals.arrivals(of: resource.study)
        let kept = try kept(resource)
        let missing = listing.series.compactMap { series in
            let uids = series.sopInstanceUIDs.filter {
                !kept.contains($0) && resource.includes($0) && only?.contains($0) != false
            }
            return uids.isEmpty
                ? nil : ArchivedSeries(seriesInstanceUID: series.seriesInstanceUID, sopInstanceUIDs: uids)
        }
        let wanted = Set(missing.flatMap(\.sopInstanceUIDs))
        guard !wanted.isEmpty else { return .complete }
        if areUndelivered(wanted) { return .undeliverable(count: wanted.count) }
        let flights = missing.map { series in
            flight(Key(study: resource.study, series: series.seriesInstanceUID), series, listing, priority)
        }
        return .arriving(ArrivingInstances(wanted: wanted, arrivals: stream, flights: flights))
    }

    // MARK: What the archive has

    private func list(
        _ resource: DICOMwebRoute.Resource,
        _ priority: TransferPriority
    ) async throws -> Listing? {
        // One list serves every instance of a series.
        let key = DICOMwebRoute.Resource(study: resource.study, series: resource.series)
        let now = ContinuousClock.now
        let known = state.withLock { $0.listings[key] }
        if let known, now - known.time < (known.series.isEmpty ? limits.absence : limits.listing) {
            return known
        }
        var failure: (any Error)?
        for archive in archives {
            do {
                let series = try await archive.series(
                    study: resource.study,
                    series: resource.series,
                    priority: priority
                )
                guard series.contains(where: { !$0.sopInstanceUIDs.isEmpty }) else { continue }
                return remember(Listing(archive: archive, series: series, time: now), key)
            } catch {
                failure = error
                journal.record(.archiveFailed(archive: archive.name, operation: "C-FIND", reason: "\(error)"))
            }
        }
        if let failure { throw failure }
        return archives.first.map { remember(Listing(archive: $0, series: [], time: now), key) }
    }

    private func remember(_ listing: Listing, _ key: DICOMwebRoute.Resource) -> Listing {
        state.withLock { state in
            if state.listings.count >= Self.remembered { state.listings = [:] }
            state.listings[key] = listing
        }
        return listing
    }

    private func areUndelivered(_ wanted: Set<UID>) -> Bool {
        let now = ContinuousClock.now
        return state.withLock { state in
            wanted.allSatisfy { uid in
                guard let time = state.undelivered[uid] else { return false }
                return now - time < limits.undelivered
            }
        }
    }

    // MARK: Pulling

    private func flight(
        _ key: Key,
        _ series: ArchivedSeries,
        _ listing: Listing,
        _ priority: TransferPriority
    ) -> Task<Void, any Error> {
        let wanted = Set(series.sopInstanceUIDs)
        return state.withLock { state in
            let former = state.flights[key]
            if let former, wanted.isSubset(of: former.covers) { return former.task }
            let whole =
                listing.series.first { $0.seriesInstanceUID == key.series }?.sopInstanceUIDs.count ?? 0
            let number = state.nextFlight
            state.nextFlight += 1
            let task = Task {
                defer { self.land(key, number) }
                // What the former brings need not be asked for again.
                _ = await former?.task.result
                let missing = try self.left(
                    series.sopInstanceUIDs,
                    .init(study: key.study, series: key.series)
                )
                if !missing.isEmpty {
                    try await self.pull(key, missing, whole, from: listing.archive, priority)
                }
            }
            state.flights[key] = Flight(
                number: number,
                covers: wanted.union(former?.covers ?? []),
                task: task
            )
            return task
        }
    }

    private func land(_ key: Key, _ number: Int) {
        state.withLock { state in
            if state.flights[key]?.number == number { state.flights[key] = nil }
        }
    }

    /// Pulls what is missing of a series, and what is still missing after a failure again.
    private func pull(
        _ key: Key,
        _ instances: [UID],
        _ whole: Int,
        from archive: any ImageArchive,
        _ priority: TransferPriority
    ) async throws {
        let resource = DICOMwebRoute.Resource(study: key.study, series: key.series)
        var missing = instances
        var attempt = 1
        while true {
            do {
                try await pullOnce(key, missing, whole, archive, priority)
                missing = try left(missing, resource)
                if !missing.isEmpty {
                    let now = ContinuousClock.now
                    state.withLock { state in
                        if state.undelivered.count > Self.remembered * 64 { state.undelivered = [:] }
                        for uid in missing { state.undelivered[uid] = now }
                    }
                    journal.record(.archiveIncomplete(archive: archive.name, missing: missing.count))
                }
                return
            } catch {
                journal.record(.archiveFailed(archive: archive.name, operation: "C-MOVE", reason: "\(error)"))
                missing = try left(missing, resource)
                if missing.isEmpty { return }
                let isTransient = (error as? AssociationError)?.isTransient == true
                guard isTransient, attempt < limits.policy.maximumAttempts else { throw error }
                try await Task.sleep(for: limits.policy.delay(afterAttempt: attempt))
                attempt += 1
            }
        }
    }

    private func left(_ uids: [UID], _ resource: DICOMwebRoute.Resource) throws -> [UID] {
        let kept = try kept(resource)
        return uids.filter { !kept.contains($0) }
    }

    private func pullOnce(
        _ key: Key,
        _ missing: [UID],
        _ whole: Int,
        _ archive: any ImageArchive,
        _ priority: TransferPriority
    ) async throws {
        let isWhole = missing.count * 2 > whole || missing.count > Self.instancesPerIdentifier
        let identifier = RetrieveIdentifier(
            study: key.study,
            series: key.series,
            instances: isWhole ? [] : missing
        )
        let counter = ArrivalCounter()
        let stream = arrivals.arrivals(of: key.study)
        let watch = Task { for await _ in stream { counter.count() } }
        defer { watch.cancel() }
        _ = try await archive.retrieve(identifier, priority: priority) { counter.hasCounted() }
    }
}

private final class ArrivalCounter: Sendable {
    private let arrived = Atomic(false)

    func count() { arrived.store(true, ordering: .relaxed) }

    func hasCounted() -> Bool { arrived.exchange(false, ordering: .relaxed) }
}

extension DICOMwebRoute.Resource {
    fileprivate func includes(_ sopInstanceUID: UID) -> Bool {
        instance == nil || instance == sopInstanceUID
    }
}
