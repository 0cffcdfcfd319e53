// SPDX-License-Identifier: Apache-2.0
import Admin
import CryptoExtras
import Foundation
import Testing

@testable import WhiteList

private let xmlsec1 = "/usr/bin/xmlsec1"

@Suite(
    "The program xmlsec1 as signer",
    .enabled(if: FileManager.default.isExecutableFile(atPath: xmlsec1), "needs xmlsec1")
)
struct InteroperabilityTests {
    private func run(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(filePath: xmlsec1)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test("what it signs is accepted, and it verifies what is signed here", arguments: [true, false])
    func both(isFilter: Bool) async throws {
        let authority = try TestAuthority.shared.get()
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "whitelist-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        func write(_ text: String, _ name: String) throws -> String {
            let path = directory.appending(path: name).path
            try Data(text.utf8).write(to: URL(filePath: path))
            return path
        }
        var template = ListTemplate()
        template.removal = isFilter ? .filter : .enveloped
        let identifiers = ["--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"]
        let key = try write(authority.signer.key.pemRepresentation, "key.pem")
        let certificate = try write(try authority.signer.certificate.pem, "cert.pem")
        let unsigned = try write(try template.text(authority.signer.certificate), "list.xml")
        let output = directory.appending(path: "signed.xml").path
        let signing =
            ["--sign", "--privkey-pem", "\(key),\(certificate)"] + identifiers
        #expect(try run(signing + ["--output", output, unsigned]) == 0)
        let signed = Array(try Data(contentsOf: URL(filePath: output)))
        let verifier = try WhiteListVerifier(authorities: [try authority.intermediate.pem])
        #expect(try await verifier.verify(signed, at: Timestamp(TestAuthority.now)).list.domains.count == 2)

        let own = try write(try template.signed(by: authority.signer), "own.xml")
        let root = try write(try authority.root.pem, "root.pem")
        let intermediate = try write(try authority.intermediate.pem, "authority.pem")
        let verifying =
            [
                "--verify", "--trusted-pem", root, "--untrusted-pem", intermediate, "--verification-gmt-time",
                "2026-06-01 00:00:00",
            ]
            + identifiers
        #expect(try run(verifying + [own]) == 0)
    }
}
