// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import DICOM

@Suite("Manifests in FHIR form: what others send") struct MADOBundleHostileTests {
    private let bundle: FHIRValue

    init() throws { bundle = try BundleFixture.value() }

    /// Positions of the entries: composition, study, patient, request, WADO-RS (2), viewer, device, organization.
    private func changed(_ change: (inout FHIRValue?) -> Void) -> [UInt8] {
        var bundle = bundle
        change(&bundle["entry"])
        return BundleFixture.bytes(bundle)
    }

    private func error(_ bytes: [UInt8]) -> String? {
        #expect(throws: ManifestError.self) { try MADOBundle.decode(bytes) }?.description
    }

    private func name(_ entry: Int) -> FHIRValue? { bundle["entry"]?[entry]?["fullUrl"] }

    @Test("what is no manifest") func others() {
        #expect(error([]) == "byte 0: found the end, expected a value")
        #expect(error(Array("[]".utf8)) == "resourceType: found none, expected \"Bundle\"")
        #expect(
            error(Array(#"{"resourceType":"Patient"}"#.utf8))
                == "resourceType: found \"Patient\", expected \"Bundle\""
        )
        #expect(
            error(Array(#"{"resourceType":"Bundle","type":"collection"}"#.utf8))
                == "type: found \"collection\", expected \"document\""
        )
        #expect(
            error(Array(#"{"resourceType":"Bundle","type":"document","entry":[]}"#.utf8))
                == "entry[0].resource: found none, expected a Composition"
        )
        #expect(
            error(changed { $0?[1] = nil })
                == "entry: found 0 resources of type ImagingStudy, expected one"
        )
        #expect(error(changed { $0?[1]?["resource"]?["series"] = nil })?.contains("no instance") == true)
    }

    @Test("a document that contradicts itself names where") func contradictions() {
        let other: FHIRValue = ["reference": name(7), "type": "Patient"]
        #expect(
            error(changed { $0?[1]?["resource"]?["subject"] = other })?
                .hasPrefix("entry[1].resource.subject.reference: found \"urn:uuid:") == true
        )
        #expect(
            error(changed { $0?[1]?["resource"]?["subject"]?["reference"] = "Patient/9" })
                == "entry[1].resource.subject.reference: found \"Patient/9\", expected an entry of the document"
        )
        let endpoint: FHIRValue = ["reference": "urn:uuid:0"]
        #expect(
            error(changed { $0?[1]?["resource"]?["series"]?[1]?["endpoint"]?[0] = endpoint })
                == "entry[1].resource.series[1].endpoint[0].reference: found \"urn:uuid:0\", "
                + "expected an entry of the document"
        )
        #expect(
            error(changed { $0?[0]?["resource"]?["identifier"]?["value"] = "urn:oid:1.2" })
                == "entry[0].resource.identifier: found an object, expected the identifier of the bundle"
        )
        #expect(
            error(changed { $0?[1]?["resource"]?["basedOn"]?[0]?["identifier"]?["value"] = "ACN9" })
                == "entry[1].resource.basedOn[0].identifier: found \"ACN9\", "
                + "expected the accession number of the ServiceRequest"
        )
        let twice = name(2)?.text ?? ""
        #expect(
            error(changed { $0?[3]?["fullUrl"] = .string(twice) })
                == "entry[3]: found \"\(twice)\" twice, expected each entry once"
        )
        var patients = bundle
        let second: FHIRValue = [
            "fullUrl": "urn:uuid:2", "resource": ["resourceType": "Patient", "id": "2"],
        ]
        patients["entry"] = .array((bundle["entry"]?.elements ?? []) + [second])
        patients["entry"]?[0]?["resource"]?["subject"]?["reference"] = "urn:uuid:2"
        #expect(
            error(BundleFixture.bytes(patients))?.hasSuffix("expected the subject of the ImagingStudy")
                == true
        )
        let study = bundle["entry"]?[1]?["resource"]?["identifier"]?[0]
        var identifiers = bundle
        var changedStudy = study
        changedStudy?["value"] = "urn:oid:9.9"
        identifiers["entry"]?[1]?["resource"]?["identifier"] = .array(
            [study, changedStudy].compactMap { $0 }
        )
        #expect(error(BundleFixture.bytes(identifiers))?.hasSuffix("expected one Study Instance UID") == true)
    }

    @Test("resources that refer to one another in a circle are read once") func loops() throws {
        let plain = try MADOBundle.decode(BundleFixture.bytes(bundle))
        let circle: (FHIRValue?) -> FHIRValue = { ["reference": $0] }
        let study = circle(name(1))
        let bytes = changed { entry in
            entry?[8]?["resource"]?["partOf"] = circle(name(8))
            entry?[7]?["resource"]?["parent"] = circle(name(7))
            entry?[7]?["resource"]?["owner"] = circle(name(8))
            entry?[3]?["resource"]?["basedOn"] = [circle(name(3)), study]
            entry?[2]?["resource"]?["link"] = [["other": circle(name(2)), "type": "seealso"]]
            entry?[1]?["resource"]?["partOf"] = [study]
            let order = entry?[1]?["resource"]?["basedOn"]?[0] ?? .null
            entry?[1]?["resource"]?["basedOn"] = [order, order, order]
        }
        let manifest = try MADOBundle.decode(bytes)
        #expect(manifest.study == plain.study)
        #expect(manifest.context == plain.context)
    }

    @Test("series and instances that are listed twice, and counts that are wrong, are warned of")
    func duplicates() throws {
        let study = bundle["entry"]?[1]?["resource"]
        let first = study?["series"]?[0] ?? .null
        let second = study?["series"]?[1] ?? .null
        let bytes = changed { entry in
            entry?[1]?["resource"]?["series"] = [first, second, first]
            entry?[1]?["resource"]?["series"]?[1]?["numberOfInstances"] = 9
            entry?[1]?["resource"]?["numberOfSeries"] = 5
        }
        let manifest = try MADOBundle.decode(bytes)
        func uid(_ text: String) -> UID { UID(text) ?? UID(literal: "0") }
        #expect(
            manifest.warnings == [
                .otherCount(said: 9, found: 1, uid("1.2.3.2")),
                .duplicateSeries(uid("1.2.3.1")),
                .duplicateInstance(uid("1.2.3.1.1")),
                .duplicateInstance(uid("1.2.3.1.3")),
                .duplicateInstance(uid("1.2.3.1.2")),
                .otherCount(said: 5, found: 2, uid("1.2.3")),
            ]
        )
        #expect(manifest.study == (try MADOBundle.decode(BundleFixture.bytes(bundle))).study)
    }

    @Test("images elsewhere, or nowhere, are warned of") func hosts() throws {
        let bytes = BundleFixture.bytes(bundle)
        #expect(
            try MADOBundle.decode(bytes, hosts: ["db1.example"]).warnings
                == [.foreignHost("db2.example", series: UID(literal: "1.2.3.2"))]
        )
        for address in [
            "javascript:alert(1)", "http://db1.example/rs", "https://a@b/rs", "file:///etc/passwd",
        ] {
            let manifest = try MADOBundle.decode(
                changed { $0?[4]?["resource"]?["address"] = .string(address) }
            )
            #expect(manifest.warnings == [.invalidURL(series: UID(literal: "1.2.3.1"))])
        }
        let nowhere = try MADOBundle.decode(
            changed { entry in
                for index in 0...1 { entry?[1]?["resource"]?["series"]?[index]?["endpoint"] = [] }
            }
        )
        #expect(!nowhere.isRetrievable)
        #expect(nowhere.warnings.contains(.noRetrieval(series: UID(literal: "1.2.3.1"))))
        #expect(nowhere.warnings.contains(.missing("RetrieveLocationUID (1.2.3.1)")))
    }

    @Test("what a foreign document leaves out is warned of, what it says coarsely too") func foreign() throws
    {
        let manifest = try MADOBundle.decode(
            changed { entry in
                entry?[1]?["resource"]?["started"] = "2022"
                entry?[1]?["resource"]?["basedOn"] = nil
                entry?[3] = nil
                entry?[4]?["resource"]?["extension"]?[0]?["valueString"] = "ACME"
                entry?[2]?["resource"]?["birthDate"] = "1979"
            }
        )
        // Entry 4 is the second endpoint once the request has gone.
        #expect(manifest.warnings.contains(.invalid("started", UID(literal: "1.2.3"))))
        #expect(manifest.warnings.contains(.invalid("RetrieveLocationUID", UID(literal: "1.2.3.2"))))
        #expect(manifest.warnings.contains(.invalid("birthDate", UID(literal: "1.2.3"))))
        for name in ["StudyDate", "AccessionNumber", "PlacerOrderNumberImagingServiceRequest"] {
            #expect(manifest.warnings.contains(.missing(name)))
        }
    }

    @Test("a document of another time zone's summer comes back in its own offset") func offsets() throws {
        let manifest = try MADOBundle.decode(
            changed { $0?[1]?["resource"]?["started"] = "2022-07-01T00:30:00+02:00" }
        )
        #expect(manifest.context.timezoneOffset == "+0100")
        #expect(manifest.study.date == "20220630" && manifest.study.time == "233000")
    }

    // MARK: Bounds

    @Test("a million values, or more bytes than are read, in bounded memory", .timeLimit(.minutes(5)))
    func million() throws {
        var list = BundleFixture.bytes(bundle)
        let start = try #require(list.firstRange(of: Array("\"instance\":[".utf8)))
        let million = Array(repeatElement(Array("{},".utf8), count: 1_000_000).joined())
        list.insert(contentsOf: million, at: start.upperBound)
        let long = list + [UInt8](repeating: 0x20, count: 16 << 20)
        let before = try HostileManifestTests.peak()
        #expect(error(list)?.hasSuffix("expected at most 524288 values") == true)
        #expect(error(long)?.hasPrefix("document: found") == true)
        #expect(try HostileManifestTests.peak() - before < 300 << 20)
    }

    @Test("values within values end at a level") func depth() {
        let open = String(repeating: "[", count: 200_000)
        #expect(error(Array(open.utf8))?.hasSuffix("expected at most 32 levels") == true)
        let objects = String(repeating: "{\"a\":", count: 200_000)
        #expect(error(Array(objects.utf8))?.hasSuffix("expected at most 32 levels") == true)
    }

    @Test("as many instances as fit are read", .timeLimit(.minutes(5))) func instances() throws {
        var study = MADOFixture.study()
        study.series[0].instances = (1...20_000).map { (number: Int) in
            .init(
                sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
                sopInstanceUID: UID("1.2.250.1.59.40211.22756022.2.3.\(number)") ?? UID(literal: "0"),
                number: number
            )
        }
        let manifest = try MADOBundle.decode(BundleFixture.bytes(study))
        #expect(manifest.warnings == [])
        #expect(manifest.study.instanceCount == 20_001)
    }

    // MARK: Damage

    @Test("whatever value stands in whatever place, reading ends in a manifest or an error that names it")
    func replaced() throws {
        var study = MADOFixture.study()
        study.series[0].instances = [study.series[0].instances[1]]
        study.series.removeLast()
        let bundle = try FHIRValue(parsing: BundleFixture.bytes(study))
        let replacements: [FHIRValue?] = [nil, .null, 7, "x", [[:]], ["reference": "x"]]
        var (read, refused) = (0, 0)
        /// Reads the document with each value below `value` replaced; `rebuild` puts a value in its place.
        func sweep(_ value: FHIRValue, _ rebuild: (FHIRValue?) -> FHIRValue?) {
            for replacement in replacements {
                guard let document = rebuild(replacement) else { continue }
                do throws(FHIRError) {
                    var reader = try MADOBundleReader(document)
                    _ = try reader.manifest(nil)
                    read += 1
                } catch {
                    refused += 1
                    #expect(error.description.contains("found"))
                }
            }
            switch value {
            case .object(let members):
                for member in members {
                    sweep(member.value) { new in
                        var changed = value
                        changed[member.name] = new
                        return rebuild(changed)
                    }
                }
            case .array(let elements):
                for index in elements.indices {
                    sweep(elements[index]) { new in
                        var changed = value
                        changed[index] = new
                        return rebuild(changed)
                    }
                }
            default: break
            }
        }
        sweep(bundle) { $0 }
        #expect(read > 400 && refused > 400)
    }

    @Test("damaged bytes end in a value or an error") func damaged() throws {
        let bytes = BundleFixture.bytes(bundle)
        var random = SystemRandomNumberGenerator()
        let end = ContinuousClock.now + .seconds(2)
        var count = 0
        while ContinuousClock.now < end {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: changed.indices, using: &random)] = .random(
                    in: 0...255,
                    using: &random
                )
            }
            if count.isMultiple(of: 3) {
                changed.removeLast(Int.random(in: 0..<changed.count, using: &random))
            }
            do throws(ManifestError) {
                let manifest = try MADOBundle.decode(changed)
                #expect(manifest.study.instanceCount > 0)
            } catch {
                #expect(!error.description.isEmpty)
            }
            count += 1
        }
        #expect(count > 20)
    }
}

@Suite("FHIR: JSON") struct FHIRValueTests {
    @Test(
        "what is read is written again",
        arguments: [
            "null", "true", "false", "0", "-0", "-12.50e+3", "1E9", "[]", "{}", "[1,[2,{}]]",
            #"{"a":{"b":[]}}"#,
            #""Crâne \"\\\n\r\t 漢字 🩻""#,
        ]
    )
    func roundTrip(text: String) throws {
        let value = try FHIRValue(parsing: Array(text.utf8))
        #expect(String(decoding: BundleFixture.bytes(value), as: UTF8.self) == text)
    }

    @Test("escapes are characters") func escapes() throws {
        let value = try FHIRValue(parsing: Array(#" "\u0041\/\b\f\ud83e\ude7B" "#.utf8))
        #expect(value == .string("A/\u{8}\u{C}🩻"))
    }

    @Test(
        "what is no JSON",
        arguments: [
            "", " ", "nul", "01", "1.", ".5", "-", "1e", "+1", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}",
            "{a:1}",
            "\"", "\"\\x\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "1 2",
            "{\"a\":1,\"a\":2}", "\u{FEFF}1", "'a'",
        ]
    )
    func invalid(text: String) {
        let error = #expect(throws: FHIRError.self) { try FHIRValue(parsing: Array(text.utf8)) }
        #expect(error?.description.contains("expected") == true)
    }

    @Test("text that is no UTF-8") func encoding() {
        let error = #expect(throws: FHIRError.self) { try FHIRValue(parsing: [0x22, 0xC3, 0x28, 0x22]) }
        #expect(error?.found == "ill-formed text")
    }
}
