// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import DICOM

/// The sample images, where this machine has them.
private enum Samples {
    static let directory: URL = {
        if let path = ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"] {
            return URL(fileURLWithPath: path)
        }
        // Tests/DICOMTests/DataSet/ is three levels below the repository.
        var repository = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { repository.deleteLastPathComponent() }
        return repository.appendingPathComponent("../shared/data")
    }()

    static let files: [URL] = {
        let found = try? FileManager.default.contentsOfDirectory(
            at: directory.appendingPathComponent("dicom"),
            includingPropertiesForKeys: nil
        )
        return (found ?? []).filter { $0.pathExtension == "dcm" }.sorted { $0.path < $1.path }
    }()

    /// In their file or data set something is wrong that the reader says.
    static let refused: [String: DataSetError] = [
        "bad-seq.dcm": .invalidUID(.sopInstanceUID),
        "ct-1m3.dcm": .unexpectedTag(Tag(0x0002, 0x0000), offset: 0),
        "nometalen.dcm": .missing(.sopClassUID),
        "sc-htj2k.dcm": .missing(.studyInstanceUID),
        "un-sequence.dcm": .missing(.sopClassUID),
    ]
    /// Their own header and File Meta Information differ.
    static let differing: Set<String> = ["bad-is-value.dcm", "cr-jpegll70.dcm", "rtplan-ivrle.dcm"]
}

@Suite("sample images") struct DataSetSampleTests {
    @Test(
        "headers agree with File Meta Information, and metadata is JSON",
        .enabled(if: !Samples.files.isEmpty, "needs the sample images (DRIMBOX_SAMPLES)")
    )
    func samples() throws {
        var count = 0
        for file in Samples.files {
            let name = file.lastPathComponent
            let bytes = [UInt8](try Data(contentsOf: file))
            // Some samples are no Part 10 files or lack required elements.
            guard let (meta, offset) = try? FileMetaInformation.decode(bytes.span.bytes) else { continue }
            count += 1
            let dataSet = Array(bytes[offset...])
            if let error = Samples.refused[name] {
                #expect(throws: error, "\(name)") { try header(dataSet, meta.transferSyntaxUID, 1 << 30) }
            } else {
                let whole = try header(dataSet, meta.transferSyntaxUID, 1 << 30)
                #expect(try header(dataSet, meta.transferSyntaxUID, 113) == whole, "\(name)")
                if !Samples.differing.contains(name) {
                    #expect(whole.sopInstanceUID == meta.mediaStorageSOPInstanceUID, "\(name)")
                    #expect(whole.sopClassUID == meta.mediaStorageSOPClassUID, "\(name)")
                }
            }
            var output: [UInt8] = []
            try DICOMJSON.write(
                ByteSource(dataSet),
                transferSyntax: meta.transferSyntaxUID,
                bulkDataURI: { $0 },
                into: &output
            )
            let object = try JSONSerialization.jsonObject(with: Data(output)) as? [String: [String: Any]]
            #expect(try #require(object).values.allSatisfy { $0["vr"] is String }, "\(name)")
        }
        #expect(count > 50)
    }

    @Test(
        "names in their character sets",
        .enabled(if: !Samples.files.isEmpty, "needs the sample images (DRIMBOX_SAMPLES)"),
        arguments: [
            ("chr-fr.dcm", ["Alphabetic": "Buc^Jérôme"]), ("chr-fr-multi.dcm", ["Alphabetic": "Buc^Jérôme"]),
            ("chr-utf8.dcm", ["Alphabetic": "Wang^XiaoDong", "Ideographic": "王^小東"]),
            (
                "chr-jp.dcm",
                ["Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"]
            ),
        ]
    )
    func names(name: String, expected: [String: String]) throws {
        let bytes = [UInt8](try Data(contentsOf: Samples.directory.appendingPathComponent("dicom/\(name)")))
        let (meta, offset) = try FileMetaInformation.decode(bytes.span.bytes)
        var output: [UInt8] = []
        try DICOMJSON.write(
            ByteSource(Array(bytes[offset...])),
            transferSyntax: meta.transferSyntaxUID,
            including: [.patientName],
            bulkDataURI: { $0 },
            into: &output
        )
        let object = try JSONSerialization.jsonObject(with: Data(output)) as? [String: [String: Any]]
        let value = object?["00100010"]?["Value"] as? [[String: String]]
        #expect(value == [expected])
    }

    private func header(
        _ bytes: [UInt8],
        _ syntax: UID,
        _ pieceLength: Int
    ) throws(DataSetError) -> InstanceHeader {
        var reader = InstanceHeaderReader(transferSyntax: syntax)
        for start in stride(from: 0, to: bytes.count, by: pieceLength) {
            let piece = Array(bytes[start..<min(bytes.count, start + pieceLength)])
            if let header = try reader.feed(piece.span.bytes) { return header }
        }
        return try reader.finish()
    }
}
