// SPDX-License-Identifier: Apache-2.0
import Foundation
import HL7
import Store
import Testing

@testable import Source

/// A report of nobody.
func clinicalDocument(
    document: String = "1.2.250.1.999.1",
    parent: String? = nil,
    structure: String = "1750803447",
    studies: [String] = ["1.2.3.4"]
) -> [UInt8] {
    let events = studies.map { study in
        """
        <documentationOf><serviceEvent><id root="\(study)"/><effectiveTime><low value="20210108111500+0100"/>
        </effectiveTime></serviceEvent></documentationOf>
        """
    }.joined()
    let related = parent.map {
        "<relatedDocument typeCode=\"RPLC\"><parentDocument><id root=\"\($0)\"/></parentDocument></relatedDocument>"
    }
    let text = """
        <ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:d="urn:dicom-org:ps3-20"><id root="\(document)"/>
        <code code="18748-4" codeSystem="2.16.840.1.113883.6.1"/>
        <recordTarget><patientRole><id root="1.2.4" extension="IPP1"/>
        <id root="1.2.250.1.213.1.4.10" extension="279035121518989"/>
        <patient><name><family qualifier="BR">PAT-TROIS</family><given qualifier="BR">DOMINIQUE</given></name>
        <administrativeGenderCode code="F"/><birthTime value="19790328"/></patient></patientRole></recordTarget>
        <legalAuthenticator><assignedEntity><id root="1.2.250.1.71.4.2.1" extension="801234560801"/>
        <assignedPerson><name><given>Jacques</given><family>BIDEAULT</family></name></assignedPerson>
        <representedOrganization><id root="1.2.250.1.71.4.2.2" extension="\(structure)"/><name>A</name>
        </representedOrganization></assignedEntity></legalAuthenticator>
        <inFulfillmentOf><order><d:accessionNumber root="1.2.5" extension="ACN1"/></order></inFulfillmentOf>
        \(events)\(related ?? "")</ClinicalDocument>
        """
    return Array(text.utf8)
}

/// The same, as its RIS sends it.
func report(
    order: String = "NW",
    status: String = "F",
    document: String = "1.2.250.1.999.1",
    parent: String? = nil,
    structure: String = "1750803447",
    studies: [String] = ["1.2.3.4"],
    qualification: String = "VALI",
    control: String = "MSG1",
    flags: [String: String] = [
        "DESTDMP": "Y", "INVISIBLE_PATIENT": "Y", "MASQUE_PS": "N", "INVISIBLE_REP_LEGAUX": "N",
    ]
) -> [UInt8] {
    let text = clinicalDocument(document: document, parent: parent, structure: structure, studies: studies)
    return report(
        text,
        order: order,
        status: status,
        qualification: qualification,
        control: control,
        flags: flags
    )
}

func report(
    _ document: [UInt8],
    order: String = "NW",
    status: String = "F",
    qualification: String = "VALI",
    control: String = "MSG1",
    flags: [String: String] = [
        "DESTDMP": "Y", "INVISIBLE_PATIENT": "Y", "MASQUE_PS": "N", "INVISIBLE_REP_LEGAUX": "N",
    ]
) -> [UInt8] {
    var lines = [
        "MSH|^~\\&|RIS|CAB|BOX|CAB|20240101||ORU^R01^ORU_R01|\(control)|P|2.5|||||FRA|UNICODE UTF-8",
        "PID|||279035121518989^^^I&1.2.250.1.213.1.4.10&ISO^INS~IPP1^^^A&1.2.4&ISO^PI||X"
            + String(repeating: "|", count: 27) + qualification,
        "ORC|\(order)",
        "OBX|1|ED|18748-4||^TEXT^XML^Base64^\(Data(document).base64EncodedString())||||||\(status)",
    ]
    for (name, value) in flags.sorted(by: { $0.key < $1.key }) {
        lines.append("OBX|2|CE|\(name)^x^MetaDMPMSS||\(value)||||||F")
    }
    return Array((lines.joined(separator: "\r") + "\r").utf8)
}

@Suite("Messages of the RIS, answered") struct ReportReceiverTests {
    private let bench: Workbench
    private let receiver: ReportReceiver

    init() throws {
        let bench = try Workbench()
        self.bench = bench
        receiver = ReportReceiver(
            intake: bench.intake,
            table: bench.table,
            journal: bench.journal,
            now: { bench.clock.now },
            timestamp: { "20240101080000+0000" },
            knowsStructure: { $0 == "1750803447" },
            allowsMaskedAndInvisible: false,
            wake: {}
        )
    }

    private func code(_ message: [UInt8]) throws -> String? {
        try HL7Message(receiver.answer(message)).first("MSA")?.text(1)
    }

    @Test("what is acknowledged is on the disk, one exam for each study") func accepts() throws {
        #expect(try code(report(studies: ["1.2.3.4", "1.2.3.5"])) == "AA")
        let exams = try bench.exams()
        #expect(exams.map(\.studyInstanceUID) == ["1.2.3.4", "1.2.3.5"])
        let wish = try ExamWish(reading: try #require(exams.first).document)
        #expect(wish.wish == .published)
        #expect(wish.context.visibility.isInvisibleToPatient)
        #expect(wish.context.patient.localIdentifier?.value == "IPP1")
        #expect(wish.context.serviceStart == "20210108101500")
    }

    @Test("a message that comes again is answered again, and changes nothing") func again() throws {
        let first = receiver.answer(report())
        let exams = try bench.exams()
        #expect(receiver.answer(report()) == first)
        #expect(try bench.exams() == exams)
        #expect(bench.journal.events.contains(.messageRepeated(controlID: "MSG1")))
    }

    @Test("an update finds its exam by the report that it replaces") func updates() throws {
        #expect(try code(report()) == "AA")
        let update = report(
            order: "RO",
            status: "F",
            document: "1.2.250.1.999.2",
            parent: "1.2.250.1.999.1",
            control: "M2"
        )
        #expect(try code(update) == "AA")
        #expect(try bench.exams().count == 1)
        #expect(
            try code(report(order: "CA", status: "D", document: "1.2.250.1.999.2", control: "M3")) == "AA"
        )
        let wish = try ExamWish(reading: try #require(try bench.exams().first).document)
        #expect(wish.wish == .withdrawn)
    }

    @Test("a report that is not for the record makes an exam that says why") func undestined() async throws {
        var flags = ["DESTDMP": "N", "INVISIBLE_PATIENT": "N", "MASQUE_PS": "N", "INVISIBLE_REP_LEGAUX": "N"]
        #expect(try code(report(flags: flags)) == "AA")
        flags["DESTDMP"] = "Y"
        #expect(try code(report(document: "1.9", qualification: "PROV", flags: flags)) == "AA")
        bench.archive.set("1.2.3.4", [1])
        await bench.publisher.settle()
        #expect(bench.record.entries.isEmpty)
        #expect(try bench.exams().map(\.state) == [.undestined, .undestined])
        #expect(try bench.exams().last?.reason == "the identity is not qualified (PID-32)")
    }

    @Test("what cannot be signed, or would be refused, is told at once; the message is kept") func refuses()
        throws
    {
        let masked = [
            "DESTDMP": "Y", "INVISIBLE_PATIENT": "Y", "MASQUE_PS": "Y", "INVISIBLE_REP_LEGAUX": "N",
        ]
        let unsaid = ["DESTDMP": "Y", "MASQUE_PS": "N", "INVISIBLE_REP_LEGAUX": "N"]
        for (message, place) in [
            (report(structure: "1999999999"), "representedOrganization"), (report(flags: masked), "OBX-5"),
            (report(flags: unsaid), "INVISIBLE_PATIENT"), (report(studies: []), "serviceEvent"),
            (Array("MSH|^~\\&|A|B|C|D|||ADT^A01|M|P|2.5\r".utf8), "MSH-9"), ([0xFF, 0x00], "MSH"),
        ] {
            let answer = try HL7Message(receiver.answer(message))
            #expect(try answer.first("MSA")?.text(1) != "AA")
            let words = try #require(try answer.first("ERR")?.text(8))
            #expect(words.contains(place), "\(words)")
            #expect(!words.contains("PAT-TROIS") && !words.contains("279035121518989"))
        }
        #expect(try bench.exams().isEmpty)
        let refused = try bench.table.transaction { (session) throws(SQLiteError) in
            try session.refusedMessages(limit: 100)
        }
        #expect(refused.count == 6)
    }
}
