// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import DICOM

/// SplitMix64: the same studies in every run.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// A manifest's values that nobody has thought of, of so many instances.
struct GeneratedManifest: CustomTestStringConvertible {
    private static let storage = "1.2.840.10008.5.1.4.1.1."
    private static let images = [("CT", "2"), ("MR", "4"), ("DX", "1.1"), ("US", "6.1"), ("PT", "128")]
    private static let multiFrame = [("CT", "2.1"), ("XA", "12.1.1"), ("SM", "77.1.6"), ("MG", "13.1.3")]
    private static let words = [
        "Crâne", "sans injection", "Ω", "<b>&\"'", "漢字", "T1 / T2", "🩻", "a=b", "[0]", "null",
    ]

    private(set) var study = ManifestStudy(studyInstanceUID: UID(literal: "1.2.3"))
    private(set) var context = MADOFixture.context().asRead
    private let instances: Int
    private var random: Generator
    private var issued = 0

    var testDescription: String { "\(instances) instances" }

    init(instances: Int) {
        self.instances = instances
        random = Generator(state: UInt64(instances))
        study.studyInstanceUID = uid()
        (study.date, study.time) = (date(), time())
        study.description = maybe { $0.text() } ?? ""
        study.studyID = maybe { $0.text() } ?? ""
        study.referringPhysicianName = maybe { $0.name() } ?? ""
        var left = instances
        while left > 0 {
            let count = Int.random(in: 1...max(1, min(left, instances / 3 + 1)), using: &random)
            study.series.append(series(count))
            left -= count
        }
        fillContext()
    }

    private mutating func maybe<Value>(_ value: (inout Self) -> Value) -> Value? {
        Bool.random(using: &random) ? value(&self) : nil
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func uid() -> UID {
        issued += 1
        return UID("1.2.250.1.59.\(number(0...999_999)).\(issued)") ?? UID(literal: "0")
    }

    private mutating func text() -> String {
        (0...number(0...2)).map { _ in Self.words.randomElement(using: &random) ?? "" }.joined(separator: " ")
    }

    private mutating func name() -> String {
        ["DOE^John", "PAT-TROIS^DOMINIQUE^ANNE^Dr", "山田^太郎=やまだ^たろう", "DOE", "^^Q"].randomElement(
            using: &random
        ) ?? ""
    }

    private mutating func date() -> String {
        [number(1950...2030), number(1...12), number(1...28)].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined()
    }

    private mutating func time() -> String {
        let digits = [number(0...23), number(0...59), number(0...60)].map { $0 < 10 ? "0\($0)" : "\($0)" }
        return digits.joined() + (maybe { ".\($0.number(100...999_999))" } ?? "")
    }

    private mutating func code() -> ManifestCode {
        let scheme = ["SCT", "DCM", "99LOCAL", "FMA"].randomElement(using: &random) ?? ""
        return ManifestCode("\(number(1...99_999_999))", scheme, text())
    }

    private mutating func series(_ count: Int) -> ManifestStudy.Series {
        let isMultiFrame = Bool.random(using: &random)
        let isKeyObject = count < 5 && Bool.random(using: &random)
        let kinds = isMultiFrame ? Self.multiFrame : Self.images
        let (modality, family) =
            isKeyObject ? ("KO", "88.59") : kinds.randomElement(using: &random) ?? ("CT", "2")
        let sopClass = UID(Self.storage + family) ?? UID(literal: "0")
        var series = ManifestStudy.Series(
            seriesInstanceUID: uid(),
            number: maybe { $0.number(0...5000) },
            modality: modality,
            description: maybe { $0.text() } ?? "",
            instances: []
        )
        for _ in 0..<count {
            var instance = ManifestStudy.Instance(sopClassUID: sopClass, sopInstanceUID: uid())
            instance.number = maybe { $0.number(0...100_000) }
            if isMultiFrame, !isKeyObject { instance.numberOfFrames = number(1...10_000) }
            if isKeyObject {
                instance.documentTitle = code()
                instance.documentDescription = maybe { $0.text() }
            }
            series.instances.append(instance)
        }
        if Bool.random(using: &random) {
            series.date = date()
            series.time = maybe { $0.time() } ?? ""
        }
        series.targetRegion = maybe { $0.code() }
        if series.targetRegion == nil { series.targetRegionText = maybe { $0.text() } }
        series.laterality = maybe { $0.code() }
        series.retrieveURL = maybe { "https://db\($0.number(1...3)).example/rs" }
        series.retrieveLocationUID = maybe { UID("1.2.9.\($0.number(1...3))") } ?? nil
        return series
    }

    private mutating func fillContext() {
        context.patientName = name()
        context.otherPatientName = maybe { $0.name() }
        context.patientIDIssuer = maybe { $0.text() }
        context.patientSex = ["M", "F", "O", ""].randomElement(using: &random) ?? ""
        context.patientBirthDate = maybe { $0.date() } ?? ""
        context.timezoneOffset = ["+0000", "+0100", "-0330", "+1345"].randomElement(using: &random) ?? ""
        context.procedure = maybe { $0.text() } ?? ""
        context.displayURI = maybe { "https://vi\($0.number(1...9)).example/?a=b&c=d" }
        context.targetRegions = (0...number(0...2)).map { _ in code() }
        context.institutionIdentifier = maybe { "\($0.number(1...999_999_999))" } ?? ""
        if context.institutionIdentifier.isEmpty { context.institutionAuthority = nil }
        for index in 0..<number(0...2) {
            context.furtherRequests.append(
                .init(
                    accessionNumber: .init(value: "ACN\(index)\(text())", authority: "1.2.\(number(1...9))"),
                    order: .init(value: "OPN\(index)", authority: "1.2.\(number(1...9))")
                )
            )
        }
    }
}

/// What a manifest says, wherever it says of a series where its images are.
private struct Content: Equatable {
    var study: ManifestStudy
    var context: ManifestContext

    init(_ study: ManifestStudy, _ context: ManifestContext) {
        self.study = study.listed(without: [])
        self.study.patientID = context.patientID.value
        for index in self.study.series.indices {
            let series = self.study.series[index]
            self.study.series[index].retrieveURL = series.retrieveURL ?? context.retrieveURL
            self.study.series[index].retrieveLocationUID =
                series.retrieveLocationUID ?? context.retrieveLocationUID
        }
        self.context = context
        self.context.retrieveURL = ""
        self.context.retrieveLocationUID = nil
    }
}

@Suite("Manifests in FHIR form: generated studies") struct MADOBundlePropertyTests {
    static let sizes = [1, 2, 3, 5, 8, 13, 21, 34, 55, 144, 377, 1000, 3000]

    @Test("read back, a manifest says what it said", arguments: sizes.map(GeneratedManifest.init))
    func roundTrip(generated: GeneratedManifest) throws {
        let (study, context) = (generated.study, generated.context)
        #expect(study.instanceCount > 0)
        let manifest = try MADOBundle.decode(BundleFixture.bytes(study, context))
        #expect(manifest.warnings == [])
        let (found, expected) = (Content(manifest.study, manifest.context), Content(study, context))
        #expect(found.context == expected.context)
        #expect(found.study.series.count == expected.study.series.count)
        // Not `#expect` of the whole: a failure of it takes minutes to describe.
        let isEqual = found == expected
        #expect(isEqual)
    }

    @Test(
        "Key Object Selection to FHIR to Key Object Selection, not a byte differs",
        arguments: sizes.filter { $0 <= 1000 }.map(GeneratedManifest.init)
    )
    func keyObjects(generated: GeneratedManifest) throws {
        func file(_ study: ManifestStudy, _ context: ManifestContext) throws -> [UInt8] {
            try MADOBuilder(study, context).file(
                sopInstanceUID: BundleFixture.uid,
                seriesInstanceUID: UID(literal: "2.25.2"),
                date: "20240102",
                time: "030405"
            )
        }
        let first = try file(generated.study, generated.context)
        let bundle = try MADOBundle.encode(ImagingManifest(document: first))
        let back = try ImagingManifest(document: bundle)
        let isEqual = try file(back.study, back.context) == first
        #expect(isEqual)
        let isStable = try MADOBundle.encode(back) == bundle
        #expect(isStable)
    }

    private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let python: String? = {
        let candidates = [repository.appending(path: ".build/python/bin/python").path, "/usr/bin/python3"]
        return candidates.first { path in
            FileManager.default.isExecutableFile(atPath: path)
                && (try? run(path, ["-c", "import fhirkit"]))?.status == 0
        }
    }()

    private static func run(_ path: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    /// What a validator of R4 and of the guide's profiles finds, a line for each.
    private static func problems(_ documents: [[UInt8]]) throws -> [String] {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var files: [String] = []
        for (index, document) in documents.enumerated() {
            let file = directory.appending(path: "\(index).json")
            try Data(document).write(to: file)
            files.append(file.path)
        }
        let script = repository.appending(path: "Tests/Support/fhir_bundle.py").path
        let found = try run(try #require(python), ["-X", "utf8", script] + files)
        let lines = found.output.split(separator: "\n").map(String.init)
        #expect(found.status == (lines.isEmpty ? 0 : 1))
        return lines
    }

    @Test(
        "a validator of R4 and of the guide's profiles finds nothing wrong",
        .enabled(if: python != nil, "needs fhirkit-rs")
    )
    func valid() throws {
        let generated = Self.sizes.map(GeneratedManifest.init)
        var documents = try generated.map { try BundleFixture.bytes($0.study, $0.context) }
        documents.append(try BundleFixture.bytes())
        var context = MADOFixture.context()
        context.retrieveURL = ""
        context.procedure = ""
        documents.append(try BundleFixture.bytes(MADOFixture.study(), context))
        if ManifestSamples.mado.directory != nil {
            let sample = try ManifestSamples.mado.bytes("MADO_KOS_A.dcm")
            documents.append(try MADOBundle.encode(ImagingManifest(document: sample)))
        }
        #expect(try Self.problems(documents) == [])
    }

    @Test("and it finds what is wrong", .enabled(if: python != nil, "needs fhirkit-rs"))
    func invalid() throws {
        let bundle = try BundleFixture.value()
        func changed(_ change: (inout FHIRValue?) -> Void) -> [UInt8] {
            var bundle = bundle
            change(&bundle["entry"])
            return BundleFixture.bytes(bundle)
        }
        let documents = [
            changed { $0?[1]?["resource"]?["status"] = nil },
            changed { $0?[1]?["resource"]?["series"]?[0]?["uid"] = 7 },
            changed { $0?[1]?["resource"]?["started"] = "2022-12-15T19:46" },
            changed { $0?[1]?["resource"]?["series"]?[0]?["surprise"] = "1" },
            changed { $0?[1]?["resource"]?["series"]?[0]?["endpoint"] = nil },
            changed { $0?[2]?["resource"]?["gender"] = "F" },
        ]
        for (index, document) in documents.enumerated() {
            #expect(try !Self.problems([document]).isEmpty, "\(index)")
        }
    }
}
