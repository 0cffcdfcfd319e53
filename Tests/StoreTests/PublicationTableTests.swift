// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Store

@Suite("Messages, exams and manifests in one database") struct PublicationTableTests {
    private func exam(_ study: String = "1.2.3") -> PublicationExam {
        PublicationExam(studyInstanceUID: study, accessionNumber: "ACN1", document: "{}", now: 1000)
    }

    private func manifest(_ uid: String, exam: Int64, created: Int64 = 5) -> PublicationManifest {
        PublicationManifest(
            sopInstanceUID: uid,
            exam: exam,
            studyInstanceUID: "1.2.3",
            state: .submitted,
            created: created,
            fingerprint: "f",
            document: [0, 1, 2],
            submission: Array("<a/>".utf8),
            signature: [],
            context: "{}"
        )
    }

    private func message(_ digest: String, code: String = "AA", body: [UInt8]? = nil) -> PublicationMessage {
        PublicationMessage(
            digest: digest,
            controlID: "C-\(digest)",
            received: 7,
            code: code,
            answer: Array("MSA".utf8),
            reason: code == "AA" ? nil : "OBX-5: found nothing",
            body: body
        )
    }

    @Test("a message and what it means are there together, or neither is") func together() throws {
        let table = try PublicationTable(path: ":memory:")
        struct Interrupted: Error {}
        #expect(throws: StoreError.self) {
            try table.transaction { (session) throws(SQLiteError) in
                try session.put(message("a"))
                let number = try session.add(exam())
                try session.link(report: "1.9", to: number)
                throw SQLiteError(code: 13, subject: "test", message: "full")
            }
        }
        let (known, exams) = try table.transaction { (session) throws(SQLiteError) in
            (try session.message(digest: "a"), try session.exams(report: "1.9"))
        }
        #expect(known == nil)
        #expect(exams.isEmpty)
    }

    @Test("a table of the release before is opened, and that release's statements still work") func earlier()
        throws
    {
        let path = NSTemporaryDirectory() + "publications-\(UUID().uuidString).sqlite"
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
        let number = try PublicationTable(path: path).transaction { (session) throws(SQLiteError) in
            let number = try session.add(exam())
            try session.put(manifest("2.25.1", exam: number))
            return number
        }
        do {
            let database = try Database(path: path)
            try database.execute(
                """
                DROP INDEX exams_by_accession; DROP INDEX manifests_by_patient;
                ALTER TABLE exams DROP COLUMN mado; ALTER TABLE manifests DROP COLUMN form;
                ALTER TABLE manifests DROP COLUMN patient;
                """
            )
        }
        let table = try PublicationTable(path: path)
        let found = try table.transaction { (session) throws(SQLiteError) in
            guard var changed = try session.exam(number) else { return nil as PublicationManifest? }
            changed[.mado] = "2.25.2"
            try session.update(changed)
            var second = manifest("2.25.2", exam: number)
            (second.form, second.patient, second.state) = (.mado, "1.2|P", .published)
            try session.put(second)
            return try session.manifest("2.25.1")
        }
        #expect(found?.form == .french && found?.patient == nil)
        do {
            // As the release before writes it.
            let database = try Database(path: path)
            try database.execute("UPDATE exams SET manifest = '2.25.1', held = 1")
        }
        let (kept, listed) = try table.transaction { (session) throws(SQLiteError) in
            var question = PublicationQuestion()
            question.patient = "1.2|P"
            question.accessionNumber = "ACN1"
            return (try session.exam(number), try session.publishedManifests(question, limit: 9))
        }
        #expect(kept?[.french] == "2.25.1" && kept?[.mado] == "2.25.2" && kept?.isHeld == true)
        #expect(listed.map(\.sopInstanceUID) == ["2.25.2"])
        let all = try table.transaction { (session) throws(SQLiteError) in
            try session.publishedManifests(PublicationQuestion(), limit: 9)
        }
        #expect(all.isEmpty)
    }

    @Test("an exam is found by number, study and every version of its report") func exams() throws {
        let table = try PublicationTable(path: ":memory:")
        var added = exam()
        added.number = try table.transaction { (session) throws(SQLiteError) in
            let number = try session.add(exam())
            try session.link(report: "1.9", to: number)
            try session.link(report: "1.9.2", to: number)
            try session.link(report: "1.9.2", to: number)
            return number
        }
        let expected = [added]
        let found = try table.transaction { (session) throws(SQLiteError) in
            [
                try session.exams(study: "1.2.3"),
                try session.exams(report: "1.9"), try session.exams(report: "1.9.2"),
                try session.exam(added.number).map { [$0] } ?? [],
            ]
        }
        #expect(found.allSatisfy { $0 == expected })
        added.state = .published
        added.since = 2000
        added.due = nil
        added.settled = 1
        added.manifest = "2.25.1"
        added.reason = "none"
        added.isHeld = true
        try table.transaction { [added] (session) throws(SQLiteError) in try session.update(added) }
        #expect(try table.transaction { (session) throws(SQLiteError) in try session.exam(1) } == added)
        #expect(
            try table.transaction { (session) throws(SQLiteError) in try session.examCounts() } == ["held": 1]
        )
    }

    @Test("what is due comes the longest overdue first; what is held does not come") func due() throws {
        let table = try PublicationTable(path: ":memory:")
        try table.transaction { (session) throws(SQLiteError) in
            for (index, due) in [30, 10, 20, 99].enumerated() {
                var exam = exam("1.2.\(index)")
                exam.due = Int64(due)
                exam.isHeld = due == 20
                try session.add(exam)
            }
        }
        let (due, next) = try table.transaction { (session) throws(SQLiteError) in
            (try session.dueExams(now: 50, limit: 10).map(\.studyInstanceUID), try session.nextDue())
        }
        #expect(due == ["1.2.1", "1.2.0"])
        #expect(next == 10)
    }

    @Test("manifests are kept with their bytes, whatever becomes of them") func manifests() throws {
        let table = try PublicationTable(path: ":memory:")
        let (first, all) = try table.transaction { (session) throws(SQLiteError) in
            let number = try session.add(exam())
            try session.put(manifest("2.25.1", exam: number))
            try session.put(manifest("2.25.2", exam: number, created: 6))
            try session.set(.published, ofManifest: "2.25.1", entryUUID: "urn:uuid:1", now: 8)
            try session.set(.replaced, ofManifest: "2.25.1", now: 9)
            return (try session.manifest("2.25.1"), try session.manifests(exam: number))
        }
        #expect(first?.state == .replaced)
        #expect(first?.entryUUID == "urn:uuid:1")
        #expect(first?.changed == 9)
        #expect(first?.document == [0, 1, 2])
        #expect(all.map(\.sopInstanceUID) == ["2.25.1", "2.25.2"])
    }

    @Test("refused messages keep their bytes, accepted ones do not") func refused() throws {
        let table = try PublicationTable(path: ":memory:")
        try table.transaction { (session) throws(SQLiteError) in
            try session.put(message("a"))
            try session.put(message("b", code: "AE", body: [1, 2]))
        }
        let (refused, body, none) = try table.transaction { (session) throws(SQLiteError) in
            (
                try session.refusedMessages(limit: 10), try session.refusedBody(digestPrefix: "b"),
                try session.refusedBody(digestPrefix: "a")
            )
        }
        #expect(refused.map(\.controlID) == ["C-b"])
        #expect(body == [1, 2])
        #expect(none == nil)
    }

    @Test("bodies of refused messages have a bound together, and the newest stays") func refusedBytes() throws
    {
        let table = try PublicationTable(path: ":memory:")
        let large = [UInt8](repeating: 0, count: 150 << 20)
        let kept = try table.transaction { (session) throws(SQLiteError) in
            try session.put(message("a", code: "AE", body: large))
            try session.put(message("b", code: "AE", body: [1]))
            let both = try session.refusedBody(digestPrefix: "a") != nil
            try session.put(message("c", code: "AE", body: large))
            let refused = try session.refusedMessages(limit: 10).count
            let bodies = [
                try session.refusedBody(digestPrefix: "a") != nil,
                try session.refusedBody(digestPrefix: "b") != nil,
                try session.refusedBody(digestPrefix: "c") != nil,
            ]
            return (both, refused, bodies)
        }
        #expect(kept.0)
        #expect(kept.1 == 3)
        #expect(kept.2 == [false, true, true])
    }

    @Test("a rejection is news once") func rejections() throws {
        let table = try PublicationTable(path: ":memory:")
        let (first, again, more, all) = try table.transaction { (session) throws(SQLiteError) in
            let first = try session.reject(study: "1", instances: ["1.1"], note: "n", title: "113001")
            let again = try session.reject(study: "1", instances: ["1.1"], note: "n", title: "113001")
            let more = try session.reject(study: "1", instances: ["1.1", "1.2"], note: "n", title: "113001")
            return (first, again, more, try session.rejectedInstances(study: "1"))
        }
        #expect((first, again, more) == (true, false, true))
        #expect(all == ["1.1", "1.2"])
    }
}
