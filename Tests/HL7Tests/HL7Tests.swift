// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import XML

@testable import HL7

@Suite("MLLP") struct MLLPTests {
    @Test("messages are found however the bytes are cut", arguments: [1, 2, 3, 7, 1000])
    func cuts(size: Int) throws {
        let messages: [[UInt8]] = ["MSH|a\rPID|b\r", "", "MSH|\u{e9}"].map { Array($0.utf8) }
        let frames: [[UInt8]] = messages.map { MLLPReader.frame($0) }
        let stream: [UInt8] = Array(frames.joined()) + [0x0A]
        var reader = MLLPReader()
        var found: [[UInt8]] = []
        for start in stride(from: 0, to: stream.count, by: size) {
            found += try reader.feed(Array(stream[start..<min(stream.count, start + size)]))
        }
        #expect(found == messages)
        #expect(reader.heldBytes == 0)
    }

    @Test("what is no frame, or too long, is refused") func refused() {
        var reader = MLLPReader(limit: 10)
        #expect(throws: MLLPReader.Failure.noStart(found: 0x4D)) { try reader.feed(Array("MSH".utf8)) }
        reader = MLLPReader(limit: 10)
        #expect(throws: MLLPReader.Failure.tooLong(limit: 10)) {
            try reader.feed([0x0B] + Array("12345678901".utf8))
        }
    }
}

@Suite("Reports and orders in HL7 v2") struct ReportMessageTests {
    private func read(_ bytes: [UInt8]) throws(HL7Error) -> ReportMessage {
        try ReportMessage(HL7Message(bytes))
    }

    @Test("identity, flags, sender and document are read", arguments: ["\r", "\n", "\r\n"])
    func reads(separator: String) throws {
        let report = try read(Fixture.report(separator: separator))
        #expect(report.controlID == "MSG1")
        #expect(report.action == .publish)
        #expect(report.nationalIdentifier == .init(value: "279035121518989", authority: Fixture.nir))
        #expect(report.localIdentifier == .init(value: "IPP1", authority: "1.2.4"))
        #expect(report.isQualified)
        #expect(report.senderStructure?.value == "300017985")
        #expect(report.senderStructureType == "FINEG")
        #expect(report.flags == ["DESTDMP", "INVISIBLE_PATIENT"])
        #expect(report.document == Array(Fixture.document().utf8))
    }

    @Test(
        "order code, status and event have to agree, with the tolerances of the samples",
        arguments: [
            ("ORU^R01", "NW", "F", .publish), ("ORU^R01", "RO", "C", .replace),
            ("ORU^R01", "RO", "F", .replace),
            ("ORU^R01", "CA", "D", .delete), ("MDM^T02", "NW", "F", .publish),
            ("MDM^T10", "RO", "F", .replace),
            ("MDM^T04", "CA", "D", .delete), ("MDM^T02", "RO", "C", nil), ("MDM^T10", "NW", "F", nil),
            ("ORU^R01", "NW", "D", nil), ("ORU^R01", "CA", "F", nil), ("ORU^R01", "XX", "F", nil),
            ("MDM^T11", "NW", "F", nil), ("ADT^A01", "NW", "F", nil),
        ] as [(String, String, String, ReportMessage.Action?)]
    )
    func actions(type: String, order: String, status: String, action: ReportMessage.Action?) {
        let message = Fixture.report(type: type, order: order, status: status)
        if let action {
            #expect((try? read(message))?.action == action)
        } else {
            let error = #expect(throws: HL7Error.self) { try read(message) }
            #expect(error?.acknowledgementCode == (type == "MDM^T11" || type == "ADT^A01" ? "AR" : "AE"))
        }
    }

    @Test("what is wrong is named with its place") func wrong() {
        let good = Fixture.report()
        let text = String(decoding: good, as: UTF8.self)
        for (old, new, place) in [
            ("PID|", "PIX|", "PID"), ("ORC|NW|", "", "ORC"), ("|ED|", "|TX|", "OBX"),
            ("^Base64^", "^Hex^", "OBX-5"),
            ("UNICODE UTF-8", "8859/2", "MSH-18"), ("|MSG1|", "||", "MSH-10"), ("||Y^^", "||Q^^", "OBX-5"),
            ("INVISIBLE_PATIENT^", "DESTDMP^", "OBX-3"), ("MSH|", "XSH|", "MSH"), ("==||", "=||", "OBX-5"),
        ] {
            let changed = text.replacingOccurrences(of: old, with: new)
            guard changed != text else { continue }
            let error = #expect(throws: HL7Error.self, "\(old)") { try read(Array(changed.utf8)) }
            #expect(error?.location == place, "\(old): \(error?.description ?? "")")
        }
        var cut = text
        let document = Data(Fixture.document().utf8).base64EncodedString()
        cut = cut.replacingOccurrences(of: document, with: String(document.dropLast(3)))
        #expect(throws: HL7Error.self) { try read(Array(cut.utf8)) }
    }

    @Test("names in the set that MSH-18 says; escapes are undone") func characterSets() throws {
        let text = "MSH|^~\\&|A|B|C|D|||ORU^R01|M|P|2.5|||||FRA|8859/15\rPID|||1||\\T\\\\S\\\\X4142\\"
        let message = try HL7Message(Array(text.utf8) + [0xA4, 0x0D])
        #expect(try message.first("PID")?.text(5) == "&^AB€")
        let other = try HL7Message(Array("MSH|^~\\&|A|||||||M|P|2.5\rPID|||1||".utf8) + [0xFF, 0x0D])
        #expect(throws: HL7Error.self) { try other.first("PID")?.text(5) }
    }

    @Test("a changed or cancelled exam") func orders() throws {
        let text =
            "MSH|^~\\&|A|B|C|D|||OMI^O23^OMI_O23|M|P|2.5.1\rPID|||1\rORC|CA|\rIPC|ACN1|R|1.2.3|S|CT\rIPC||R|1.2.4\r"
        let order = try OrderMessage(HL7Message(Array(text.utf8)))
        #expect(order.action == .cancelled)
        #expect(order.procedures.map(\.studyInstanceUID) == ["1.2.3", "1.2.4"])
        #expect(order.procedures.first?.accessionNumber == "ACN1")
        #expect(throws: HL7Error.self) {
            try OrderMessage(HL7Message(Array(text.replacingOccurrences(of: "IPC", with: "ZPC").utf8)))
        }
    }

    @Test("ten thousand observations are read or refused, not suffered") func manyObservations() throws {
        var bytes = Fixture.report()
        for number in 0..<10_000 { bytes += Array("OBX|\(number)|CE|X\(number)^x^Other||N||||||F\r".utf8) }
        #expect(try read(bytes).flags.count == 2)
        for number in 0..<11_000 { bytes += Array("OBX|\(number)|CE|X\(number)^x^Other||N||||||F\r".utf8) }
        #expect(throws: HL7Error.self) { try read(bytes) }
    }

    @Test("damaged messages end in a value or an error, and can be answered") func damaged() {
        let message = Fixture.report()
        var random = SystemRandomNumberGenerator()
        let end = ContinuousClock.now + .seconds(2)
        while ContinuousClock.now < end {
            var changed = message
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let position = Int.random(in: 0..<changed.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: changed[position] = UInt8.random(in: 0...255, using: &random)
                case 1: changed.removeSubrange(position..<min(changed.count, position + 5))
                default: changed.insert(contentsOf: Array("|^~\\&\r".utf8), at: position)
                }
                if changed.isEmpty { changed = message }
            }
            var errors: [HL7Error] = []
            do throws(HL7Error) {
                let report = try read(changed)
                errors = report.contradictions(in: try ClinicalDocument(report.document))
            } catch {
                errors = [error]
            }
            let answer = Acknowledgement(to: changed, errors: errors, time: "20240101", controlID: "A1")
            #expect((try? HL7Message(answer.bytes))?.first("MSA") != nil)
        }
    }
}

@Suite("Acknowledgements") struct AcknowledgementTests {
    @Test("the request is answered in its terms") func answers() throws {
        let answer = Acknowledgement(
            to: Fixture.report(),
            errors: [],
            time: "20240101080000",
            controlID: "A1"
        )
        let message = try HL7Message(answer.bytes)
        let header = try #require(message.first("MSH"))
        #expect(try (3...6).map { (field) in try header.text(field) } == ["BOX", "CAB", "RIS", "CAB"])
        #expect(try header.text(9) == "ACK")
        #expect(try header.text(12) == "2.5")
        #expect(try message.first("MSA")?.text(1) == "AA")
        #expect(try message.first("MSA")?.text(2) == "MSG1")
    }

    @Test("errors are told by place and code") func errors() throws {
        let error = HL7Error(
            .applicationError,
            "PID-3",
            found: "a|b",
            expected: "c",
            application: .nationalIdentifierMismatch
        )
        let answer = Acknowledgement(to: Fixture.report(), errors: [error], time: "2024", controlID: "A1")
        let segment = try #require(try HL7Message(answer.bytes).first("ERR"))
        #expect(answer.code == "AE")
        #expect(try segment.text(2) == "PID")
        #expect(try segment.text(2, component: 3) == "3")
        #expect(try segment.text(3) == "207")
        #expect(try segment.text(5) == "904")
        #expect(try segment.text(8) == "PID-3: found a|b, expected c")
    }

    @Test("what is no message at all is answered too") func nothing() throws {
        for request in [[], Array("GET / HTTP/1.1".utf8), Array("MSH|".utf8), [0xFF, 0xFE]] as [[UInt8]] {
            let error = HL7Error(.segmentSequence, "MSH", found: "none", expected: "one")
            let answer = Acknowledgement(to: request, errors: [error], time: "2024", controlID: "A1")
            #expect(try HL7Message(answer.bytes).first("MSA")?.text(1) == "AE")
        }
    }
}

@Suite("Reports (CDA)") struct ClinicalDocumentTests {
    @Test("the header is read") func reads() throws {
        let report = try ClinicalDocument(
            Array(Fixture.document(parent: "1.9", studies: ["1.2.3", "1.2.4"]).utf8)
        )
        #expect(report.identifier.text == "1.2.250.1.999.1")
        #expect(report.parents.map(\.text) == ["1.9"])
        #expect(report.nationalIdentifier?.extension == "279035121518989")
        #expect(report.localIdentifiers.map(\.extension) == ["IPP1"])
        #expect(report.patient.birthFamilyName == "PAT-TROIS")
        #expect(report.patient.usedFamilyName == "PAT-USAGE")
        #expect(report.patient.givenNames == ["DOMINIQUE MARIE"])
        #expect(report.patient.birthplace == "63220")
        #expect(report.legalAuthenticator.organization?.identifier?.extension == "1750803447")
        #expect(report.orders.first?.accessionNumbers.first?.extension == "ACN1")
        #expect(report.serviceEvents.map(\.studyInstanceUID) == ["1.2.3", "1.2.4"])
        #expect(report.serviceEvents.first?.translations.last?.qualifier == "121139")
        #expect(report.facility?.value == "SA08")
    }

    @Test("a report that contradicts its message is told so, by code") func contradictions() throws {
        func codes(_ document: String, _ message: [UInt8]) throws -> [HL7Error.ApplicationCode?] {
            try ReportMessage(HL7Message(message)).contradictions(in: ClinicalDocument(Array(document.utf8)))
                .map(\.applicationCode)
        }
        let good = Fixture.document()
        #expect(try codes(good, Fixture.report()).isEmpty)
        let foreign = Fixture.document(ins: "179035121518989")
        #expect(try codes(foreign, Fixture.report(foreign)) == [.nationalIdentifierMismatch])
        let none = Fixture.document(authority: "1.2.99")
        #expect(try codes(none, Fixture.report(none)).contains(.noNationalIdentifier))
        let short = Fixture.document(ins: "2790351")
        #expect(try codes(short, Fixture.report(short, ins: "2790351")) == [.nationalIdentifierIncomplete])
        let transcription = "TXA|1|18748-4|TEXT|2024||||||||1.2.250.1.999.77|||||AU"
        let other = Fixture.report(type: "MDM^T02", transcription: transcription)
        #expect(try codes(good, other) == [.wrongVersion])
    }

    @Test("no document type, no entity, no other document") func hostile() {
        for text in [
            "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "<ClinicalDocument/>", "",
            "x",
            Fixture.document().replacingOccurrences(of: "<patientRole>", with: "<other>"),
            Fixture.document().replacingOccurrences(of: "<id root=\"1.2.250.1.999.1\"/>", with: ""),
        ] {
            let error = #expect(throws: HL7Error.self) { try ClinicalDocument(Array(text.utf8)) }
            #expect(error?.description.contains("PAT-TROIS") == false)
        }
    }

    @Test(
        "times become UTC",
        arguments: [
            ("20210108111700+0100", "20210108101700"), ("20210101003000+0100", "20201231233000"),
            ("20201231233000-0200", "20210101013000"), ("20240229", "20240229000000"),
            ("202402291200", "20240229120000"),
            ("20240301003015.123+0545", "20240229184515"), ("2024x", nil), ("20241301", nil), ("", nil),
        ] as [(String, String?)]
    )
    func times(text: String, utc: String?) {
        #expect(DTM.utc(text) == utc)
    }
}

@Suite(
    "Official samples",
    .enabled(if: Samples.directory != nil, "needs the sample files (DRIMBOX_SAMPLES)")
)
struct HL7SampleTests {
    @Test(
        "every report is accepted and asks for the right thing",
        arguments: [
            ("ORU_R01_K", .publish, "1.2.250.1.213.4.5.2.1.112"), ("SYN_G1-ORU_NW", .publish, nil),
            ("SYN_G1-MDM_T02", .publish, nil), ("SYN_G1_MAJ-MDM_T10", .replace, nil),
            ("SYN_G1_MAJ-ORU_RO", .replace, nil), ("SYN_I_Depublication-MDM_T04", .delete, nil),
            ("SYN_I_Depublication-ORU_CA", .delete, nil),
        ] as [(String, ReportMessage.Action, String?)]
    )
    func reports(name: String, action: ReportMessage.Action, study: String?) throws {
        let message = try ReportMessage(HL7Message(Samples.bytes("hl7/\(name).hl7")))
        #expect(message.action == action)
        #expect(message.isQualified)
        let report = try ClinicalDocument(message.document)
        #expect(message.contradictions(in: report).isEmpty)
        #expect(report.serviceEvents.first?.studyInstanceUID != nil)
        if let study { #expect(report.serviceEvents.map(\.studyInstanceUID) == [study]) }
        #expect(message.isSet("DESTDMP"))
    }

    @Test("the order sample tells of a changed exam") func order() throws {
        let order = try OrderMessage(HL7Message(Samples.bytes("hl7/OMI_O23-ImagingOrder.hl7")))
        #expect(order.action == .changed)
        #expect(
            order.procedures
                == [.init(accessionNumber: "105234751", studyInstanceUID: "1.2.250.1.213.4.5.2.1.101")]
        )
    }

    @Test(
        "the reports of both editions are read",
        arguments: [
            "cda/IMG_CR_IMG_2023.11_CDA-R2-Niveau-1.xml",
            "cda-2024.01/IMG_CR_IMG_2024.01_CDA-R2-Niveau-1.xml",
        ]
    )
    func documents(name: String) throws {
        let report = try ClinicalDocument(Samples.bytes(name))
        #expect(report.nationalIdentifier?.extension?.count == 15)
        #expect(report.serviceEvents.first?.studyInstanceUID != nil)
        #expect(report.orders.first?.accessionNumbers.isEmpty == false)
        #expect(report.patient.birthFamilyName?.isEmpty == false)
    }
}
