// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import Foundation
import Health
import Store
import Testing
import Transfer

@testable import Supervisor

@Suite(
    "Support, acceptance, power and factory reset",
    .timeLimit(.minutes(5)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct CareTests {
    /// A box whose power command notes what it was asked for.
    private func box(after other: SupervisedBox? = nil) throws -> SupervisedBox {
        let box = try SupervisedBox(after: other) { directory in
            #" "provisioning": { "powerCommand": "\#(directory)/power" },"#
        }
        let script = box.directory + "/power"
        try "#!/bin/sh\necho \"$@\" >> '\(box.directory)/power.log'\n".write(
            toFile: script,
            atomically: true,
            encoding: .utf8
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        return box
    }

    private func powerLog(_ box: SupervisedBox) -> String {
        (try? String(contentsOfFile: box.directory + "/power.log", encoding: .utf8)) ?? ""
    }

    @Test("power needs a reason, is in the audit, and is carried out after the answer") func power()
        async throws
    {
        let box = try box()
        try await box.run {
            #expect(try await box.send("POST", "/v1/power/reboot", [String]()).code == "request.reason")
            #expect(powerLog(box).isEmpty)
            let answer = try await box.send("POST", "/v1/power/reboot", [String](), reason: "new cable")
            #expect(answer.status == 202 && powerLog(box).isEmpty)
            try await box.eventually { powerLog(box) == "reboot\n" }
            #expect(try await box.send("POST", "/v1/power/off", [String](), reason: "moving").status == 202)
            try await box.eventually { powerLog(box) == "reboot\npoweroff\n" }
            let rows = try await box.get("/v1/audit", AuditPage.self).rows
            #expect(rows.map(\.outcome) == ["400 request.reason", "202", "202"])
            #expect(rows.map(\.reason) == ["", "new cable", "moving"])
        }
    }

    @Test("a machine without systemd, and without a command of its own, is not switched") func foreign()
        async throws
    {
        let box = try SupervisedBox()
        try await box.run {
            let answer = try await box.send("POST", "/v1/power/off", [String](), reason: "x")
            #expect(answer.status == 409 && answer.code == "power.unavailable")
            let reset = FactoryResetRequest(confirmation: "erase Test")
            #expect(try await box.send("POST", "/v1/reset", reset, reason: "x").code == "power.unavailable")
            #expect(!FileManager.default.fileExists(atPath: box.directory + "/state/factory-reset.json"))
        }
    }

    @Test("a factory reset leaves the factory's box, and the old audit's last row") func reset() async throws
    {
        let box = try box()
        let state = box.directory + "/state"
        try await box.run {
            let user = ConsoleUserRequest(name: "marie", role: .operator, password: "hunter2hunter2")
            #expect(try await box.send("POST", "/v1/users", user).status == 200)
            let text = String(decoding: try await box.get("/v1/config").body, as: UTF8.self)
            let changed = text.replacing(#""site": "Test""#, with: #""site": "Nord""#)
            _ = try await box.call(
                "POST",
                "/v1/config/transactions",
                #"{ "doc": \#(changed), "confirm": { "mode": "none" } }"#
            )
            try await box.eventually {
                try await box.get("/v1/config/revisions", RevisionList.self).revisions.count == 2
            }
            try FileManager.default.createDirectory(
                atPath: state + "/gateway/spool/0",
                withIntermediateDirectories: true
            )
            try "image".write(toFile: state + "/gateway/spool/0/segment", atomically: true, encoding: .utf8)
            let wrong = FactoryResetRequest(confirmation: "erase Test")
            #expect(
                try await box.send("POST", "/v1/reset", wrong, reason: "sold").code == "reset.confirmation"
            )
            let right = FactoryResetRequest(confirmation: "erase Nord")
            #expect(try await box.send("POST", "/v1/reset", right).code == "request.reason")
            #expect(!FileManager.default.fileExists(atPath: state + "/factory-reset.json"))
            #expect(try await box.send("POST", "/v1/reset", right, reason: "sold").status == 202)
            try await box.eventually { powerLog(box) == "reboot\n" }
            // Nothing is erased under a running box.
            #expect(FileManager.default.fileExists(atPath: state + "/gateway/spool/0/segment"))
        }
        let last = try JSONDecoder().decode(
            FactoryReset.LastRow.self,
            from: Data(contentsOf: URL(filePath: state + "/last-audit.json"))
        )
        #expect(last.subject == "/v1/reset" && last.outcome == "202" && last.reason == "sold")
        let new = try self.box(after: box)
        try await new.run {
            let status = try await new.get("/v1/status", BoxStatus.self)
            #expect(status.site == "Test" && status.provisioning == .factory)
            #expect(try await new.get("/v1/users", ConsoleUserList.self).users.isEmpty)
            #expect(
                try await new.get("/v1/config/revisions", RevisionList.self).revisions.map(\.number) == [1]
            )
            let rows = try await new.get("/v1/audit", AuditPage.self).rows
            #expect(rows.map(\.action) == ["FACTORY-RESET"] && rows[0].reason == "sold")
            #expect(rows[0].subject.contains(last.hash) && rows[0].number == 1)
            #expect(try await new.get("/v1/audit/verify", AuditVerification.self).isIntact)
        }
        let names = try FileManager.default.subpathsOfDirectory(atPath: state)
        #expect(!names.contains { $0.contains("segment") } && !names.contains("factory-reset.json"))
        #expect(names.contains("last-audit.json"))
    }

    @Test("an erasure that was interrupted begins again, also without the old audit") func interrupted()
        throws
    {
        let directory = try BoxDirectory()
        let audit = try AuditTable(path: directory.path + "/audit.db")
        let row = try audit.append(
            time: 1,
            user: "root",
            action: "FACTORY-RESET",
            subject: "",
            outcome: "begun",
            reason: "sold"
        )
        let reset = FactoryReset(directory: directory.path)
        #expect(try reset.erase() == nil)
        try reset.ask(user: "root", reason: "sold", row: row)
        for name in ["audit.db", "audit.db-wal", "audit.db-shm"] {
            try? FileManager.default.removeItem(atPath: directory.path + "/" + name)
        }
        try "x".write(toFile: directory.path + "/users.db", atomically: true, encoding: .utf8)
        let first = try #require(try reset.erase())
        #expect(first.last == nil && first.hash == row.hash && first.row == 1)
        #expect(!FileManager.default.fileExists(atPath: directory.path + "/users.db"))
        #expect(try reset.erase() != nil)
        try reset.finish()
        #expect(try reset.erase() == nil)
    }

    @Test("a support bundle tells the state, and of nobody who they are") func bundle() async throws {
        let planted = [
            "DUPONT", "jeanne", "279086912345678", "1.2.250.1.213", "hunter2", "marie", "geheim", "Cabinet",
            "Lefebvre", "$y$",
        ]
        let box = try UnstartedBox()
        let nobody = HardwareProbe(door: .socket(box.folder.path + "/none"))
        let desk = try box.desk(nobody)
        let users = ConsoleUsers(table: desk.support.userTable, journal: box.journal)
        try await users.put(ConsoleUserRequest(name: "marie", role: .operator, password: "hunter2hunter2"))
        let text = """
            { "site": "Cabinet du Dr Lefebvre",
              "gateway": { "dicom": { "aeTitle": "BOX", "listen": ["127.0.0.1:0"], "allowPlaintext": "asked by Dr Lefebvre" },
                           "web": { "listen": ["127.0.0.1:0"], "authorization": "none" } } }
            """
        _ = try await box.transactions.propose(
            TransactionRequest(
                document: try JSONValue(parsing: Array(text.utf8)),
                comment: "for Lefebvre",
                confirm: ConfirmPolicy(mode: .none)
            ),
            base: nil,
            author: "marie"
        )
        while await box.transactions.box.site == "Test" { try await Task.sleep(for: .milliseconds(10)) }
        try desk.support.audit.append(
            time: 1,
            user: "marie",
            action: "DELETE",
            subject: "/v1/users/jeanne",
            outcome: "200",
            reason: "geheim"
        )
        box.journal.record(
            "session.opened",
            .info,
            "a person has logged in",
            ["user": "marie", "seconds": "3"]
        )
        box.journal.forward(
            Event(
                seq: 1,
                time: .now,
                kind: "association.rejected",
                severity: .warning,
                service: "gateway",
                message: "DUPONT^JEANNE 279086912345678 of marie",
                attributes: [
                    "patient": "DUPONT^JEANNE", "study": "1.2.250.1.213.4", "code": "279086912345678",
                ]
            ),
            from: "gateway"
        )
        await box.board.raise(
            Issue(
                code: "W-X-01",
                severity: .warning,
                since: .now,
                summary: "something",
                evidence: ["days": "3"]
            )
        )
        let status = await box.board.report(live: nil, provisioning: .configured)
        let bytes = try await desk.support.bundle(status, metrics: "drimbox 1\n")
        for word in planted {
            let where_ = Data(bytes).range(of: Data(word.utf8))
            #expect(where_ == nil, "\(word)")
        }
        for word in [
            "W-X-01", "association.rejected", "session.opened", "BOX", #""operator" : 1"#, "isIntact",
            "ustar",
        ] {
            #expect(Data(bytes).range(of: Data(word.utf8)) != nil, "\(word)")
        }
    }

    @Test("the bundle comes over the API, and tar reads it") func overTheAPI() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let answer = try await box.call("POST", "/v1/support/bundles", "")
            #expect(answer.status == 200 && answer.headers["content-type"] == "application/x-tar")
            let file = box.directory + "/bundle.tar"
            try Data(answer.body).write(to: URL(filePath: file))
            let tar = Process()
            let pipe = Pipe()
            tar.executableURL = URL(filePath: "/bin/tar")
            tar.arguments = ["tf", file]
            tar.standardOutput = pipe
            try tar.run()
            let names = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            tar.waitUntilExit()
            #expect(tar.terminationStatus == 0)
            #expect(names.split(separator: "\n").count == 13)
        }
    }

    @Test("an acceptance report says what was tested, and is kept") func acceptance() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let none = try await box.get("/v1/acceptance")
            #expect(none.status == 404)
            let answer = try await box.call("POST", "/v1/acceptance", "")
            #expect(answer.status == 200)
            let report = try JSONDecoder().decode(AcceptanceReport.self, from: Data(answer.body))
            #expect(!report.hasPassed && report.state == .factory && report.revision == 1)
            func verdict(_ topic: AcceptanceReport.Topic) -> [AcceptanceReport.Verdict] {
                report.checks.filter { $0.topic == topic }.map(\.verdict)
            }
            #expect(verdict(.configuration) == [.failed, .failed] && verdict(.certificate) == [.failed])
            #expect(verdict(.fileSystem) == [.passed] && verdict(.audit) == [.passed])
            #expect(verdict(.nationalRecord) == [.notTested] && verdict(.network) == [.notTested])
            #expect(try await box.get("/v1/acceptance", AcceptanceReport.self) == report)
        }
        let again = try SupervisedBox(after: box)
        try await again.run {
            let kept = try await again.get("/v1/acceptance", AcceptanceReport.self)
            #expect(kept.revision == 1)
        }
    }
}
