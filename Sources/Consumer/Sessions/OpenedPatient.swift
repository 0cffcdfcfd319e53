// SPDX-License-Identifier: Apache-2.0
import IHE
import Synchronization

/// A patient whom one session has opened, and what was found of them. URLs name documents by number, never by a UID.
final class OpenedPatient: Sendable {
    private struct State {
        var documents: [RegisteredDocument] = []
        var numbers: [String: Int] = [:]
        var exams: [Exam] = []
        var retrievals: [Int: ExamRetrieval] = [:]
        /// For the archive, of what is looked at in a form that has lost something.
        var exports: [Int: ExamRetrieval] = [:]
        /// The report that was read last: its page, and then its body.
        var report: (number: Int, document: ReportDocument)?
        var emergency: Emergency?
        var isClosed = false
    }

    let patient: PatientContext
    /// `/consumer/patients/…`
    let path: String
    /// Milliseconds since 1970.
    let opened: Int64
    private let state = Mutex(State())

    init(_ patient: PatientContext, name: String, opened: Int64) {
        self.patient = patient
        self.opened = opened
        path = "/consumer/patients/\(name)"
    }

    /// Takes in what a search found, so that its documents can be opened.
    func take(_ exams: [Exam]) {
        state.withLock { state in
            state.exams = exams
            for document in exams.flatMap(\.documents) {
                if let number = state.numbers[document.entryUUID] {
                    state.documents[number] = document
                } else {
                    state.numbers[document.entryUUID] = state.documents.count
                    state.documents.append(document)
                }
            }
        }
    }

    /// The document of a number, and the exam in which it was found last.
    func document(_ number: Int) -> (document: RegisteredDocument, exam: Exam)? {
        state.withLock { state in
            guard state.documents.indices.contains(number) else { return nil }
            let document = state.documents[number]
            let exam = state.exams.first { exam in
                exam.documents.contains { $0.entryUUID == document.entryUUID }
            }
            return (document, exam ?? Exam())
        }
    }

    /// Why the record is read without an authorisation; for as long as the patient is open.
    var emergency: Emergency? {
        get { state.withLock { $0.emergency } }
        set { state.withLock { $0.emergency = newValue } }
    }

    func path(ofImages document: RegisteredDocument) -> String { "\(path)/images/\(number(document))" }

    func path(ofReport document: RegisteredDocument) -> String { "\(path)/reports/\(number(document))" }

    private func number(_ document: RegisteredDocument) -> Int {
        state.withLock { $0.numbers[document.entryUUID] ?? -1 }
    }

    func report(_ number: Int) -> ReportDocument? {
        state.withLock { state in state.report.flatMap { $0.number == number ? $0.document : nil } }
    }

    func keep(_ report: ReportDocument, _ number: Int) {
        state.withLock { if !$0.isClosed { $0.report = (number, report) } }
    }

    func retrieval(_ number: Int) -> ExamRetrieval? { state.withLock { $0.retrievals[number] } }

    /// The retrieval of a document; the one that is there already where there is one.
    func begin(_ number: Int, _ retrieval: ExamRetrieval) -> ExamRetrieval? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            if let other = state.retrievals[number] { return other }
            state.retrievals[number] = retrieval
            return retrieval
        }
    }

    /// As `begin`, for the archive.
    func export(_ number: Int, _ retrieval: ExamRetrieval) -> ExamRetrieval? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            if let other = state.exports[number], other.progress.missing.isEmpty { return other }
            state.exports[number] = retrieval
            return retrieval
        }
    }

    /// What of the patient is fetched or being fetched, by its number.
    var retrievals: [Int: ExamRetrieval] { state.withLock { $0.retrievals } }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    func close() {
        let running = state.withLock { state in
            state.isClosed = true
            state.report = nil
            defer { (state.retrievals, state.exports) = ([:], [:]) }
            return Array(state.retrievals.values) + Array(state.exports.values)
        }
        for retrieval in running { retrieval.stop() }
    }
}
