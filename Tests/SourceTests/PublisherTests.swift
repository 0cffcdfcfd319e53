// SPDX-License-Identifier: Apache-2.0
import DICOM
import DMP
import Store
import Synchronization
import Testing

@testable import Source

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

    @Test("whether there is a record is asked again where nobody answers, and not where nobody ever will")
    func unansweredExistence() async throws {
        for (kind, state) in [
            (RecordError.Kind.temporary, PublicationExam.State.waiting), (.permanent, .failed),
        ] {
            let bench = try Workbench()
            bench.archive.set("1.2.3", [1])
            bench.record.set(.none)
            bench.record.failExistence(RecordError(kind, "x"))
            try bench.intake.apply([.publish(.test())], message: nil)
            await bench.publisher.settle()
            #expect(try bench.exams().map(\.state) == [state])
            bench.record.failExistence(nil)
            bench.clock.pass(seconds: 1000)
            await bench.publisher.settle()
            #expect(try bench.exams().map(\.state) == [kind == .temporary ? .undestined : .failed])
        }
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
        // A site that publishes in one form, in both, or does not always do the same.
        let forms: [PublicationManifest.Form] =
            seed % 4 == 0 ? [.french] : seed % 4 == 1 ? [.mado] : [.french, .mado]
        bench.archive.set(forms)
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
            case 8 where seed % 4 == 3:
                bench.archive.set([[.french], [.mado], [.french, .mado]][Int(random.next() % 3)])
            default: bench.clock.pass(seconds: Int64(random.next() % 400))
            }
            if random.next() % 2 == 0 { await bench.publisher.settle() }
        }
        isBad.withLock { $0 = false }
        bench.archive.setDown(false)
        bench.archive.set(forms)
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
            let end = ":\(text):\(context.visibility.isInvisibleToPatient)"
            let wanted = forms.map { $0 == .french ? end : "\(end):\($0)" }
            #expect(entries.count == wanted.count, "\(study)")
            for end in wanted { #expect(entries.contains { $0.document.hasSuffix(end) }, "\(study) \(end)") }
        }
        #expect(try bench.exams().allSatisfy { $0.attempt == nil })
    }
}
