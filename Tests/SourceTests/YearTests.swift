// SPDX-License-Identifier: Apache-2.0
import DICOM
import Store
import Synchronization
import Testing

@testable import Source

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
