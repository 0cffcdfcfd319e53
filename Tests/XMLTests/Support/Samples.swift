// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The sample documents, where this machine has them.
enum Samples {
    static let directory: URL = {
        if let path = ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"] {
            return URL(fileURLWithPath: path)
        }
        // Tests/XMLTests/Support/ is three levels below the repository.
        var repository = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { repository.deleteLastPathComponent() }
        return repository.appendingPathComponent("../shared/data")
    }()

    /// Every XML document among them.
    static let documents: [URL] = {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: directory.path)) ?? []
        return names.filter { ["xml", "XML"].contains(($0 as NSString).pathExtension) }.sorted()
            .map { directory.appendingPathComponent($0) }
    }()

    static let whiteList = directory.appendingPathComponent(
        "drimbox/whitelist/LISTEBLANCHE_DRIM-M_TEST_SIGNEE.xml"
    )
    static let hasWhiteList = FileManager.default.fileExists(atPath: whiteList.path)

    /// The envelope in the first part of the sample publication.
    static let publication: String? = {
        let file = directory.appendingPathComponent("drimbox/xds/publication.xml")
        guard let text = try? String(decoding: Data(contentsOf: file), as: UTF8.self),
            let start = text.range(of: "<soap:Envelope"), let end = text.range(of: "</soap:Envelope>")
        else { return nil }
        return String(text[start.lowerBound..<end.upperBound])
    }()

    static func bytes(_ file: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: file)) }
}
