// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import Store
import Synchronization
import Testing

@testable import Source

/// Time that passes when it is told to.
final class TestClock: Sendable {
    private let time = Mutex<Int64>(1_700_000_000_000)

    var now: Int64 { time.withLock { $0 } }

    func pass(seconds: Int64) { time.withLock { $0 += seconds * 1000 } }
}

private func makeUID(_ text: String) -> UID { UID(text) ?? UID(literal: "0") }

final class RecordingJournal: SourceJournal {
    private let seen = Mutex<[SourceEvent]>([])

    var events: [SourceEvent] { seen.withLock { $0 } }

    func record(_ event: SourceEvent) { seen.withLock { $0.append(event) } }
}

/// An archive of studies whose instances are numbers.
final class TestArchive: ManifestSource {
    private let studies = Mutex<[String: Set<Int>]>([:])
    private let down = Mutex(false)

    struct Down: Error {}

    func set(_ study: String, _ instances: Set<Int>) { studies.withLock { $0[study] = instances } }

    func setDown(_ isDown: Bool) { down.withLock { $0 = isDown } }

    static func uid(_ study: String, _ instance: Int) -> UID { makeUID("\(study).\(instance)") }

    func instances(_ study: String) -> Set<Int> { studies.withLock { $0[study] ?? [] } }

    func draft(of context: ReportContext, without excluded: Set<UID>) async throws -> ManifestDraft {
        if down.withLock({ $0 }) { throw Down() }
        let study = context.studyInstanceUID
        let listed = instances(study).filter { !excluded.contains(Self.uid(study, $0)) }.sorted()
        guard !listed.isEmpty else { return .noImages(reason: "no instances") }
        let text = listed.map(String.init).joined(separator: ",")
        return .images(
            .init(fingerprint: text, instances: listed.count, modalities: ["CT"]) { uid, _, _ in
                Array("\(uid):\(text):\(context.visibility.isInvisibleToPatient)".utf8)
            }
        )
    }
}

/// A registry in memory that can fail in every way that the real one can.
final class TestRecord: NationalRecord {
    struct Entry: Sendable {
        let uniqueID: String
        let entryUUID: String
        let document: String
        var status: RecordEntry.Status
    }

    enum Fault: Sendable {
        case none
        /// Not sent.
        case temporary
        /// Done, and the answer lost.
        case lostAnswer
        /// Not done, and nobody knows.
        case lostRequest
        case permanent
    }

    private struct State {
        var entries: [Entry] = []
        var submissions = 0
        var record = PatientRecord.open
        var next: @Sendable () -> Fault = { .none }
    }

    private let state = Mutex(State())

    func onNext(_ fault: @escaping @Sendable () -> Fault) { state.withLock { $0.next = fault } }

    var entries: [Entry] { state.withLock { $0.entries } }
    var submissions: Int { state.withLock { $0.submissions } }

    /// What another wrote into the record.
    func add(uniqueID: String, entryUUID: String) {
        let entry = Entry(uniqueID: uniqueID, entryUUID: entryUUID, document: "", status: .approved)
        state.withLock { $0.entries.append(entry) }
    }

    /// What another did to it.
    func set(_ status: RecordEntry.Status, uniqueID: String) {
        state.withLock { state in
            for index in state.entries.indices where state.entries[index].uniqueID == uniqueID {
                state.entries[index].status = status
            }
        }
    }

    func approved() -> [Entry] { entries.filter { $0.status == .approved } }

    func prepare(_ manifest: PreparedManifest, replacing: String?) throws(RecordError) -> Submission {
        Submission(
            document: manifest.document,
            signature: Array(manifest.sopInstanceUID.string.utf8),
            envelope: Array((replacing ?? "").utf8)
        )
    }

    private func fault(_ state: State) throws(RecordError) -> Bool {
        switch state.next() {
        case .none: return false
        case .temporary: throw RecordError(.temporary, "busy")
        case .lostRequest: throw RecordError(.unknownOutcome, "lost")
        case .permanent: throw RecordError(.permanent, "refused")
        case .lostAnswer: return true
        }
    }

    func submit(_ submission: Submission, context: ReportContext) async throws(RecordError) {
        try state.withLock { (state) throws(RecordError) in
            let isLost = try fault(state)
            guard state.record == .open else { throw RecordError(.permanent, "XDSUnknownPatientId") }
            let uniqueID = String(decoding: submission.signature, as: UTF8.self)
            let replaced = String(decoding: submission.envelope, as: UTF8.self)
            state.submissions += 1
            guard !state.entries.contains(where: { $0.uniqueID == uniqueID }) else {
                throw RecordError(.permanent, "XDSDuplicateUniqueIdInRegistry")
            }
            if !replaced.isEmpty {
                let target = state.entries.firstIndex { $0.entryUUID == replaced && $0.status == .approved }
                guard let target else { throw RecordError(.permanent, "XDSReplaceFailed") }
                state.entries[target].status = .deprecated
            }
            state.entries.append(
                Entry(
                    uniqueID: uniqueID,
                    entryUUID: "urn:uuid:\(state.entries.count)",
                    document: String(decoding: submission.document, as: UTF8.self),
                    status: .approved
                )
            )
            if isLost { throw RecordError(.unknownOutcome, "no answer") }
        }
    }

    func entry(uniqueID: String, context: ReportContext) async throws(RecordError) -> RecordEntry? {
        try state.withLock { (state) throws(RecordError) in
            if try fault(state) { throw RecordError(.temporary, "no answer") }
            return state.entries.first { $0.uniqueID == uniqueID }
                .map { RecordEntry(entryUUID: $0.entryUUID, status: $0.status) }
        }
    }

    func set(_ record: PatientRecord) { state.withLock { $0.record = record } }

    func patientRecord(_ context: ReportContext) async throws(RecordError) -> PatientRecord {
        state.withLock { $0.record }
    }

    func withdraw(_ entryUUID: String, context: ReportContext) async throws(RecordError) {
        try state.withLock { (state) throws(RecordError) in
            let isLost = try fault(state)
            let target = state.entries.firstIndex { $0.entryUUID == entryUUID && $0.status == .approved }
            guard let target else { throw RecordError(.permanent, "not approved") }
            state.entries[target].status = .deleted
            if isLost { throw RecordError(.unknownOutcome, "no answer") }
        }
    }
}

extension ReportContext {
    static func test(report: String = "1.9", study: String = "1.2.3") -> ReportContext {
        let code = Code(value: "X", scheme: "1.2", meaning: "x")
        return ReportContext(
            reportID: report,
            title: code,
            patient: Patient(
                nationalIdentifier: .init(value: "279035121518989", authority: "1.2.250.1.213.1.4.10"),
                localIdentifier: .init(value: "IPP1", authority: "1.2.4"),
                birthFamilyName: "PAT-TROIS",
                firstBirthGivenName: "DOMINIQUE",
                birthDate: "19790328",
                sex: "F"
            ),
            accessionNumber: .init(value: "ACN-\(study)", authority: "1.2.5"),
            studyInstanceUID: study,
            serviceStart: "20240101080000",
            serviceStop: "20240101090000",
            legalAuthenticator: Professional(identifier: "801", familyName: "A", givenName: "B"),
            structure: Structure(identifier: "1750803447", name: "Ambroise"),
            practiceSetting: code,
            facilityType: code
        )
    }
}

/// A publisher on a table of its own, with everything around it in memory.
struct Workbench {
    let table: PublicationTable
    let archive = TestArchive()
    let record = TestRecord()
    let clock = TestClock()
    let journal = RecordingJournal()
    let publisher: Publisher
    let intake: ReportIntake

    init(table: PublicationTable? = nil) throws {
        let table = try table ?? PublicationTable(path: ":memory:")
        self.table = table
        let (clock, uids) = (clock, UIDs())
        publisher = Publisher(
            table: table,
            source: archive,
            record: record,
            journal: journal,
            now: { clock.now },
            makeUID: { uids.next() }
        )
        intake = ReportIntake(table: table, journal: journal, now: { clock.now })
    }

    final class UIDs: Sendable {
        private let count = Mutex(0)

        func next() -> UID {
            let number = count.withLock { count in
                count += 1
                return count
            }
            return makeUID("2.25.\(number)")
        }
    }

    func exams() throws -> [PublicationExam] {
        try table.transaction { (session) throws(SQLiteError) in
            var exams: [PublicationExam] = []
            var number: Int64 = 1
            while let exam = try session.exam(number) {
                exams.append(exam)
                number += 1
            }
            return exams
        }
    }
}

@Suite("From a wish to the record") struct PublisherTests {
    @Test("a report is published, its update replaces it, its deletion withdraws it") func lifecycle()
        async throws
    {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1, 2])
        var context = ReportContext.test()
        try bench.intake.apply([.publish(context)], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
        #expect(try bench.exams().map(\.state) == [.published])

        context.reportID = "1.9.2"
        context.parentID = "1.9"
        context.visibility.isInvisibleToPatient = true
        try bench.intake.apply([.publish(context)], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.entries.map(\.status) == [.deprecated, .approved])
        #expect(bench.record.approved().first?.document.hasSuffix(":true") == true)
        #expect(try bench.exams().count == 1)

        try bench.intake.apply(
            [.withdraw(reports: ["1.9.2"], study: "1.2.3", reason: "deleted")],
            message: nil
        )
        await bench.publisher.settle()
        #expect(bench.record.approved().isEmpty)
        #expect(try bench.exams().map(\.state) == [.withdrawn])
        let states = try bench.table.transaction { (session) throws(SQLiteError) in
            try session.manifests(exam: 1).map(\.state)
        }
        #expect(states == [.replaced, .withdrawn])
    }

    @Test("what the record says already is not sent again") func unchanged() async throws {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1])
        for _ in 0..<3 {
            try bench.intake.apply([.publish(.test())], message: nil)
            await bench.publisher.settle()
        }
        #expect(bench.record.submissions == 1)
    }

    @Test("images that come after the report are waited for, and reported when they do not come") func waits()
        async throws
    {
        let bench = try Workbench()
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        #expect(try bench.exams().map(\.state) == [.awaitingImages])
        for _ in 0..<300 {
            bench.clock.pass(seconds: 3600)
            await bench.publisher.settle()
        }
        let overdue = bench.journal.events.filter { if case .imagesOverdue = $0 { true } else { false } }
        #expect(overdue.count == 1)
        bench.archive.set("1.2.3", [1])
        bench.clock.pass(seconds: 3600)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
    }

    @Test("late images make a new manifest; an archive that is empty once withdraws nothing")
    func lateAndEmpty()
        async throws
    {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1])
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        bench.archive.set("1.2.3", [1, 2])
        bench.clock.pass(seconds: 601)
        await bench.publisher.settle()
        #expect(bench.record.approved().first?.document.contains(":1,2:") == true)
        bench.archive.set("1.2.3", [])
        bench.clock.pass(seconds: 3601)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
        bench.archive.set("1.2.3", [1, 2])
        bench.clock.pass(seconds: 601)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
        bench.archive.set("1.2.3", [])
        try bench.intake.apply([.lookAgain(study: "1.2.3")], message: nil)
        await bench.publisher.settle()
        bench.clock.pass(seconds: 601)
        await bench.publisher.settle()
        #expect(bench.record.approved().isEmpty)
        #expect(try bench.exams().map(\.state) == [.withdrawn])
    }

    @Test("a manifest that somebody else took out of the record is forgotten, and a new one published")
    func takenOut() async throws {
        for status in [RecordEntry.Status.deprecated, .deleted] {
            let bench = try Workbench()
            bench.archive.set("1.2.3", [1])
            try bench.intake.apply([.publish(.test())], message: nil)
            await bench.publisher.settle()
            let former = try #require(bench.record.approved().first?.uniqueID)
            bench.record.set(status, uniqueID: former)
            bench.archive.set("1.2.3", [1, 2])
            try bench.intake.apply([.lookAgain(study: "1.2.3")], message: nil)
            await bench.publisher.settle()
            #expect(bench.record.approved().count == 1)
            #expect(bench.record.approved().first?.uniqueID != former)
            #expect(try bench.exams().map(\.state) == [.published])
        }
    }

    @Test("a patient without a record is no failure; it is looked for once a day, for a month")
    func noRecord()
        async throws
    {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1])
        bench.record.set(.none)
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        let exam = try #require(try bench.exams().first)
        #expect(exam.state == .undestined)
        #expect(exam.reason == "the patient has no DMP")
        bench.record.set(.open)
        await bench.publisher.settle()
        #expect(bench.record.approved().isEmpty)
        bench.clock.pass(seconds: 86_401)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)

        bench.record.set(.closed)
        bench.clock.pass(seconds: 31 * 86_400)
        try bench.intake.apply([.publish(.test(report: "2.9", study: "2.2.3"))], message: nil)
        bench.archive.set("2.2.3", [1])
        for _ in 0..<40 {
            await bench.publisher.settle()
            bench.clock.pass(seconds: 86_401)
        }
        let other = try #require(try bench.exams().last)
        #expect(other.reason == "the patient's DMP is closed")
        #expect(other.due == nil)
    }

    @Test("an entryUUID that is not the record's is put right before a withdrawal") func wrongEntry()
        async throws
    {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1])
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        let manifest = try #require(try bench.exams().first?.manifest)
        try bench.table.transaction { (session) throws(SQLiteError) in
            try session.set(.published, ofManifest: manifest, entryUUID: "urn:uuid:wrong", now: 0)
        }
        try bench.intake.apply([.cancel(study: "1.2.3", reason: "")], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().isEmpty)
        #expect(try bench.exams().map(\.state) == [.withdrawn])
    }

    @Test("rejected instances leave the manifest") func rejection() async throws {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1, 2])
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        try bench.intake.reject(
            study: UID(literal: "1.2.3"),
            instances: [TestArchive.uid("1.2.3", 2)],
            note: UID(literal: "1.2.9"),
            title: "113001"
        )
        await bench.publisher.settle()
        #expect(bench.record.approved().first?.document.contains(":1:") == true)
    }

    @Test("a manifest of ours that the archive took in is no part of the exam") func ownManifest()
        async throws
    {
        let bench = try Workbench()
        bench.archive.set("2.25", [100])
        // The first UID that is made here is 2.25.1, which the archive then has too.
        try bench.intake.apply([.publish(.test(study: "2.25"))], message: nil)
        await bench.publisher.settle()
        bench.archive.set("2.25", [1, 100])
        try bench.intake.apply([.lookAgain(study: "2.25")], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.submissions == 1)
    }

    @Test("an exam that cannot be read takes no message down with it unseen") func unreadable() async throws {
        let bench = try Workbench()
        try bench.intake.apply([.publish(.test())], message: nil)
        try bench.table.transaction { (session) throws(SQLiteError) in
            guard var exam = try session.exam(1) else { return }
            exam.document = "{"
            try session.update(exam)
        }
        #expect(throws: StoreError.self) {
            try bench.intake.apply([.withdraw(reports: ["1.9"], study: nil, reason: "deleted")], message: nil)
        }
        await bench.publisher.settle()
        #expect(try bench.exams().map(\.state) == [.failed])
        // A new version says all that is wanted.
        bench.archive.set("1.2.3", [1])
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
    }

    @Test("a permanent refusal waits for a person, and goes on when one says so") func permanent()
        async throws
    {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1])
        bench.record.onNext { .permanent }
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        #expect(try bench.exams().map(\.state) == [.failed])
        bench.record.onNext { .none }
        bench.clock.pass(seconds: 86_400)
        await bench.publisher.settle()
        #expect(bench.record.entries.isEmpty)
        #expect(try bench.intake.retry(1))
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
    }

    @Test("held exams wait, dropped ones are left alone, new messages take both up again") func holdAndDrop()
        async throws
    {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1])
        bench.record.onNext { .temporary }
        try bench.intake.apply([.publish(.test())], message: nil)
        await bench.publisher.settle()
        #expect(try bench.intake.hold(1, reason: "inquiry"))
        bench.record.onNext { .none }
        bench.clock.pass(seconds: 86_400)
        await bench.publisher.settle()
        #expect(bench.record.entries.isEmpty)
        #expect(try bench.intake.drop(1, reason: "a test exam"))
        await bench.publisher.settle()
        #expect(try bench.exams().map(\.state) == [.dropped])
        var context = ReportContext.test()
        context.visibility.isSecret = true
        try bench.intake.apply([.publish(context)], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
    }

    @Test("two reports of one study are two exams") func twoReports() async throws {
        let bench = try Workbench()
        bench.archive.set("1.2.3", [1])
        try bench.intake.apply([.publish(.test(report: "1.9"))], message: nil)
        try bench.intake.apply([.publish(.test(report: "1.10"))], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 2)
        try bench.intake.apply([.withdraw(reports: ["1.9"], study: nil, reason: "deleted")], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 1)
    }

    @Test(
        "whatever fails and in whatever order, the record ends as it should",
        arguments: 0..<20
    )
    func anyOrder(seed: Int) async throws {
        var random = SplitMix(seed: UInt64(seed))
        let bench = try Workbench()
        let faults = Mutex(SplitMix(seed: UInt64(seed) + 1000))
        let isBad = Mutex(true)
        bench.record.onNext {
            guard isBad.withLock({ $0 }) else { return .none }
            switch faults.withLock({ $0.next() % 12 }) {
            case 0, 1: return .temporary
            case 2: return .lostAnswer
            case 3: return .lostRequest
            default: return .none
            }
        }
        var wishes: [String: ReportContext?] = [:]
        var rejected: [String: Set<Int>] = [:]
        let studies = (0..<8).map { "1.2.\($0)" }
        for study in studies { bench.archive.set(study, [1, 2, 3]) }
        for step in 0..<200 {
            let study = studies[Int(random.next() % 8)]
            switch random.next() % 10 {
            case 0...3:
                var context = ReportContext.test(report: "9.\(study)", study: study)
                context.visibility.isInvisibleToPatient = random.next() % 2 == 0
                wishes[study] = context
                try bench.intake.apply([.publish(context)], message: nil)
            case 4:
                wishes[study] = .some(nil)
                try bench.intake.apply(
                    [.withdraw(reports: ["9.\(study)"], study: study, reason: "deleted")],
                    message: nil
                )
            case 5:
                bench.archive.set(study, Set((1...4).filter { _ in random.next() % 2 == 0 }))
                try bench.intake.apply([.lookAgain(study: study)], message: nil)
            case 6:
                let instance = Int(random.next() % 4) + 1
                rejected[study, default: []].insert(instance)
                try bench.intake.reject(
                    study: makeUID(study),
                    instances: [TestArchive.uid(study, instance)],
                    note: makeUID("1.2.9.\(step)"),
                    title: "113001"
                )
            case 7: bench.archive.setDown(random.next() % 2 == 0)
            default: bench.clock.pass(seconds: Int64(random.next() % 400))
            }
            if random.next() % 2 == 0 { await bench.publisher.settle() }
        }
        isBad.withLock { $0 = false }
        bench.archive.setDown(false)
        for study in studies { try bench.intake.apply([.lookAgain(study: study)], message: nil) }
        for _ in 0..<20 {
            await bench.publisher.settle()
            bench.clock.pass(seconds: 700)
        }
        for study in studies {
            let entries = bench.record.approved().filter { entry in
                let manifest = try? bench.table.transaction { (session) throws(SQLiteError) in
                    try session.manifest(entry.uniqueID)
                }
                return manifest?.studyInstanceUID == study
            }
            let listed = bench.archive.instances(study).subtracting(rejected[study] ?? [])
            guard case .some(.some(let context)) = wishes[study], !listed.isEmpty else {
                #expect(entries.isEmpty, "\(study)")
                continue
            }
            let text = listed.sorted().map(String.init).joined(separator: ",")
            #expect(entries.count == 1, "\(study)")
            #expect(
                entries.first?.document.hasSuffix(":\(text):\(context.visibility.isInvisibleToPatient)")
                    == true,
                "\(study)"
            )
        }
        #expect(try bench.exams().allSatisfy { $0.attempt == nil })
    }
}

@Suite("A year of reports") struct YearTests {
    @Test("ten thousand messages, with outages, rejections and repetitions: the record ends as it should")
    func year() async throws {
        var random = SplitMix(seed: 1)
        let bench = try Workbench()
        let isDown = Mutex(false)
        let faults = Mutex(SplitMix(seed: 2))
        bench.record.onNext {
            if isDown.withLock({ $0 }) { return .temporary }
            return switch faults.withLock({ $0.next() % 100 }) {
            case 0: .lostAnswer
            case 1: .lostRequest
            case 2, 3: .temporary
            default: .none
            }
        }
        let studies = (0..<1500).map { "1.2.\($0)" }
        var wanted: [String: ReportContext] = [:]
        var versions: [String: Int] = [:]
        for study in studies { bench.archive.set(study, [1, 2]) }
        for message in 0..<10_000 {
            let study = studies[Int(random.next() % UInt64(studies.count))]
            switch random.next() % 20 {
            case 0..<13:
                let version = versions[study, default: 0]
                var context = ReportContext.test(report: "9.\(study).\(version)", study: study)
                if version > 0 { context.parentID = "9.\(study).\(version - 1)" }
                context.visibility.isInvisibleToPatient = random.next() % 3 == 0
                versions[study] = version + 1
                wanted[study] = context
                let repetitions = random.next() % 10 == 0 ? 2 : 1
                for _ in 0..<repetitions { try bench.intake.apply([.publish(context)], message: nil) }
            case 13, 14:
                wanted[study] = nil
                let reports =
                    versions[study].map { version in [version - 1, version].map { "9.\(study).\($0)" } } ?? []
                try bench.intake.apply(
                    [.withdraw(reports: reports, study: study, reason: "deleted")],
                    message: nil
                )
            case 15:
                bench.archive.set(study, random.next() % 4 == 0 ? [] : [1, 2, Int(random.next() % 9) + 3])
                try bench.intake.apply([.lookAgain(study: study)], message: nil)
            case 16:
                try bench.intake.reject(
                    study: makeUID(study),
                    instances: [TestArchive.uid(study, 2)],
                    note: makeUID("1.2.9.\(message)"),
                    title: "113037"
                )
            default: bench.clock.pass(seconds: Int64(random.next() % 120))
            }
            if message % 1500 == 700 { isDown.withLock { $0 = true } }
            if message % 1500 == 900 { isDown.withLock { $0 = false } }
            if message % 25 == 0 { await bench.publisher.settle() }
        }
        bench.record.onNext { .none }
        for study in studies { try bench.intake.apply([.lookAgain(study: study)], message: nil) }
        for _ in 0..<8 {
            await bench.publisher.settle()
            bench.clock.pass(seconds: 700)
        }
        var approved: [String: [String]] = [:]
        let all = try bench.table.transaction { (session) throws(SQLiteError) in
            var all: [(String, String)] = []
            for study in studies { all += try session.manifestUIDs(study: study).map { ($0, study) } }
            return all
        }
        let studyOf = Dictionary(all) { $1 }
        for entry in bench.record.approved() {
            approved[studyOf[entry.uniqueID] ?? "none", default: []].append(entry.document)
        }
        var wrong = 0
        for study in studies {
            let rejected = try bench.table.transaction { (session) throws(SQLiteError) in
                try session.rejectedInstances(study: study)
            }
            let listed = bench.archive.instances(study).filter {
                !rejected.contains(TestArchive.uid(study, $0).string)
            }.sorted().map(String.init).joined(separator: ",")
            let documents = approved[study] ?? []
            if let context = wanted[study], !listed.isEmpty {
                let end = ":\(listed):\(context.visibility.isInvisibleToPatient)"
                if documents.count != 1 || documents.first?.hasSuffix(end) != true { wrong += 1 }
            } else if !documents.isEmpty {
                wrong += 1
            }
        }
        #expect(wrong == 0)
        #expect(approved["none"] == nil)
        #expect(bench.record.submissions > 3000)
    }
}

struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
