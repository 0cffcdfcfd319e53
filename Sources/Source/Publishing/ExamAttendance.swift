// SPDX-License-Identifier: Apache-2.0
import DICOM
import DMP
import Store

/// There is no record to publish in. It may be opened one day.
private struct NoPatientRecord: Error, CustomStringConvertible {
    let description: String
}

/// One look at one exam: what is begun is ended, then the record is brought to what is wanted.
struct ExamAttendance {
    let publisher: Publisher
    let number: Int64

    init(_ publisher: Publisher, _ number: Int64) {
        self.publisher = publisher
        self.number = number
    }

    var settings: Publisher.Settings { publisher.settings }
    var table: PublicationTable { publisher.table }

    func run() async throws {
        let number = number
        let found = try table.transaction { (session) throws(SQLiteError) in try session.exam(number) }
        guard let exam = found, !exam.isHeld else { return }
        guard let wish = try? ExamWish(reading: exam.document) else {
            return try end(exam) { _, _ in }
        }
        do {
            if let attempt = exam.attempt { return try await resolve(attempt, exam, wish) }
            switch wish.wish {
            case .published: try await publish(exam, wish)
            case .withdrawn: try await withdraw(exam, wish, reason: wish.reason)
            case .undestined:
                try end(exam) { exam, _ in
                    exam.state = exam.hasManifest ? .published : .undestined
                    exam.reason = wish.reason
                    exam.due = nil
                }
            }
        } catch let error as NoPatientRecord {
            try end(exam) { exam, wish in
                exam.state = .undestined
                exam.reason = error.description
                let now = publisher.now()
                let isYoung = now - wish.asked < settings.noRecordDays * 86_400_000
                exam.due = isYoung ? now + 86_400_000 : nil
            }
        } catch let error as RecordError {
            try fail(exam, error)
        } catch let error as StoreError {
            throw error
        } catch {
            try delay(exam, reason: "the archive: \(error)")
        }
    }

    // MARK: Publishing

    private func publish(_ exam: PublicationExam, _ wish: ExamWish) async throws {
        let study = exam.studyInstanceUID
        // Manifests of ours that the archive took in are no part of the exam: each would change the next.
        let excluded = try table.transaction { (session) throws(SQLiteError) in
            try session.rejectedInstances(study: study).union(session.manifestUIDs(study: study))
        }
        let draft = try await publisher.source.draft(
            of: wish.context,
            without: Set(excluded.compactMap { UID($0) })
        )
        switch draft {
        case .noImages(let reason): try await miss(exam, wish, reason)
        case .images(let documents): try await publish(exam, wish, documents)
        }
    }

    /// One submission at a time: what is sent makes another look due, which goes on with the next document. A form that
    /// is not wanted any more goes when those that are have come, and one whose new document cannot be made goes too:
    /// what it says is not known to be so.
    private func publish(_ exam: PublicationExam, _ wish: ExamWish, _ documents: [ManifestDraft.Document])
        async throws
    {
        var standings: [(form: PublicationManifest.Form, manifest: String)] = []
        var reasons: [String] = []
        for document in documents {
            switch document {
            case .ready(let images):
                let fingerprint = try ManifestFingerprint(wish.context, images).text
                let former = try await standing(images.form, exam, wish.context)
                // A document that says what the record says already is not sent (EX_GEN-1060).
                guard let former, former.fingerprint == fingerprint else {
                    return try await publish(exam, wish, images, fingerprint, replacing: former)
                }
                standings.append((images.form, former.sopInstanceUID))
            case .incomplete(let form, let reason): reasons.append("\(form.rawValue): \(reason)")
            }
        }
        for form in PublicationManifest.Form.allCases where !standings.contains(where: { $0.form == form }) {
            try await withdraw(form, exam, wish)
        }
        let reason = reasons.isEmpty ? nil : reasons.joined(separator: "; ")
        if let reason, exam.state != .failed || exam.reason != reason {
            publisher.journal.record(.publicationFailed(study: exam.studyInstanceUID, reason: reason))
        }
        try end(exam) { exam, wish in
            for form in PublicationManifest.Form.allCases {
                exam[form] = standings.first { $0.form == form }?.manifest
            }
            exam.state = reason == nil ? .published : .failed
            exam.reason = reason
            exam.due = nextLook(&wish)
        }
    }

    private func publish(
        _ exam: PublicationExam,
        _ wish: ExamWish,
        _ images: ManifestDraft.Images,
        _ fingerprint: String,
        replacing former: PublicationManifest?
    ) async throws {
        var replaced: String?
        if let former {
            replaced = try await currentEntry(of: former, wish.context)
        }
        let created = publisher.now()
        let uid = publisher.makeUID()
        let prepared = PreparedManifest(
            sopInstanceUID: uid,
            form: images.form,
            document: try images.file(uid, publisher.makeUID(), created),
            context: wish.context,
            modalities: images.modalities,
            created: created
        )
        let submission = try publisher.national.prepare(prepared, replacing: replaced)
        let manifest = PublicationManifest(
            sopInstanceUID: uid.string,
            exam: number,
            studyInstanceUID: exam.studyInstanceUID,
            state: .submitted,
            created: created,
            fingerprint: fingerprint,
            document: submission.document,
            submission: submission.envelope,
            signature: submission.signature,
            context: try ExamWish.text(
                SubmittedContext(wish.context, images.modalities, images.instances, replaced)
            ),
            form: images.form,
            patient: wish.context.patient.key
        )
        // From here a crash leaves a trace to follow.
        let number = number
        try table.transaction { (session) throws(SQLiteError) in
            try session.put(manifest)
            guard var current = try session.exam(number) else { return }
            current.attempt = manifest.sopInstanceUID
            try session.update(current)
        }
        try await submit(manifest, submission, wish.context)
    }

    /// The exam's manifest in the record; nil where a withdrawal that was not heard the end of took it out.
    private func standing(
        _ form: PublicationManifest.Form,
        _ exam: PublicationExam,
        _ context: ReportContext
    ) async throws -> PublicationManifest? {
        guard let uid = exam[form] else { return nil }
        let found = try table.transaction { (session) throws(SQLiteError) in try session.manifest(uid) }
        guard let manifest = found, manifest.state == .withdrawing else { return found }
        let entry = try await publisher.national.entry(uniqueID: uid, context: context)
        let isThere = entry?.status == .approved
        let (time, number) = (publisher.now(), number)
        try table.transaction { (session) throws(SQLiteError) in
            try session.set(isThere ? .published : .withdrawn, ofManifest: uid, now: time)
            if isThere { return }
            guard var current = try session.exam(number) else { return }
            current[form] = nil
            try session.update(current)
        }
        return isThere ? manifest : nil
    }

    private func submit(_ manifest: PublicationManifest, _ submission: Submission, _ context: ReportContext)
        async throws
    {
        do {
            try await publisher.national.submit(submission, context: context)
        } catch let error where error.kind == .permanent {
            // Refused, or there already because the answer to an earlier attempt was lost.
            if let entry = try await publisher.national.entry(
                uniqueID: manifest.sopInstanceUID,
                context: context
            ) {
                return try adopt(manifest, entry)
            }
            try abandon(manifest)
            if try await correctFormer(manifest.form, context) { return }
            try await explain(error, context)
        }
        guard
            let entry = try await publisher.national.entry(
                uniqueID: manifest.sopInstanceUID,
                context: context
            )
        else {
            throw RecordError(.unknownOutcome, "the registry took the manifest and does not find it")
        }
        try adopt(manifest, entry)
    }

    /// Throws why a submission was refused: that there is no record to submit to, or what the record said.
    private func explain(_ refusal: RecordError, _ context: ReportContext) async throws -> Never {
        let record: PatientRecord
        do {
            record = try await publisher.national.patientRecord(context)
        } catch let error where error.kind == .permanent {
            // It does not answer this question; the refusal stands.
            throw refusal
        }
        switch record {
        case .open: throw refusal
        case .closed: throw NoPatientRecord(description: "the patient's DMP is closed")
        case .none: throw NoPatientRecord(description: "the patient has no DMP")
        }
    }

    /// Compares what is known of the exam's manifest with what the record has of it, after the record refused to replace
    /// it: somebody else may have taken it out, or an imported archive may have had another entryUUID. True where
    /// something was put right, and another look, which is due, can go on.
    private func correctFormer(_ form: PublicationManifest.Form, _ context: ReportContext) async throws
        -> Bool
    {
        let number = number
        let known = try table.transaction { (session) throws(SQLiteError) -> PublicationManifest? in
            guard let uid = try session.exam(number)?[form] else { return nil }
            return try session.manifest(uid)
        }
        guard let known else { return false }
        let uid = known.sopInstanceUID
        let entry = try await publisher.national.entry(uniqueID: uid, context: context)
        let isStanding = entry?.status == .approved
        guard !isStanding || entry?.entryUUID != known.entryUUID else { return false }
        let time = publisher.now()
        let state: PublicationManifest.State =
            isStanding ? .published : entry?.status == .deprecated ? .replaced : .withdrawn
        try table.transaction { (session) throws(SQLiteError) in
            try session.set(state, ofManifest: uid, entryUUID: entry?.entryUUID, now: time)
            guard !isStanding, var exam = try session.exam(number) else { return }
            exam[form] = nil
            try session.update(exam)
        }
        if !isStanding {
            publisher.journal.record(.manifestTakenOut(study: known.studyInstanceUID, manifest: uid))
        }
        return true
    }

    /// The entryUUID to replace or withdraw; the registry gives it, and gives a new one with each version.
    func currentEntry(of manifest: PublicationManifest, _ context: ReportContext) async throws
        -> String?
    {
        if let entry = manifest.entryUUID { return entry }
        return try await publisher.national.entry(uniqueID: manifest.sopInstanceUID, context: context)?
            .entryUUID
    }

    /// What an earlier attempt began: the record knows what became of it.
    private func resolve(_ uid: String, _ exam: PublicationExam, _ wish: ExamWish) async throws {
        let number = number
        let found = try table.transaction { (session) throws(SQLiteError) in try session.manifest(uid) }
        guard let manifest = found, let sopInstanceUID = UID(uid),
            let submitted = try? SubmittedContext(reading: manifest.context)
        else {
            try table.transaction { (session) throws(SQLiteError) in
                guard var current = try session.exam(number) else { return }
                current.attempt = nil
                try session.update(current)
            }
            return
        }
        if let entry = try await publisher.national.entry(uniqueID: uid, context: submitted.report) {
            return try adopt(manifest, entry)
        }
        let age = publisher.now() - manifest.changed
        if wish.wish != .published {
            // It may still come into force: nothing may be withdrawn before it could be.
            let grace = settings.lostAnswerSeconds * 1000
            guard age >= grace else {
                return try end(exam) { exam, _ in
                    exam.state = .waiting
                    exam.reason = "a submission without an answer may still come into force"
                    exam.due = manifest.changed + grace
                }
            }
            return try abandon(manifest)
        }
        let prepared = PreparedManifest(
            sopInstanceUID: sopInstanceUID,
            form: manifest.form,
            document: manifest.document,
            context: submitted.report,
            modalities: submitted.modalities,
            created: manifest.created
        )
        let submission = try publisher.national.prepare(prepared, replacing: submitted.replaces)
        try await submit(manifest, submission, submitted.report)
    }

    /// The record has it: it takes the place of the one before.
    private func adopt(_ manifest: PublicationManifest, _ entry: RecordEntry) throws {
        let (time, number) = (publisher.now(), number)
        let former = try table.transaction { (session) throws(SQLiteError) -> String? in
            guard var exam = try session.exam(number) else { return nil }
            let former = exam[manifest.form]
            let isVisible = entry.status == .approved
            try session.set(
                isVisible ? .published : .withdrawn,
                ofManifest: manifest.sopInstanceUID,
                entryUUID: entry.entryUUID,
                now: time
            )
            if let former, former != manifest.sopInstanceUID {
                try session.set(.replaced, ofManifest: former, now: time)
            }
            exam[manifest.form] = isVisible ? manifest.sopInstanceUID : nil
            exam.attempt = nil
            exam.attempts = 0
            // Once more, since more may have been asked for meanwhile.
            exam.due = time
            try session.update(exam)
            return former
        }
        publisher.journal.record(
            .manifestPublished(
                study: manifest.studyInstanceUID,
                manifest: manifest.sopInstanceUID,
                entry: entry.entryUUID,
                instances: (try? SubmittedContext(reading: manifest.context))?.instances ?? 0,
                replaced: former
            )
        )
    }

    private func abandon(_ manifest: PublicationManifest) throws {
        let (time, number) = (publisher.now(), number)
        try table.transaction { (session) throws(SQLiteError) in
            try session.set(.abandoned, ofManifest: manifest.sopInstanceUID, now: time)
            guard var exam = try session.exam(number) else { return }
            exam.attempt = nil
            exam.due = time
            try session.update(exam)
        }
    }

    // MARK: How it ends

    /// Nil after the last look.
    private func nextLook(_ wish: inout ExamWish) -> Int64? {
        wish.missingSince = nil
        guard wish.looks < settings.lateLookSeconds.count else { return nil }
        defer { wish.looks += 1 }
        return publisher.now() + settings.lateLookSeconds[wish.looks] * 1000
    }

    /// Writes what became of this look; where more was asked for meanwhile, there will be another.
    func end(
        _ seen: PublicationExam,
        _ change: (inout PublicationExam, inout ExamWish) -> Void
    ) throws {
        let (time, number) = (publisher.now(), number)
        var changed = seen
        // One that cannot be read stays as it is, for a person to look at.
        if var wish = try? ExamWish(reading: seen.document) {
            change(&changed, &wish)
            changed.document = try wish.text()
        } else {
            changed.state = .failed
            changed.reason = "its document cannot be read"
            changed.due = nil
        }
        changed.settled = seen.generation
        changed.attempts = 0
        if changed.state != seen.state { changed.since = time }
        let ending = changed
        try table.transaction { (session) throws(SQLiteError) in
            guard let current = try session.exam(number) else { return }
            var exam = ending
            exam.isHeld = current.isHeld
            exam.attempt = current.attempt
            if current.state == .dropped {
                exam.state = .dropped
                exam.reason = current.reason
                exam.due = nil
            }
            if current.generation != seen.generation {
                // What was asked for meanwhile is not to be lost.
                exam.document = current.document
                exam.generation = current.generation
                exam.state = .waiting
                exam.due = time
            }
            try session.update(exam)
        }
    }

    private func fail(_ exam: PublicationExam, _ error: RecordError) throws {
        guard error.kind == .permanent else { return try delay(exam, reason: error.description) }
        publisher.journal.record(.publicationFailed(study: exam.studyInstanceUID, reason: error.description))
        let (time, number) = (publisher.now(), number)
        try table.transaction { (session) throws(SQLiteError) in
            guard var current = try session.exam(number) else { return }
            if current.state != .failed { current.since = time }
            current.state = .failed
            current.reason = error.description
            current.attempts += 1
            current.due = current.generation == exam.generation ? nil : time
            try session.update(current)
        }
    }

    private func delay(_ exam: PublicationExam, reason: String) throws {
        let exponent = min(exam.attempts, 10)
        let seconds = min(settings.firstDelaySeconds << exponent, settings.longestDelaySeconds)
        // Exams that failed together do not come back together.
        let jitter = Int64.random(in: 0...max(seconds * 200, 1))
        publisher.journal.record(
            .publicationDelayed(study: exam.studyInstanceUID, reason: reason, seconds: Int(seconds))
        )
        let (time, number) = (publisher.now(), number)
        try table.transaction { (session) throws(SQLiteError) in
            guard var current = try session.exam(number) else { return }
            if current.state != .waiting { current.since = time }
            current.state = .waiting
            current.reason = reason
            current.attempts += 1
            current.due = time + seconds * 1000 + jitter
            try session.update(current)
        }
    }
}
