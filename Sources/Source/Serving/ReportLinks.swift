// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Store
import Synchronization

/// What the links of reports lead to: the exam of which study, accession and report are all said rightly, as it is now.
package final class ReportLinks: Sendable {
    package enum Target: Sendable {
        /// One of the three is not of the exam, or there is no such exam.
        case unknown
        case withdrawn
        /// No manifest of it is in the record.
        case unavailable
        case exam(LinkedReport)
    }

    private let table: PublicationTable
    private let known = Mutex(KnownReports())

    package init(table: PublicationTable) {
        self.table = table
    }

    /// A link of an earlier version of a report leads to the exam as it is now.
    package func find(study: String, accessionNumber: String, report: String) throws -> Target {
        let found = try table.transaction {
            (session) throws(SQLiteError) -> (exam: PublicationExam, [String])? in
            let exams = try session.exams(report: report).filter { $0.studyInstanceUID == study }
            guard let exam = exams.first, exams.count == 1 else { return nil }
            return (exam, try session.manifests(exam: exam.number).map(\.context))
        }
        guard let (exam, contexts) = found else { return .unknown }
        let wish = try ExamWish(reading: exam.document)
        // Each version of the report has its own accession, which a replacement may have changed.
        var accessions = [wish.context.reportID: Set([wish.context.accessionNumber.value])]
        for text in contexts {
            guard let context = try? SubmittedContext(reading: text).report else { continue }
            accessions[context.reportID, default: []].insert(context.accessionNumber.value)
        }
        // A version of which no manifest was made is known by its id alone.
        let expected = accessions[report] ?? [wish.context.accessionNumber.value]
        guard expected.contains(accessionNumber) else { return .unknown }
        return try look(exam.number)
    }

    /// An exam that was found, looked at anew.
    package func look(_ exam: Int64) throws -> Target {
        let found = try table.transaction { (session) throws(SQLiteError) -> Standing? in
            guard let exam = try session.exam(exam) else { return nil }
            let name = exam.manifest ?? exam.madoManifest ?? exam.attempt
            guard let uid = name else { return Standing(exam: exam, manifest: nil) }
            return Standing(exam: exam, manifest: uid, state: try session.manifestState(uid))
        }
        guard let standing = found else { return .unknown }
        if let report = known.withLock({ $0[standing] }) { return .exam(report) }
        let wish = try ExamWish(reading: standing.exam.document)
        if wish.wish == .withdrawn || standing.exam.state == .withdrawn { return .withdrawn }
        // As the gate before other boxes: what is in the record, or may be.
        guard let uid = standing.manifest, standing.state == .published || standing.state == .submitted else {
            return .unavailable
        }
        let study = standing.exam.studyInstanceUID
        let (manifest, rejected) = try table.transaction { (session) throws(SQLiteError) in
            (try session.manifest(uid), try session.rejectedInstances(study: study))
        }
        guard let manifest,
            let listed = (try? KeyObjectSelection(file: manifest.document))?.studies.first,
            listed.studyInstanceUID.string == study
        else { return .unavailable }
        let linked = LinkedReport(
            exam: standing.exam.number,
            context: wish.context,
            modalities: (try? SubmittedContext(reading: manifest.context))?.modalities ?? [],
            studyInstanceUID: listed.studyInstanceUID,
            sopInstanceUIDs: Set(listed.sopInstanceUIDs.filter { !rejected.contains($0.string) })
        )
        known.withLock { $0.insert(linked, standing) }
        return .exam(linked)
    }
}

/// An exam that a link leads to.
package struct LinkedReport: Sendable {
    package let exam: Int64
    /// As the newest version of the report has it, whatever the record shows yet.
    package let context: ReportContext
    package let modalities: [String]
    package let studyInstanceUID: UID
    /// What the manifest lists that is in the record, without what was rejected since.
    package let sopInstanceUIDs: Set<UID>
}

/// Where an exam stands: equal while nothing of it has changed.
private struct Standing: Sendable {
    let exam: PublicationExam
    let manifest: String?
    var state: PublicationManifest.State?
}

/// The exams that were looked at last: a viewer asks for a study's frames one by one.
private struct KnownReports {
    private struct Entry {
        let generation: Int64
        let manifest: String?
        let state: PublicationManifest.State?
        let report: LinkedReport
    }

    private static let capacity = 64

    private var entries: [Int64: Entry] = [:]
    private var order: [Int64] = []

    subscript(standing: Standing) -> LinkedReport? {
        guard let entry = entries[standing.exam.number], entry.generation == standing.exam.generation,
            entry.manifest == standing.manifest, entry.state == standing.state
        else { return nil }
        return entry.report
    }

    mutating func insert(_ report: LinkedReport, _ standing: Standing) {
        let entry = Entry(
            generation: standing.exam.generation,
            manifest: standing.manifest,
            state: standing.state,
            report: report
        )
        if entries.updateValue(entry, forKey: report.exam) == nil { order.append(report.exam) }
        if order.count > Self.capacity { entries[order.removeFirst()] = nil }
    }
}
