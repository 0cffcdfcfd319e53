// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import DICOM

enum BundleFixture {
    static let uid = UID(literal: "2.25.1")

    static func bytes(
        _ study: ManifestStudy = MADOFixture.study(),
        _ context: ManifestContext = MADOFixture.context()
    ) throws -> [UInt8] {
        try MADOBundle(study, context).document(sopInstanceUID: uid, date: "20240102", time: "030405")
    }

    /// The document as a value, to be looked at and changed.
    static func value() throws -> FHIRValue { try FHIRValue(parsing: bytes()) }

    static func bytes(_ value: FHIRValue) -> [UInt8] {
        var bytes: [UInt8] = []
        value.append(to: &bytes)
        return bytes
    }
}

extension FHIRValue {
    subscript(_ name: String) -> FHIRValue? {
        get {
            guard case .object(let members) = self else { return nil }
            return members.first { $0.name == name }?.value
        }
        set {
            guard case .object(var members) = self else { return }
            let index = members.firstIndex { $0.name == name }
            if let index { members.remove(at: index) }
            if let newValue {
                members.insert(.init(name: name, value: newValue), at: index ?? members.count)
            }
            self = .object(members)
        }
    }

    subscript(_ index: Int) -> FHIRValue? {
        get {
            guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
            return elements[index]
        }
        set {
            guard case .array(var elements) = self, elements.indices.contains(index) else { return }
            elements.replaceSubrange(index...index, with: newValue.map { [$0] } ?? [])
            self = .array(elements)
        }
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var elements: [FHIRValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    /// The resources of a document that are of a type.
    func resources(_ type: String) -> [FHIRValue] {
        (self["entry"]?.elements ?? []).compactMap { $0["resource"] }
            .filter { $0["resourceType"] == .string(type) }
    }
}

/// A context as it is read back from a Key Object Selection or a FHIR document.
extension ManifestContext {
    var asRead: ManifestContext {
        var context = self
        context.birthplace = nil
        return context
    }
}

@Suite("Manifests in FHIR form") struct MADOBundleTests {
    private let bundle: FHIRValue
    private let study: FHIRValue

    init() throws {
        bundle = try BundleFixture.value()
        study = try #require(bundle.resources("ImagingStudy").first)
    }

    @Test("equal values become equal bytes, and another version has other names")
    func deterministic() throws {
        let bytes = try BundleFixture.bytes()
        #expect(try BundleFixture.bytes() == bytes)
        let other = try MADOBundle(MADOFixture.study(), MADOFixture.context())
            .document(sopInstanceUID: UID(literal: "2.25.7"), date: "20240102", time: "030405")
        let names = [bytes, other].map { bytes in
            Set(
                ((try? FHIRValue(parsing: bytes))?["entry"]?.elements ?? []).compactMap {
                    $0["fullUrl"]?.text
                }
            )
        }
        #expect(names[0].count == 9)
        #expect(names[0].isDisjoint(with: names[1]))
    }

    @Test("every resource that the guide has, once, the composition first") func resources() {
        let types = (bundle["entry"]?.elements ?? []).map { $0["resource"]?["resourceType"] }
        #expect(
            types == [
                "Composition", "ImagingStudy", "Patient", "ServiceRequest", "Endpoint", "Endpoint",
                "Endpoint",
                "Device", "Organization",
            ]
        )
        #expect(bundle["type"] == "document")
        #expect(bundle["timestamp"] == "2024-01-02T03:04:05+01:00")
        #expect(bundle["identifier"]?["value"] == "urn:oid:2.25.1")
    }

    @Test("the study, its series and its instances, as table 4.3-1 has them") func imagingStudy() throws {
        #expect(study["identifier"]?[0]?["system"] == "urn:dicom:uid")
        #expect(study["identifier"]?[0]?["value"] == "urn:oid:1.2.3")
        #expect(study["started"] == "2022-12-15T19:46:22+01:00")
        #expect(study["description"] == "Crâne Ω")
        #expect(study["modality"]?.elements.map { $0["code"] } == ["CT", "KO"])
        #expect(study["numberOfSeries"] == 2)
        #expect(study["numberOfInstances"] == 4)
        #expect(study["procedureCode"]?[0]?["text"] == "Tête")
        let region = study["extension"]?[0]?["valueCodeableConcept"]?["coding"]?[0]
        #expect(region?["system"] == "http://snomed.info/sct")
        #expect(region?["code"] == "774007")
        let ct = try #require(study["series"]?[0])
        #expect(ct["started"] == "2022-12-15T19:47:00.5+01:00")
        #expect(ct["bodySite"]?["code"] == "69536005")
        #expect(ct["laterality"]?["display"] == "Right")
        #expect(ct["instance"]?.elements.map { $0["uid"] } == ["1.2.3.1.1", "1.2.3.1.3", "1.2.3.1.2"])
        #expect(ct["instance"]?[1]?["extension"]?[0]?["valueInteger"] == 30)
        let ko = try #require(study["series"]?[1])
        #expect(ko["bodySite"] == ["display": "Tête"])
        #expect(ko["instance"]?[0]?["title"] == "Fracture")
        #expect(
            ko["instance"]?[0]?["extension"]?[0]?["valueCodeableConcept"]?["coding"]?[0]?["code"] == "113000"
        )
    }

    @Test("series say where they are, the study where it is shown") func endpoints() throws {
        let endpoints = bundle.resources("Endpoint")
        #expect(
            endpoints.map { $0["address"] } == [
                "https://db1.example/dicomweb", "https://db2.example/rs",
                "https://vi1.example/study?uid=1.2.3",
            ]
        )
        #expect(endpoints.map { $0["extension"]?[0]?["valueString"] } == ["1.2.9.1", "1.2.9.2", nil])
        var context = MADOFixture.context()
        context.retrieveURL = ""
        let unknown = try FHIRValue(parsing: BundleFixture.bytes(MADOFixture.study(), context))
            .resources("Endpoint")[0]
        #expect(unknown["address"] == "http://notspecified")
        #expect(unknown["_address"]?["extension"]?[0]?["valueCode"] == "unknown")
    }

    @Test("whose it is, what was asked for, and who made it") func people() throws {
        let patient = bundle.resources("Patient")[0]
        #expect(patient["identifier"]?[0]?["system"] == "urn:oid:1.2.250.1.213.1.4.8")
        #expect(patient["name"]?[0]?["family"] == "PAT-TROIS")
        #expect(patient["gender"] == "female")
        #expect(patient["birthDate"] == "1979-03-28")
        let request = bundle.resources("ServiceRequest")[0]
        #expect(request["identifier"]?.elements.map { $0["value"] } == ["ACN1", "OPN1"])
        #expect(study["basedOn"]?[0]?["identifier"] == request["identifier"]?[0])
        #expect(bundle.resources("Device")[0]["manufacturer"] == "DRIMbox")
        let organization = bundle.resources("Organization")[0]
        #expect(organization["name"] == "Ambroise")
        #expect(organization["identifier"]?[0]?["value"] == "101235555")
    }

    @Test("every reference names an entry of the document") func references() {
        var found = 0
        let names = Set((bundle["entry"]?.elements ?? []).compactMap { $0["fullUrl"]?.text })
        func walk(_ value: FHIRValue) {
            switch value {
            case .object(let members):
                for member in members {
                    if member.name == "reference" {
                        found += 1
                        #expect(member.value.text.map(names.contains) == true)
                    }
                    walk(member.value)
                }
            case .array(let elements): for element in elements { walk(element) }
            default: break
            }
        }
        walk(bundle)
        #expect(found == 11)
    }

    @Test("what is not known and may lack is absent; an act that is not known is said to be unknown")
    func absent() throws {
        var context = MADOFixture.context()
        context.displayURI = nil
        context.procedure = ""
        context.institutionIdentifier = ""
        context.patientSex = ""
        context.patientBirthDate = ""
        context.patientName = ""
        var source = MADOFixture.study()
        source.series[0].laterality = nil
        source.series[0].date = ""
        source.description = ""
        let bytes = try BundleFixture.bytes(source, context)
        let bundle = try FHIRValue(parsing: bytes)
        let study = bundle.resources("ImagingStudy")[0]
        #expect(study["endpoint"] == nil && study["description"] == nil)
        #expect(study["procedureCode"]?[0]?["text"] == nil)
        #expect(study["procedureCode"]?[0]?["_text"]?["extension"]?[0]?["valueCode"] == "unknown")
        #expect(study["series"]?[0]?["laterality"] == nil && study["series"]?[0]?["started"] == nil)
        #expect(bundle.resources("Composition")[0]["title"] == "Manifest with Description")
        #expect(bundle.resources("Organization")[0]["identifier"] == nil)
        let patient = bundle.resources("Patient")[0]
        #expect(patient["name"] == nil && patient["gender"] == nil && patient["birthDate"] == nil)
        #expect(!bytes.containsSequence(Array("null".utf8)) && !bytes.containsSequence(Array("\"\"".utf8)))
        let manifest = try MADOBundle.decode(bytes)
        #expect(manifest.warnings == [])
        #expect(manifest.context.procedure == "")
    }

    @Test("what is required and not known, or cannot be said, is an error that names it") func required() {
        func missing(_ change: (inout ManifestStudy, inout ManifestContext) -> Void) -> [String]? {
            var (study, context) = (MADOFixture.study(), MADOFixture.context())
            change(&study, &context)
            let error = #expect(throws: ManifestIncomplete.self) { try BundleFixture.bytes(study, context) }
            return error?.missing
        }
        #expect(missing { $1.order = nil } == ["PlacerOrderNumberImagingServiceRequest"])
        #expect(missing { $1.retrieveLocationUID = nil } == ["RetrieveLocationUID (1.2.3.1)"])
        #expect(missing { $1.timezoneOffset = "CET" } == ["TimezoneOffsetFromUTC"])
        for (date, time) in [("20220231", "194622"), ("20221215", "2461"), ("2022.12.15", "19")] {
            let found = missing { study, _ in (study.date, study.time) = (date, time) }
            #expect(found == ["StudyDate and StudyTime that are valid"])
        }
        let error = #expect(throws: ManifestIncomplete.self) {
            try MADOBundle(MADOFixture.study(), MADOFixture.context())
                .document(sopInstanceUID: BundleFixture.uid, date: "20240102", time: "")
        }
        #expect(error?.missing == ["ContentDate and ContentTime that are valid"])
    }

    @Test("read back, it is what was written") func roundTrip() throws {
        var source = MADOFixture.study()
        source.studyID = "ST 1"
        source.referringPhysicianName = "MEDECIN^ANNE^^DR"
        var context = MADOFixture.context()
        context.patientIDIssuer = "INS"
        context.otherPatientName = "PAT-TROIS EPOUSE=…"
        context.furtherRequests = [
            .init(
                accessionNumber: .init(value: "ACN2", authority: "1.2.5"),
                order: .init(value: "OPN2", authority: "1.2.6")
            )
        ]
        let manifest = try MADOBundle.decode(BundleFixture.bytes(source, context))
        #expect(manifest.warnings == [])
        #expect(manifest.form == .fhir)
        #expect(manifest.sopInstanceUID == BundleFixture.uid)
        #expect(manifest.date == "20240102" && manifest.time == "030405")
        #expect(manifest.isRetrievable)
        #expect(manifest.context == context.asRead)
        var expected = source.listed(without: [])
        expected.patientID = context.patientID.value
        #expect(manifest.study == expected)
    }

    @Test("from a Key Object Selection to FHIR and back, attribute by attribute") func keyObject() throws {
        let file = try MADOFixture.file()
        let manifest = try ImagingManifest(document: file)
        #expect(manifest.form == .mado(.temporary))
        let back = try ImagingManifest(document: try MADOBundle.encode(manifest))
        #expect(back.form == .fhir)
        let again = try MADOBuilder(back.study, back.context).dataSet(
            sopInstanceUID: back.sopInstanceUID,
            seriesInstanceUID: try #require(manifest.seriesInstanceUID),
            date: back.date,
            time: back.time
        )
        #expect(differences(again, try MADOFixture.dataSet()) == [])
    }

    @Test(
        "IHE's sample, to FHIR and back, is the sample still",
        .enabled(if: ManifestSamples.mado.directory != nil, "needs the sample files (DRIMBOX_SAMPLES)")
    )
    func sample() throws {
        let file = try ManifestSamples.mado.bytes("MADO_KOS_A.dcm")
        let manifest = try ImagingManifest(document: file)
        let back = try ImagingManifest(document: try MADOBundle.encode(manifest))
        #expect(back.warnings == [])
        #expect(back.study == manifest.study.listed(without: []))
        #expect(back.context == manifest.context)
        let again = try MADOBuilder(back.study, back.context).dataSet(
            sopInstanceUID: back.sopInstanceUID,
            seriesInstanceUID: try #require(manifest.seriesInstanceUID),
            date: back.date,
            time: back.time
        )
        let sample = try KeyObjectSelection.dataSet(file: file)
        // The sample's library lacks Continuity of Content, which every CONTAINER has (PS3.3 C.18.8, Type 1).
        #expect(differences(again, sample) == ["(0040,A730)[0]/(0040,A050): only left"])
    }

    @Test("a file that begins as JSON in its preamble is a file still") func preamble() throws {
        var file = try MADOFixture.file()
        #expect(try ImagingManifest(document: file).form == .mado(.temporary))
        file[0] = UInt8(ascii: "{")
        #expect(try ImagingManifest(document: file).form == .mado(.temporary))
        #expect(try ImagingManifest(document: Array("\n ".utf8) + BundleFixture.bytes()).form == .fhir)
    }
}

extension [UInt8] {
    fileprivate func containsSequence(_ other: [UInt8]) -> Bool { firstRange(of: other) != nil }
}
