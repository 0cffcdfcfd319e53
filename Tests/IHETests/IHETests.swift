// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import XML

@testable import IHE

/// A directory of files of a test, and programs that work on them.
struct Workshop {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "drimbox-ihe-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(at: directory) }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let url = directory.appending(path: name)
        try Data(bytes).write(to: url)
        return url.path
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: directory.appending(path: name)))
    }

    /// Whether it ended with 0, and what it said.
    func run(_ program: String, _ arguments: [String]) throws -> (isSuccess: Bool, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = directory
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus == 0, String(decoding: output, as: UTF8.self))
    }

    func key() throws -> SigningKey {
        let made = try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "key.pem", "-out",
                "cert.pem",
                "-subj", "/C=FR/ST=Paris (75)/O=CABINET/OU=1750803447/CN=DRIMbox",
            ]
        )
        try #require(made.isSuccess, "\(made.output)")
        return try SigningKey(privateKeyPEM: read("key.pem"), certificateChainPEM: read("cert.pem"))
    }
}

private func submission(replaces: String? = nil) -> ManifestSubmission {
    ManifestSubmission(
        submissionSetUniqueID: "2.25.100",
        signatureUniqueID: "2.25.101",
        manifestUniqueID: "2.25.102",
        sourceID: "1.2.250.1.999",
        submissionTime: "20240101080000",
        manifestCreationTime: "20240101075900",
        patientID: DataTypes.patientIdentifier("279035121518989", authority: "1.2.250.1.213.1.4.10"),
        sourcePatientID: DataTypes.patientIdentifier("IPP1", authority: "1.2.4", type: "PI"),
        patientFamilyName: "PAT-TROIS",
        patientGivenName: "DOMINIQUE",
        patientBirthDate: "19790328",
        patientSex: "F",
        author: Author(
            person: DataTypes.professional("801234560801", family: "BIDEAULT", given: "Jacques"),
            institution: DataTypes.institution("1750803447", name: "Ambroise")
        ),
        legalAuthenticator: DataTypes.professional("801234560801", family: "BIDEAULT", given: "Jacques"),
        serviceStartTime: "20210104092200",
        serviceStopTime: "20210104160500",
        facilityType: Coded("SA08", "1.2.250.1.71.4.2.4", "Cabinet"),
        practiceSetting: Coded("AMBULATOIRE", "1.2.250.1.213.1.1.4.9", "Ambulatoire"),
        eventCodes: [
            Coded("63337009", "1.2.250.1.213.1.1.5.695", "Abdomen"),
            Coded("MR", "1.2.250.1.213.1.1.5.618", "MR"),
        ],
        references: [DataTypes.reference("ACN1", authority: "1.2.5", kind: ManifestSubmission.accession)],
        visibility: .init(
            isMaskedFromProfessionals: false,
            isInvisibleToPatient: false,
            isInvisibleToLegalRepresentatives: false
        ),
        replaces: replaces
    )
}

private func vihf() -> VIHF {
    VIHF(
        id: "f6056f97-a487-4d36-9244-11db8c7d6372",
        issueInstant: "2024-01-01T08:00:00Z",
        authentication: .indirect,
        subjectID: "801234560801",
        subjectName: "Jacques BIDEAULT",
        structureID: "1750803447",
        sector: "SA08",
        patientID: "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH",
        software: ("1", "DRIMbox", "0.1", "H"),
        roles: [Coded("10", "1.2.250.1.71.1.2.7", "Médecin"), Coded("SM44", "1.2.250.1.71.4.2.5", "Radio")]
    )
}

enum Shared {
    static let data: URL? = {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"].map { URL(filePath: $0) }
        let directory = named ?? repository.appending(path: "../shared/data")
        return FileManager.default.fileExists(atPath: directory.path) ? directory.standardizedFileURL : nil
    }()
}

/// signxml, of PyPI: another implementation than the one behind ours and behind xmlsec1.
private enum SignXML {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    private static let python = repository.appending(path: ".build/python/bin/python").path
    private static let script = repository.appending(path: "Tests/Support/verify_assertion.py").path

    static let isThere = FileManager.default.isExecutableFile(atPath: python)

    static func verify(_ workshop: Workshop, _ path: String) throws -> (isSuccess: Bool, output: String) {
        try workshop.run(python, [script, path, "cert.pem"])
    }
}

@Suite("Signatures, checked by xmlsec1 and signxml") struct SignatureTests {
    @Test(
        "a VIHF verifies, alone and in its envelope; a changed one does not",
        arguments: [SignatureAlgorithm.sha1, .sha256]
    )
    func vihfs(algorithm: SignatureAlgorithm) throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let key = try workshop.key()
        #expect(key.subject == "CN=DRIMbox, OU=1750803447, O=CABINET, ST=Paris (75), C=FR")
        let assertion = try vihf().signed(with: key, algorithm: algorithm)
        let envelope = Envelope.make(
            action: GetDocuments.action,
            to: "https://dmp.example/registry",
            messageID: "a6ba8f7f-b214-4a2d-96f1-54293d537ce3",
            assertion: assertion,
            body: GetDocuments(uniqueID: "2.25.1").body
        )
        for (name, document) in [("vihf.xml", assertion), ("envelope.xml", envelope)] {
            let path = try workshop.write(name, document.serialized())
            let arguments = [
                "--verify", "--enabled-reference-uris", "same-doc", "--trusted-pem", "cert.pem",
                "--id-attr:ID",
                "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
            ]
            let verdict = try workshop.run("xmlsec1", arguments + [path])
            #expect(verdict.isSuccess, "\(verdict.output)")
            let text = String(decoding: document.serialized(), as: UTF8.self)
            let changed = text.replacingOccurrences(of: "Jacques BIDEAULT", with: "Jacques BIDEAULD")
            let other = try workshop.write("changed.xml", Array(changed.utf8))
            #expect(try !workshop.run("xmlsec1", arguments + [other]).isSuccess)
            guard SignXML.isThere else { continue }
            let second = try SignXML.verify(workshop, path)
            #expect(second.isSuccess, "\(second.output)")
            #expect(try !SignXML.verify(workshop, other).isSuccess)
        }
    }

    @Test(
        "a submission set's signature verifies, and holds the manifest's digest",
        arguments: [SignatureAlgorithm.sha1, .sha256]
    )
    func submissionSets(algorithm: SignatureAlgorithm) throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let signature = SubmissionSetSignature(
            uniqueID: "2.25.101",
            submissionSetUniqueID: "2.25.100",
            documentUniqueID: "2.25.102",
            document: Array("DICM".utf8),
            signingTime: "2024-01-01T08:00:00Z",
            algorithm: algorithm
        )
        let signed = try signature.signed(with: workshop.key())
        let path = try workshop.write("signature.xml", signed)
        let arguments = [
            "--verify", "--ignore-manifests", "--trusted-pem", "cert.pem", "--id-attr:Id",
            "http://www.w3.org/2000/09/xmldsig#:Manifest", "--id-attr:Id",
            "http://uri.etsi.org/01903/v1.1.1#:SignedProperties",
        ]
        let verdict = try workshop.run("xmlsec1", arguments + [path])
        #expect(verdict.isSuccess, "\(verdict.output)")
        let root = try XMLElement(parsing: signed)
        let references = root.descendants(XMLName("Reference", in: DSig.namespace))
        #expect(references.compactMap { $0["URI"] }.suffix(2) == ["urn:oid:2.25.100", "urn:oid:2.25.102"])
        #expect(references.suffix(2).first?.first("DigestValue")?.text == "AA==")
        let text = String(decoding: signed, as: UTF8.self).replacingOccurrences(of: "AA==", with: "AB==")
        let other = try workshop.write("other.xml", Array(text.utf8))
        #expect(try !workshop.run("xmlsec1", arguments + [other]).isSuccess)
    }

    @Test("a key that is none, or another certificate's, is refused") func keys() throws {
        let (first, second) = (try Workshop(), try Workshop())
        defer { [first, second].forEach { $0.remove() } }
        _ = (try first.key(), try second.key())
        let error = #expect(throws: XMLError.self) {
            try SigningKey(
                privateKeyPEM: second.read("key.pem"),
                certificateChainPEM: first.read("cert.pem")
            )
        }
        #expect(error?.kind == .key)
        #expect(error?.words == "found the private key of another certificate")
        #expect(throws: XMLError.self) {
            try SigningKey(privateKeyPEM: Array("x".utf8), certificateChainPEM: Array("y".utf8))
        }
    }
}

@Suite("XDS transactions") struct TransactionTests {
    @Test(
        "requests are valid against the schemas",
        .enabled(if: Shared.data != nil, "needs the schemas (DRIMBOX_SAMPLES)")
    )
    func schemas() throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let schemas = try #require(Shared.data).appending(path: "schemas/xds/IHE/IHEXDSB.xsd").path
        for replaces in [nil, "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"] {
            let body = submission(replaces: replaces).request(manifest: [1, 2], signature: [3])
                .body(manifestPart: "0.2", signaturePart: "0.3")
            // The schema knows documents in base64, not by reference.
            let text = String(decoding: body.serialized(), as: UTF8.self)
                .replacing(/<Include [^>]*\/>/, with: "QUJD")
            let path = try workshop.write("request.xml", Array(text.utf8))
            let verdict = try workshop.run("xmllint", ["--nonet", "--noout", "--schema", schemas, path])
            #expect(verdict.isSuccess, "\(verdict.output)")
        }
        let rs = try #require(Shared.data).appending(path: "schemas/xds/ebRS30/lcm.xsd").path
        let update = AvailabilityUpdate(submissionSet: submission().submissionSet, entryUUID: "urn:uuid:1")
        let path = try workshop.write("update.xml", update.body.serialized())
        let verdict = try workshop.run("xmllint", ["--nonet", "--noout", "--schema", rs, path])
        #expect(verdict.isSuccess, "\(verdict.output)")
        let query = try #require(Shared.data).appending(path: "schemas/xds/ebRS30/query.xsd").path
        let asked = try workshop.write("query.xml", GetDocuments(uniqueID: "2.25.1").body.serialized())
        let answer = try workshop.run("xmllint", ["--nonet", "--noout", "--schema", query, asked])
        #expect(answer.isSuccess, "\(answer.output)")
    }

    @Test(
        "ours has the slots, classifications, identifiers and associations of the official publication",
        .enabled(if: Shared.data != nil, "needs the sample files (DRIMBOX_SAMPLES)")
    )
    func official() throws {
        let sample = try Data(
            contentsOf: #require(Shared.data).appending(path: "drimbox/xds/publication.xml")
        )
        let text = String(decoding: sample, as: UTF8.self)
        let start = try #require(text.range(of: "<soap:Envelope")).lowerBound
        let end = try #require(text.range(of: "</soap:Envelope>")).upperBound
        let official = try XMLElement(parsing: Array(text[start..<end].utf8))
        let ours = submission().request(manifest: [1], signature: [2]).body(
            manifestPart: "0.2",
            signaturePart: "0.3"
        )
        #expect(shape(ours) == shape(official))
    }

    /// Which slots, classifications and identifiers each object has, and what is associated how.
    private func shape(_ root: XMLElement) -> Set<String> {
        var found: Set<String> = []
        for name in ["RegistryPackage", "ExtrinsicObject"] {
            for object in root.descendants(XMLName(name, in: EbRIM.rim)) {
                let id = object["id"] ?? ""
                for slot in object.elements("Slot") { found.insert("\(id) slot \(slot["name"] ?? "")") }
                for classification in object.elements("Classification") {
                    let scheme =
                        classification["classificationScheme"] ?? classification["classificationNode"] ?? ""
                    found.insert("\(id) classification \(scheme)")
                    for slot in classification.elements("Slot") {
                        found.insert("\(id) classification \(scheme) slot \(slot["name"] ?? "")")
                    }
                }
                for identifier in object.elements("ExternalIdentifier") {
                    let name = identifier.first(at: ["Name", "LocalizedString"])?["value"] ?? ""
                    found.insert("\(id) identifier \(identifier["identificationScheme"] ?? "") \(name)")
                }
            }
        }
        for association in root.descendants(XMLName("Association", in: EbRIM.rim)) {
            let ends = "\(association["sourceObject"] ?? "") \(association["targetObject"] ?? "")"
            found.insert("\(association["associationType"] ?? "") \(ends)")
        }
        return found
    }

    @Test("visibility becomes confidentiality codes") func visibility() {
        let codes = ManifestSubmission.Visibility(
            isMaskedFromProfessionals: true,
            isInvisibleToPatient: true,
            isInvisibleToLegalRepresentatives: true
        ).codes.map(\.value)
        #expect(codes == ["N", "MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"])
    }
}

@Suite("SOAP answers") struct AnswerTests {
    private func answer(_ body: String) throws -> XMLElement {
        try XMLElement(
            parsing: Array(
                "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body>\(body)</s:Body></s:Envelope>"
                    .utf8
            )
        )
    }

    private func response(_ status: String, _ error: String = "") -> String {
        """
        <r:RegistryResponse xmlns:r='urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0'
          status='urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:\(status)'>\(error)</r:RegistryResponse>
        """
    }

    private func failure(_ code: String, _ context: String = "") -> String {
        response(
            "Failure",
            """
            <r:RegistryErrorList><r:RegistryError errorCode='\(code)' codeContext='\(context)'
              severity='urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error'/></r:RegistryErrorList>
            """
        )
    }

    @Test("success is nothing, errors are named, and told apart by whether they pass") func registry() throws
    {
        try Envelope.check(Envelope.body(of: answer(response("Success"))))
        for (code, isRetryable) in [
            ("XDSRegistryBusy", true), ("XDSRepositoryBusy", true), ("XDSDuplicateUniqueIdInRegistry", false),
            ("XDSUnknownPatientId", false), ("XDSPatientIdDoesNotMatch", false),
        ] {
            let error = #expect(throws: RegistryFailure.self) {
                try Envelope.check(Envelope.body(of: answer(failure(code))))
            }
            #expect(error?.code == code)
            #expect(error?.isRetryable == isRetryable)
        }
    }

    @Test("faults are named; no number of a patient stays in their words") func faults() throws {
        let fault = """
            <s:Fault xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Code><s:Value>s:Sender</s:Value>
            <s:Subcode><s:Value>dmp:DMPInvalidVIHF</s:Value></s:Subcode></s:Code>
            <s:Reason><s:Text xml:lang='fr'>INS 279035121518989 refusé</s:Text></s:Reason></s:Fault>
            """
        let error = #expect(throws: RegistryFailure.self) { try Envelope.body(of: answer(fault)) }
        #expect(error?.code == "DMPInvalidVIHF")
        #expect(error?.isRetryable == false)
        #expect(error?.words == "INS … refusé")
        let named = RegistryFailure(
            code: "X",
            words: "Le patient Pat-Trois, DOMINIQUE (IPP101) est inconnu",
            isRetryable: false
        )
        #expect(
            named.without(["PAT-TROIS", "Dominique", "IPP101"]).words == "Le patient …-…, … (…) est inconnu"
        )
        let receiver = fault.replacingOccurrences(of: "s:Sender", with: "s:Receiver")
        #expect(
            #expect(throws: RegistryFailure.self) { try Envelope.body(of: answer(receiver)) }?.isRetryable
                == true
        )
    }

    @Test("messages with attachments read back, whatever is in them") func mtom() throws {
        let parts = [
            MTOM.Part(id: "0.2", bytes: Array("\r\n--boundary\r\n".utf8) + [0, 255, 13, 10]),
            MTOM.Part(id: "0.3", bytes: []),
        ]
        let (type, bytes) = MTOM.encode(
            Array("<a/>".utf8),
            action: "urn:a",
            parts: parts,
            boundary: "boundary"
        )
        let read = try MTOM.decode(bytes, contentType: type)
        #expect(read.map(\.id) == ["0.1", "0.2", "0.3"])
        #expect(Array(read.dropFirst()) == parts)
        #expect(throws: RegistryFailure.self) { try MTOM.decode(bytes, contentType: "multipart/related") }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var changed = bytes
            changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(
                in: 0...255,
                using: &random
            )
            changed.removeLast(Int.random(in: 0..<changed.count, using: &random))
            _ = try? MTOM.decode(changed, contentType: type)
        }
    }

    @Test("another implementation reads our attachments") func python() throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let parts = [
            MTOM.Part(id: "0.2", bytes: [0, 1, 2, 255]), MTOM.Part(id: "0.3", bytes: Array("<s/>".utf8)),
        ]
        let (type, bytes) = MTOM.encode(Array("<a/>".utf8), action: "urn:a", parts: parts, boundary: "b")
        let path = try workshop.write(
            "message",
            Array("Content-Type: \(type)\r\nMIME-Version: 1.0\r\n\r\n".utf8) + bytes
        )
        let program = """
            import email, sys
            m = email.message_from_binary_file(open(sys.argv[1], 'rb'))
            print([(p['Content-ID'], p.get_payload(decode=True).hex()) for p in m.get_payload()])
            """
        let said = try workshop.run("python3", ["-c", program, path])
        #expect(said.output.contains("('<0.2>', '000102ff'), ('<0.3>', '3c732f3e')"), "\(said.output)")
    }
}
