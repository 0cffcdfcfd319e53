// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A directory of the sample data, where it is there: DRIMBOX_SAMPLES, or ../shared/data.
struct ManifestSamples {
    private static let data: URL = {
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let named = ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"].map { URL(filePath: $0) }
        return named ?? repository.appending(path: "../shared/data")
    }()

    static let french = ManifestSamples("drimbox")
    static let mado = ManifestSamples("mado")

    let directory: URL?

    private init(_ name: String) {
        let directory = Self.data.appending(path: name)
        self.directory = FileManager.default.fileExists(atPath: directory.path) ? directory : nil
    }

    func bytes(_ path: String) throws -> [UInt8] {
        guard let directory else { throw CocoaError(.fileNoSuchFile) }
        return Array(try Data(contentsOf: directory.appending(path: path)))
    }
}
