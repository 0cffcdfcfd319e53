// SPDX-License-Identifier: Apache-2.0
package import DICOM
import FoundationEssentials
package import Store
import Synchronization

/// Brings the national record to what reports and archive say, exam by exam.
///
/// Not a list of orders to carry out but a comparison: what is wanted of an exam (its wish) against what is in the record
/// (its manifest). So an order that comes twice, late, or while the record is down changes nothing about where it ends,
/// and only the newest state is sent. What is begun is on the disk before it is sent: after a crash, or an answer that was
/// lost, the record is asked what became of it.
package final class Publisher: Sendable {
    package struct Settings: Sendable {
        /// Exams at a time.
        package var parallel = 4
        package var imageWaitHours = 72
        /// An empty archive is believed after so long, before a manifest is withdrawn.
        package var missingConfirmSeconds: Int64 = 600
        /// How long a submission whose answer was lost may still come into force.
        package var lostAnswerSeconds: Int64 = 180
        /// A patient without a record may open one: so long it is looked for, once a day.
        package var noRecordDays: Int64 = 30
        package var firstDelaySeconds: Int64 = 5
        package var longestDelaySeconds: Int64 = 600
        /// After a publication the archive is looked at again, for images that come late.
        package var lateLookSeconds: [Int64] = [600, 3600, 6 * 3600, 24 * 3600]

        package init() {}
    }

    let table: PublicationTable
    let source: any ManifestSource
    let national: any NationalRecord
    let settings: Settings
    let journal: any SourceJournal
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64
    let makeUID: @Sendable () -> UID
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private let busy = Mutex<Set<Int64>>([])

    package init(
        table: PublicationTable,
        source: any ManifestSource,
        record: any NationalRecord,
        settings: Settings = Settings(),
        journal: any SourceJournal,
        now: @escaping @Sendable () -> Int64,
        makeUID: @escaping @Sendable () -> UID
    ) {
        self.table = table
        self.source = source
        national = record
        self.settings = settings
        self.journal = journal
        self.now = now
        self.makeUID = makeUID
        (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// To be called when something is due that was not before.
    package func wake() {
        waker.yield()
    }

    /// Works until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            var iterator = wakes.makeAsyncIterator()
            while !Task.isCancelled {
                for exam in takeDue() {
                    group.addTask { await self.attend(exam) }
                }
                let timer = Task {
                    try await Task.sleep(for: .milliseconds(self.pause()))
                    self.wake()
                }
                defer { timer.cancel() }
                if await iterator.next() == nil { return }
            }
        }
    }

    /// Does what is due now, and what becomes due by it; returns when nothing is.
    package func settle() async {
        while true {
            let due = takeDue()
            if due.isEmpty { return }
            await withTaskGroup { group in
                for exam in due { group.addTask { await self.attend(exam) } }
            }
        }
    }

    private func takeDue() -> [Int64] {
        let free = busy.withLock { settings.parallel - $0.count }
        guard free > 0 else { return [] }
        do {
            let time = now()
            let limit = settings.parallel * 2
            let due = try table.transaction { (session) throws(SQLiteError) in
                try session.dueExams(now: time, limit: limit).map(\.number)
            }
            return busy.withLock { busy in
                let taken = due.filter { !busy.contains($0) }.prefix(free)
                busy.formUnion(taken)
                return Array(taken)
            }
        } catch {
            journal.record(.storeFailed(reason: "\(error)"))
            return []
        }
    }

    /// Milliseconds until something is due, at most a minute.
    private func pause() -> Int64 {
        let time = now()
        let next = try? table.transaction { (session) throws(SQLiteError) in try session.nextDue() }
        guard let due = next ?? nil else { return 60_000 }
        // What is due already waits for a place, which wakes us.
        return due <= time ? 1000 : min(max(due - time, 10), 60_000)
    }

    private func attend(_ number: Int64) async {
        do {
            try await ExamAttendance(self, number).run()
        } catch {
            journal.record(.storeFailed(reason: "\(error)"))
            // The table does not take what became of it: not at once again.
            try? await Task.sleep(for: .seconds(1))
        }
        busy.withLock { _ = $0.remove(number) }
        wake()
    }
}

extension ExamWish {
    init(reading document: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(document.utf8) + [0x0A])
    }

    func text() throws -> String { try Self.text(self) }

    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
