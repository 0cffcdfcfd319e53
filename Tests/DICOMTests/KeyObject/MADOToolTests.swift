// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import DICOM

/// Programs of others that read what we write.
private enum Tool {
    static let python: String? = {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let candidates = [repository.appending(path: ".build/python/bin/python").path, "/usr/bin/python3"]
        return candidates.first { path in
            FileManager.default.isExecutableFile(atPath: path)
                && (try? run(path, ["-c", "import pydicom"]))?.status == 0
        }
    }()
    static let dciodvfy: String? =
        FileManager.default.isExecutableFile(atPath: "/usr/bin/dciodvfy") ? "/usr/bin/dciodvfy" : nil

    /// Exit status, and standard output and error together.
    static func run(_ path: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
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

    static func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).dcm")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try body(file.path)
    }
}

/// "depth type concept value" of every content item, as the script below prints them.
private func lines(_ items: [DataSet], _ depth: Int = 0) -> [String] {
    items.flatMap { item in
        let name = item.items(.conceptNameCodeSequence).first?.text(.codeValue) ?? ""
        let code = item.items(.conceptCodeSequence).first?.text(.codeValue)
        let number = item.items(.measuredValueSequence).first?.text(.numericValue)
        let instance = item.items(.referencedSOPSequence).first?.text(.referencedSOPInstanceUID)
        let value =
            item.text(.textValue) ?? item.text(.dateValue) ?? item.text(.timeValue) ?? item.text(.uidValue)
            ?? code ?? number ?? instance ?? ""
        return ["\(depth)|\(item.text(.valueType) ?? "")|\(name)|\(value)"]
            + lines(item.items(.contentSequence), depth + 1)
    }
}

private let script = """
    import sys, pydicom
    def first(item, name):
        items = item.get(name)
        return items[0] if items else {}
    def walk(items, depth):
        for item in items:
            name = first(item, "ConceptNameCodeSequence").get("CodeValue", "")
            value = (item.get("TextValue") or item.get("Date") or item.get("Time") or item.get("UID")
                or first(item, "ConceptCodeSequence").get("CodeValue")
                or first(item, "MeasuredValueSequence").get("NumericValue")
                or first(item, "ReferencedSOPSequence").get("ReferencedSOPInstanceUID") or "")
            print(depth, item.ValueType, name, value, sep="|")
            walk(item.get("ContentSequence", []), depth + 1)
    dataset = pydicom.dcmread(sys.argv[1])
    print(dataset.PatientName, dataset.StudyDescription, sep="|")
    walk(dataset.ContentSequence, 0)
    """

@Suite("Manifests: MADO, as others read it") struct MADOToolTests {
    @Test("pydicom finds the same tree", .enabled(if: Tool.python != nil, "needs pydicom"))
    func pydicom() throws {
        let document = try MADOFixture.dataSet()
        let found = try Tool.withFile(try MADOFixture.file()) { path in
            try Tool.run(try #require(Tool.python), ["-X", "utf8", "-c", script, path])
        }
        #expect(found.status == 0)
        let expected = ["PAT-TROIS^DOMINIQUE|Crâne Ω"] + lines(document.items(.contentSequence))
        #expect(found.output.split(separator: "\n").map(String.init) == expected)
        #expect(expected.count == 36)
    }

    @Test(
        "dciodvfy finds no error in ours that it finds not in IHE's sample",
        .enabled(
            if: Tool.dciodvfy != nil && ManifestSamples.mado.directory != nil,
            "needs dciodvfy and the sample files (DRIMBOX_SAMPLES)"
        )
    )
    func dciodvfy() throws {
        func errors(_ bytes: [UInt8]) throws -> Set<String> {
            let verdict = try Tool.withFile(bytes) { path in
                try Tool.run(try #require(Tool.dciodvfy), [path])
            }
            return Set(
                verdict.output.split(separator: "\n").map(String.init).filter { $0.hasPrefix("Error") }
            )
        }
        let theirs = try errors(try ManifestSamples.mado.bytes("MADO_KOS_A.dcm"))
        let ours = try errors(try MADOFixture.file())
        #expect(ours.subtracting(theirs).sorted() == [])
        // Type 1 in every CONTAINER: the sample's library lacks it.
        #expect(theirs.contains { $0.contains("ContinuityOfContent") })
        #expect(!ours.contains { $0.contains("ContinuityOfContent") })
    }
}
