// SPDX-License-Identifier: Apache-2.0
import DMP
import Store

/// Where there is nothing to publish: what is waited for, and what leaves the record.
extension ExamAttendance {
    func miss(_ exam: PublicationExam, _ wish: ExamWish, _ reason: String) async throws {
        let time = publisher.now()
        if exam.hasManifest {
            // An archive that answers with nothing may be ill: what is published stays until it says so twice.
            let since = wish.missingSince ?? time
            let believed = since + settings.missingConfirmSeconds * 1000
            if time >= believed { return try await withdraw(exam, wish, reason: reason) }
            return try end(exam) { exam, wish in
                wish.missingSince = since
                exam.state = .waiting
                exam.reason = reason
                exam.due = believed
            }
        }
        let waited = time - wish.asked
        let isOverdue = waited >= Int64(settings.imageWaitHours) * 3_600_000
        if exam.state != .awaitingImages {
            publisher.journal.record(.imagesAwaited(study: exam.studyInstanceUID, reason: reason))
        }
        if isOverdue, !wish.isOverdue {
            publisher.journal.record(
                .imagesOverdue(study: exam.studyInstanceUID, hours: settings.imageWaitHours)
            )
        }
        try end(exam) { exam, wish in
            wish.isOverdue = isOverdue
            exam.state = .awaitingImages
            exam.reason = reason
            // As often as the wait is young.
            exam.due = time + min(max(waited / 4, 15_000), 3_600_000)
        }
    }

    func withdraw(_ exam: PublicationExam, _ wish: ExamWish, reason: String?) async throws {
        for form in PublicationManifest.Form.allCases { try await withdraw(form, exam, wish) }
        try end(exam) { exam, wish in
            for form in PublicationManifest.Form.allCases { exam[form] = nil }
            exam.state = .withdrawn
            exam.reason = reason
            wish.missingSince = nil
            exam.due = nil
        }
    }

    /// Takes the exam's manifest of a form out of the record, where it has one; a look that is interrupted after it finds
    /// it gone.
    func withdraw(_ form: PublicationManifest.Form, _ exam: PublicationExam, _ wish: ExamWish)
        async throws
    {
        guard let uid = exam[form] else { return }
        let found = try table.transaction { (session) throws(SQLiteError) in try session.manifest(uid) }
        if let manifest = found, manifest.state != .withdrawn {
            try await withdraw(manifest, wish.context)
            publisher.journal.record(.manifestWithdrawn(study: exam.studyInstanceUID, manifest: uid))
        }
        let (time, number) = (publisher.now(), number)
        try table.transaction { (session) throws(SQLiteError) in
            if found != nil { try session.set(.withdrawn, ofManifest: uid, now: time) }
            guard var current = try session.exam(number) else { return }
            current[form] = nil
            try session.update(current)
        }
    }

    private func withdraw(_ manifest: PublicationManifest, _ context: ReportContext) async throws {
        let uid = manifest.sopInstanceUID
        guard let entry = try await currentEntry(of: manifest, context) else { return }
        try mark(uid, .withdrawing)
        do {
            try await publisher.national.withdraw(entry, context: context)
        } catch let error where error.kind != .temporary {
            // Done already by an attempt whose answer was lost?
            let found = try await publisher.national.entry(uniqueID: uid, context: context)
            guard let found, found.status == .approved else { return }
            // An imported archive may have had another entryUUID.
            guard found.entryUUID != entry else { throw error }
            try await publisher.national.withdraw(found.entryUUID, context: context)
        }
    }

    private func mark(_ manifest: String, _ state: PublicationManifest.State) throws(StoreError) {
        let time = publisher.now()
        try table.transaction { (session) throws(SQLiteError) in
            try session.set(state, ofManifest: manifest, now: time)
        }
    }
}
