// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import XML

@testable import IHE

private let patient = DataTypes.patientIdentifier("279035121518989", authority: "1.2.250.1.213.1.4.10")
private let modalityScheme = "1.2.250.1.213.1.1.5.618"
private let regionScheme = "1.2.250.1.213.1.1.5.695"
private let reference = DataTypes.reference("ACN1", authority: "1.2.5", kind: ManifestSubmission.accession)

private func search(_ references: [String] = []) -> FindDocuments {
    FindDocuments(
        patientID: patient,
        statuses: [.approved, .archived],
        typeCodes: [Coded("IMG-KOS", "1.2.250.1.213.1.1.4.12", "")],
        formatCodes: [Coded("1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.2.6.1", "")],
        eventCodes: [
            [Coded("CT", modalityScheme, ""), Coded("MR", modalityScheme, "")],
            [Coded("63337009", regionScheme, "")],
        ],
        serviceStartFrom: "20240101",
        serviceStartTo: "20250101000000",
        references: references
    )
}

/// The values of each slot of a query, in its order.
private func slots(_ query: FindDocuments) -> [[String]] {
    (query.body.first("AdhocQuery", in: EbRIM.rim)?.elements("Slot") ?? []).map { slot in
        [slot["name"] ?? ""] + (slot.first("ValueList")?.elements("Value") ?? []).map(\.text)
    }
}

@Suite("FindDocuments") struct FindDocumentsTests {
    @Test("a query is as the record wants it: OR within a slot, AND between slots") func parameters() {
        let query = search().body.first("AdhocQuery", in: EbRIM.rim)
        #expect(query?["id"] == "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d")
        #expect(search().body.first("ResponseOption")?["returnType"] == "LeafClass")
        #expect(
            slots(search()) == [
                ["$XDSDocumentEntryPatientId", "'279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH'"],
                [
                    "$XDSDocumentEntryStatus",
                    "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved',"
                        + "'urn:asip:ci-sis:2010:StatusType:Archived')",
                ],
                ["$XDSDocumentEntryTypeCode", "('IMG-KOS^^1.2.250.1.213.1.1.4.12')"],
                [
                    "$XDSDocumentEntryFormatCode",
                    "('1.2.840.10008.5.1.4.1.1.88.59^^1.2.840.10008.2.6.1')",
                ],
                ["$XDSDocumentEntryEventCodeList", "('CT^^\(modalityScheme)','MR^^\(modalityScheme)')"],
                ["$XDSDocumentEntryEventCodeList", "('63337009^^\(regionScheme)')"],
                ["$XDSDocumentEntryServiceStartTimeFrom", "20240101"],
                ["$XDSDocumentEntryServiceStartTimeTo", "20250101000000"],
            ]
        )
    }

    @Test("one that names references is FindDocumentsByReferenceId") func references() {
        let query = search([reference])
        #expect(
            query.body.first("AdhocQuery", in: EbRIM.rim)?["id"]
                == "urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492"
        )
        #expect(
            slots(query).last == [
                "$XDSDocumentEntryReferenceIdList",
                "('ACN1^^^&1.2.5&ISO^urn:ihe:iti:xds:2013:accession')",
            ]
        )
    }

    @Test("what is not asked for has no slot") func defaults() {
        #expect(
            slots(FindDocuments(patientID: patient, eventCodes: [[]], serviceStartFrom: "")).map { $0[0] }
                == ["$XDSDocumentEntryPatientId", "$XDSDocumentEntryStatus"]
        )
    }

    @Test("quotes are doubled, and a time is digits: no value ends early") func quoting() {
        let query = FindDocuments(
            patientID: "1'2",
            typeCodes: [Coded("a','b", "c'\u{301}", "")],
            serviceStartFrom: "2024-01-01' OR"
        )
        #expect(
            slots(query).map { $0[1] } == [
                "'1''2'", "('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')",
                "('a'',''b^^c''\u{301}')", "20240101",
            ]
        )
    }

    @Test("a long list is in several Values of 256 characters at most") func long() {
        let references = (0..<40).map { DataTypes.reference("É\($0)", authority: "1.2.5", kind: "urn:k") }
        let values = slots(FindDocuments(patientID: patient, references: references)).last?.dropFirst() ?? []
        #expect(values.count > 1)
        #expect(
            values.allSatisfy { $0.unicodeScalars.count <= 256 && $0.hasPrefix("('") && $0.hasSuffix("')") }
        )
        let read = values.flatMap { $0.dropFirst(2).dropLast(2).components(separatedBy: "','") }
        #expect(read == references)
        for (length, count) in [(248, 1), (249, 2)] {
            let pair = [String(repeating: "x", count: length), "y"]
            #expect(slots(FindDocuments(patientID: patient, references: pair)).last?.count == 1 + count)
        }
        let alone = String(repeating: "x", count: 300)
        #expect(slots(FindDocuments(patientID: patient, references: [alone, "y"])).last?.count == 3)
    }

    @Test(
        "requests are valid against the schemas",
        .enabled(if: Shared.data != nil, "needs the schemas (DRIMBOX_SAMPLES)")
    )
    func schemas() throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let schemas = try #require(Shared.data).appending(path: "schemas/xds")
        let retrieval = RetrieveDocumentSet(
            repositoryUniqueID: "1.2.3",
            documentUniqueID: "2.25.1",
            homeCommunityID: "urn:oid:1.2"
        )
        let many = (0..<40).map { "ACN\($0)^^^&1.2.5&ISO^urn:ihe:iti:xds:2013:accession" }
        for (schema, body) in [
            ("ebRS30/query.xsd", search().body), ("ebRS30/query.xsd", search(many).body),
            ("IHE/IHEXDSB.xsd", retrieval.body),
        ] {
            let path = try workshop.write("request.xml", body.serialized())
            let verdict = try workshop.run(
                "xmllint",
                ["--nonet", "--noout", "--schema", schemas.appending(path: schema).path, path]
            )
            #expect(verdict.isSuccess, "\(verdict.output)")
        }
    }

    @Test(
        "the lab's own reader of stored queries finds the same values",
        .enabled(if: Lab.python != nil, "needs lxml of Python")
    )
    func lab() throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        var query = search([reference, "O'Neil^^^&1.2&ISO^urn:k"] + (0..<20).map { "R\($0)^^^^urn:k" })
        query.typeCodes = []
        let path = try workshop.write("query.xml", query.body.serialized())
        let program = """
            import json, sys
            sys.dont_write_bytecode = True
            sys.path.insert(0, sys.argv[1])
            from lxml import etree
            from lab.stored_queries import Query
            query = Query(etree.parse(sys.argv[2]).getroot())
            print(json.dumps([query.id, query.slots]))
            """
        let said = try workshop.run(#require(Lab.python), ["-c", program, Lab.directory, path])
        let read = try JSONSerialization.jsonObject(with: Data(said.output.utf8)) as? [Any]
        #expect(read?.first as? String == "urn:uuid:12941a89-e02e-4be5-967c-ce4bfc8fe492", "\(said.output)")
        let found = try #require(read?.last as? [String: [[String]]])
        #expect(found.count == 7)
        #expect(found["$XDSDocumentEntryPatientId"] == [[patient]])
        #expect(found["$XDSDocumentEntryStatus"] == [query.statuses.map(\.urn)])
        #expect(found["$XDSDocumentEntryReferenceIdList"] == [query.references])
        #expect(found["$XDSDocumentEntryServiceStartTimeFrom"] == [["20240101"]])
        #expect(
            found["$XDSDocumentEntryEventCodeList"]
                == query.eventCodes.map {
                    $0.map { "\($0.value)^^\($0.scheme)" }
                }
        )
    }
}

private enum Lab {
    private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
    static let directory = tests.appending(path: "Lab").path

    /// A Python that has what the lab parses XML with.
    static let python: String? = {
        guard let workshop = try? Workshop() else { return nil }
        defer { workshop.remove() }
        return [tests.appending(path: "../.build/python/bin/python").path, "python3"].first { python in
            (try? workshop.run(python, ["-c", "import lxml"]).isSuccess) == true
        }
    }()
}

// MARK: - Answers

/// Answers of a registry and of a repository.
enum Consultation {
    static let manifest = Array("DICM manifest".utf8)
    static let uniqueID = "2.25.102"

    /// An answer of the registry with two entries, the first of which has `changes`.
    static func found(_ changes: [(String, String)] = []) -> String {
        var object = entry
        for (old, new) in changes { object = object.replacingOccurrences(of: old, with: new) }
        return """
            <query:AdhocQueryResponse xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
              status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success">
              <RegistryObjectList xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">\(object)\(entry)
              </RegistryObjectList></query:AdhocQueryResponse>
            """
    }

    private static func slot(_ name: String, _ values: String...) -> String {
        let list = values.map { "<Value>\($0)</Value>" }.joined()
        return "<Slot name=\"\(name)\"><ValueList>\(list)</ValueList></Slot>"
    }

    private static func code(_ scheme: String, _ value: String, _ coding: String) -> String {
        """
        <Classification classificationScheme="urn:uuid:\(scheme)" classifiedObject="urn:uuid:e"
          id="urn:uuid:c" nodeRepresentation="\(value)">\(slot("codingScheme", coding))
          <Name><LocalizedString value="n"/></Name>
        </Classification>
        """
    }

    private static let entry: String = {
        let (confidentiality, event) = (
            "f4f85eac-e6cb-4883-b524-f2705394840f", "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4"
        )
        let format = "a09d5840-386c-46f2-b5ad-9c3699a4309d"
        return """
            <ExtrinsicObject id="urn:uuid:0b0aa4b7-1c1c-4d5f-9b8f-6f0f4d6f3a01" lid="urn:uuid:l"
              mimeType="application/dicom" home="urn:oid:1.2.9"
              objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
              status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved">
              \(slot("repositoryUniqueId", "1.2.250.1.213.4.1.1.9"))\(slot("creationTime", "20240101075900"))
              \(slot("hash", Digest.xdsHash(manifest).uppercased()))\(slot("size", "\(manifest.count)"))
              \(slot("serviceStartTime", "20231231090000"))
              \(slot(
                "urn:ihe:iti:xds:2013:referenceIdList",
                "ACN1^^^&amp;1.2.5&amp;ISO^urn:ihe:iti:xds:2013:accession",
                "1.2.840.1^^^^urn:ihe:iti:xds:2016:studyInstanceUID",
                "OPN1^^^&amp;1.2.6&amp;ISO^urn:ihe:iti:xds:2013:order",
                "ACN2^^^^urn:ihe:iti:xds:2013:accession",
                "^^^&amp;1.2.5&amp;ISO^urn:ihe:iti:xds:2013:accession", "ACN3^urn:ihe:iti:xds:2013:accession"
              ))
              <Name><LocalizedString charset="UTF8" value="Reference d'Objets" xml:lang="FR"/></Name>
              \(code("41a5887f-8865-4c09-adf7-e362475b143a", "31", "1.2.250.1.213.1.1.4.1"))
              \(code("f0306f51-975f-434e-a61c-c59651d33983", "IMG-KOS", "1.2.250.1.213.1.1.4.12"))
              \(code(format, "1.2.840.10008.5.1.4.1.1.88.59", "1.2.840.10008.2.6.1"))
              \(code(confidentiality, "N", "2.16.840.1.113883.5.25"))
              \(code(confidentiality, "INVISIBLE_PATIENT", "1.2.250.1.213.1.1.4.13"))
              \(code(event, "ZBQK002", "1.2.250.1.213.2.5"))\(code(event, "CT", modalityScheme))
              \(code(event, "63337009", regionScheme))
              <ExternalIdentifier identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab" id="u"
                registryObject="urn:uuid:e" value="\(uniqueID)"/>
              <ExternalIdentifier identificationScheme="urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427" id="p"
                registryObject="urn:uuid:e" value="279035121518989^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH"/>
            </ExtrinsicObject>
            """
    }()

    /// An answer of a repository with `count` documents.
    static func retrieved(_ content: String, id: String = uniqueID, count: Int = 1) -> String {
        let document = """
            <DocumentResponse><RepositoryUniqueId>1.2.3</RepositoryUniqueId>
              <DocumentUniqueId> \(id) </DocumentUniqueId><mimeType>application/dicom</mimeType>
              <Document>\(content)</Document></DocumentResponse>
            """
        return """
            <RetrieveDocumentSetResponse xmlns="urn:ihe:iti:xds-b:2007">
              <rs:RegistryResponse xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
                status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"/>
              \(String(repeating: document, count: count))</RetrieveDocumentSetResponse>
            """
    }

    static func include(_ reference: String) -> String {
        "<x:Include xmlns:x='http://www.w3.org/2004/08/xop/include' href='\(reference)'/>"
    }

    static let existence = """
        <PRPA_IN201308UV02 xmlns="urn:hl7-org:v3"><attentionLine><keyWordText code="AUTORISATION"/>
          <value code="INEXISTANTE"/></attentionLine><attentionLine><keyWordText code="STATUT_MT"/>
          <value value="true"/></attentionLine><acknowledgement typeCode="AA"/><controlActProcess><subject>
          <registrationEvent><subject1><patient><statusCode code="active"/><patientPerson>
          <name use="C"><family qualifier="CL">NON RENSEIGNE</family><given qualifier="CL">DOMI</given></name>
          <name use="L"><family qualifier="BR">PAT-TROIS</family><given>DOMINIQUE</given></name>
          <administrativeGenderCode code="F"/><birthTime value="19790328"/></patientPerson></patient>
          </subject1></registrationEvent></subject><queryAck><queryResponseCode code="OK"/></queryAck>
          </controlActProcess></PRPA_IN201308UV02>
        """

    static func authorization(_ status: String, _ context: String = "") -> String {
        """
        <setAuthorizationResponse xmlns="urn:si-dmp-habilitations"><status>\(status)</status>
          <context>\(context)</context></setAuthorizationResponse>
        """
    }

    static func body(_ text: String) throws -> XMLElement { try XMLElement(parsing: Array(text.utf8)) }
}
