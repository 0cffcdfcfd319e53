// SPDX-License-Identifier: Apache-2.0
package import DICOM
package import Store

/// Takes what reports, orders and rejection notes ask for into the table. What it returns from is on the disk.
package struct ReportIntake: Sendable {
    package enum Request: Equatable, Sendable {
        /// A new report, or a new version of one.
        case publish(ReportContext)
        /// A report that is not for the record.
        case keepOut(ReportContext, reason: String)
        /// All exams of these reports; where none is known by them, those of the study.
        case withdraw(reports: [String], study: String?, reason: String)
        /// The study's images have changed.
        case lookAgain(study: String)
        /// The exam was cancelled: everything of the study.
        case cancel(study: String, reason: String)
    }

    let table: PublicationTable
    let journal: any SourceJournal
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64

    package init(table: PublicationTable, journal: any SourceJournal, now: @escaping @Sendable () -> Int64) {
        self.table = table
        self.journal = journal
        self.now = now
    }

    /// Applies requests and remembers the message they came in, together. The number of exams they touch.
    @discardableResult
    package func apply(_ requests: [Request], message: PublicationMessage?) throws -> Int {
        let time = now()
        let changes = try requests.map { try Change($0, time) }
        return try table.transaction { (session) throws(SQLiteError) in
            if let message { try session.put(message) }
            var touched = 0
            for change in changes { touched += try change.apply(session, time) }
            return touched
        }
    }

    /// A rejection note of the archive (IHE RAD IOCM): what it rejects leaves the manifests.
    package func reject(study: UID, instances: [UID], note: UID, title: String) throws {
        let time = now()
        let change = try Change(.lookAgain(study: study.string), time)
        let isNews = try table.transaction { (session) throws(SQLiteError) in
            let isNews = try session.reject(
                study: study.string,
                instances: instances.map(\.string),
                note: note.string,
                title: title
            )
            if isNews { _ = try change.apply(session, time) }
            return isNews
        }
        if isNews {
            journal.record(.rejectionNoted(study: study.string, instances: instances.count, title: title))
        }
    }

    // MARK: What a person decides

    /// Looks at an exam now, whatever happened before; false where there is none.
    package func retry(_ number: Int64) throws -> Bool {
        try change(number) { exam, time in
            if exam.state != .published { exam.state = .waiting }
            exam.isHeld = false
            exam.attempts = 0
            exam.due = time
        }
    }

    /// Nothing is done about the exam until somebody says so.
    package func hold(_ number: Int64, reason: String) throws -> Bool {
        try change(number) { exam, _ in
            exam.isHeld = true
            exam.reason = "held: \(reason)"
        }
    }

    /// Nothing more is tried; what is in the record stays there.
    package func drop(_ number: Int64, reason: String) throws -> Bool {
        try change(number) { exam, _ in
            exam.state = .dropped
            exam.isHeld = false
            exam.reason = "dropped: \(reason)"
            exam.due = nil
        }
    }

    private func change(_ number: Int64, _ body: (inout PublicationExam, Int64) -> Void) throws -> Bool {
        let time = now()
        return try table.transaction { (session) throws(SQLiteError) in
            guard var exam = try session.exam(number) else { return false }
            let former = exam.state
            body(&exam, time)
            if exam.state != former { exam.since = time }
            try session.update(exam)
            return true
        }
    }
}

/// A request with the documents it writes, so that nothing can fail within the transaction but the table.
private struct Change {
    private let request: ReportIntake.Request
    /// Of the exam's wish, where the request brings one.
    private let document: String?

    init(_ request: ReportIntake.Request, _ time: Int64) throws {
        self.request = request
        switch request {
        case .publish(let context):
            document = try ExamWish(wish: .published, context: context, asked: time).text()
        case .keepOut(let context, let reason):
            document = try ExamWish(wish: .undestined, reason: reason, context: context, asked: time).text()
        case .withdraw, .lookAgain, .cancel:
            document = nil
        }
    }

    func apply(_ session: PublicationSession, _ time: Int64) throws(SQLiteError) -> Int {
        switch request {
        case .publish(let context), .keepOut(let context, _): return try put(context, session, time)
        case .withdraw(let reports, let study, let reason):
            var exams: [PublicationExam] = []
            for report in reports { exams += try session.exams(report: report) }
            if exams.isEmpty, let study { exams = try session.exams(study: study) }
            return try ask(Dictionary(exams.map { ($0.number, $0) }) { $1 }.values, session, time) { wish in
                wish.wish = .withdrawn
                wish.reason = reason
            }
        case .lookAgain(let study):
            return try ask(try session.exams(study: study), session, time) { wish in wish.looks = 0 }
        case .cancel(let study, let reason):
            return try ask(try session.exams(study: study), session, time) { wish in
                wish.wish = .withdrawn
                wish.reason = reason
            }
        }
    }

    /// Finds the exam that the report tells of, under this report's id or its predecessor's, or makes one.
    private func put(
        _ context: ReportContext,
        _ session: PublicationSession,
        _ time: Int64
    ) throws(SQLiteError) -> Int {
        guard let document else { return 0 }
        var known = try session.exams(report: context.reportID)
        if let parent = context.parentID { known += try session.exams(report: parent) }
        if var exam = known.first(where: { $0.studyInstanceUID == context.studyInstanceUID }) {
            exam.accessionNumber = context.accessionNumber.value
            exam.document = document
            renew(&exam, time)
            try session.update(exam)
            try session.link(report: context.reportID, to: exam.number)
        } else {
            let exam = PublicationExam(
                studyInstanceUID: context.studyInstanceUID,
                accessionNumber: context.accessionNumber.value,
                document: document,
                now: time
            )
            try session.link(report: context.reportID, to: try session.add(exam))
        }
        return 1
    }

    private func ask(
        _ exams: some Collection<PublicationExam>,
        _ session: PublicationSession,
        _ time: Int64,
        _ change: (inout ExamWish) -> Void
    ) throws(SQLiteError) -> Int {
        for var exam in exams {
            do {
                var wish = try ExamWish(reading: exam.document)
                change(&wish)
                exam.document = try wish.text()
            } catch {
                // What is asked for would be lost: nothing of the message is taken.
                throw .unreadable("exam \(exam.number)")
            }
            renew(&exam, time)
            try session.update(exam)
        }
        return exams.count
    }

    private func renew(_ exam: inout PublicationExam, _ time: Int64) {
        exam.generation += 1
        exam.attempts = 0
        exam.due = time
        if exam.state == .dropped || exam.state == .failed {
            exam.state = .waiting
            exam.since = time
        }
    }
}
