// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import XML

@testable import IHE

@Suite("Damaged answers of a record, and metadata of an archive") struct DamagedAnswerTests {
    private static let seeds = [
        """
        <rs:RegistryResponse xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
          status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure"><rs:RegistryErrorList>
          <rs:RegistryError errorCode="XDSRegistryBusy" codeContext="busy" severity="urn:x:Error"/>
          </rs:RegistryErrorList></rs:RegistryResponse>
        """,
        """
        <s:Fault xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Code><s:Value>s:Sender</s:Value><s:Subcode>
          <s:Value>dmp:DMPInvalidVIHF</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="fr">non</s:Text>
          </s:Reason></s:Fault>
        """,
        """
        <q:AdhocQueryResponse xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
          xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
          status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"><RegistryObjectList>
          <ExtrinsicObject id="urn:uuid:1" mimeType="application/dicom"
            status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
          <Slot name="size"><ValueList><Value>12</Value></ValueList></Slot>
          <Classification classificationScheme="urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f" nodeRepresentation="N">
            <Slot name="codingScheme"><ValueList><Value>1.2</Value></ValueList></Slot></Classification>
          <ExternalIdentifier identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" value="2.25.1"/>
          <ExternalIdentifier identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427" value="1^^^&amp;1"/>
          </ExtrinsicObject></RegistryObjectList></q:AdhocQueryResponse>
        """,
        """
        <PRPA_IN201308UV02 xmlns="urn:hl7-org:v3"><attentionLine><keyWordText code="AUTORISATION"/><value code="VALIDE"/>
          </attentionLine><acknowledgement typeCode="AA"/><controlActProcess><subject><registrationEvent><subject1>
          <patient><statusCode code="terminated"/></patient></subject1></registrationEvent></subject>
          <queryAck><queryResponseCode code="OK"/></queryAck></controlActProcess></PRPA_IN201308UV02>
        """,
    ]

    private static func envelope(_ body: String) -> [UInt8] {
        let soap = "http://www.w3.org/2003/05/soap-envelope"
        return Array("<e:Envelope xmlns:e=\"\(soap)\"><e:Body>\(body)</e:Body></e:Envelope>".utf8)
    }

    /// Everything that is done with an answer; what goes wrong is an error of ours.
    private func read(_ bytes: [UInt8]) {
        _ = try? XDMMetadata(reading: bytes)
        guard let root = try? XMLElement(parsing: bytes), let body = try? Envelope.body(of: root) else {
            return
        }
        try? Envelope.check(body)
        _ = GetDocuments.entries(body)
        _ = GetDemographics.Answer(reading: body)
        _ = try? XMLElement(parsing: root.serialized())
    }

    @Test("end in an error or a value, never in a trap", arguments: seeds.indices) func damaged(index: Int)
        throws
    {
        let whole = Self.envelope(Self.seeds[index])
        #expect(throws: Never.self) { try XMLElement(parsing: whole) }
        let words = [
            "<", ">", "&", "&#0;", "xmlns=''", "<!DOCTYPE a>", "]]>", "\u{0}", "99999999999999999999",
        ]
        .map { Array($0.utf8) }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                let end = min(bytes.count, place + Int.random(in: 1...60, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1 where end - place < bytes.count: bytes.removeSubrange(place..<end)
                case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
                default: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
                }
            }
            read(bytes)
        }
    }

    @Test("the answer to whether there is a record is read") func existence() throws {
        let root = try XMLElement(parsing: Self.envelope(Self.seeds[3]))
        let answer = try #require(GetDemographics.Answer(reading: Envelope.body(of: root)))
        #expect(answer.exists)
        #expect(answer.isClosed)
        #expect(answer.authorization == "VALIDE")
    }
}
