// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import HL7

@Suite("Requests for an exam") struct ExamRequestTests {
    private let order = """
        MSH|^~\\&|RIS|A|BOX|A|20260115101500||OMI^O23^OMI_O23|1|P|2.5.1
        PID|||IPP7^^^CLINIQUE&1.2.250.1.999.7&ISO^PI~279035121518989^^^INS-NIR&1.2.250.1.213.1.4.10&ISO^INS||USAGE^DOMI^^^^^D~PAT-TROIS^DOMINIQUE^DOMINIQUE MARIE-LOUISE^^^^L||19790328|F|||1 RUE^^LYON^^^FRA^H~^^^^^^BDL^^63220
        ORC|NW|1
        OBR|1|1||CODE^X|||||||||||^^^67734004&Thorax&SCT
        IPC|A1|R1|1.2.3|S1|CT
        IPC|A1|R1|1.2.3|S2|CT
        """

    private func read(_ text: String) throws(HL7Error) -> ExamRequest {
        try ExamRequest(HL7Message(Array(text.utf8)))
    }

    @Test("an order says of whom, what kind and where") func message() throws {
        let request = try read(order)
        #expect(request.nationalIdentifier.value == "279035121518989")
        #expect(request.nationalIdentifier.authority == "1.2.250.1.213.1.4.10")
        #expect(
            request.localIdentifier
                == .init(value: "IPP7", authority: "1.2.250.1.999.7", namespace: "CLINIQUE")
        )
        #expect(request.familyName == "PAT-TROIS")
        #expect(request.givenNames == ["DOMINIQUE", "MARIE-LOUISE"])
        #expect(request.birthDate == "19790328" && request.sex == "F" && request.birthPlace == "63220")
        #expect(request.modalities == [.init(value: "CT", scheme: "")])
        #expect(request.sites == [.init(value: "67734004", scheme: "2.16.840.1.113883.6.96")])
    }

    @Test("the section of an ORM stands for the modality it has no place for") func orm() throws {
        let text = order.split(separator: "\n").filter { !$0.hasPrefix("IPC") }.joined(separator: "\r")
            .replacing("OMI^O23^OMI_O23", with: "ORM^O01")
            .replacing("^^^67734004&Thorax&SCT", with: "|||||||||MR")
        let request = try read(text)
        #expect(request.modalities == [.init(value: "MR", scheme: "")])
        #expect(request.sites.isEmpty)
    }

    @Test("what is no order, or of nobody, is refused by its place") func refused() {
        let report = order.replacing("OMI^O23^OMI_O23", with: "ORU^R01")
        #expect { try read(report) } throws: { ($0 as? HL7Error)?.location == "MSH-9" }
        let unknown = order.replacing("1.2.250.1.213.1.4.10", with: "1.2.3")
        #expect { try read(unknown) } throws: { ($0 as? HL7Error)?.location == "PID-3" }
        #expect { try ExamRequest(document: Array(Fixture.document().utf8)) } throws: {
            ($0 as? HL7Error)?.location == "ClinicalDocument/code"
        }
        #expect { try ExamRequest(document: Array("<x".utf8)) } throws: {
            ($0 as? HL7Error)?.location == "ClinicalDocument"
        }
    }

    @Test("a CDA request says each of its exams") func document() throws {
        let exam = """
            <entry><observation classCode="OBS" moodCode="INT"><templateId root="1.2.250.1.213.1.1.3.27.3"/>
            <code code="CT" codeSystem="1.2.840.10008.2.16.4"/>
            <targetSiteCode code="302551006" codeSystem="2.16.840.1.113883.6.96"/></observation></entry>
            """
        let text = Fixture.document().replacing("code=\"18748-4\"", with: "code=\"55115-0\"")
            .replacing(
                "<componentOf>",
                with: "<component><structuredBody><component><section>\(exam)\(exam)"
                    + "</section></component></structuredBody></component><componentOf>"
            )
        let request = try ExamRequest(document: Array(text.utf8))
        #expect(request.nationalIdentifier.value == "279035121518989")
        #expect(request.localIdentifier?.value == "IPP1")
        #expect(request.familyName == "PAT-TROIS" && request.givenNames == ["DOMINIQUE", "MARIE"])
        #expect(request.modalities == [.init(value: "CT", scheme: "")])
        #expect(request.sites == [.init(value: "302551006", scheme: "2.16.840.1.113883.6.96")])
        #expect {
            try ExamRequest(document: Array(text.replacing("1.3.27.3", with: "1.3.27.9").utf8))
        } throws: { ($0 as? HL7Error)?.location == "ClinicalDocument/component" }
    }

    @Test(
        "the official order and requests are read",
        .enabled(if: Samples.directory != nil, "needs the official samples (DRIMBOX_SAMPLES)")
    ) func samples() throws {
        let order = try ExamRequest(HL7Message(Samples.bytes("hl7/OMI_O23-ImagingOrder.hl7")))
        #expect(order.nationalIdentifier.value == "274075176079430")
        #expect(order.modalities == [.init(value: "CT", scheme: "")])
        let scanner = try ExamRequest(
            document: Samples.bytes(
                "cda-2024.01/IMG-DA-IMG_2024.01_Scanner_Crane_ThoraxAbdomenPelvis.xml"
            )
        )
        #expect(scanner.modalities == [.init(value: "CT", scheme: "")])
        #expect(scanner.sites.map(\.value) == ["302548004", "302551006", "302553009", "229765004"])
        #expect(scanner.localIdentifier?.value == "1234567890121")
        let ankle = try ExamRequest(
            document: Samples.bytes("cda-2024.01/IMG-DA-IMG_2024.01_Radiographie_ChevilleGenou.xml")
        )
        #expect(ankle.modalities.map(\.value) == ["MED-1126"])
    }
}
