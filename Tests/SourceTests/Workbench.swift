// SPDX-License-Identifier: Apache-2.0
import DICOM
import DMP
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

func makeUID(_ text: String) -> UID { UID(text) ?? UID(literal: "0") }

final class RecordingJournal: SourceJournal {
    private let seen = Mutex<[SourceEvent]>([])

    var events: [SourceEvent] { seen.withLock { $0 } }

    func record(_ event: SourceEvent) { seen.withLock { $0.append(event) } }
}

/// An archive of studies whose instances are numbers.
final class TestArchive: ManifestSource {
    private let studies = Mutex<[String: Set<Int>]>([:])
    private let down = Mutex(false)
    private let forms = Mutex<[PublicationManifest.Form]>([.french])
    private let obstacle = Mutex<String?>(nil)

    struct Down: Error {}

    func set(_ study: String, _ instances: Set<Int>) { studies.withLock { $0[study] = instances } }

    func setDown(_ isDown: Bool) { down.withLock { $0 = isDown } }

    /// In which forms a site publishes.
    func set(_ wanted: [PublicationManifest.Form]) { forms.withLock { $0 = wanted } }

    /// Why manifests in MADO's form cannot be made; nil where they can.
    func setIncomplete(_ reason: String?) { obstacle.withLock { $0 = reason } }

    static func uid(_ study: String, _ instance: Int) -> UID { makeUID("\(study).\(instance)") }

    func instances(_ study: String) -> Set<Int> { studies.withLock { $0[study] ?? [] } }

    func draft(of context: ReportContext, without excluded: Set<UID>) async throws -> ManifestDraft {
        if down.withLock({ $0 }) { throw Down() }
        let study = context.studyInstanceUID
        let listed = instances(study).filter { !excluded.contains(Self.uid(study, $0)) }.sorted()
        guard !listed.isEmpty else { return .noImages(reason: "no instances") }
        let text = listed.map(String.init).joined(separator: ",")
        let obstacle = obstacle.withLock { $0 }
        let documents = forms.withLock { $0 }.map { form -> ManifestDraft.Document in
            if form == .mado, let obstacle { return .incomplete(form, reason: obstacle) }
            return .ready(
                .init(
                    form: form,
                    fingerprint: form == .french ? text : "\(form) \(text)",
                    instances: listed.count,
                    modalities: ["CT"]
                ) { uid, _, _ in
                    let end = form == .french ? "" : ":\(form)"
                    return Array("\(uid):\(text):\(context.visibility.isInvisibleToPatient)\(end)".utf8)
                }
            )
        }
        return .images(documents)
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
        var existenceError: RecordError?
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

    /// What the question for a record ends with, until it is nil again.
    func failExistence(_ error: RecordError?) { state.withLock { $0.existenceError = error } }

    func patientRecord(_ context: ReportContext) async throws(RecordError) -> PatientRecord {
        try state.withLock { (state) throws(RecordError) in
            if let error = state.existenceError { throw error }
            return state.record
        }
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
