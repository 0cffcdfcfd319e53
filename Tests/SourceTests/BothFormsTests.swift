// SPDX-License-Identifier: Apache-2.0
import DICOM
import DMP
import Store
import Synchronization
import Testing

@testable import Source

@Suite("An exam in both forms") struct BothFormsTests {
    private func bench(_ forms: [PublicationManifest.Form] = [.french, .mado]) throws -> Workbench {
        let bench = try Workbench()
        bench.archive.set(forms)
        bench.archive.set("1.2.3", [1, 2])
        try bench.intake.apply([.publish(.test())], message: nil)
        return bench
    }

    private func states(_ bench: Workbench) throws -> [String: [PublicationManifest.State]] {
        let manifests = try bench.table.transaction { (session) throws(SQLiteError) in
            try session.manifests(exam: 1)
        }
        return Dictionary(grouping: manifests, by: \.form.rawValue).mapValues { $0.map(\.state) }
    }

    @Test("two documents come, are replaced each by its own kind, and go") func lifecycle() async throws {
        let bench = try bench()
        await bench.publisher.settle()
        #expect(bench.record.approved().map { $0.document.hasSuffix(":mado") } == [false, true])
        let exam = try #require(try bench.exams().first)
        #expect(exam.state == .published && exam.manifest != nil && exam.madoManifest != nil)

        bench.archive.set("1.2.3", [1, 2, 3])
        try bench.intake.apply([.lookAgain(study: "1.2.3")], message: nil)
        await bench.publisher.settle()
        #expect(try states(bench) == ["french": [.replaced, .published], "mado": [.replaced, .published]])
        #expect(bench.record.entries.map(\.status) == [.deprecated, .deprecated, .approved, .approved])

        try bench.intake.apply([.withdraw(reports: ["1.9"], study: nil, reason: "deleted")], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().isEmpty)
        #expect(try states(bench) == ["french": [.replaced, .withdrawn], "mado": [.replaced, .withdrawn]])
        #expect(try bench.exams().allSatisfy { !$0.hasManifest && $0.state == .withdrawn })
    }

    @Test("what says the same already is not sent again, in neither form") func unchanged() async throws {
        let bench = try bench()
        for _ in 0..<3 {
            await bench.publisher.settle()
            try bench.intake.apply([.publish(.test())], message: nil)
        }
        #expect(bench.record.submissions == 2)
    }

    @Test("a site that changes its forms has what it wants before it loses what it does not")
    func otherForms() async throws {
        let bench = try bench([.french])
        await bench.publisher.settle()
        bench.archive.set([.mado])
        try bench.intake.apply([.lookAgain(study: "1.2.3")], message: nil)
        await bench.publisher.settle()
        let events = bench.journal.events.compactMap { event in
            switch event {
            case .manifestPublished: "published"
            case .manifestWithdrawn: "withdrawn"
            default: nil
            }
        }
        #expect(events == ["published", "published", "withdrawn"])
        #expect(bench.record.approved().first?.document.hasSuffix(":mado") == true)
        #expect(try states(bench) == ["french": [.withdrawn], "mado": [.published]])
        #expect(bench.record.entries.map(\.status) == [.deleted, .approved])
    }

    @Test("what one form requires and nobody knows stops that form alone, and says so")
    func incomplete() async throws {
        let bench = try bench()
        bench.archive.setIncomplete("Target Region: found no value")
        await bench.publisher.settle()
        #expect(bench.record.approved().map { $0.document.hasSuffix(":mado") } == [false])
        var exam = try #require(try bench.exams().first)
        #expect(exam.state == .failed)
        #expect(exam.reason == "mado: Target Region: found no value")
        // Late images are looked for nevertheless, and a person is told once.
        bench.archive.set("1.2.3", [1, 2, 3])
        bench.clock.pass(seconds: 601)
        await bench.publisher.settle()
        #expect(bench.record.approved().first?.document.contains(":1,2,3:") == true)
        let failures = bench.journal.events.filter { if case .publicationFailed = $0 { true } else { false } }
        #expect(failures.count == 1)

        bench.archive.setIncomplete(nil)
        #expect(try bench.intake.retry(1))
        await bench.publisher.settle()
        #expect(bench.record.approved().count == 2)
        exam = try #require(try bench.exams().first)
        #expect(exam.state == .published && exam.reason == nil)

        // The next version cannot be made: the old one, which may not be so any more, goes.
        bench.archive.setIncomplete("PlacerOrderNumberImagingServiceRequest: found no value")
        try bench.intake.apply([.lookAgain(study: "1.2.3")], message: nil)
        await bench.publisher.settle()
        #expect(bench.record.approved().map { $0.document.hasSuffix(":mado") } == [false])
    }

    @Test("after a crash between the two the second comes too, once", arguments: 0..<6)
    func crash(at step: Int) async throws {
        let bench = try bench()
        let count = Mutex(0)
        // Nothing is heard of the record from one exchange on: as if the power had gone.
        bench.record.onNext {
            count.withLock { count in
                count += 1
                return count == step ? .lostAnswer : count > step ? .temporary : .none
            }
        }
        await bench.publisher.settle()
        bench.record.onNext { .none }
        // A new process on the same table.
        let again = Publisher(
            table: bench.table,
            source: bench.archive,
            record: bench.record,
            journal: bench.journal,
            now: { bench.clock.now },
            makeUID: { UID(uuid: (0..<16).map { _ in UInt8.random(in: 0...255) }) }
        )
        for _ in 0..<4 {
            bench.clock.pass(seconds: 700)
            await again.settle()
        }
        #expect(bench.record.approved().map { $0.document.hasSuffix(":mado") } == [false, true])
        #expect(bench.record.entries.count == 2)
        #expect(try bench.exams().allSatisfy { $0.attempt == nil && $0.state == .published })
    }

    @Test("a withdrawal that is interrupted between the two ends, and each is told of once", arguments: 1..<5)
    func interrupted(at step: Int) async throws {
        let bench = try bench()
        await bench.publisher.settle()
        let count = Mutex(0)
        bench.record.onNext {
            count.withLock { count in
                count += 1
                return count == step ? .temporary : .none
            }
        }
        try bench.intake.apply([.cancel(study: "1.2.3", reason: "cancelled")], message: nil)
        for _ in 0..<4 {
            await bench.publisher.settle()
            bench.clock.pass(seconds: 700)
        }
        #expect(bench.record.approved().isEmpty)
        let told = bench.journal.events.filter { if case .manifestWithdrawn = $0 { true } else { false } }
        #expect(told.count == 2)
        #expect(try bench.exams().map(\.state) == [.withdrawn])
    }
}

@Suite("What a MADO manifest says of a report") struct MADOSiteTests {
    private func report(regions: [String], acts: [String]) -> ReportContext {
        var report = ReportContext.test()
        report.regions = regions.map { .init(value: $0, scheme: "1.2.250.1.213.1.1.5.695", meaning: "x") }
        report.acts = acts.map { .init(value: $0, scheme: "1.2.250.1.213.2.5", meaning: "x") }
        return report
    }

    @Test(
        "regions are those of CID IHE-MADO1, by the site's map, the French list's own, or as they are",
        arguments: [
            ([], ["ACQH004"], []), (["76752008"], [], ["76752008"]), (["69536005"], [], ["774007"]),
            (["69536005", "45048000"], [], ["774007"]), (["737561001"], [], ["1141981001"]),
            (["99999"], ["ZBQK002"], ["67734004"]), (["80891009"], ["ZBQK002"], ["80891009"]),
            ([], ["ZBQK002", "ZBQK002"], ["67734004"]),
        ] as [([String], [String], [String])]
    )
    func regions(_ regions: [String], _ acts: [String], _ expected: [String]) {
        let site = MADOSite(regions: ["ZBQK002": "67734004"])
        #expect(site.targetRegions(report(regions: regions, acts: acts)).map(\.value) == expected)
    }
}
