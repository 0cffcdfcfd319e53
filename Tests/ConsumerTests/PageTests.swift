// SPDX-License-Identifier: Apache-2.0
import IHE
import Testing
import XML

@testable import Consumer

private func text(_ html: HTML) -> String { String(decoding: html.document, as: UTF8.self) }

@Suite("Pages") struct PageTests {
    @Test("nothing of a record becomes markup") func escaped() {
        let evil = "<script>alert(1)</script> \"'&\u{0}"
        let html = text(.element("p", ["title": evil], evil))
        #expect(!html.contains("<script>"))
        #expect(
            html.contains(
                "<p title=\"&lt;script&gt;alert(1)&lt;/script&gt; &quot;&#39;&amp;\u{FFFD}\">"
            )
        )
    }

    @Test("attributes that are nil are left out, empty ones stand alone, void elements have no end")
    func attributes() {
        let html = text(.element("input", ["type": "radio", "checked": "", "disabled": nil]))
        #expect(html == "<!DOCTYPE html>\n<input type=\"radio\" checked>\n")
    }

    @Test("all ten traits are there, the five first at once", arguments: Language.allCases)
    func traits(_ language: Language) throws {
        let html = text(PatientBanner(patient: patient, language: language).html)
        let range = try #require(html.firstRange(of: "<details>"))
        let (first, others) = (html[..<range.lowerBound], html[range.upperBound...])
        for word in ["PAT-TROIS", "DOMINIQUE", language.date("19790328"), "63220"] {
            #expect(first.contains(word))
        }
        for word in ["279035121518989", "1.2.250.1.213.1.4.10", "IPP101"] { #expect(others.contains(word)) }
        let names: [Phrase] = [
            .birthName, .firstGivenName, .birthDate, .sex, .birthPlace, .nationalIdentifier,
            .identifierNature, .birthGivenNames, .usedName, .usedGivenName,
        ]
        for name in names { #expect(html.contains(language(name))) }
        #expect(html.components(of: "<dt>") == 11)
    }

    @Test(
        "the browser's language is taken, French otherwise",
        arguments: [
            ("en-GB,en;q=0.9", Language.english), ("fr", .french), (nil, .french), ("de,en;q=0.5", .english),
            ("en;q=0.3, fr-CA;q=0.8", .french), ("*", .french), (";;,q=", .french),
        ] as [(String?, Language)]
    ) func languages(_ header: String?, _ expected: Language) {
        #expect(Language(accepting: header) == expected)
    }

    @Test("dates are as a reader of the language writes them") func dates() {
        #expect(Language.french.date("20240102080000") == "02/01/2024")
        #expect(Language.english.date("20240102080000") == "2024-01-02")
        #expect(Language.french.date("2024") == "2024")
        #expect(Language.french.date("") == "")
    }

    @Test("states of documents are said, and warned of") func states() throws {
        let document = try entry("1", codes: ["N", "INVISIBLE_PATIENT", "MASQUE_PS"], status: .deprecated)
        let states = DocumentStates(document: document, language: .french)
        let html = text(states.html)
        #expect(html.contains("masqué aux professionnels de santé"))
        #expect(html.contains("non visible par le patient"))
        #expect(html.contains("ancienne version obsolète"))
        #expect(text(states.warnings).contains("Attention, ce document n’est pas visible du patient."))
        let plain = DocumentStates(document: try entry("2"), language: .french)
        #expect(!text(plain.html).contains("<ul"))
    }

    @Test("an authorisation needs a tick and a token, and says when the caller told of no consent")
    func authorisation() {
        let opened = OpenedPatient(patient, name: "p", opened: 0)
        let pages = PatientPages(language: .french, opened: opened, formToken: "secret")
        let html = text(.group(pages.access(.unauthorised("INEXISTANTE"))))
        #expect(html.contains("action=\"/consumer/patients/p/authorisation\""))
        #expect(html.contains("name=\"token\" value=\"secret\""))
        #expect(html.contains("type=\"checkbox\" name=\"consent\" value=\"yes\" required"))
        for access in [RecordAccess.none, .closed, .forbidden] {
            #expect(!text(.group(pages.access(access))).contains("<form"))
        }
    }

    @Test("a list has paths without identifiers of anybody or anything") func list() throws {
        let opened = OpenedPatient(patient, name: "p", opened: 0)
        let exams = Exam.pair([
            try entry("1", accession: "A1", isManifest: true), try entry("2", accession: "A1"),
        ])
        opened.take(exams)
        let pages = PatientPages(language: .english, opened: opened, formToken: "t")
        let html = text(.group(pages.list(RecordSearch(exams: exams, unreadable: 2), ExamFilter())))
        #expect(html.contains("href=\"/consumer/patients/p/reports/1\""))
        #expect(html.contains("action=\"/consumer/patients/p/images/0\""))
        #expect(html.contains("cannot be read and are not shown: 2"))
        #expect(!html.contains("action=\"/consumer/patients/p?"))
    }
}

@Suite("Exams") struct ExamTests {
    @Test("a manifest and its report come together by accession or by study") func pairs() throws {
        let exams = Exam.pair([
            try entry("1", accession: "A1", study: "1.2", isManifest: true, time: "20240101"),
            try entry("2", accession: "A2", isManifest: true, time: "20240301"),
            try entry("3", accession: "A1"),
            try entry("4", study: "1.2"), try entry("5", accession: "A9", time: "20240201"),
        ])
        #expect(exams.map { $0.documents.map(\.entry.uniqueID) } == [["2"], ["5"], ["1", "3", "4"]])
        #expect(exams.map(\.performed) == ["20240301", "20240201", "20240101"])
    }

    @Test("what connects two groups makes them one") func connects() throws {
        let exams = Exam.pair([
            try entry("1", accession: "A1", isManifest: true), try entry("2", study: "1.2", isManifest: true),
            try entry("3", accession: "A1", study: "1.2"),
        ])
        #expect(exams.count == 1)
        #expect(exams.first?.manifests.count == 2)
    }

    @Test(
        "of a manifest in several forms the preferred one is shown, else the French one; MADO's where it stands alone"
    )
    func twins() throws {
        func mado(_ uid: String, study: String?, status: RegisteredDocument.Status = .approved) throws
            -> RegisteredDocument
        {
            var document = try entry(uid, accession: "A1", study: study, isManifest: true, status: status)
            document.entry.comments = "KOS MADO"
            return document
        }
        let french = try entry("1", accession: "A1", study: "1.2", isManifest: true)
        func shown(
            _ documents: [RegisteredDocument],
            _ preferred: RegisteredDocument.ManifestForm = .french
        ) -> [[String]] {
            Exam.pair(documents).map { $0.inOneForm(preferred).manifests.map(\.entry.uniqueID).sorted() }
        }
        var resources = try mado("2", study: "1.2")
        resources.entry.uniqueID = "3"
        resources.entry.formatCode.value = "urn:ihe:rad:MADO:fhir-manifest:2026"
        #expect(shown([french, try mado("2", study: "1.2"), resources]) == [["1"]])
        #expect(shown([french, try mado("2", study: "1.2"), resources], .mado) == [["2"]])
        #expect(shown([french, try mado("2", study: "1.2"), resources], .fhir) == [["3"]])
        #expect(shown([french, resources], .mado) == [["1"]])
        #expect(shown([french, try mado("2", study: "1.2")]) == [["1"]])
        #expect(shown([try mado("2", study: "1.2"), french]) == [["1"]])
        #expect(shown([try mado("2", study: "1.2")]) == [["2"]])
        #expect(shown([french, try mado("2", study: "1.3")]) == [["1", "2"]])
        #expect(shown([french, try mado("2", study: "1.2", status: .deprecated)]) == [["1", "2"]])
        var other = try mado("2", study: "1.2")
        other.entry.authors = [Author(person: "", institution: "Another^^^^^&1.2&ISO^IDNST^^^9")]
        #expect(shown([french, other]) == [["1", "2"]])
        #expect(
            shown([try entry("1", accession: "A1", isManifest: true), try mado("2", study: nil)]) == [
                ["1", "2"]
            ]
        )
    }

    @Test("documents that name nothing stay alone; signatures are left out") func alone() throws {
        var signature = try entry("9")
        signature.entry.typeCode = Coded("E1762", "ASTM", "")
        #expect(Exam.pair([try entry("1"), try entry("2", isManifest: true), signature]).count == 2)
    }

    @Test("a filter is read from a form, and what is no such value is not there") func filters() throws {
        let form = try #require(
            SubmittedForm("modality=CT&region=67734004&from=2024-01-01&to=2024-12-31&archived=on&obsolete=")
        )
        let filter = ExamFilter(form)
        #expect(filter.modalities == ["CT"])
        #expect(filter.eventCodes.map(\.first?.value) == ["CT", "67734004"])
        #expect(filter.from == "20240101")
        #expect(filter.end == "20241231235959")
        #expect(filter.statuses == [.approved, .archived])
        let wrong = ExamFilter(try #require(SubmittedForm("modality=');DROP&region=1&from=x&to=")))
        #expect(wrong == ExamFilter())
    }
}

/// A document as a registry says it has it.
private func entry(
    _ uniqueID: String,
    accession: String? = nil,
    study: String? = nil,
    isManifest: Bool = false,
    time: String = "",
    codes: [String] = ["N"],
    status: RegisteredDocument.Status = .approved
) throws -> RegisteredDocument {
    var references: [String] = []
    if let accession { references.append("\(accession)^^^&1.2.3&ISO^urn:ihe:iti:xds:2013:accession") }
    if let study { references.append("\(study)^^^^urn:ihe:iti:xds:2016:studyInstanceUID") }
    let type = isManifest ? "IMG-KOS" : "18748-4"
    let identifiers = [
        ("2e82c1f6-a085-4c72-9da3-8640a32e42ab", uniqueID), ("58a6f841-87b3-4a3e-92fd-a8ffeff98427", "P"),
    ].map { "<ExternalIdentifier identificationScheme='urn:uuid:\($0.0)' value='\($0.1)'/>" }
    let classifications =
        [("f0306f51-975f-434e-a61c-c59651d33983", type)]
        + codes.map { ("f4f85eac-e6cb-4883-b524-f2705394840f", $0) }
    let slots = [("urn:ihe:iti:xds:2013:referenceIdList", references), ("serviceStartTime", [time])].map {
        "<Slot name='\($0.0)'><ValueList>"
            + $0.1.filter { !$0.isEmpty }.map { "<Value>\($0.replacing("&", with: "&amp;"))</Value>" }
            .joined()
            + "</ValueList></Slot>"
    }
    let object = """
        <ExtrinsicObject xmlns='urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0' id='urn:uuid:\(uniqueID)'
          status='\(status.urn)'>\(slots.joined())\(classifications.map {
            "<Classification classificationScheme='urn:uuid:\($0.0)' nodeRepresentation='\($0.1)'/>"
          }.joined())\(identifiers.joined())</ExtrinsicObject>
        """
    return try RegisteredDocument(reading: XMLElement(parsing: Array(object.utf8)))
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
