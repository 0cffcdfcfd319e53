// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Provisioning

@Suite("The data disk's recovery key: there until it is written down") struct RecoveryKeyTests {
    private static let text = "glhvjfnj-hcihctjj-ubitvehv-ttkkrfgb-hniijelc-ugfrkevd-gdkcjhce-cvfcgjec"

    private let directory = FileManager.default.temporaryDirectory.appending(
        path: "recovery-\(UUID().uuidString)"
    )

    private func withKey(_ content: String?, _ body: (RecoveryKey, URL) throws -> Void) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "key")
        try content.map { try Data($0.utf8).write(to: file) }
        try body(RecoveryKey(directory: directory.path), file)
    }

    private func code(_ body: () throws -> Void) -> ProvisioningError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? ProvisioningError)?.code
        }
    }

    @Test("whoever types its last group from the paper takes it off the box, nobody else") func forget()
        throws
    {
        try withKey(Self.text + "\n") { key, file in
            #expect(key.isPending)
            #expect(try key.read() == Self.text)
            for wrong in ["", "glhvjfnj", "-cvfcgje", "vfcgjec", "e-cvfcgjec", Self.text] {
                #expect(code { try key.forget(lastGroup: wrong) } == .recoveryKey, "\(wrong)")
            }
            #expect(FileManager.default.fileExists(atPath: file.path))
            try key.forget(lastGroup: "CVFCGJEC")
            #expect(!key.isPending && !FileManager.default.fileExists(atPath: file.path))
            #expect(code { _ = try key.read() } == .recoveryKey)
        }
    }

    @Test(
        "what is no key, or a link to another file, is shown to nobody",
        arguments: ["", "root:x:0:0", "cvfcgjec"]
    )
    func others(content: String) throws {
        try withKey(content) { key, _ in #expect(code { _ = try key.read() } == .recoveryKey) }
        try withKey(nil) { key, file in
            try FileManager.default.createSymbolicLink(
                atPath: file.path,
                withDestinationPath: "/etc/hostname"
            )
            #expect(throws: (any Error).self) { try key.read() }
        }
    }
}
