// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Foundation
import Provisioning
import Store
import SwiftASN1
import Testing
import Transfer
import X509

@testable import Supervisor

/// A certificate with its private key, as PEM files.
private struct Pair {
    let key = P256.Signing.PrivateKey()
    let authority: TestAuthority
    let certificate: String

    init(_ name: String = "auth", usage: ExtendedKeyUsage.Usage = .clientAuth) throws {
        authority = try TestAuthority()
        certificate =
            try authority.issue(name, for: key.publicKey, usage: usage).serializeAsPEM().pemString + "\n"
    }
}

extension SupervisedBox {
    fileprivate func put(_ name: String, _ content: some StringProtocol) async throws -> (
        status: Int, code: String?, body: [UInt8]
    ) {
        let upload = CredentialUpload(content: Data(content.utf8).base64EncodedString())
        return try await send("PUT", "/v1/credentials/\(PathSegment.encoded(name))", upload)
    }

    fileprivate var credentials: [CredentialFile] {
        get async throws { try await get("/v1/credentials", CredentialList.self).credentials }
    }

    fileprivate func attributes(_ path: String) throws -> Int {
        let found = try FileManager.default.attributesOfItem(atPath: "\(directory)/state/\(path)")
        return (found[.posixPermissions] as? NSNumber)?.intValue ?? 0
    }
}

@Suite(
    "Credentials: files that the configuration names come in by the admin API, a stick, answers and backups",
    .timeLimit(.minutes(5)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct CredentialTests {
    @Test("what is in a file is told, what is of no use is refused, and no private key comes out again")
    func oneByOne() async throws {
        let pair = try Pair()
        let box = try SupervisedBox()
        try await box.run {
            #expect(try await box.credentials.isEmpty)
            let key = pair.key.pemRepresentation
            #expect(try await box.put("auth.pem", pair.certificate).status == 200)
            #expect(try await box.put("auth.key", key).status == 200)
            #expect(try await box.put("list.xml", "<list/>").status == 200)
            let files = try await box.credentials
            #expect(files.map(\.name) == ["auth.key", "auth.pem", "list.xml"])
            #expect(files.map(\.kind) == [.privateKey, .certificates, .other])
            #expect(files[0].keyFingerprint != nil && files[0].keyFingerprint == files[1].keyFingerprint)
            #expect(files[1].subject == "CN=auth" && files[1].notAfter != nil)
            #expect(try box.attributes("credentials") == 0o750)
            #expect(try box.attributes("credentials/auth.key") == 0o640)
            let rendered = try String(contentsOfFile: box.directory + "/run/gateway.json", encoding: .utf8)
            #expect(rendered.contains("\"credentialsDirectory\": \"\(box.directory)/state/credentials\""))

            // As an editor on another system writes them.
            let certificate = pair.certificate.replacing("\n", with: "\r\n")
            #expect(try await box.put("windows.pem", certificate).status == 200)
            #expect(try await box.put("windows.key", key.replacing("\n", with: "\r\n")).status == 200)
            #expect(
                try await box.credentials.suffix(2).map(\.keyFingerprint)
                    == files.prefix(2).map(\.keyFingerprint)
            )
            for name in ["windows.pem", "windows.key"] {
                #expect(try await box.call("DELETE", "/v1/credentials/\(name)", "").status == 200)
            }

            // Refused, and nothing changes.
            let encrypted = key.replacing("PRIVATE KEY", with: "ENCRYPTED PRIVATE KEY")
            #expect(try await box.put("x.key", encrypted).code == "credential.content")
            #expect(try await box.put("x.pem", pair.certificate.dropLast(60)).code == "credential.content")
            #expect(try await box.put("x.pem", "").code == "credential.content")
            let container = CredentialUpload(
                content: Data([0x30, 0x82, 8, 0, 2, 1, 3, 0x30, 0]).base64EncodedString()
            )
            let refused = try await box.send("PUT", "/v1/credentials/x.p12", container)
            #expect(refused.code == "credential.content")
            #expect(String(decoding: refused.body, as: UTF8.self).contains("openssl pkcs12"))
            for name in ["..", "a/b", ".hidden", "x.new", String(repeating: "a", count: 65), "é.pem"] {
                #expect(try await box.put(name, "x").code == "credential.name", "\(name)")
            }
            #expect(try await box.credentials == files)

            let secret = key.split(separator: "\n")[1]
            let said =
                try await box.get("/v1/credentials").body + box.events().flatMap { Array($0.data.utf8) }
            #expect(!String(decoding: said, as: UTF8.self).contains(secret))
        }
    }

    @Test("what the configuration names stays; what it does not name can go") func removal() async throws {
        let pair = try Pair("web", usage: .serverAuth)
        let box = try SupervisedBox()
        try await box.run {
            #expect(try await box.put("web.pem", pair.certificate).status == 200)
            #expect(try await box.put("web.key", pair.key.pemRepresentation).status == 200)
            #expect(try await box.put("old.pem", pair.certificate).status == 200)
            let text = String(decoding: try await box.get("/v1/config").body, as: UTF8.self)
            let tls = try JSONValue(
                parsing: Array(#"{ "certificate": "web.pem", "privateKey": "web.key" }"#.utf8)
            )
            let document = try JSONValue(parsing: Array(text.utf8)).setting("gateway.web.tls", to: tls)
            _ = try await box.call(
                "POST",
                "/v1/config/transactions",
                #"{ "doc": \#(try #require(document).text()), "confirm": { "mode": "none" } }"#
            )
            try await box.eventually {
                try await box.get("/v1/config/revisions", RevisionList.self).revisions.count == 2
            }
            let uses = try await box.credentials.map(\.usedBy)
            #expect(uses == [[], ["gateway.web.tls.privateKey"], ["gateway.web.tls.certificate"]])
            func remove(_ name: String) async throws -> Int {
                try await box.call("DELETE", "/v1/credentials/\(name)", "").status
            }
            #expect(try await remove("web.key") == 409)
            #expect(try await remove("none.pem") == 404)
            #expect(try await remove("old.pem") == 200)
            #expect(try await box.credentials.map(\.name) == ["web.key", "web.pem"])
        }
    }

    @Test("an exchange for a configuration: settled, undone, and after a power cut as the revisions say")
    func exchange()
        async throws
    {
        let box = try UnstartedBox()
        let store = CredentialStore(settings: box.configuration, table: box.table, journal: box.journal)
        func texts() async throws -> [String: String] {
            try await store.contents().mapValues { String(decoding: $0, as: UTF8.self) }
        }
        try await store.put("a", Array("one".utf8), usedBy: .null)
        let next = ["a": Array("two".utf8), "b": Array("new".utf8)]
        try await store.exchange(next)
        #expect(try await texts() == ["a": "two", "b": "new"])
        try await store.undo()
        #expect(try await texts() == ["a": "one"])

        // The power goes before the change is confirmed, and after.
        func afterPowerCut() -> CredentialStore {
            CredentialStore(settings: box.configuration, table: box.table, journal: box.journal)
        }
        try await store.exchange(next)
        // Nothing else changes meanwhile: it would be undone with it.
        for change in [
            { try await store.exchange(next) }, { _ = try await store.put("c", [1], usedBy: .null) },
        ] {
            await #expect { try await change() } throws: { ($0 as? Problem)?.code == "credential.busy" }
        }
        var second = afterPowerCut()
        second.recover()
        #expect(try await texts() == ["a": "one"])
        try await second.exchange(next)
        _ = try box.table.append(time: 1, author: "", comment: "confirmed", document: "{}")
        second = afterPowerCut()
        second.recover()
        #expect(try await texts() == ["a": "two", "b": "new"])

        // What cannot be understood is told, keeps no box down, and is not written over.
        let undo = box.folder.path + "/credentials-undo.json"
        try Data(#"{ "revision": 99, "files": { "a": "?" } }"#.utf8).write(to: URL(filePath: undo))
        second.recover()
        await #expect(throws: (any Error).self) { try await second.exchange(["a": Array("three".utf8)]) }
        #expect(try await texts()["a"] == "two")
        try FileManager.default.removeItem(atPath: undo)

        try await second.exchange(["a": Array("three".utf8)])
        try await second.settle()
        try await second.undo()
        afterPowerCut().recover()
        #expect(try await texts()["a"] == "three")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: box.folder.path).allSatisfy {
                !$0.contains("undo")
            }
        )
    }

    @Test("too many bytes in all are refused, and what is there stays") func full() async throws {
        let box = try UnstartedBox()
        let store = CredentialStore(settings: box.configuration, table: box.table, journal: box.journal)
        let large = [UInt8](repeating: 0x20, count: CredentialUpload.longest)
        try await store.put("a", large, usedBy: .null)
        try await store.put("b", large, usedBy: .null)
        await #expect { try await store.put("c", [0x20], usedBy: .null) } throws: { error in
            (error as? Problem)?.code == "credential.full"
        }
        // In place of another one there is room.
        try await store.put("b", [0x20], usedBy: .null)
        #expect(try await store.contents().mapValues(\.count) == ["a": large.count, "b": 1])
    }

    @Test(
        "a stick: each file as by its own request; one that is refused keeps none back, a link is not followed"
    )
    func stick() async throws {
        let pair = try Pair("DRX-0042")
        let signer = Curve25519.Signing.PrivateKey()
        let box = try SupervisedBox { directory in
            #" "provisioning": { "mediaDirectory": "\#(directory)/media", "answerKeys": ["\#(signer.publicKey.rawRepresentation.base64EncodedString())"] },"#
        }
        let stick = box.directory + "/media/sdb1/drimbox"
        func write(_ name: String, _ content: Data) throws {
            let path = URL(filePath: "\(stick)/\(name)")
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try content.write(to: path)
        }
        try await box.run {
            #expect(try await box.get("/v1/media", MediumList.self).media.isEmpty)
            try write("credentials/auth.pem", Data(pair.certificate.utf8))
            try write("credentials/auth.key", Data(pair.key.pemRepresentation.utf8))
            try write("credentials/bad.pem", Data("-----BEGIN CERTIFICATE-----\nAAAA\n".utf8))
            try write("credentials/._auth.pem", Data("of the system that wrote it".utf8))
            try FileManager.default.createSymbolicLink(
                atPath: stick + "/credentials/link.pem",
                withDestinationPath: box.directory + "/run/gateway.json"
            )
            // The box's key is not the certificate's.
            try write("identity.pem", Data(pair.certificate.utf8))
            try write("authorities.pem", Data(pair.authority.pem.utf8))
            let answers = Data(
                """
                { "site": "Nord", "credentials": { "ca.pem": "\(pair.authority.pem.replacing("\n", with: "\\n"))" },
                  "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                               "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } } }
                """.utf8
            )
            try write("answers.json", answers)
            try write("answers.json.sig", try signer.signature(for: answers))
            let media = try await box.get("/v1/media", MediumList.self).media
            #expect(media.map(\.name) == ["sdb1"])
            #expect(
                media.first?.files.map(\.path) == [
                    "credentials/auth.key", "credentials/auth.pem", "credentials/bad.pem",
                    "credentials/link.pem",
                    "identity.pem", "answers.json",
                ]
            )
            let answer = try await box.call("POST", "/v1/media/sdb1/import", "")
            #expect(answer.status == 200)
            let report = try JSONDecoder().decode(MediumReport.self, from: Data(answer.body))
            #expect(report.items.map(\.isTaken) == [true, true, false, false, false, true], "\(report)")
            #expect(report.items[4].detail.contains("identity key"))
            #expect(try await box.credentials.map(\.name) == ["auth.key", "auth.pem", "ca.pem"])
            #expect(
                String(decoding: try await box.get("/v1/config?path=site").body, as: UTF8.self)
                    == "\"Nord\"\n"
            )
            #expect(try await box.call("POST", "/v1/media/sdc1/import", "").status == 404)
            #expect(try await box.call("POST", "/v1/media/..%2Fstate/import", "").status == 404)
            // Another byte in the answers: the signature is not theirs.
            try write("answers.json", answers + Data(" ".utf8))
            let again = try await box.call("POST", "/v1/media/sdb1/import", "")
            let second = try JSONDecoder().decode(MediumReport.self, from: Data(again.body))
            #expect(second.items.last?.isTaken == false)
        }
    }

    @Test("answers that are not applied leave the files as they were") func refusedAnswers() async throws {
        let box = try SupervisedBox()
        func file(_ aeTitle: String) -> ProvisioningRequest {
            let text = """
                { "site": "Nord", "credentials": { "list.xml": "new" },
                  "gateway": { "dicom": { "aeTitle": "\(aeTitle)", "listen": ["127.0.0.1:0"] },
                               "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } } }
                """
            return ProvisioningRequest(
                file: Data(text.utf8).base64EncodedString(),
                acceptsUnsigned: true,
                confirm: ConfirmPolicy(mode: .none)
            )
        }
        try await box.run {
            #expect(try await box.put("list.xml", "old").status == 200)
            func kept() throws -> String {
                try String(contentsOfFile: box.directory + "/state/credentials/list.xml", encoding: .utf8)
            }
            let invalid = try await box.send("POST", "/v1/provisioning", file(""), reason: "test")
            let first = try kept()
            #expect(invalid.code == "answer.invalid" && first == "old")
            // While another change waits for its confirmation, there is no place for this one.
            let text = String(decoding: try await box.get("/v1/config").body, as: UTF8.self)
            let changed = text.replacing(#""site": "Test""#, with: #""site": "Sud""#)
            _ = try await box.call(
                "POST",
                "/v1/config/transactions",
                #"{ "doc": \#(changed), "confirm": { "mode": "manual", "seconds": 60 } }"#
            )
            let pending = try await box.send("POST", "/v1/provisioning", file("B"), reason: "test")
            let second = try kept()
            #expect(pending.status == 409 && second == "old")
        }
    }

    @Test("a backup has them, sealed, and brings them to another box before its configuration") func backup()
        async throws
    {
        let phrase = "correct horse battery"
        let pair = try Pair()
        var sealed: [UInt8] = []
        let box = try SupervisedBox()
        try await box.run {
            #expect(try await box.put("auth.key", pair.key.pemRepresentation).status == 200)
            sealed = try await box.send("POST", "/v1/backups", BackupRequest(passphrase: phrase)).body
        }
        let content = try BackupContent(sealed: sealed, with: .passphrase(phrase))
        #expect(content.summary.credentials == 1)
        let other = try SupervisedBox()
        try await other.run {
            let request = RestoreRequest(
                backup: Data(sealed).base64EncodedString(),
                passphrase: phrase,
                confirm: ConfirmPolicy(mode: .none)
            )
            #expect(
                try await other.send("POST", "/v1/backups/restore", request, reason: "new box").status == 200
            )
            #expect(try await other.credentials.map(\.name) == ["auth.key"])
            let kept = try String(
                contentsOfFile: other.directory + "/state/credentials/auth.key",
                encoding: .utf8
            )
            #expect(kept == pair.key.pemRepresentation)
            #expect(!FileManager.default.fileExists(atPath: other.directory + "/state/credentials-undo.json"))
        }
    }

    @Test("what a site says of updates is written for drimbox-update when it is in force, and gone with it")
    func updates()
        async throws
    {
        let box = try SupervisedBox()
        let path = box.directory + "/state/updates.json"
        func said() -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
        func change(_ updates: String, _ confirm: String) async throws {
            let text = String(decoding: try await box.get("/v1/config").body, as: UTF8.self)
            let document = try JSONValue(parsing: Array(text.utf8))
                .setting("updates", to: try JSONValue(parsing: Array(updates.utf8)))
            let answer = try await box.call(
                "POST",
                "/v1/config/transactions",
                #"{ "doc": \#(try #require(document).text()), "confirm": \#(confirm) }"#
            )
            #expect(answer.status == 202)
        }
        try await box.run {
            #expect(said() == nil)
            let server = #"{ "server": { "url": "https://u.example", "authorities": "ca.pem" } }"#
            try await change(server, #"{ "mode": "none" }"#)
            try await box.eventually { said()?.contains("\(box.directory)/state/credentials/ca.pem") == true }
            let first = said()
            try await change(#"{ "reboot": "open" }"#, #"{ "mode": "manual", "seconds": 10 }"#)
            try await box.eventually { said()?.contains("\"reboot\": \"open\"") == true }
            // Nobody confirms it.
            try await box.eventually { said() == first }
            try await change("null", #"{ "mode": "none" }"#)
            try await box.eventually { said() == nil }
        }
    }
}
