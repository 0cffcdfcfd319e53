// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import XML

@testable import IHE

@Suite("Documents that a registry found") struct RegisteredDocumentTests {
    private func found(_ changes: (String, String)...) throws -> RegisteredDocument {
        let answer = FindDocuments.documents(try Consultation.body(Consultation.found(changes)))
        #expect(answer.unreadable == 0)
        return try #require(answer.documents.first)
    }

    @Test("an entry is read, with what the registry adds") func entry() throws {
        let document = try found()
        #expect(document.entryUUID == "urn:uuid:0b0aa4b7-1c1c-4d5f-9b8f-6f0f4d6f3a01")
        #expect(document.status == .approved)
        #expect(document.repositoryUniqueID == "1.2.250.1.213.4.1.1.9")
        #expect(document.homeCommunityID == "urn:oid:1.2.9")
        #expect(document.entry.uniqueID == Consultation.uniqueID)
        #expect(document.entry.patientID == "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH")
        #expect(document.entry.serviceStartTime == "20231231090000")
        #expect(
            document.accessions == [
                .init(value: "ACN1", authority: "1.2.5"), .init(value: "ACN2", authority: ""),
            ]
        )
        #expect(document.accessionNumbers == ["ACN1", "ACN2"])
        #expect(document.studyInstanceUIDs == ["1.2.840.1"])
        #expect(document.modalities == ["CT"])
        #expect(document.regions == [Coded("63337009", "1.2.250.1.213.1.1.5.695", "n")])
    }

    @Test("codes tell a manifest, who may see it and whose it is") func codes() throws {
        let document = try found()
        #expect(document.isManifest && document.isInvisibleToPatient && !document.isOfPatient)
        #expect(!document.isMaskedFromProfessionals && !document.isInvisibleToLegalRepresentatives)
        #expect(try found(("IMG-KOS", "IMG")).isManifest)
        #expect(try found(("1.2.840.10008.5.1.4.1.1.88.59", "urn:x")).isManifest)
        #expect(try !found(("IMG-KOS", "IMG"), ("1.2.840.10008.5.1.4.1.1.88.59", "urn:x")).isManifest)
        #expect(try found(("INVISIBLE_PATIENT", "MASQUE_PS")).isMaskedFromProfessionals)
        #expect(
            try found(("INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"))
                .isInvisibleToLegalRepresentatives
        )
        #expect(try found(("\"31\"", "\"90\"")).isOfPatient)
    }

    @Test("statuses are read as they are written", arguments: RegisteredDocument.Status.allCases)
    func statuses(status: RegisteredDocument.Status) throws {
        let change = (RegisteredDocument.Status.approved.urn, status.urn)
        #expect(try found(change).status == status)
    }

    @Test(
        "an entry that cannot be told from others is counted; the others are read",
        arguments: [
            "2e82c1f6-a085-4c72-9da3-8640a32e42ab", "58a6f841-87b3-4a3e-92fd-a8ffeff98427",
            "StatusType:Approved", " id=\"urn:uuid:0b0aa4b7-1c1c-4d5f-9b8f-6f0f4d6f3a01\"",
        ]
    )
    func unreadable(part: String) throws {
        let text = Consultation.found([(part, part.hasPrefix(" ") ? "" : "other")])
        let answer = FindDocuments.documents(try Consultation.body(text))
        #expect(answer.unreadable == 1)
        #expect(answer.documents.map(\.entry.uniqueID) == [Consultation.uniqueID])
    }

    @Test(
        "the official publication reads as a manifest",
        .enabled(if: Shared.data != nil, "needs the sample files (DRIMBOX_SAMPLES)")
    )
    func official() throws {
        let sample = try Data(
            contentsOf: #require(Shared.data).appending(path: "drimbox/xds/publication.xml")
        )
        let text = String(decoding: sample, as: UTF8.self)
        let start = try #require(text.range(of: "<soap:Envelope")).lowerBound
        let end = try #require(text.range(of: "</soap:Envelope>")).upperBound
        var envelope = String(text[start..<end])
        #expect(FindDocuments.documents(try Consultation.body(envelope)).unreadable == 2)
        // What a registry adds.
        envelope = envelope.replacingOccurrences(
            of: "mimeType=\"",
            with: "status=\"\(RegisteredDocument.Status.approved.urn)\" mimeType=\""
        )
        let answer = FindDocuments.documents(try Consultation.body(envelope))
        #expect(answer.unreadable == 0)
        #expect(answer.documents.map(\.isManifest) == [true, false])
        let manifest = try #require(answer.documents.first)
        #expect(manifest.accessionNumbers.count == 1 && manifest.studyInstanceUIDs.count == 1)
        #expect(manifest.entry.hash.count == 40 && manifest.repositoryUniqueID.isEmpty)
    }

    @Test("bytes that were not registered are refused, by their size or their hash") func bytes() throws {
        var document = try found()
        try document.check(Consultation.manifest)
        let size = #expect(throws: DocumentMismatch.self) { try document.check(Consultation.manifest + [0]) }
        #expect(size == DocumentMismatch(what: .size, found: "14", expected: "13"))
        #expect(size?.description == "document: found size 14, expected 13")
        var other = Consultation.manifest
        other[0] ^= 1
        let hash = #expect(throws: DocumentMismatch.self) { try document.check(other) }
        #expect(hash?.what == .hash)
        #expect(hash?.expected == Digest.xdsHash(Consultation.manifest))
        document.entry.hash = patientName
        let none = #expect(throws: DocumentMismatch.self) { try document.check(Consultation.manifest) }
        #expect(none?.what == .hash)
        #expect(none?.description.contains(patientName) == false)
    }

    private let patientName = "PAT-TROIS DOMINIQUE"

    @Test("a registry's errors are named") func faults() throws {
        let answer = """
            <q:AdhocQueryResponse xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
              status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure">
              <rs:RegistryErrorList xmlns:rs="urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0">
              <rs:RegistryError errorCode="DMPAccessDenied" codeContext="INS 279035121518989"
              severity="urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"/></rs:RegistryErrorList>
              </q:AdhocQueryResponse>
            """
        let body = try Consultation.body(answer)
        let error = #expect(throws: RegistryFailure.self) { try Envelope.check(body) }
        #expect(error == RegistryFailure(code: "DMPAccessDenied", words: "INS …", isRetryable: false))
        #expect(FindDocuments.documents(body).documents.isEmpty)
    }
}

@Suite("Documents that a repository gives") struct RetrieveDocumentSetTests {
    private let request = RetrieveDocumentSet(
        repositoryUniqueID: "1.2.3",
        documentUniqueID: Consultation.uniqueID
    )

    private func read(_ answer: String, _ ids: [String]) throws -> RetrieveDocumentSet.Document {
        let parts = ids.map { MTOM.Part(id: $0, bytes: Consultation.manifest) }
        return try request.document(
            in: Consultation.body(answer),
            parts: [MTOM.Part(id: "root", bytes: [])] + parts
        )
    }

    @Test("the request names repository and document, and the community where there is one") func body() {
        let fields = request.body.first("DocumentRequest")?.elements.map { "\($0.name.local)=\($0.text)" }
        #expect(fields == ["RepositoryUniqueId=1.2.3", "DocumentUniqueId=2.25.102"])
        var other = request
        other.homeCommunityID = "urn:oid:1.2"
        #expect(other.body.first("DocumentRequest")?.elements.first?.text == "urn:oid:1.2")
    }

    @Test(
        "a document is found by its Content-ID, however it is written",
        arguments: [
            ("cid:document-1", "document-1"), ("cid:a%40b.org", "a@b.org"), ("CID:a@b.org", "<a@b.org>"),
            ("cid:%3Ca@b.org%3E", "a@b.org"), ("cid:1@urn%3Aihe", "1@urn%3Aihe"), ("cid:a%2", "a%2"),
        ]
    )
    func inclusion(reference: String, id: String) throws {
        let document = try read(Consultation.retrieved(Consultation.include(reference)), ["other", id])
        #expect(document == .init(mimeType: "application/dicom", bytes: Consultation.manifest))
    }

    @Test("a document may also be in base64") func base64() throws {
        let text = Data(Consultation.manifest).base64EncodedString()
        let document = try read(Consultation.retrieved("\n \(text.prefix(4))\r\n \(text.dropFirst(4))"), [])
        #expect(document.bytes == Consultation.manifest)
    }

    @Test("what is not the one document is refused")
    func refusals() throws {
        let include = Consultation.include("cid:a")
        let cases: [(String, [String], RetrieveError)] = [
            (Consultation.retrieved(include, id: "2.25.1021"), ["a"], .otherDocument),
            (Consultation.retrieved(include, count: 2), ["a"], .documentCount(2)),
            (Consultation.retrieved(include, count: 0), ["a"], .documentCount(0)),
            (Consultation.retrieved(include), ["b"], .missingPart),
            (Consultation.retrieved(include), ["a", "<a>"], .missingPart),
            (Consultation.retrieved(include + include), ["a"], .missingPart),
            (Consultation.retrieved(Consultation.include("cid:")), [""], .missingPart),
            (Consultation.retrieved(Consultation.include("https://a")), ["https://a"], .missingPart),
            (Consultation.retrieved(" "), ["a"], .noContent),
            (Consultation.retrieved("QUJD*"), ["a"], .notBase64),
            (Consultation.found(), ["a"], .notAnAnswer),
        ]
        for (answer, ids, wanted) in cases {
            #expect(#expect(throws: RetrieveError.self) { try read(answer, ids) } == wanted)
            #expect(!wanted.description.contains("2.25"))
        }
    }

    @Test("a repository's errors are named, and a partial success is one") func faults() throws {
        for status in ["Failure", "PartialSuccess"] {
            let answer = Consultation.retrieved(Consultation.include("cid:a")).replacingOccurrences(
                of: ":Success\"/>",
                with: """
                    :\(status)"><rs:RegistryErrorList><rs:RegistryError errorCode="XDSDocumentUniqueIdError"
                      codeContext="x" severity="urn:e:Error"/></rs:RegistryErrorList></rs:RegistryResponse>
                    """
            )
            let error = #expect(throws: RetrieveError.self) { try read(answer, ["a"]) }
            #expect(
                error == .refused(.init(code: "XDSDocumentUniqueIdError", words: "x", isRetryable: false))
            )
        }
    }
}

@Suite("Access to a record") struct AccessTests {
    @Test("an authorization is given, or refused with the record's code and words") func authorization()
        throws
    {
        let request = String(decoding: SetAuthorization().body.serialized(), as: UTF8.self)
        #expect(
            request.contains(
                "<setAuthorization xmlns=\"urn:si-dmp-habilitations\"><action>AJOUT</action>"
            ),
            "\(request)"
        )
        try SetAuthorization.check(Consultation.body(Consultation.authorization(" DMPOk ")))
        let nested = Consultation.authorization("DMPOk").replacingOccurrences(
            of: "<status>DMPOk</status>",
            with: "<output><status>DMPOk</status></output>"
        )
        try SetAuthorization.check(Consultation.body(nested))
        for (answer, code, words) in [
            (
                Consultation.authorization("DMPAccessDenied", "INS 279035121518989"), "DMPAccessDenied",
                "INS …"
            ),
            (Consultation.authorization(""), "answer", "found no setAuthorizationResponse with a status"),
            (Consultation.existence, "answer", "found no setAuthorizationResponse with a status"),
        ] {
            let error = #expect(throws: RegistryFailure.self) {
                try SetAuthorization.check(Consultation.body(answer))
            }
            #expect(error?.code == code)
            #expect(error?.words == words)
        }
    }

    private func answer(_ changes: (String, String)...) throws -> GetDemographics.Answer {
        var text = Consultation.existence
        for (old, new) in changes { text = text.replacingOccurrences(of: old, with: new) }
        return try #require(GetDemographics.Answer(reading: Consultation.body(text)))
    }

    @Test("whose the record is, and who asks") func traits() throws {
        let whole = try answer()
        #expect(whole.exists && !whole.isClosed && whole.authorization == "INEXISTANTE")
        #expect(whole.isTreatingPhysician == true)
        #expect(whole.familyName == "PAT-TROIS" && whole.givenName == "DOMINIQUE")
        #expect(whole.sex == "F" && whole.birthDate == "19790328")
        #expect(try answer(("value=\"true\"", "value=\"false\"")).isTreatingPhysician == false)
        #expect(try answer(("STATUT_MT", "OTHER")).isTreatingPhysician == nil)
        #expect(try answer(("qualifier=\"BR\"", "")).familyName == nil)
        let bare = try answer(
            ("PAT-TROIS", " NON RENSEIGNE "),
            ("DOMINIQUE", ""),
            ("code=\"F\"", "code=\"NON RENSEIGNE\""),
            ("19790328", "197903")
        )
        #expect(bare.familyName == nil && bare.givenName == nil && bare.sex == nil && bare.birthDate == nil)
    }

    @Test(
        "who signed in by Pro Santé Connect is said to, and no other",
        arguments: [(VIHF.Authentication.strengthened, ["APP_BROWSER_AUTH"]), (.indirect, []), (.direct, [])]
    )
    func assertions(authentication: VIHF.Authentication, declared: [String]) throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let vihf = VIHF(
            id: "f6056f97-a487-4d36-9244-11db8c7d6372",
            issueInstant: "2024-01-01T08:00:00Z",
            authentication: authentication,
            subjectID: "801234560801",
            subjectName: "Jacques BIDEAULT",
            structureID: "1750803447",
            sector: "SA08",
            patientID: "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH",
            software: ("1", "DRIMbox", "0.1", "H"),
            roles: [Coded("10", "1.2.250.1.71.1.2.7", "Médecin")]
        )
        let assertion = try vihf.signed(with: workshop.key(), algorithm: .sha256)
        let statement = try #require(assertion.first("AuthnStatement"))
        let context = try #require(statement.first("AuthnContext"))
        #expect(context.elements("AuthnContextDecl").map(\.text) == declared)
        #expect(context.elements.first?.text == "urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient")
        guard let data = Shared.data else { return }
        let schema = data.appending(path: "schemas/saml/sstc-saml-schema-assertion-2.0.xsd").path
        let path = try workshop.write("statement.xml", statement.serialized())
        let verdict = try workshop.run("xmllint", ["--nonet", "--noout", "--schema", schema, path])
        #expect(verdict.isSuccess, "\(verdict.output)")
    }
}

@Suite("Damaged answers to a consultation") struct DamagedConsultationTests {
    private static let seeds = [
        Consultation.found(), Consultation.retrieved(Consultation.include("cid:a%40b")),
        Consultation.retrieved("RElDTSBtYW5pZmVzdA=="), Consultation.existence,
        Consultation.authorization("DMPAccessDenied", "non"),
    ]

    private func read(_ bytes: [UInt8]) {
        guard let body = try? XMLElement(parsing: bytes) else { return }
        try? Envelope.check(body)
        for document in FindDocuments.documents(body).documents {
            _ = (document.accessions, document.studyInstanceUIDs, document.modalities, document.regions)
            try? document.check(Consultation.manifest)
        }
        _ = GetDemographics.Answer(reading: body)
        try? SetAuthorization.check(body)
        let request = RetrieveDocumentSet(
            repositoryUniqueID: "1.2.3",
            documentUniqueID: Consultation.uniqueID
        )
        _ = try? request.document(in: body, parts: [MTOM.Part(id: "a@b", bytes: [1])])
    }

    @Test("end in an error or a value, never in a trap", arguments: seeds.indices) func damaged(index: Int)
        throws
    {
        let whole = Array(Self.seeds[index].utf8)
        #expect(throws: Never.self) { try XMLElement(parsing: whole) }
        let words = [
            "<", ">", "&", "^", "^^^^^", "'", "%", "%3C", "cid:", "urn:uuid:", "]]>", "\u{0}", "\u{301}",
            "99999999999999999999", "-1",
        ]
        .map { Array($0.utf8) }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                let end = min(bytes.count, place + Int.random(in: 1...60, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
                case 1 where end - place < bytes.count: bytes.removeSubrange(place..<end)
                case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
                default: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
                }
            }
            read(bytes)
        }
    }
}
