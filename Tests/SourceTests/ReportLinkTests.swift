// SPDX-License-Identifier: Apache-2.0
import DICOM
import Store
import Synchronization
import Testing

@testable import Source

/// An archive whose manifests are real documents: studies whose instances are numbers.
private final class ListedArchive: ManifestSource {
    let studies = Mutex<[String: [Int]]>([:])

    func draft(of context: ReportContext, without excluded: Set<UID>) async throws -> ManifestDraft {
        let uid = makeUID(context.studyInstanceUID)
        let listed = studies.withLock { $0[context.studyInstanceUID] ?? [] }
            .map { makeUID("\(uid).\($0)") }.filter { !excluded.contains($0) }
        guard !listed.isEmpty else { return .noImages(reason: "no instances") }
        var study = ManifestStudy(studyInstanceUID: uid)
        study.series = [
            .init(
                seriesInstanceUID: makeUID("\(uid).0"),
                number: 1,
                modality: "CT",
                description: "",
                instances: listed.map {
                    .init(sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"), sopInstanceUID: $0)
                }
            )
        ]
        let builder = ManifestBuilder(
            study,
            ManifestContext(
                patientID: .init(value: "279035121518989", authority: "1.2.250.1.213.1.4.10"),
                patientName: "PAT-TROIS^DOMINIQUE",
                otherPatientName: nil,
                patientBirthDate: "19790328",
                patientSex: "F",
                birthplace: nil,
                accessionNumber: .init(value: context.accessionNumber.value, authority: "1.2.5"),
                order: nil,
                manufacturer: "DRIMbox",
                institutionName: "Ambroise",
                institutionIdentifier: "1750803447",
                procedure: "x",
                retrieveURL: "https://db1.example/dicomweb",
                retrieveLocationUID: nil,
                timezoneOffset: "+0100"
            )
        )
        return .images([
            .ready(
                .init(
                    form: .french,
                    fingerprint: listed.map(\.string).joined(separator: ","),
                    instances: listed.count,
                    modalities: ["CT"]
                ) { own, series, _ in
                    builder.file(
                        sopInstanceUID: own,
                        seriesInstanceUID: series,
                        date: "20260101",
                        time: "120000"
                    )
                }
            )
        ])
    }
}

@Suite("What the links of reports lead to") struct ReportLinkTests {
    private let table: PublicationTable
    private let archive = ListedArchive()
    private let publisher: Publisher
    private let intake: ReportIntake
    private let links: ReportLinks

    init() throws {
        let table = try PublicationTable(path: ":memory:")
        let (clock, uids) = (TestClock(), Workbench.UIDs())
        let journal = RecordingJournal()
        self.table = table
        publisher = Publisher(
            table: table,
            source: archive,
            record: TestRecord(),
            journal: journal,
            now: { clock.now },
            makeUID: { uids.next() }
        )
        intake = ReportIntake(table: table, journal: journal, now: { clock.now })
        links = ReportLinks(table: table)
    }

    private func apply(_ request: ReportIntake.Request) async throws {
        try intake.apply([request], message: nil)
        await publisher.settle()
    }

    private func find(_ study: String, _ accession: String, _ report: String) throws -> String {
        switch try links.find(study: study, accessionNumber: accession, report: report) {
        case .unknown: "unknown"
        case .withdrawn: "withdrawn"
        case .unavailable: "unavailable"
        case .exam(let found):
            "\(found.context.reportID): \(found.sopInstanceUIDs.map(\.string).sorted().joined(separator: " "))"
        }
    }

    @Test("study, accession and report lead to their exam together, and in no other mixture") func together()
        async throws
    {
        archive.studies.withLock { $0 = ["1.2.3": [1, 2], "1.2.4": [1]] }
        try await apply(.publish(.test()))
        try await apply(.publish(.test(report: "1.8^7", study: "1.2.4")))
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9") == "1.9: 1.2.3.1 1.2.3.2")
        #expect(try find("1.2.4", "ACN-1.2.4", "1.8^7") == "1.8^7: 1.2.4.1")
        let (studies, accessions) = (["1.2.3", "1.2.4", "1.2.5"], ["ACN-1.2.3", "ACN-1.2.4", ""])
        var found = 0
        for study in studies {
            for accession in accessions {
                for report in ["1.9", "1.8^7", "1.8", ""]
                where try find(study, accession, report) != "unknown" {
                    found += 1
                }
            }
        }
        #expect(found == 2)
    }

    @Test(
        "every version of a report leads to the exam as it is now, by the accession that it was written with"
    )
    func versions() async throws {
        archive.studies.withLock { $0 = ["1.2.3": [1]] }
        try await apply(.publish(.test()))
        var second = ReportContext.test(report: "1.9.2")
        second.parentID = "1.9"
        second.accessionNumber.value = "ACN-NEW"
        archive.studies.withLock { $0 = ["1.2.3": [1, 2]] }
        try await apply(.publish(second))
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9") == "1.9.2: 1.2.3.1 1.2.3.2")
        #expect(try find("1.2.3", "ACN-NEW", "1.9.2") == "1.9.2: 1.2.3.1 1.2.3.2")
        #expect(try find("1.2.3", "ACN-NEW", "1.9") == "unknown")
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9.2") == "unknown")
        try await apply(.withdraw(reports: ["1.9.2"], study: "1.2.3", reason: "deleted"))
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9") == "withdrawn")
        #expect(try find("1.2.3", "ACN-NEW", "1.9.2") == "withdrawn")
        #expect(try find("1.2.3", "ACN-NEW", "1.9") == "unknown")
    }

    @Test("what is hidden, rejected or withdrawn is so at once, before the record shows it") func atOnce()
        async throws
    {
        archive.studies.withLock { $0 = ["1.2.3": [1, 2]] }
        var context = ReportContext.test()
        try intake.apply([.publish(context)], message: nil)
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9") == "unavailable")
        await publisher.settle()
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9") == "1.9: 1.2.3.1 1.2.3.2")
        try intake.reject(
            study: makeUID("1.2.3"),
            instances: [makeUID("1.2.3.2")],
            note: makeUID("1.7"),
            title: "113001"
        )
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9") == "1.9: 1.2.3.1")
        context.visibility.isMaskedFromProfessionals = true
        try intake.apply([.publish(context)], message: nil)
        guard case .exam(let exam) = try links.look(1) else {
            Issue.record("the exam is not found")
            return
        }
        #expect(exam.context.visibility.isMaskedFromProfessionals)
        let withdrawal = ReportIntake.Request.withdraw(reports: ["1.9"], study: "1.2.3", reason: "deleted")
        try intake.apply([withdrawal], message: nil)
        #expect(try find("1.2.3", "ACN-1.2.3", "1.9") == "withdrawn")
        guard case .withdrawn = try links.look(1), case .unknown = try links.look(2) else {
            Issue.record("the exam is still there")
            return
        }
    }
}
