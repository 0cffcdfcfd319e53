// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import Testing

@testable import drimboxctl

@Suite("drimboxctl manifest show") struct ManifestRenderingTests {
    private func manifest(url: String = "https://db1.example/rs") throws -> ImagingManifest {
        var study = ManifestStudy(studyInstanceUID: UID(literal: "1.2.3"))
        study.date = "20221215"
        study.time = "194622"
        study.description = "Head\u{1B}[2J"
        study.series = [
            .init(
                seriesInstanceUID: UID(literal: "1.2.3.1"),
                number: 1,
                modality: "CT",
                description: "Axial",
                instances: [
                    .init(
                        sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
                        sopInstanceUID: UID(literal: "1.2.3.1.1"),
                        number: 1
                    )
                ]
            ),
            .init(
                seriesInstanceUID: UID(literal: "1.2.3.2"),
                number: 2,
                modality: "KO",
                instances: [
                    .init(
                        sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.88.59"),
                        sopInstanceUID: UID(literal: "1.2.3.2.1"),
                        documentTitle: ManifestCode("113000", "DCM", "Of Interest"),
                        documentDescription: "Fracture"
                    )
                ]
            ),
        ]
        var context = ManifestContext(
            patientID: .init(value: "279035121518989", authority: "1.2.250.1.213.1.4.8"),
            patientName: "PAT-TROIS^DOMINIQUE",
            patientBirthDate: "19790328",
            patientSex: "F",
            accessionNumber: .init(value: "ACN1", authority: "1.2.5"),
            order: .init(value: "OPN1", authority: "1.2.6"),
            manufacturer: "DRIMbox",
            institutionName: "Ambroise",
            institutionIdentifier: "101235555",
            procedure: "",
            retrieveURL: url,
            retrieveLocationUID: UID(literal: "1.2.9"),
            timezoneOffset: "+0100"
        )
        context.targetRegions = [ManifestCode("774007", "SCT", "Head and neck")]
        let file = try MADOBuilder(study, context).file(
            sopInstanceUID: UID(literal: "2.25.1"),
            seriesInstanceUID: UID(literal: "2.25.2"),
            date: "20240102",
            time: "030405"
        )
        return try ImagingManifest(file: file, hosts: ["db1.example"])
    }

    private func render(_ report: ManifestReport) -> String {
        Rendering(messages: Messages(language: .english), now: Timestamp(milliseconds: 0)).manifest(report)
    }

    @Test("a manifest in words, without whose it is") func words() throws {
        #expect(
            render(ManifestReport(try manifest(), identity: false)) == """
                Manifest in MADO's form 2.25.1
                Study            1.2.3
                Date             20221215 194622
                Description      Head?[2J
                Regions          Head and neck
                Accession        there

                NO  MODALITY  DESCRIPTION  REGION  INSTANCES  HOST
                1   CT        Axial        -       1          db1.example
                2   KO        -            -       1          db1.example
                Key images       Of Interest: Fracture
                """
        )
    }

    @Test("the FHIR form says the same") func fhir() throws {
        let manifest = try manifest()
        let read = try ImagingManifest(document: try MADOBundle.encode(manifest), hosts: ["db1.example"])
        let lines = render(ManifestReport(read, identity: true)).split(separator: "\n")
        #expect(lines.first == "Manifest in MADO's form (FHIR) 2.25.1")
        let others = render(ManifestReport(manifest, identity: true)).split(separator: "\n")
        #expect(lines.dropFirst() == others.dropFirst())
    }

    @Test("whose it is, where that was asked for") func identity() throws {
        let text = render(ManifestReport(try manifest(), identity: true))
        for word in ["PAT-TROIS^DOMINIQUE", "279035121518989", "ACN1 / OPN1"] {
            #expect(text.contains(word))
        }
    }

    @Test("what is wrong with it") func warnings() throws {
        let report = ManifestReport(try manifest(url: "https://db2.example/rs"), identity: false)
        #expect(report.isUsable)
        #expect(render(report).contains("! series 1.2.3.1: found host db2.example"))
        let refused = ManifestReport(ManifestError.noInstance)
        #expect(!refused.isUsable)
        #expect(render(refused).hasPrefix("cannot be used: ReferencedSOPSequence: found no instance"))
    }
}
