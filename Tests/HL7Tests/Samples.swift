// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The official and synthetic sample files; they are not part of the project.
enum Samples {
    static let directory: URL? = {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"].map { URL(filePath: $0) }
        let directory = (named ?? repository.appending(path: "../shared/data")).appending(path: "drimbox")
        return FileManager.default.fileExists(atPath: directory.path) ? directory : nil
    }()

    static func bytes(_ path: String) throws -> [UInt8] {
        guard let directory else { throw CocoaError(.fileNoSuchFile) }
        return Array(try Data(contentsOf: directory.appending(path: path)))
    }
}

/// A report and its message, of nobody.
enum Fixture {
    static let nir = "1.2.250.1.213.1.4.10"

    static func document(
        id: String = "1.2.250.1.999.1",
        parent: String? = nil,
        ins: String = "279035121518989",
        authority: String = nir,
        studies: [String] = ["1.2.3.4"]
    ) -> String {
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:d="urn:dicom-org:ps3-20">
          <id root="\(id)"/><code code="18748-4" codeSystem="2.16.840.1.113883.6.1" displayName="CR"/>
          <versionNumber value="1"/>
          <recordTarget><patientRole><id root="1.2.4" extension="IPP1"/><id root="\(authority)" extension="\(ins)"/>
            <patient><name><family qualifier="BR">PAT-TROIS</family><given qualifier="BR">DOMINIQUE</given>
              <given>DOMINIQUE MARIE</given><family qualifier="CL">PAT-USAGE</family></name>
              <administrativeGenderCode code="F"/><birthTime value="19790328"/>
              <birthplace><place><addr><county>63220</county></addr></place></birthplace></patient>
          </patientRole></recordTarget>
          <legalAuthenticator><assignedEntity><id root="1.2.250.1.71.4.2.1" extension="801234560801"/>
            <code code="G15_10/SM44" codeSystem="1.2.250.1.213.1.1.4.5"/>
            <assignedPerson><name><given>Jacques</given><family>BIDEAULT</family></name></assignedPerson>
            <representedOrganization><id root="1.2.250.1.71.4.2.2" extension="1750803447"/><name>Ambroise</name>
            </representedOrganization></assignedEntity></legalAuthenticator>
          <inFulfillmentOf><order><id root="1.2.6" extension="OPN1"/>
            <d:accessionNumber root="1.2.5" extension="ACN1"/></order></inFulfillmentOf>
        \(studies.map { """
          <documentationOf><serviceEvent><id root="\($0)"/>
            <code code="24727-0" codeSystem="2.16.840.1.113883.6.1">
              <translation code="ACQH004" codeSystem="1.2.250.1.213.2.5"/>
              <translation code="CT" codeSystem="1.2.840.10008.2.16.4"><qualifier><name code="121139"/></qualifier>
              </translation></code>
            <effectiveTime><low value="20210108111500+0100"/><high value="20210108111700+0100"/></effectiveTime>
          </serviceEvent></documentationOf>
        """ }.joined())
        \(parent.map { "<relatedDocument typeCode=\"RPLC\"><parentDocument><id root=\"\($0)\"/></parentDocument></relatedDocument>" } ?? "")
          <componentOf><encompassingEncounter><location><healthCareFacility><code code="SA08"
            codeSystem="1.2.250.1.71.4.2.4"/></healthCareFacility></location></encompassingEncounter></componentOf>
        </ClinicalDocument>
        """
    }

    static func report(
        _ document: String = document(),
        type: String = "ORU^R01^ORU_R01",
        order: String = "NW",
        status: String = "F",
        characterSet: String = "UNICODE UTF-8",
        ins: String = "279035121518989",
        flags: [String: String] = ["DESTDMP": "Y", "INVISIBLE_PATIENT": "Y"],
        transcription: String? = nil,
        separator: String = "\r"
    ) -> [UInt8] {
        let encoded = Data(document.utf8).base64EncodedString()
        var lines = [
            "MSH|^~\\&|RIS|CAB|BOX|CAB|Date/Time of Message||\(type)|MSG1|P|2.5|||||FRA|\(characterSet)",
            "PID|||IPP1^^^A&1.2.4&ISO^PI~\(ins)^^^ASIP-SANTE-INS-NIR&\(nir)&ISO^INS||X||19790328|F"
                + String(repeating: "|", count: 24) + "VALI",
            "ORC|\(order)|", "OBR|1",
        ]
        if let transcription { lines.append(transcription) }
        lines.append("OBX|1|ED|18748-4||^TEXT^XML^Base64^\(encoded)||||||\(status)|")
        lines.append(
            "PRT||UC||SB^^participation|801^E^T|||F^^^^^ASIP-SANTE-ST&1.2.250.1.71.4.2.2&ISO^FINEG^^^300017985"
        )
        for (index, flag) in flags.sorted(by: { $0.key < $1.key }).enumerated() {
            lines.append(
                "OBX|\(index + 2)|CE|\(flag.key)^x^MetaDMPMSS||\(flag.value)^^expandedYes-NoIndicator||||||F|"
            )
        }
        return Array((lines.joined(separator: separator) + separator).utf8)
    }
}
