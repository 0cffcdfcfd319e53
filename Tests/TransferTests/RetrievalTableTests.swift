// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import Testing

@testable import Transfer

/// An archive of the test: tells a list, and sends what it is told to.
private final class FakeArchive: ImageArchive, @unchecked Sendable {
    let name = "FAKE"
    private let lock = NSLock()
    private var content: [ArchivedSeries]
    private var asked = 0
    private var retrieved: [RetrieveIdentifier] = []
    private let send: @Sendable (RetrieveIdentifier, Int) throws -> Void

    init(_ content: [ArchivedSeries], send: @escaping @Sendable (RetrieveIdentifier, Int) throws -> Void) {
        self.content = content
        self.send = send
    }

    var questions: Int { lock.withLock { asked } }
    var requests: [RetrieveIdentifier] { lock.withLock { retrieved } }

    func series(study: UID, series: UID?, priority: TransferPriority) async throws -> [ArchivedSeries] {
        lock.withLock {
            asked += 1
            return content.filter { series == nil || $0.seriesInstanceUID == series }
        }
    }

    func retrieve(
        _ identifier: RetrieveIdentifier,
        priority: TransferPriority,
        keepAlive: @escaping @Sendable () -> Bool
    ) async throws -> RetrieveProgress {
        let count = lock.withLock {
            retrieved.append(identifier)
            return retrieved.count
        }
        try send(identifier, count)
        return RetrieveProgress(subOperations: SubOperations(), status: .success)
    }
}

/// What is in the spool.
private final class Kept: @unchecked Sendable {
    private let lock = NSLock()
    private var uids: Set<UID> = []
    let arrivals = InstanceArrivals()

    var all: Set<UID> { lock.withLock { uids } }

    func arrive(_ uid: UID) {
        lock.withLock { _ = uids.insert(uid) }
        arrivals.announce(
            InstanceHeader(
                sopClassUID: SOPClass.verification,
                sopInstanceUID: uid,
                studyInstanceUID: UID(literal: "1.2"),
                seriesInstanceUID: UID(literal: "1.3")
            )
        )
    }
}

@Suite("Pulling what is missing") struct RetrievalTableTests {
    private let resource = DICOMwebRoute.Resource(study: UID(literal: "1.2"))
    private let uids = (1...6).compactMap { UID("2.25.\($0)") }
    private var series: [ArchivedSeries] {
        [ArchivedSeries(seriesInstanceUID: UID(literal: "1.3"), sopInstanceUIDs: uids)]
    }

    private func table(_ archive: FakeArchive, _ kept: Kept) -> RetrievalTable {
        var limits = RetrievalTable.Limits()
        limits.policy = RetryPolicy(maximumAttempts: 3, base: .milliseconds(1))
        return RetrievalTable(
            archives: [archive],
            arrivals: kept.arrivals,
            journal: TransferJournal(),
            limits: limits
        ) { _ in kept.all }
    }

    private func collect(_ availability: RetrievalTable.Availability) async throws -> [UID] {
        guard case .arriving(let arriving) = availability else {
            Issue.record("\(availability)")
            return []
        }
        var list: [UID] = []
        for try await uid in arriving.uids() { list.append(uid) }
        return list
    }

    @Test("all of a series comes once, to several readers; afterwards nothing is asked for") func joins()
        async throws
    {
        let kept = Kept()
        let all = uids
        let archive = FakeArchive(series) { _, _ in
            Thread.sleep(forTimeInterval: 0.1)
            all.forEach(kept.arrive)
        }
        let table = table(archive, kept)
        let first = try await table.availability(of: resource, priority: .viewer)
        let second = try await table.availability(of: resource, priority: .viewer)
        async let one = collect(first)
        async let other = collect(second)
        #expect(try await Set(one) == Set(uids))
        #expect(try await Set(other) == Set(uids))
        #expect(archive.requests.count == 1)
        #expect(archive.requests.first?.level == .series)
        guard case .complete = try await table.availability(of: resource, priority: .viewer) else {
            Issue.record("not complete")
            return
        }
        #expect(archive.questions == 1)
    }

    @Test("an archive that breaks off is asked for the rest alone") func resumes() async throws {
        let kept = Kept()
        let all = uids
        let archive = FakeArchive(series) { identifier, count in
            if count == 1 {
                all.prefix(4).forEach(kept.arrive)
                throw AssociationError.connectionLost
            }
            identifier.sopInstanceUIDs.forEach(kept.arrive)
        }
        let list = try await collect(
            try await table(archive, kept).availability(of: resource, priority: .viewer)
        )
        #expect(Set(list) == Set(uids))
        #expect(archive.requests.map(\.sopInstanceUIDs) == [[], Array(uids.suffix(2))])
    }

    @Test("what the archive does not send is told, and not asked for again at once") func undelivered()
        async throws
    {
        let kept = Kept()
        let all = uids
        let archive = FakeArchive(series) { _, _ in all.prefix(5).forEach(kept.arrive) }
        let table = table(archive, kept)
        await #expect(throws: ArrivingInstances.Incomplete.self) {
            _ = try await collect(try await table.availability(of: resource, priority: .viewer))
        }
        guard case .undeliverable(1) = try await table.availability(of: resource, priority: .viewer) else {
            Issue.record("another availability")
            return
        }
        #expect(archive.requests.count == 1)
    }

    @Test("that nobody has a study is remembered for a while") func absent() async throws {
        let archive = FakeArchive([]) { _, _ in }
        let table = table(archive, Kept())
        for _ in 0..<5 {
            guard case .complete = try await table.availability(of: resource, priority: .viewer) else {
                Issue.record("another availability")
                return
            }
        }
        #expect(archive.questions == 1)
    }
}
