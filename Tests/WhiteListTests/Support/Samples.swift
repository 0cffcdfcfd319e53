// SPDX-License-Identifier: Apache-2.0
import Foundation
import SwiftASN1

/// The agency's signed list, and the report of its verification, where this machine has them.
enum Samples {
    static let directory: URL = {
        if let path = ProcessInfo.processInfo.environment["DRIMBOX_SAMPLES"] { return URL(filePath: path) }
        // Tests/WhiteListTests/Support/ is three levels below the repository.
        var repository = URL(filePath: #filePath)
        for _ in 0..<4 { repository.deleteLastPathComponent() }
        return repository.appending(path: "../shared/data")
    }()

    static let list = directory.appending(path: "drimbox/whitelist/LISTEBLANCHE_DRIM-M_TEST_SIGNEE.xml")
    static let report = directory.appending(
        path: "drimbox/whitelist/LISTEBLANCHE_DRIM-M_TEST_SIGNEE_VERIF.log"
    )
    static let unsigned = directory.appending(path: "drimbox/whitelist/LISTEBLANCHE_NONSIGNEE_derived.xml")
    static let areThere = [list, report, unsigned].allSatisfy {
        FileManager.default.fileExists(atPath: $0.path)
    }

    /// The diagnostic part of the report, which holds the certificates and the revocation list that were used.
    private static func diagnostic() throws -> String {
        struct Report: Decodable {
            struct Entry: Decodable {
                let typeMetadata: String
                let message: String
            }
            let metaData: [Entry]
        }
        let entries = try JSONDecoder().decode(Report.self, from: Data(contentsOf: report)).metaData
        let message = entries.first { $0.typeMetadata == "RAPPORT_DIAGNOSTIQUE" }?.message ?? ""
        return String(decoding: Data(base64Encoded: message) ?? Data(), as: UTF8.self)
    }

    /// In DER, by the intermediate authority: of 2024-07-10 to 2024-07-16.
    static func revocationList() throws -> [UInt8] {
        let text = try diagnostic()
        let found = text.firstMatch(of: /(?s)<Revocation Id.*?<Base64Encoded>([^<]*)</)
        return Array(Data(base64Encoded: found.map { String($0.1) } ?? "") ?? Data())
    }

    /// In PEM: root and intermediate of the test environment.
    static func authorities() throws -> [String] {
        var found: [(name: String, pem: String)] = []
        for match in try diagnostic().matches(of: /(?s)<Certificate .*?<\/Certificate>/) {
            let part = String(match.output)
            guard let name = part.firstMatch(of: /<CommonName>(TEST AC[^<]*)</),
                let bytes = part.firstMatch(of: /<Base64Encoded>([^<]*)</)
            else { continue }
            let der = Array(Data(base64Encoded: String(bytes.1)) ?? Data())
            found.append((String(name.1), PEMDocument(type: "CERTIFICATE", derBytes: der).pemString))
        }
        // "TEST AC RACINE …" comes first.
        return found.sorted { $0.name.contains("RACINE") && !$1.name.contains("RACINE") }.map(\.pem)
    }
}
