// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import DICOM

private let ct = UID(literal: "1.2.840.10008.5.1.4.1.1.2")
private let pr = UID(literal: "1.2.840.10008.5.1.4.1.1.11.1")

private func uid(_ text: String) -> UID { UID(text) ?? UID(literal: "0") }

private func study() -> ManifestStudy {
    var study = ManifestStudy(studyInstanceUID: UID(literal: "1.2.3"))
    study.date = "20221215"
    study.time = "194622.300000"
    study.description = "Crâne"
    study.series = [
        .init(
            seriesInstanceUID: UID(literal: "1.2.3.2"),
            number: 2,
            modality: "PR",
            instances: [.init(sopClassUID: pr, sopInstanceUID: UID(literal: "1.2.3.2.1"), number: 1)]
        ),
        .init(
            seriesInstanceUID: UID(literal: "1.2.3.1"),
            number: 1,
            modality: "CT",
            description: "T2",
            instances: [
                .init(
                    sopClassUID: ct,
                    sopInstanceUID: UID(literal: "1.2.3.1.2"),
                    number: 2,
                    numberOfFrames: 30
                ),
                .init(sopClassUID: ct, sopInstanceUID: UID(literal: "1.2.3.1.1"), number: 1),
            ]
        ),
    ]
    return study
}

private func context(name: String = "PAT-TROIS^DOMINIQUE", institution: String = "Ambroise")
    -> ManifestContext
{
    ManifestContext(
        patientID: .init(value: "279035121518989", authority: "1.2.250.1.213.1.4.10"),
        patientName: name,
        otherPatientName: "PAT-TROIS^DOMINIQUE",
        patientBirthDate: "19790328",
        patientSex: "F",
        birthplace: "63220",
        accessionNumber: .init(value: "ACN1", authority: "1.2.5"),
        order: .init(value: "OPN1", authority: "1.2.6"),
        manufacturer: "DRIMbox",
        institutionName: institution,
        institutionIdentifier: "101235555",
        procedure: "Tête",
        retrieveURL: "https://db1.example/dicomweb",
        timezoneOffset: "+0100"
    )
}

private func build(_ study: ManifestStudy = study(), _ context: ManifestContext = context()) -> DataSet {
    ManifestBuilder(study, context).dataSet(
        sopInstanceUID: UID(literal: "2.25.1"),
        seriesInstanceUID: UID(literal: "2.25.2"),
        date: "20240102",
        time: "030405"
    )
}

/// "tag VR" of every element, sequences' items told apart by nothing: what two documents of one form have in common.
private func forms(_ dataSet: DataSet, _ path: String = "") -> Set<String> {
    dataSet.elements.reduce(into: []) { found, element in
        let own = "\(path)\(element.tag)"
        found.insert("\(own) \(element.vr)")
        if case .items(let items) = element.value {
            for item in items { found.formUnion(forms(item, own + "/")) }
        }
    }
}

@Suite("Manifests (Key Object Selection)") struct ManifestTests {
    @Test("what the national profile wants, value by value") func golden() throws {
        let document = build()
        #expect(document.text(.specificCharacterSet) == "ISO_IR 100")
        #expect(document.text(.studyTime) == "194622.300000")
        #expect(document[.accessionNumber]?.value == .bytes([]))
        #expect(document.text(.modality) == "KO")
        #expect(document.text(.institutionName) == "Ambroise^^^^^^^^^101235555")
        #expect(document.text(.issuerOfPatientID) == "ASIP-SANTE-INS-NIR")
        #expect(document.text(.patientComments) == "63220")
        #expect(document.items(.conceptNameCodeSequence).first?.text(.codeValue) == "113030")
        let request = try #require(document.items(.referencedRequestSequence).first)
        #expect(request.text(.accessionNumber) == "ACN1")
        #expect(request.text(.placerOrderNumberImagingServiceRequest) == "OPN1")
        let evidence = try #require(document.items(.currentRequestedProcedureEvidenceSequence).first)
        let series = evidence.items(.referencedSeriesSequence)
        #expect(series.map { $0.text(.seriesNumber) } == ["1", "2"])
        #expect(
            series.first?.text(.retrieveURL) == "https://db1.example/dicomweb/studies/1.2.3/series/1.2.3.1"
        )
        let listed = series.first?.items(.referencedSOPSequence) ?? []
        #expect(listed.map { $0.text(.instanceNumber) } == ["1", "2"])
        #expect(listed.map { $0.text(.numberOfFrames) } == [nil, "30"])
        let content = document.items(.contentSequence)
        #expect(content.map { $0.text(.valueType) } == ["IMAGE", "IMAGE", "COMPOSITE", "TEXT"])
        #expect(
            content.last?.text(.textValue)
                == "Examen : Crâne\nActe =  : Tête\nSérie-1.2.3.1 : CT @  : T2\nSérie-1.2.3.2 : PR @  : \n"
        )
    }

    @Test("a file of it reads back as the manifest, and lists what it lists") func readsBack() throws {
        let file = ManifestBuilder(study(), context()).file(
            sopInstanceUID: UID(literal: "2.25.1"),
            seriesInstanceUID: UID(literal: "2.25.2"),
            date: "20240102",
            time: "030405"
        )
        let manifest = try KeyObjectSelection(file: file)
        #expect(manifest.title == .manifest)
        #expect(manifest.studies.map(\.studyInstanceUID) == [UID(literal: "1.2.3")])
        #expect(manifest.studies.first?.series.map(\.instances.count) == [2, 1])
        #expect(manifest.patientID == "279035121518989")
    }

    @Test("names that Latin 1 has not are in UTF-8; identifiers are never cut") func texts() {
        let greek = build(study(), context(name: "ΩΜΕΓΑ^A"))
        #expect(greek.text(.specificCharacterSet) == "ISO_IR 192")
        #expect(greek.text(.patientName) == "ΩΜΕΓΑ^A")
        let long = build(study(), context(institution: String(repeating: "é", count: 100)))
        #expect(long.text(.institutionName)?.count == 64)
        #expect(long.text(.institutionName)?.hasSuffix("é^^^^^^^^^101235555") == true)
    }

    @Test("content is equal where the manifests say the same, and only there") func content() {
        let first = ManifestBuilder(study(), context())
        var shuffled = study()
        shuffled.series.reverse()
        #expect(ManifestBuilder(shuffled, context()).content == first.content)
        var summer = context()
        summer.timezoneOffset = "+0200"
        #expect(ManifestBuilder(study(), summer).content == first.content)
        shuffled.series[0].instances.removeLast()
        #expect(ManifestBuilder(shuffled, context()).content != first.content)
        #expect(ManifestBuilder(study(), context(name: "OTHER")).content != first.content)
    }

    @Test("rejected instances go, and series with them") func rejected() {
        let listed = study().listed(without: [uid("1.2.3.1.1"), uid("1.2.3.2.1")])
        #expect(listed.series.map { $0.instances.map(\.sopInstanceUID.string) } == [["1.2.3.1.2"]])
        #expect(listed.instanceCount == 1)
    }

    @Test(
        "a title says whether it is a rejection",
        arguments: [
            ("113030", .manifest), ("113001", .rejection(code: "113001")),
            ("113037", .rejection(code: "113037")),
            ("113038", .rejection(code: "113038")), ("113039", .rejection(code: "113039")),
            ("113000", .other(code: "113000")),
        ] as [(String, KeyObjectSelection.Title)]
    )
    func titles(code: String, title: KeyObjectSelection.Title) throws {
        var document = build()
        var concept = DataSet()
        concept.set(.codeValue, code)
        document.set(.conceptNameCodeSequence, items: [concept])
        #expect(try KeyObjectSelection(document).title == title)
    }

    @Test("a note may reject instances of several studies, a manifest lists one") func severalStudies() throws
    {
        var document = build()
        let evidence = try #require(document.items(.currentRequestedProcedureEvidenceSequence).first)
        var other = evidence
        other.set(.studyInstanceUID, uids: [UID(literal: "1.2.4")])
        document.set(.currentRequestedProcedureEvidenceSequence, items: [evidence, other])
        #expect(throws: KeyObjectError.self) { try KeyObjectSelection(document) }
        var concept = DataSet()
        concept.set(.codeValue, "113001")
        document.set(.conceptNameCodeSequence, items: [concept])
        let note = try KeyObjectSelection(document)
        #expect(note.studies.map(\.studyInstanceUID.string) == ["1.2.3", "1.2.4"])
        #expect(note.studies.map(\.sopInstanceUIDs.count) == [3, 3])
        other.setEmpty(.studyInstanceUID)
        document.set(.currentRequestedProcedureEvidenceSequence, items: [evidence, other])
        #expect(throws: KeyObjectError.self) { try KeyObjectSelection(document) }
    }

    @Test("what is no such document is refused by keyword") func refused() {
        for tag in [Tag.sopClassUID, .sopInstanceUID, .conceptNameCodeSequence] {
            var document = build()
            document.setEmpty(tag)
            #expect(throws: KeyObjectError.self, "\(tag)") { try KeyObjectSelection(document) }
        }
        #expect(throws: KeyObjectError.self) { try KeyObjectSelection(file: Array("DICM".utf8)) }
    }

    @Test("damaged files end in a value or an error") func damaged() {
        let file = ManifestBuilder(study(), context()).file(
            sopInstanceUID: UID(literal: "2.25.1"),
            seriesInstanceUID: UID(literal: "2.25.2"),
            date: "20240102",
            time: "030405"
        )
        var random = SystemRandomNumberGenerator()
        let end = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < end {
            var changed = file
            for _ in 0..<4 {
                let position = Int.random(in: 132..<changed.count, using: &random)
                changed[position] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? KeyObjectSelection(
                file: Array(changed.prefix(Int.random(in: 0...changed.count, using: &random)))
            )
        }
    }
}

@Suite(
    "Manifests: official samples",
    .enabled(if: ManifestSamples.french.directory != nil, "needs the sample files (DRIMBOX_SAMPLES)")
)
struct ManifestSampleTests {
    @Test("ours has every attribute of the sample, of the same type", arguments: ["ko.dcm", "KOS_1_1.DCM"])
    func shapes(name: String) throws {
        let bytes = try ManifestSamples.french.bytes("kos/\(name)")
        let (meta, start) = try bytes.withRawSpan { span in try FileMetaInformation.decode(span) }
        let sample = try DataSet(decoding: Array(bytes[start...]), transferSyntax: meta.transferSyntaxUID)
        let manifest = try KeyObjectSelection(sample)
        #expect(manifest.title == .manifest)
        #expect(manifest.studies.first?.sopInstanceUIDs.isEmpty == false)
        // Of the sample: a series' number, an instance's number and frames are not there; ours has what it knows.
        let extra: Set<String> = ["(0020,0011)", "(0020,0013)", "(0028,0008)"]
        var ours = forms(build())
        ours = ours.filter { entry in
            !entry.contains("/")
                || !extra.contains { entry.hasSuffix("\($0) IS") || entry.contains("/\($0) ") }
        }
        let theirs = forms(sample)
        #expect(theirs.subtracting(ours).sorted() == [])
        #expect(ours.subtracting(theirs).sorted() == [])
    }
}
