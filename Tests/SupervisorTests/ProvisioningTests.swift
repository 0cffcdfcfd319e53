// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Foundation
import Provisioning
import Store
import Testing
import Transfer

@testable import Supervisor

extension SupervisedBox {
    /// Status and problem code of a call with a JSON body.
    func send(_ method: String, _ target: String, _ value: some Encodable, reason: String? = nil) async throws
        -> (status: Int, code: String?, body: [UInt8])
    {
        let text = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        let response = try await call(method, target, text, reason.map { ["x-reason": $0] } ?? [:])
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(response.body))
        return (response.status, problem?.code, response.body)
    }
}

@Suite(
    "Answer files are applied when the right key has signed them",
    .timeLimit(.minutes(5)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct AnswerDeskTests {
    private let key = Curve25519.Signing.PrivateKey()
    private var publicKey: String { key.publicKey.rawRepresentation.base64EncodedString() }

    private func file(_ site: String, password: String = "correct horse") -> [UInt8] {
        Array(
            """
            { "site": "\(site)",
              "gateway": { "dicom": { "aeTitle": "A", "listen": ["127.0.0.1:0"] },
                           "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } },
              "users": [ { "name": "marie", "role": "operator", "password": "\(password)" } ] }
            """.utf8
        )
    }

    private func request(
        _ file: [UInt8],
        isSigned: Bool = true,
        key named: String? = nil,
        unsigned: Bool? = nil
    )
        throws
        -> ProvisioningRequest
    {
        ProvisioningRequest(
            file: Data(file).base64EncodedString(),
            signature: isSigned ? try key.signature(for: file).base64EncodedString() : nil,
            key: named,
            acceptsUnsigned: unsigned,
            confirm: ConfirmPolicy(mode: .none)
        )
    }

    @Test("signed by a key that the administrator names: configuration and users at once") func signed()
        async throws
    {
        let box = try SupervisedBox()
        try await box.run {
            let answer = try await box.send(
                "POST",
                "/v1/provisioning",
                try request(file("Nord"), key: publicKey)
            )
            #expect(answer.status == 200)
            let report = try JSONDecoder().decode(ProvisioningReport.self, from: Data(answer.body))
            #expect(report.transaction?.state == .confirmed && report.users == ["marie"])
            #expect(report.signedBy?.count == 16 && report.state == .configured && report.revision == 2)
            let login = LoginRequest(user: "marie", password: "correct horse")
            #expect(try await box.send("POST", "/v1/sessions", login).status == 200)
            // A second time nothing changes but the password.
            let again = try await box.send(
                "POST",
                "/v1/provisioning",
                try request(file("Nord", password: "another horse"), key: publicKey)
            )
            #expect(again.status == 200)
            let second = try JSONDecoder().decode(ProvisioningReport.self, from: Data(again.body))
            #expect(second.transaction == nil && second.revision == 2)
            #expect(try await box.send("POST", "/v1/sessions", login).status == 403)
            let told = try await box.events().map(\.data).joined()
            #expect(!told.contains("horse"))
        }
    }

    @Test("unsigned, altered, by a stranger, or with a wrong user: nothing changes") func refused()
        async throws
    {
        let stranger = Curve25519.Signing.PrivateKey().publicKey.rawRepresentation.base64EncodedString()
        let box = try SupervisedBox()
        try await box.run {
            func code(_ value: ProvisioningRequest, reason: String? = nil) async throws -> String? {
                try await box.send("POST", "/v1/provisioning", value, reason: reason).code
            }
            #expect(try await code(try request(file("Nord"), isSigned: false)) == "answer.unsigned")
            // A person says so, and has to say why.
            let unsigned = try request(file("Nord"), isSigned: false, unsigned: true)
            #expect(try await code(unsigned) == "answer.unsigned")
            #expect(try await code(try request(file("Nord"))) == "answer.key")
            #expect(try await code(try request(file("Nord"), key: stranger)) == "answer.signature")
            let good = try request(file("Nord"), key: publicKey)
            let altered = ProvisioningRequest(
                file: Data(file("Sud")).base64EncodedString(),
                signature: good.signature,
                key: publicKey,
                confirm: good.confirm
            )
            #expect(try await code(altered) == "answer.signature")
            #expect(
                try await code(try request(file("Nord", password: "short"), key: publicKey))
                    == "answer.invalid"
            )
            #expect(try await code(try request(file(""), key: publicKey)) == "answer.invalid")
            #expect(try await box.get("/v1/users", ConsoleUserList.self).users.isEmpty)
            #expect(try await box.get("/v1/config/revisions", RevisionList.self).revisions.count == 1)
            #expect(try await code(unsigned, reason: "bench") == nil)
            #expect(try await box.get("/v1/users", ConsoleUserList.self).users.map(\.name) == ["marie"])
        }
    }

    @Test("whom the box's document names counts, and nobody else") func named() async throws {
        let box = try SupervisedBox { _ in #" "provisioning": { "answerKeys": ["\#(publicKey)"] },"# }
        try await box.run {
            let brought = try request(file("Nord"), key: publicKey)
            #expect(try await box.send("POST", "/v1/provisioning", brought).code == "answer.key")
            #expect(try await box.send("POST", "/v1/provisioning", try request(file("Nord"))).status == 200)
        }
    }
}

@Suite(
    "Backups bring a box back",
    .timeLimit(.minutes(5)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct BackupDeskTests {
    private static let phrase = "correct horse battery"

    private func change(_ box: SupervisedBox, site: String) async throws {
        let text = String(decoding: try await box.get("/v1/config").body, as: UTF8.self)
        let changed = text.replacing(/"site": "[^"]*"/, with: "\"site\": \"\(site)\"")
        let count = try await box.get("/v1/config/revisions", RevisionList.self).revisions[0].number
        _ = try await box.call(
            "POST",
            "/v1/config/transactions",
            #"{ "doc": \#(changed), "confirm": { "mode": "none" } }"#
        )
        try await box.eventually {
            try await box.get("/v1/config/revisions", RevisionList.self).revisions[0].number > count
        }
    }

    private func site(_ box: SupervisedBox) async throws -> String {
        String(decoding: try await box.get("/v1/config?path=site").body, as: UTF8.self)
    }

    @Test("made on one box, restored on another: configuration, history, users, the audit's head")
    func wayBack()
        async throws
    {
        var backup: [UInt8] = []
        let box = try SupervisedBox()
        try await box.run {
            let user = ConsoleUserRequest(name: "marie", role: .operator, password: "hunter2hunter2")
            #expect(try await box.send("POST", "/v1/users", user).status == 200)
            try await change(box, site: "Nord")
            try await change(box, site: "Est")
            #expect(try await box.call("PUT", "/v1/config/rescue/2", "").status == 200)
            let short = try await box.send("POST", "/v1/backups", BackupRequest(passphrase: "short"))
            #expect(short.code == "backup.key")
            #expect(try await box.send("POST", "/v1/backups", BackupRequest()).code == "request.body")
            let answer = try await box.send("POST", "/v1/backups", BackupRequest(passphrase: Self.phrase))
            #expect(answer.status == 200)
            backup = answer.body
        }
        let sealed = backup
        for secret in ["marie", "$y$", "Nord"] { #expect(Data(sealed).range(of: Data(secret.utf8)) == nil) }
        let content = try BackupContent(sealed: sealed, with: .passphrase(Self.phrase))
        #expect(content.summary.users == 1 && content.summary.revisions == 3 && content.auditRows >= 4)

        let other = try SupervisedBox()
        try await other.run {
            let stale = ConsoleUserRequest(name: "old", role: .admin, password: "hunter2hunter2")
            #expect(try await other.send("POST", "/v1/users", stale).status == 200)
            func restore(_ bytes: [UInt8], _ phrase: String, reason: String? = "new hardware") async throws
                -> (status: Int, code: String?, body: [UInt8])
            {
                let request = RestoreRequest(
                    backup: Data(bytes).base64EncodedString(),
                    passphrase: phrase,
                    confirm: ConfirmPolicy(mode: .none)
                )
                return try await other.send("POST", "/v1/backups/restore", request, reason: reason)
            }
            #expect(try await restore(sealed, Self.phrase, reason: nil).code == "request.reason")
            #expect(try await restore(sealed, "another phrase here").code == "backup.passphrase")
            #expect(try await restore(Array(sealed.dropLast(9)), Self.phrase).code == "backup.truncated")
            var altered = sealed
            altered[sealed.count - 20] ^= 1
            #expect(try await restore(altered, Self.phrase).code == "backup.damaged")
            #expect(try await restore(Array("PK".utf8) + sealed, Self.phrase).code == "backup.format")
            #expect(try await site(other) == "\"Test\"\n")
            #expect(try await other.get("/v1/users", ConsoleUserList.self).users.map(\.name) == ["old"])

            let answer = try await restore(sealed, Self.phrase)
            #expect(answer.status == 200)
            let report = try JSONDecoder().decode(RestoreReport.self, from: Data(answer.body))
            #expect(report.transaction?.state == .confirmed && report.identity == "none in the backup")
            #expect(try await site(other) == "\"Est\"\n")
            #expect(try await other.get("/v1/users", ConsoleUserList.self).users.map(\.name) == ["marie"])
            let login = LoginRequest(user: "marie", password: "hunter2hunter2")
            #expect(try await other.send("POST", "/v1/sessions", login).status == 200)
            let revisions = try await other.get("/v1/config/revisions", RevisionList.self).revisions
            #expect(revisions[0].isCurrent && revisions[0].number == report.revision)
            let rescue = try #require(revisions.first { $0.isRescue })
            #expect(rescue.comment.hasSuffix("(revision 2 of a backup)"))
            #expect(
                try await other.get("/v1/config/rescue").headers["etag"] == "\"\(rescue.number)\""
            )
            let rows = try await other.get("/v1/audit", AuditPage.self).rows
            #expect(rows.contains { $0.action == "RESTORE" && $0.subject.contains(content.auditHead ?? "?") })
            #expect(try await other.get("/v1/audit/verify", AuditVerification.self).isIntact)
            #expect(!FileManager.default.fileExists(atPath: other.directory + "/state/restore.json"))
            // The number that goes on is the table's.
            try await change(other, site: "Ouest")
            #expect(try await site(other) == "\"Ouest\"\n")
        }
        let again = try SupervisedBox(after: other)
        try await again.run {
            let kept = try await site(again)
            #expect(kept == "\"Ouest\"\n")
        }
    }

    @Test("for the owner of a recovery key") func recoveryKey() async throws {
        let owner = Curve25519.KeyAgreement.PrivateKey()
        let box = try SupervisedBox()
        try await box.run {
            let key = owner.publicKey.rawRepresentation.base64EncodedString()
            let answer = try await box.send("POST", "/v1/backups", BackupRequest(recoveryKey: key))
            let opener = SealedFile.Key.privateKey(Array(owner.rawRepresentation))
            #expect(try BackupContent(sealed: answer.body, with: opener).site == "Test")
            #expect(
                try await box.send("POST", "/v1/backups", BackupRequest(recoveryKey: "AAAA")).code
                    == "backup.key"
            )
        }
    }

    @Test("a restore that was interrupted is finished at the next start") func interrupted() async throws {
        let box = try SupervisedBox()
        try await box.run { try await change(box, site: "Nord") }
        let documents = try RevisionTable.documents(path: box.directory + "/state/supervisor.db")
        let content = BackupContent(
            created: Timestamp(milliseconds: 0),
            site: "Nord",
            revisions: [
                .init(number: 9, time: 2, author: "a", comment: "", document: documents[0], isRescue: false),
                .init(
                    number: 8,
                    time: 1,
                    author: "b",
                    comment: "older",
                    document: documents[1],
                    isRescue: false
                ),
            ],
            users: [.init(name: "marie", role: "viewer", hash: "$y$x$y$z")],
            auditRows: 0,
            auditHead: nil,
            identity: nil
        )
        try RestoreStage(directory: box.directory + "/state").write(content)
        let again = try SupervisedBox(after: box)
        try await again.run {
            #expect(try await again.get("/v1/users", ConsoleUserList.self).users.map(\.name) == ["marie"])
            let revisions = try await again.get("/v1/config/revisions", RevisionList.self).revisions
            #expect(revisions.map(\.number) == [4, 3, 2, 1] && revisions[1].comment.hasPrefix("older"))
            #expect(!FileManager.default.fileExists(atPath: again.directory + "/state/restore.json"))
            #expect(try await site(again) == "\"Nord\"\n")
        }
    }

    @Test("a backup of a later version, or without a revision, is refused by its content") func contents() {
        func code(_ text: String) -> ProvisioningError.Code? {
            do {
                _ = try BackupContent(json: Array(text.utf8))
                return nil
            } catch {
                return error.code
            }
        }
        let head = #""created":"2026-01-01T00:00:00.000Z","software":"9","site":"x","users":[],"auditRows":0"#
        #expect(code("{}") == .backupContent)
        #expect(code(#"{"format":2,\#(head),"revisions":[]}"#) == .backupVersion)
        #expect(code(#"{"format":1,\#(head),"revisions":[]}"#) == .backupContent)
        let unknown =
            #"{"number":1,"time":1,"author":"a","comment":"","document":"{\"later\":1}","isRescue":false}"#
        #expect(code(#"{"format":1,\#(head),"revisions":[\#(unknown)]}"#) == .backupContent)
    }
}
