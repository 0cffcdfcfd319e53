// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import DMP
import Foundation
import IHE
import Store
import Testing
import XML

@testable import Source

private let ins = "279035121518989"
private let nir = "1.2.250.1.213.1.4.10"
private let manifestUID = UID(literal: "2.25.77")
private let entryUUID = "urn:uuid:11111111-2222-3333-4444-555555555555"

private func manifest(ins: String = ins) -> [UInt8] {
    var study = ManifestStudy(studyInstanceUID: UID(literal: "1.2.3"))
    study.series = [
        .init(
            seriesInstanceUID: UID(literal: "1.2.3.1"),
            number: 1,
            modality: "CT",
            instances: [
                .init(
                    sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
                    sopInstanceUID: UID(literal: "1.2.3.1.1")
                )
            ]
        )
    ]
    let context = ManifestContext(
        patientID: .init(value: ins, authority: nir),
        patientName: "PAT-TROIS^DOMINIQUE",
        otherPatientName: "PAT-USAGE^DOMINIQUE",
        patientBirthDate: "19790328",
        patientSex: "F",
        birthplace: "63220",
        accessionNumber: .init(value: "ACN1", authority: "1.2.5"),
        order: .init(value: "OPN1", authority: "1.2.6"),
        manufacturer: "Another",
        institutionName: "Ambroise",
        institutionIdentifier: "1750803447",
        procedure: "Tête",
        retrieveURL: "https://db1.example/dicomweb",
        timezoneOffset: "+0100"
    )
    return ManifestBuilder(study, context).file(
        sopInstanceUID: manifestUID,
        seriesInstanceUID: UID(literal: "2.25.78"),
        date: "20240101",
        time: "003000"
    )
}

private func message(_ manifest: [UInt8], uid: String = manifestUID.string, ins: String = ins) -> XMLElement {
    let submission = ManifestSubmission(
        submissionSetUniqueID: "2.25.100",
        signatureUniqueID: "2.25.101",
        manifestUniqueID: uid,
        sourceID: "1.2.250.1.999",
        submissionTime: "20240101080000",
        manifestCreationTime: "20240101075900",
        patientID: DataTypes.patientIdentifier(ins, authority: nir),
        sourcePatientID: DataTypes.patientIdentifier("IPP1", authority: "1.2.4", type: "PI"),
        patientFamilyName: "PAT-TROIS",
        patientGivenName: "DOMINIQUE",
        patientBirthDate: "19790328",
        patientSex: "F",
        author: Author(
            person: DataTypes.professional("801", family: "BIDEAULT", given: "Jacques"),
            institution: DataTypes.institution("1750803447", name: "Ambroise")
        ),
        legalAuthenticator: DataTypes.professional("801", family: "BIDEAULT", given: "Jacques"),
        serviceStartTime: "20231231080000",
        serviceStopTime: "20231231081000",
        facilityType: Coded("SA08", "1.2.250.1.71.4.2.4", "Cabinet de groupe"),
        practiceSetting: Coded("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire"),
        eventCodes: [
            Coded("ACQH004", "1.2.250.1.213.2.5", "Scanner"),
            Coded("69536005", "1.2.250.1.213.1.1.5.695", "Tête"),
            Coded("CT", "1.2.250.1.213.1.1.5.618", "CT"),
        ],
        references: [],
        visibility: .init(
            isMaskedFromProfessionals: false,
            isInvisibleToPatient: true,
            isInvisibleToLegalRepresentatives: false
        )
    )
    let body = submission.request(manifest: manifest, signature: [0x3C])
        .body(manifestPart: "0.2", signaturePart: "0.3")
    return Envelope.make(
        action: ProvideAndRegister.action,
        to: "https://dmp.example/repository",
        messageID: "1",
        assertion: XMLElement(XMLName("Assertion", in: "urn:oasis:names:tc:SAML:2.0:assertion")),
        body: body
    )
}

private func file(_ name: String, _ bytes: [UInt8]) -> ManifestArchiveFile {
    .init(name: name, bytes: bytes)
}

private func submission(
    _ document: [UInt8] = manifest(),
    message sent: XMLElement? = nil,
    report: String = "1.9;;\(ins);\(nir);IPP1;1.2.4",
    isWithdrawn: Bool = false
) -> ManifestArchiveSubmission {
    let metadata = XDMMetadata.archived(
        sent ?? message(document),
        directory: "SS000001",
        entryUUID: entryUUID,
        isWithdrawn: isWithdrawn
    )
    return .init(files: [
        file("METADATA.XML", metadata.serialized()), file("CR.TXT", Array(report.utf8)),
        file("SIGN_1.XML", [0x3C]), file("KOS_1_1.DCM", document),
    ])
}

private func localArchive(_ bench: Workbench) -> ManifestArchive {
    let clock = bench.clock
    return ManifestArchive(
        table: bench.table,
        text: XDMText(
            organization: "Ambroise & <Fils>",
            organizationIdentifier: "1750803447",
            application: "DRIMbox",
            version: "1"
        ),
        journal: bench.journal,
        now: { clock.now }
    )
}

@Suite("The local archive, in and out as XDM") struct ManifestArchiveTests {
    @Test("what is imported is served, and exported as it came") func roundTrip() throws {
        let bench = try Workbench()
        let archive = localArchive(bench)
        let receipt = try archive.take(submission())
        #expect(receipt == .init(outcome: .imported, manifest: "2.25.77", studyInstanceUID: "1.2.3"))
        #expect(try archive.take(submission()).outcome == .known)
        let exam = try #require(try bench.exams().first)
        #expect(exam.state == .published)
        #expect(exam.manifest == "2.25.77")
        #expect(exam.due == nil)

        // 00:30 on the first of January at +0100 is the old year in UTC.
        #expect(try archive.months().months == [.init(month: "202312", published: 1, withdrawn: 0)])
        #expect(try archive.volume("202401") == nil)
        let volume = try #require(try archive.volume("202312"))
        #expect(volume.name == "KA202312")
        #expect(volume.submissions == [.init(directory: "SS000001", manifest: "2.25.77")])
        let index = try #require(volume.files.first?.bytes)
        #expect(String(decoding: index, as: UTF8.self).contains("Ambroise &amp; &lt;Fils&gt; (1750803447)"))

        let exported = try #require(try archive.submission("2.25.77", directory: "SS000001"))
        let files = Dictionary(exported.files.map { ($0.name, $0.bytes ?? []) }) { $1 }
        #expect(files["KOS_1_1.DCM"] == manifest())
        #expect(files["SIGN_1.XML"] == [0x3C])
        #expect(String(decoding: files["CR.TXT"] ?? [], as: UTF8.self) == "1.9;;\(ins);\(nir);IPP1;1.2.4")
        let metadata = try XDMMetadata(reading: files["METADATA.XML"] ?? [])
        #expect(metadata.entryUUID == entryUUID)
        #expect(!metadata.isWithdrawn)
        #expect(bench.journal.events.contains(.manifestExported(study: "1.2.3", manifest: "2.25.77")))
        // And into another box.
        let other = try Workbench()
        #expect(try localArchive(other).take(exported).outcome == .imported)
        #expect(try archive.submission("2.25.1", directory: "SS000001") == nil)
        #expect(try archive.submission("2.25.77", directory: "../x") == nil)
    }

    @Test("what the report must have said is read back") func context() throws {
        let bench = try Workbench()
        _ = try localArchive(bench).take(submission())
        let wish = try ExamWish(reading: try #require(try bench.exams().first).document)
        let context = wish.context
        #expect(context.reportID == "1.9")
        #expect(context.patient.nationalIdentifier == .init(value: ins, authority: nir))
        #expect(context.patient.localIdentifier == .init(value: "IPP1", authority: "1.2.4"))
        #expect(context.patient.birthFamilyName == "PAT-TROIS")
        #expect(context.patient.usedFamilyName == "PAT-USAGE")
        #expect(context.patient.birthplace == "63220")
        #expect(context.accessionNumber == .init(value: "ACN1", authority: "1.2.5"))
        #expect(context.order == .init(value: "OPN1", authority: "1.2.6"))
        #expect(context.acts.map(\.value) == ["ACQH004"])
        #expect(context.regions.map(\.value) == ["69536005"])
        #expect(context.serviceStart == "20231231080000")
        #expect(context.legalAuthenticator.identifier == "801")
        #expect(context.legalAuthenticator.familyName == "BIDEAULT")
        #expect(context.structure == .init(identifier: "1750803447", name: "Ambroise"))
        #expect(context.facilityType.value == "SA08")
        #expect(context.visibility.isInvisibleToPatient)
        #expect(!context.visibility.isMaskedFromProfessionals)
    }

    @Test("a new version of an imported report takes the place of the imported manifest") func replaced()
        async throws
    {
        let bench = try Workbench()
        _ = try localArchive(bench).take(submission())
        bench.record.add(uniqueID: "2.25.77", entryUUID: entryUUID)
        bench.archive.set("1.2.3", [1])
        var report = ReportContext.test(report: "1.10", study: "1.2.3")
        report.parentID = "1.9"
        try bench.intake.apply([.publish(report)], message: nil)
        await bench.publisher.settle()
        #expect(try bench.exams().count == 1)
        #expect(bench.record.approved().count == 1)
        #expect(bench.record.approved().first?.uniqueID != "2.25.77")
    }

    @Test("what was withdrawn stays so, and is exported so") func withdrawn() throws {
        let bench = try Workbench()
        let archive = localArchive(bench)
        #expect(try archive.take(submission(isWithdrawn: true)).outcome == .importedWithdrawn)
        let exam = try #require(try bench.exams().first)
        #expect(exam.state == .withdrawn)
        #expect(exam.manifest == nil)
        #expect(try archive.months().months == [.init(month: "202312", published: 0, withdrawn: 1)])
        let exported = try #require(try archive.submission("2.25.77", directory: "SS000001"))
        let metadata = try #require(exported.files.first { $0.name == "METADATA.XML" }?.bytes)
        #expect(try XDMMetadata(reading: metadata).isWithdrawn)
    }

    @Test("a manifest alone is taken in; nobody knows who answers for its report") func alone() throws {
        let bench = try Workbench()
        let archive = localArchive(bench)
        #expect(try archive.take(.init(files: [file("ko.dcm", manifest())])).outcome == .imported)
        let exported = try #require(try archive.submission("2.25.77", directory: "SS000001"))
        #expect(exported.files.map(\.name) == ["CR.TXT", "KOS_1_1.DCM"])
        // It is not submitted in the name of nobody, whatever structure the manifest names.
        let context = try ExamWish(reading: try #require(try bench.exams().first).document).context
        let record = DMPRecord(
            client: DMPClient(
                services: "https://dmp.example",
                software: .init(identifier: "", name: "", version: "", homologation: ""),
                algorithm: .sha256,
                structures: [],
                makeUUID: { "" }
            ),
            sourceID: "1.2.3",
            makeUUID: { "" },
            makeUID: { manifestUID }
        )
        let prepared = PreparedManifest(
            sopInstanceUID: manifestUID,
            form: .french,
            document: [],
            context: context,
            modalities: [],
            created: 0
        )
        let error = #expect(throws: RecordError.self) { try record.prepare(prepared, replacing: nil) }
        #expect(error?.kind == .permanent)
        #expect(error?.description.hasPrefix("legalAuthenticator: found nobody") == true)
    }

    @Test("an exam that has a manifest takes no other; one that waits for images takes it") func conflict()
        throws
    {
        let bench = try Workbench()
        let archive = localArchive(bench)
        try bench.intake.apply([.publish(.test(report: "1.9", study: "1.2.3"))], message: nil)
        _ = try archive.take(submission())
        #expect(try bench.exams().map(\.manifest) == ["2.25.77"])
        var second = submission()
        let other = try #require(String(bytes: manifest(), encoding: .isoLatin1))
            .replacingOccurrences(of: "2.25.77\0", with: "2.25.79\0")
        let changed = Array(try #require(other.data(using: .isoLatin1)))
        second = .init(files: [
            second.files[1], file("KOS_1_1.DCM", changed),
        ])
        #expect(throws: ManifestConflict.self) { try archive.take(second) }
    }

    @Test("what does not belong together is refused, and says what; nobody is named") func refused() throws {
        let bench = try Workbench()
        let archive = localArchive(bench)
        let document = manifest()
        let other = manifest(ins: "100000000000000")
        let cases: [(ManifestArchiveSubmission, String)] = [
            (.init(files: []), "no manifest"),
            (.init(files: [file("KOS_1_1.DCM", Array("DICM".utf8))]), "KOS_1_1.DCM"),
            (.init(files: [.init(name: "KOS_1_1.DCM", content: "?")]), "base64"),
            (submission(other, message: message(document)), "hash"),
            (submission(document, message: message(document, uid: "2.25.78")), "uniqueId"),
            (submission(document, message: message(document, ins: "100000000000000")), "patientId"),
            (submission(report: "1.9;;100000000000000;\(nir);;"), "CR.TXT"),
            (submission(report: "1.9"), "six"),
            (
                .init(files: [file("KOS_1_1.DCM", document), file("METADATA.XML", Array("<a/>".utf8))]),
                "application/dicom"
            ),
        ]
        for (submission, word) in cases {
            do {
                _ = try archive.take(submission)
                Issue.record("taken: \(word)")
            } catch {
                let text = "\(error)"
                #expect(text.contains(word))
                #expect(!text.contains(ins) && !text.contains("100000000000000"), "\(text)")
            }
        }
        #expect(try bench.exams().isEmpty)
    }

    @Test(
        "the official archive is taken in",
        .enabled(if: samples != nil, "needs the sample files (DRIMBOX_SAMPLES)")
    )
    func official() throws {
        let directory = try #require(samples)
        let names = ["METADATA.XML", "CR.TXT", "SIGN_1.XML", "KOS_1_1.DCM"]
        let files = try names.map { name in
            file(name, Array(try Data(contentsOf: directory.appending(path: name))))
        }
        let bench = try Workbench()
        let archive = localArchive(bench)
        #expect(try archive.take(.init(files: files)).outcome == .imported)
        #expect(try archive.months().months.map(\.month) == ["202401"])
        let wish = try ExamWish(reading: try #require(try bench.exams().first).document)
        #expect(wish.context.reportID == "1.2.250.1.213.1.1.6^A7102400008_6")
        #expect(wish.context.structure.identifier == "499700367909006")
        #expect(wish.context.legalAuthenticator.specialty?.value == "SM26")
        let uid = try #require(try bench.exams().first?.manifest)
        let exported = try #require(try archive.submission(uid, directory: "SS000007"))
        let byName = Dictionary(exported.files.map { ($0.name, $0) }) { $1 }
        for name in names.dropFirst() { #expect(byName[name] == files[names.firstIndex(of: name) ?? 0]) }
        let metadata = String(decoding: byName["METADATA.XML"]?.bytes ?? [], as: UTF8.self)
        #expect(metadata.contains("SS000007/KOS_1_1.DCM"))
        #expect(!metadata.contains("SS000001"))
        #expect(metadata.components(separatedBy: "XDSDocumentEntry.EntryUUID").count == 2)
    }
}

private let samples: URL? = {
    let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let named = ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"].map { URL(filePath: $0) }
    let directory = (named ?? repository.appending(path: "../shared/data"))
        .appending(path: "drimbox/xdm/KA202401/IHE_XDM/SS000001")
    return FileManager.default.fileExists(atPath: directory.path) ? directory : nil
}()
