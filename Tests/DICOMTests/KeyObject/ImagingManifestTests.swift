// SPDX-License-Identifier: Apache-2.0
import Foundation
import Linux
import Testing

@testable import DICOM

private func uid(_ text: String) -> UID { UID(text) ?? UID(literal: "0") }

/// Changes the items of a sequence at a path of sequences, in the first item of each.
private func change(_ dataSet: inout DataSet, _ path: [Tag], _ body: (inout [DataSet]) -> Void) {
    guard let tag = path.first else { return }
    var items = dataSet.items(tag)
    if path.count == 1 {
        body(&items)
    } else if !items.isEmpty {
        change(&items[0], Array(path.dropFirst()), body)
    }
    dataSet.set(tag, items: items)
}

private let series: [Tag] = [.currentRequestedProcedureEvidenceSequence, .referencedSeriesSequence]
private let library: [Tag] = [.contentSequence, .contentSequence]

private func reference(_ instance: String) -> DataSet {
    var reference = DataSet()
    reference.set(.referencedSOPClassUID, "1.2.840.10008.5.1.4.1.1.2")
    reference.set(.referencedSOPInstanceUID, instance)
    return reference
}

@Suite("Manifests of either form, read") struct ImagingManifestTests {
    @Test(
        "MADO, read and written again, is the same",
        arguments: [MADOSettings.Codes.temporary, .final(title: "999999")]
    )
    func roundTrip(codes: MADOSettings.Codes) throws {
        var context = MADOFixture.context()
        context.furtherRequests = [
            .init(
                accessionNumber: .init(value: "ACN2", authority: "1.2.5"),
                order: .init(value: "OPN2", authority: "1.2.6")
            )
        ]
        context.patientIDIssuer = "INS"
        let settings = MADOSettings(codes: codes)
        let file = try MADOFixture.file(MADOFixture.study(), context, settings)
        let manifest = try ImagingManifest(file: file)
        #expect(manifest.warnings == [])
        #expect(manifest.form == .mado(codes))
        #expect(manifest.sopInstanceUID.string == "2.25.1")
        #expect(manifest.date == "20240102")
        #expect(manifest.isRetrievable)
        #expect(manifest.study.series.map { manifest.host(of: $0) } == ["db1.example", "db2.example"])
        #expect(manifest.context.requests == context.requests)
        #expect(manifest.context.targetRegions == context.targetRegions)
        #expect(manifest.context.displayURI == context.displayURI)
        #expect(manifest.context.institutionName == "Ambroise")
        #expect(manifest.context.institutionIdentifier == "101235555")
        #expect(manifest.context.institutionAuthority == "1.2.250.1.71.4.2.2")
        let again = try MADOFixture.dataSet(manifest.study, manifest.context, settings)
        #expect(differences(again, try MADOFixture.dataSet(MADOFixture.study(), context, settings)) == [])
    }

    @Test("the national form, with the same values") func french() throws {
        let file = ManifestBuilder(MADOFixture.study(), MADOFixture.context()).file(
            sopInstanceUID: uid("2.25.1"),
            seriesInstanceUID: uid("2.25.2"),
            date: "20240102",
            time: "030405"
        )
        let manifest = try ImagingManifest(file: file)
        #expect(manifest.form == .french)
        #expect(manifest.warnings == [])
        #expect(manifest.study.series.map(\.modality) == ["CT", "KO"])
        #expect(manifest.study.series.map(\.description) == ["Axial", ""])
        #expect(manifest.study.series.map(\.number) == [1, 2])
        #expect(manifest.study.series.first?.instances.map(\.numberOfFrames) == [nil, 30, nil])
        #expect(manifest.context.retrieveURL == "https://db1.example/dicomweb")
        #expect(manifest.context.procedure == "Tête")
    }

    @Test("a selection lists MADO's series with complete URLs") func selection() throws {
        let selection = try KeyObjectSelection(file: try MADOFixture.file())
        #expect(selection.title == .manifest)
        #expect(
            selection.studies.first?.series.map(\.retrieveURL) == [
                "https://db1.example/dicomweb/studies/1.2.3/series/1.2.3.1",
                "https://db2.example/rs/studies/1.2.3/series/1.2.3.2",
            ]
        )
        #expect(
            RetrieveURL.complete("https://a/rs/", uid("1"), uid("2")) == "https://a/rs/studies/1/series/2"
        )
        #expect(
            RetrieveURL.complete("https://a/studies/1/series/2", uid("1"), uid("2"))
                == "https://a/studies/1/series/2"
        )
    }

    @Test("what describes an instance may be around it") func nested() throws {
        var document = try MADOFixture.dataSet()
        change(&document, library) { items in
            for index in items.indices where !items[index].items(.contentSequence).isEmpty {
                var content: [DataSet] = []
                var waiting: [DataSet] = []
                for item in items[index].items(.contentSequence) {
                    let name = item.items(.conceptNameCodeSequence).first?.text(.codeValue) ?? ""
                    if ["121140", "113609", "121144", "113012"].contains(name) {
                        waiting.append(item)
                    } else if item[.referencedSOPSequence] != nil {
                        var item = item
                        item.set(.contentSequence, items: waiting)
                        waiting = []
                        content.append(item)
                    } else {
                        content.append(item)
                    }
                }
                items[index].set(.contentSequence, items: content)
            }
        }
        let manifest = try ImagingManifest(document)
        #expect(manifest.warnings == [])
        #expect(manifest.study == (try ImagingManifest(try MADOFixture.dataSet()).study))
    }

    @Test("references that do not match are named; the evidence decides") func mismatches() throws {
        var document = try MADOFixture.dataSet()
        change(&document, [.contentSequence]) { items in
            items[1].set(.referencedSOPSequence, items: [reference("1.2.3.9")])
            var other = reference("1.2.3.1.2")
            other.set(.referencedSOPClassUID, "1.2.840.10008.5.1.4.1.1.4")
            items[3].set(.referencedSOPSequence, items: [other])
        }
        change(&document, series) { items in
            items.append(items[0])
            items[1].set(.seriesInstanceUID, "1.2.3.5")
        }
        let manifest = try ImagingManifest(document)
        #expect(
            manifest.warnings == [
                .duplicateSeries(uid("1.2.3.1")), .duplicateInstance(uid("1.2.3.1.1")),
                .duplicateInstance(uid("1.2.3.1.3")), .duplicateInstance(uid("1.2.3.1.2")),
                .seriesNotInEvidence(uid("1.2.3.2")), .seriesNotDescribed(uid("1.2.3.5")),
                .notInEvidence(uid("1.2.3.9")), .otherClass(uid("1.2.3.1.2")),
                .notInContent(uid("1.2.3.1.1")), .missing("Modality (1.2.3.5)"),
                .missing("Document Title (1.2.3.2.1)"),
            ]
        )
        #expect(manifest.study.series.map(\.instances.count) == [3, 1])
    }

    @Test("counts, URLs and hosts that are not as they should be") func retrieval() throws {
        var document = try MADOFixture.dataSet()
        change(&document, library) { items in
            var measured = DataSet()
            measured.set(.numericValue, "7")
            items[3].set(.measuredValueSequence, items: [measured])
        }
        #expect(
            try ImagingManifest(document).warnings == [.otherCount(said: 7, found: 2, uid("1.2.3"))]
        )
        document = try MADOFixture.dataSet()
        change(&document, series) { items in
            items[0].set(.retrieveURL, "http://db1.example/rs")
            items[1].setEmpty(.retrieveURL)
            items[1].setEmpty(.retrieveLocationUID)
        }
        let manifest = try ImagingManifest(document)
        #expect(
            manifest.warnings == [
                .invalidURL(series: uid("1.2.3.1")), .noRetrieval(series: uid("1.2.3.2")),
                .missing("RetrieveLocationUID (1.2.3.2)"),
            ]
        )
        #expect(manifest.context.retrieveURL.isEmpty)
        #expect(manifest.study.series.map { manifest.host(of: $0) } == [nil, nil])
        #expect(
            try ImagingManifest(try MADOFixture.dataSet(), hosts: ["db1.example"]).warnings
                == [.foreignHost("db2.example", series: uid("1.2.3.2"))]
        )
    }

    @Test(
        "hosts of URLs",
        arguments: [
            ("https://A.example/rs", "a.example"), ("https://a:8443/rs", "a"), ("https://a", "a"),
            ("http://a/rs", nil), ("https://user@a/rs", nil), ("https://a\\@b/rs", nil), ("https:///rs", nil),
            ("https://a:0/rs", nil), ("https://a/rs?x=1", nil), ("https://a/rs#x", nil),
            ("https://é/rs", nil),
            ("https://a b/rs", nil), ("", nil), ("https://a:b:c/", nil),
        ] as [(String, String?)]
    )
    func hosts(url: String, host: String?) {
        #expect(RetrieveURL.host(url) == host)
    }

    @Test("what is no manifest is refused by name") func refused() throws {
        var document = try MADOFixture.dataSet()
        var title = DataSet()
        title.set(.codeValue, "113000")
        title.set(.codingSchemeDesignator, "DCM")
        document.set(.conceptNameCodeSequence, items: [title])
        #expect(throws: ManifestError.otherTitle("113000")) { try ImagingManifest(document) }
        document = try MADOFixture.dataSet()
        document.set(.studyInstanceUID, "1.2.4")
        #expect(throws: ManifestError.otherStudy(uid("1.2.3"))) { try ImagingManifest(document) }
        document = try MADOFixture.dataSet()
        change(&document, series) { $0 = [] }
        #expect(throws: ManifestError.noInstance) { try ImagingManifest(document) }
        document.setEmpty(.sopInstanceUID)
        #expect(throws: ManifestError.self) { try ImagingManifest(document) }
        #expect(throws: ManifestError.self) { try ImagingManifest(file: Array("DICM".utf8)) }
    }

    @Test("warnings are bounded") func bounded() throws {
        var document = try MADOFixture.dataSet()
        change(&document, [.contentSequence]) { items in
            for index in 0..<1000 {
                var item = DataSet()
                item.set(.referencedSOPSequence, items: [reference("1.2.9.\(index)")])
                items.append(item)
            }
        }
        let warnings = try ImagingManifest(document).warnings
        #expect(warnings.count == 101)
        #expect(warnings.last == .more(900))
    }
}

@Suite("Manifests: hostile ones") struct HostileManifestTests {
    /// Peak resident memory of the process in bytes.
    static func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
            * 1024
    }

    private static func sequence(_ tag: Tag, _ content: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for value in [tag.group, tag.element] {
            bytes += [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
        }
        bytes += Array("SQ".utf8) + [0, 0]
        for shift in stride(from: 0, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: UInt32(content.count) >> shift))
        }
        return bytes + content
    }

    private static let emptyItem: [UInt8] = [0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0]

    @Test(
        "a million items, in the content or the evidence, in bounded memory and time",
        .timeLimit(.minutes(1))
    )
    func items() throws {
        let file = try MADOFixture.file()
        let million = Array(repeatElement(Self.emptyItem, count: 1_000_000).joined())
        let before = try Self.peak()
        for tag in [Tag.contentSequence, .referencedSeriesSequence] {
            let error = #expect(throws: ManifestError.self) {
                try ImagingManifest(file: file + Self.sequence(tag, million))
            }
            #expect(error?.description.contains("800000") == true)
        }
        #expect(try Self.peak() - before < 300 << 20)
    }

    @Test("as many instances as fit are read", .timeLimit(.minutes(1))) func instances() throws {
        var study = MADOFixture.study()
        study.series[0].instances = (1...20_000).map { (number: Int) in
            .init(
                sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
                sopInstanceUID: uid("1.2.250.1.59.40211.22756022.2.3.\(number)"),
                number: number
            )
        }
        let file = try MADOFixture.file(study)
        let before = try Self.peak()
        let manifest = try ImagingManifest(file: file)
        #expect(manifest.warnings == [])
        #expect(manifest.study.instanceCount == 20_001)
        #expect(try Self.peak() - before < 400 << 20)
        study.series[0].instances += (20_001...40_000).map { (number: Int) in
            .init(
                sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
                sopInstanceUID: uid("1.2.250.1.59.40211.22756022.2.3.\(number)")
            )
        }
        let longer = try MADOFixture.file(study)
        #expect(throws: ManifestError.self) { try ImagingManifest(file: longer) }
    }

    @Test("elements in descending order cost no more than in ascending", .timeLimit(.minutes(1)))
    func descending() throws {
        var bytes: [UInt8] = []
        for number in stride(from: UInt32(0x0070_FFFF), through: 0x0066_0001, by: -1) {
            let group = UInt16(number >> 16)
            guard group.isMultiple(of: 2) else { continue }
            for value in [group, UInt16(truncatingIfNeeded: number)] {
                bytes += [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
            }
            bytes += Array("CS".utf8) + [0, 0]
        }
        let dataSet = try DataSet(
            decoding: bytes,
            transferSyntax: TransferSyntax.explicitVRLittleEndian,
            elements: DataSetLimits.manifestElements
        )
        #expect(dataSet.elements.count > 300_000)
        #expect(zip(dataSet.elements, dataSet.elements.dropFirst()).allSatisfy { $0.tag < $1.tag })
    }

    @Test("sequences within sequences end at a level") func depth() throws {
        var content: [UInt8] = []
        for _ in 0..<100 {
            var item = Array(Self.emptyItem.prefix(4))
            for shift in stride(from: 0, to: 32, by: 8) {
                item.append(UInt8(truncatingIfNeeded: UInt32(content.count) >> shift))
            }
            content = Self.sequence(.contentSequence, item + content)
        }
        let file = try MADOFixture.file()
        let error = #expect(throws: ManifestError.self) { try ImagingManifest(file: file + content) }
        #expect(error?.description.contains("nesting") == true)
    }

    @Test("damaged files end in a value or an error") func damaged() throws {
        let files = [
            try MADOFixture.file(),
            ManifestBuilder(MADOFixture.study(), MADOFixture.context()).file(
                sopInstanceUID: uid("2.25.1"),
                seriesInstanceUID: uid("2.25.2"),
                date: "20240102",
                time: "030405"
            ),
        ]
        var random = SystemRandomNumberGenerator()
        let end = ContinuousClock.now + .seconds(2)
        var count = 0
        while ContinuousClock.now < end {
            var changed = files[count % 2]
            count += 1
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 132..<changed.count, using: &random)
                // Digits for digits now and then, so that UIDs stay UIDs.
                let isDigit = (0x30...0x39).contains(changed[position]) && Bool.random(using: &random)
                changed[position] = UInt8.random(in: isDigit ? 0x30...0x39 : 0...255, using: &random)
            }
            if Int.random(in: 0..<8, using: &random) == 0 {
                changed.removeLast(Int.random(in: 0...changed.count - 132, using: &random))
            }
            guard let manifest = try? ImagingManifest(file: changed) else { continue }
            #expect(manifest.study.instanceCount > 0)
            #expect(manifest.warnings.count <= 101)
        }
    }
}
