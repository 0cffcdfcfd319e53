// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import DICOM

private let ct = UID(literal: "1.2.840.10008.5.1.4.1.1.2")
private let enhancedCT = UID(literal: "1.2.840.10008.5.1.4.1.1.2.1")
private let keyObject = SOPClass.keyObjectSelectionDocument

enum MADOFixture {
    /// CT of two instances, an enhanced one, and a Key Object Selection.
    static func study() -> ManifestStudy {
        var study = ManifestStudy(studyInstanceUID: UID(literal: "1.2.3"))
        study.date = "20221215"
        study.time = "194622"
        study.description = "Crâne Ω"
        var ctSeries = ManifestStudy.Series(
            seriesInstanceUID: UID(literal: "1.2.3.1"),
            number: 1,
            modality: "CT",
            description: "Axial",
            instances: [
                .init(sopClassUID: ct, sopInstanceUID: UID(literal: "1.2.3.1.1"), number: 1),
                .init(sopClassUID: ct, sopInstanceUID: UID(literal: "1.2.3.1.2")),
                .init(
                    sopClassUID: enhancedCT,
                    sopInstanceUID: UID(literal: "1.2.3.1.3"),
                    number: 3,
                    numberOfFrames: 30
                ),
            ]
        )
        ctSeries.instances.swapAt(1, 2)
        ctSeries.date = "20221215"
        ctSeries.time = "194700.5"
        ctSeries.targetRegion = ManifestCode("69536005", "SCT", "Head")
        ctSeries.laterality = ManifestCode("24028007", "SCT", "Right")
        var ko = ManifestStudy.Series(
            seriesInstanceUID: UID(literal: "1.2.3.2"),
            number: 2,
            modality: "KO",
            instances: [
                .init(
                    sopClassUID: keyObject,
                    sopInstanceUID: UID(literal: "1.2.3.2.1"),
                    number: 1,
                    documentTitle: ManifestCode("113000", "DCM", "Of Interest"),
                    documentDescription: "Fracture"
                )
            ]
        )
        ko.targetRegionText = "Tête"
        ko.retrieveURL = "https://db2.example/rs"
        ko.retrieveLocationUID = UID(literal: "1.2.9.2")
        study.series = [ctSeries, ko]
        return study
    }

    static func context() -> ManifestContext {
        var context = ManifestContext(
            patientID: .init(value: "279035121518989", authority: "1.2.250.1.213.1.4.8"),
            patientName: "PAT-TROIS^DOMINIQUE",
            patientBirthDate: "19790328",
            patientSex: "F",
            birthplace: "63220",
            accessionNumber: .init(value: "ACN1", authority: "1.2.5"),
            order: .init(value: "OPN1", authority: "1.2.6"),
            manufacturer: "DRIMbox",
            institutionName: "Ambroise",
            institutionIdentifier: "101235555",
            procedure: "Tête",
            retrieveURL: "https://db1.example/dicomweb",
            retrieveLocationUID: UID(literal: "1.2.9.1"),
            timezoneOffset: "+0100"
        )
        context.institutionAuthority = "1.2.250.1.71.4.2.2"
        context.targetRegions = [ManifestCode("774007", "SCT", "Head and neck")]
        context.displayURI = "https://vi1.example/study?uid=1.2.3"
        return context
    }

    static func file(
        _ study: ManifestStudy = study(),
        _ context: ManifestContext = context(),
        _ settings: MADOSettings = MADOSettings()
    ) throws -> [UInt8] {
        try MADOBuilder(study, context, settings).file(
            sopInstanceUID: UID(literal: "2.25.1"),
            seriesInstanceUID: UID(literal: "2.25.2"),
            date: "20240102",
            time: "030405"
        )
    }

    static func dataSet(
        _ study: ManifestStudy = study(),
        _ context: ManifestContext = context(),
        _ settings: MADOSettings = MADOSettings()
    ) throws -> DataSet {
        try MADOBuilder(study, context, settings).dataSet(
            sopInstanceUID: UID(literal: "2.25.1"),
            seriesInstanceUID: UID(literal: "2.25.2"),
            date: "20240102",
            time: "030405"
        )
    }
}

/// "(gggg,eeee)[item]/…: what" for every element that two data sets do not have in common, padding aside.
func differences(_ left: DataSet, _ right: DataSet, _ path: String = "") -> [String] {
    var found: [String] = []
    for tag in Set((left.elements + right.elements).map(\.tag)).sorted() {
        let here = "\(path)\(tag)"
        guard let a = left[tag] else {
            found.append("\(here): only right")
            continue
        }
        guard let b = right[tag] else {
            found.append("\(here): only left")
            continue
        }
        if a.vr != b.vr { found.append("\(here): VR \(a.vr), \(b.vr)") }
        switch (a.value, b.value) {
        case (.items(let a), .items(let b)):
            if a.count != b.count { found.append("\(here): \(a.count) items, \(b.count)") }
            for (index, pair) in zip(a, b).enumerated() {
                found += differences(pair.0, pair.1, "\(here)[\(index)]/")
            }
        case (.bytes, .bytes) where left.texts(tag) == right.texts(tag): break
        case (.bytes(let a), .bytes(let b)) where a == b: break
        default: found.append("\(here): \(left.texts(tag)), \(right.texts(tag))")
        }
    }
    return found
}

@Suite("Manifests: MADO") struct MADOTests {
    /// "code value" of every content item below, in order: UID for an instance, and its value.
    private func tree(_ items: [DataSet]) -> [String] {
        items.map { item in
            let name = item.items(.conceptNameCodeSequence).first?.text(.codeValue) ?? ""
            let code = item.items(.conceptCodeSequence).first?.text(.codeValue)
            let number = item.items(.measuredValueSequence).first?.text(.numericValue)
            let instance = item.items(.referencedSOPSequence).first?.text(.referencedSOPInstanceUID)
            let value =
                item.text(.textValue) ?? item.text(.dateValue) ?? item.text(.timeValue)
                ?? item.text(.uidValue) ?? code ?? number ?? instance ?? ""
            return "\(item.text(.valueType) ?? "") \(name) \(value)"
        }
    }

    @Test("what MADO wants, value by value") func golden() throws {
        let document = try MADOFixture.dataSet()
        #expect(document.text(.specificCharacterSet) == "ISO_IR 192")
        #expect(document.text(.studyDescription) == "Crâne Ω")
        #expect(document.text(.accessionNumber) == "ACN1")
        let issuer = document.items(.issuerOfAccessionNumberSequence).first
        #expect(issuer?.text(.universalEntityID) == "1.2.5")
        #expect(document.text(.institutionName) == "Ambroise^^^^^&1.2.250.1.71.4.2.2&ISO^^^^101235555")
        #expect(document.text(.issuerOfPatientID) == "ASIP-SANTE-INS-NIR")
        #expect(document.items(.otherPatientIDsSequence).map { $0.text(.patientID) } == ["279035121518989"])
        #expect(document[.patientComments] == nil)
        let evidence = try #require(document.items(.currentRequestedProcedureEvidenceSequence).first)
        #expect(evidence.text(.madoPrivateCreator) == "IHE_MADO_PRIVATE")
        #expect(evidence.text(.madoDisplayURI) == "https://vi1.example/study?uid=1.2.3")
        let listed = evidence.items(.referencedSeriesSequence)
        #expect(
            listed.map { $0.text(.retrieveURL) } == [
                "https://db1.example/dicomweb", "https://db2.example/rs",
            ]
        )
        #expect(listed.map { $0.text(.retrieveLocationUID) } == ["1.2.9.1", "1.2.9.2"])
        let content = document.items(.contentSequence)
        #expect(content.map { $0.text(.valueType) } == ["CONTAINER", "IMAGE", "IMAGE", "IMAGE", "COMPOSITE"])
        let library = content.first?.items(.contentSequence) ?? []
        #expect(
            tree(library) == [
                "CODE 121139 CT", "CODE 121139 KO", "CODE 123014 774007", "NUM MADOTEMP009 2",
                "CONTAINER 126200 ", "CONTAINER 126200 ",
            ]
        )
        #expect(
            tree(library[4].items(.contentSequence)) == [
                "CODE 121139 CT", "DATE MADOTEMP003 20221215", "TIME MADOTEMP004 194700.5",
                "TEXT MADOTEMP002 Axial", "TEXT 113607 1", "CODE 123014 69536005", "CODE 111027 24028007",
                "UIDREF 112002 1.2.3.1", "TEXT MADOTEMP007 (3, UCUM, \"instances\")",
                "TEXT 113609 1", "IMAGE  1.2.3.1.1", "NUM 121140 30", "TEXT 113609 3", "IMAGE  1.2.3.1.3",
                "IMAGE  1.2.3.1.2",
            ]
        )
        #expect(
            tree(library[5].items(.contentSequence)) == [
                "CODE 121139 KO", "TEXT 113607 2", "TEXT 123014 Tête", "UIDREF 112002 1.2.3.2",
                "TEXT MADOTEMP007 (1, UCUM, \"instances\")", "TEXT 113609 1", "CODE 121144 113000",
                "TEXT 113012 Fracture", "COMPOSITE  1.2.3.2.1",
            ]
        )
    }

    @Test("the final codes, the tag of Display URI, and a code too long for SH") func final() throws {
        var context = MADOFixture.context()
        context.targetRegions = [ManifestCode("12345678901234567", "SCT", "Region")]
        let document = try MADOFixture.dataSet(
            MADOFixture.study(),
            context,
            MADOSettings(codes: .final(title: "999999"))
        )
        let title = try #require(document.items(.conceptNameCodeSequence).first)
        #expect(title.text(.codeValue) == "999999")
        #expect(title.text(.codingSchemeDesignator) == "DCM")
        let evidence = try #require(document.items(.currentRequestedProcedureEvidenceSequence).first)
        #expect(evidence[.madoDisplayURI] == nil)
        #expect(evidence[.displayURI]?.vr == .ur)
        let library = document.items(.contentSequence).first?.items(.contentSequence) ?? []
        #expect(tree(library).contains("NUM 131565 2"))
        #expect(tree(library[4].items(.contentSequence)).contains("DATE 131561 20221215"))
        let region = library[2].items(.conceptCodeSequence).first
        #expect(region?.text(.longCodeValue) == "12345678901234567")
        #expect(region?[.codeValue] == nil)
    }

    @Test("the accession number is at the top where there is one only") func requests() throws {
        var context = MADOFixture.context()
        let order = ManifestContext.Identifier(value: "OPN2", authority: "1.2.6")
        context.furtherRequests = [.init(accessionNumber: context.accessionNumber, order: order)]
        var document = try MADOFixture.dataSet(MADOFixture.study(), context)
        #expect(document.text(.accessionNumber) == "ACN1")
        #expect(document.items(.referencedRequestSequence).count == 2)
        context.furtherRequests[0].accessionNumber.value = "ACN2"
        document = try MADOFixture.dataSet(MADOFixture.study(), context)
        #expect(document[.accessionNumber]?.value == .bytes([]))
        #expect(document[.issuerOfAccessionNumberSequence] == nil)
        #expect(
            document.items(.referencedRequestSequence).map { $0.text(.accessionNumber) } == ["ACN1", "ACN2"]
        )
    }

    @Test("what is unknown and required is named, what is optional is absent") func missing() throws {
        var study = MADOFixture.study()
        study.time = ""
        study.description = ""
        study.series[0].modality = ""
        study.series[0].instances[1].numberOfFrames = nil
        study.series[1].instances[0].documentTitle = nil
        var context = MADOFixture.context()
        context.order = nil
        context.targetRegions = []
        context.retrieveLocationUID = nil
        context.patientID.authority = ""
        let error = #expect(throws: ManifestIncomplete.self) { try MADOBuilder(study, context) }
        #expect(
            error?.missing == [
                "IssuerOfPatientIDQualifiersSequence", "StudyTime", "PlacerOrderNumberImagingServiceRequest",
                "Target Region", "Modality (1.2.3.1)", "RetrieveLocationUID (1.2.3.1)",
                "NumberOfFrames (1.2.3.1.3)", "Document Title (1.2.3.2.1)",
            ]
        )
        study = MADOFixture.study()
        study.description = ""
        context = MADOFixture.context()
        context.displayURI = nil
        context.retrieveURL = ""
        let document = try MADOFixture.dataSet(study, context)
        #expect(document[.studyDescription] == nil)
        let evidence = try #require(document.items(.currentRequestedProcedureEvidenceSequence).first)
        #expect(evidence[.madoPrivateCreator] == nil)
        #expect(evidence.items(.referencedSeriesSequence).first?[.retrieveURL] == nil)
    }

    @Test("the European extension binds the regions") func regions() throws {
        var context = MADOFixture.context()
        let bound = MADOSettings(bindsRegions: true)
        _ = try MADOBuilder(MADOFixture.study(), context, bound)
        context.targetRegions.append(ManifestCode("69536005", "SCT", "Head"))
        _ = try MADOBuilder(MADOFixture.study(), context)
        let error = #expect(throws: ManifestIncomplete.self) {
            try MADOBuilder(MADOFixture.study(), context, bound)
        }
        #expect(error?.missing == ["Target Region of CID IHE-MADO1"])
    }

    @Test("content is equal where the manifests say the same, and only there") func content() throws {
        let first = try MADOBuilder(MADOFixture.study(), MADOFixture.context())
        var study = MADOFixture.study()
        study.series.reverse()
        var context = MADOFixture.context()
        context.timezoneOffset = "+0200"
        #expect(try MADOBuilder(study, context).content == first.content)
        study.series[0].instances[0].documentDescription = "None"
        #expect(try MADOBuilder(study, context).content != first.content)
    }
}

@Suite(
    "Manifests: MADO's sample",
    .enabled(if: ManifestSamples.mado.directory != nil, "needs the sample files (DRIMBOX_SAMPLES)")
)
struct MADOSampleTests {
    static func sample() throws -> DataSet {
        try KeyObjectSelection.dataSet(file: try ManifestSamples.mado.bytes("MADO_KOS_A.dcm"))
    }

    /// The values of the sample by hand; its instances' UIDs, in order, from its evidence.
    private func values(_ sample: DataSet) throws -> (ManifestStudy, ManifestContext) {
        let root = "1.2.250.1.59.40211.22756022"
        var study = ManifestStudy(studyInstanceUID: try #require(UID("\(root).2.1.101")))
        study.date = "20260224"
        study.time = "162310.000"
        study.description = "Study A"
        let listed = try KeyObjectSelection(sample).studies[0].series
        let described = [
            ("164758.337000", "Series A1", ManifestCode("38266002", "SCT", "Entire body as a whole")),
            ("165231.123500", "Series A2", ManifestCode("67734004", "DCM", "Upper trunk")),
        ]
        study.series = zip(listed, described).enumerated().map { index, pair in
            var series = ManifestStudy.Series(
                seriesInstanceUID: pair.0.seriesInstanceUID,
                number: index + 1,
                modality: "CT",
                description: pair.1.1,
                instances: pair.0.instances.enumerated().map { position, uid in
                    .init(sopClassUID: ct, sopInstanceUID: uid, number: position + 1)
                }
            )
            series.date = "20220822"
            series.time = pair.1.0
            series.targetRegion = pair.1.2
            series.retrieveLocationUID = UID("1.3.6.1.4.1.19376.1.1.200.\(index + 1)")
            return series
        }
        var context = ManifestContext(
            patientID: .init(value: "UV59569735", authority: "1.3.6.1.4.1.19376.1.1.100.1"),
            patientName: "DOE^John",
            patientBirthDate: "19770530",
            patientSex: "M",
            accessionNumber: .init(value: "1731954284869428", authority: "1.3.6.1.4.1.19376.1.1.100.2"),
            order: .init(value: "5357606535677609", authority: "1.3.6.1.4.1.19376.1.1.100.3"),
            manufacturer: "IHE",
            institutionName: "IHE Demo",
            institutionIdentifier: "",
            procedure: "",
            retrieveURL: "https://dicomserver.com/AET/rs/",
            timezoneOffset: "+0100"
        )
        context.patientIDIssuer = "ACME_HOSPITAL"
        context.targetRegions = [ManifestCode("38266002", "SCT", "Entire body as a whole")]
        context.displayURI =
            "https://dicomviewer/IHEInvokeImageDisplay?requestType=STUDY&studyUID=\(study.studyInstanceUID)"
        return (study, context)
    }

    @Test("ours is the sample, attribute by attribute") func equal() throws {
        let sample = try Self.sample()
        let (study, context) = try values(sample)
        let ours = try MADOFixture.dataSet(study, context)
        let own: Set<String> = ["(0008,0018)", "(0008,0023)", "(0008,0033)", "(0020,000E)"]
        let found = differences(ours, sample).filter { line in !own.contains { line.hasPrefix("\($0):") } }
        // The sample's library lacks Continuity of Content, which every CONTAINER has (PS3.3 C.18.8, Type 1).
        #expect(found == ["(0040,A730)[0]/(0040,A050): only left"])
    }

    @Test("read and written again, it is the sample still") func readAgain() throws {
        let sample = try Self.sample()
        let manifest = try ImagingManifest(sample)
        #expect(manifest.form == .mado(.temporary))
        #expect(manifest.warnings == [])
        #expect(manifest.study.series.map(\.instances.count) == [50, 36])
        #expect(
            manifest.study.series.map { manifest.host(of: $0) } == ["dicomserver.com", "dicomserver.com"]
        )
        let again = try MADOBuilder(manifest.study, manifest.context).dataSet(
            sopInstanceUID: manifest.sopInstanceUID,
            seriesInstanceUID: try #require(manifest.seriesInstanceUID),
            date: manifest.date,
            time: manifest.time
        )
        #expect(differences(again, sample) == ["(0040,A730)[0]/(0040,A050): only left"])
    }
}
