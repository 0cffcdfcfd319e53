// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Linux
import Store
import Testing
import Transfer

@testable import Supervisor

@Suite(
    "The admin API changes only what it may, and writes down who asked",
    .timeLimit(.minutes(10)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct AdminAPITests {
    private func propose(
        _ box: SupervisedBox,
        site: String,
        headers: [String: String] = [:],
        confirm: String = #"{ "mode": "none" }"#
    ) async throws -> UnixHTTPClient.Response {
        let document = try await box.get("/v1/config")
        let text = String(decoding: document.body, as: UTF8.self)
        let changed = text.replacing(/"site": "[^"]*"/, with: "\"site\": \"\(site)\"")
        let body = "{ \"doc\": \(changed), \"confirm\": \(confirm) }"
        return try await box.call("POST", "/v1/config/transactions", body, headers)
    }

    private func end(_ box: SupervisedBox, _ response: UnixHTTPClient.Response) async throws
        -> TransactionStatus
    {
        var status = try JSONDecoder().decode(TransactionStatus.self, from: Data(response.body))
        while !status.isFinal {
            try await Task.sleep(for: .milliseconds(20))
            status = try await box.get("/v1/config/transactions/\(status.tx)", TransactionStatus.self)
        }
        return status
    }

    @Test("a change without a network: confirmed, a revision, the gateway started anew, an audit row")
    func change() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let status = try await end(box, try await propose(box, site: "Neu"))
            #expect(status.state == .confirmed && status.revision == 2)
            #expect(status.differences.map(\.path) == ["site"])
            #expect(try await box.get("/v1/config?path=site").body == Array("\"Neu\"\n".utf8))
            #expect(try await box.get("/v1/config").headers["etag"] == "\"2\"")
            #expect(
                try await box.get("/v1/config/revisions", RevisionList.self).revisions.map(\.number) == [
                    2, 1,
                ]
            )
            #expect(
                try String(contentsOfFile: box.directory + "/run/gateway.json", encoding: .utf8).contains(
                    "Neu"
                )
            )
            let rows = try await box.get("/v1/audit", AuditPage.self).rows
            #expect(rows.map(\.subject) == ["/v1/config/transactions"] && rows[0].outcome == "202")
            #expect(try await box.get("/v1/audit/verify", AuditVerification.self).isIntact)
        }
    }

    @Test("a manual change is undone when nobody confirms, and while it is tried nobody else may write")
    func expiry() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let manual = #"{ "mode": "manual", "seconds": 10 }"#
            let first = try await propose(box, site: "Zwei", confirm: manual)
            #expect(first.status == 202)
            #expect(try await propose(box, site: "Drei").status == 409)
            let status = try await end(box, first)
            #expect(status.state == .rolledBack && status.reason == "not confirmed in 10 s")
            #expect(try await box.get("/v1/config?path=site").body == Array("\"Test\"\n".utf8))
            let document = try String(contentsOfFile: box.directory + "/run/gateway.json", encoding: .utf8)
            #expect(!document.contains("Zwei"))
        }
    }

    @Test("a supervisor that ends while a change is tried comes back with the confirmed revision")
    func interrupted() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let manual = #"{ "mode": "manual", "seconds": 900 }"#
            let response = try await propose(box, site: "Zwei", confirm: manual)
            let tx = try JSONDecoder().decode(TransactionStatus.self, from: Data(response.body)).tx
            try await box.eventually {
                try await box.get("/v1/config/transactions/\(tx)", TransactionStatus.self).state == .awaiting
            }
        }
        let again = try SupervisedBox(after: box)
        try await again.run {
            #expect(try await again.get("/v1/config?path=site").body == Array("\"Test\"\n".utf8))
            try await again.eventually {
                try await again.events().contains {
                    $0.name == "config.rolled-back" && $0.data.contains("the supervisor ended")
                }
            }
        }
    }

    @Test("stale, invalid, unchanged and unknown are refused with their codes") func refused() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let stale = try await propose(box, site: "Neu", headers: ["if-match": "\"7\""])
            #expect(try stale.problem == (412, "config.stale"))
            #expect(try await propose(box, site: "Test").problem == (409, "config.unchanged"))
            #expect(try await propose(box, site: "").problem == (422, "config.invalid"))
            let short = #"{ "mode": "auto", "seconds": 1 }"#
            #expect(try await propose(box, site: "Neu", confirm: short).problem == (400, "request.body"))
            #expect(
                try await box.call("POST", "/v1/config/transactions", "{").problem == (400, "request.body")
            )
            #expect(try await box.get("/v1/config/transactions/x").problem == (404, "request.path"))
            #expect(try await box.get("/v1/config/revisions/9").problem == (404, "request.path"))
            #expect(try await box.get("/v1/config?path=a.b").problem == (404, "config.path"))
            #expect(try await box.get("/v1/config/pending").problem == (404, "config.none"))
            let method = try await box.call("DELETE", "/v1/status", "")
            #expect(try method.problem == (405, "request.method"))
            #expect(method.headers["allow"] == "GET")
            #expect(try await box.get("/v1/config").headers["etag"] == "\"1\"")
            // What was refused is in the audit too.
            let rows = try await box.get("/v1/audit", AuditPage.self).rows
            #expect(rows.contains { $0.outcome == "412 config.stale" })
        }
    }

    @Test("a call that is repeated with its key is carried out once") func idempotency() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let key = ["idempotency-key": "k1"]
            let first = try await propose(box, site: "Neu", headers: key)
            _ = try await end(box, first)
            let second = try await propose(box, site: "Neu", headers: key)
            #expect(second.status == 202 && second.body == first.body)
            #expect(try await box.get("/v1/config/revisions", RevisionList.self).revisions.count == 2)
        }
    }

    @Test("an older revision is tried again, and the rescue revision is kept") func revisions() async throws {
        let box = try SupervisedBox()
        try await box.run {
            _ = try await end(box, try await propose(box, site: "Neu"))
            #expect(try await box.call("PUT", "/v1/config/rescue/1", "").status == 200)
            #expect(try await box.get("/v1/config/rescue").headers["etag"] == "\"1\"")
            let body = #"{ "mode": "none", "seconds": 60 }"#
            let status = try await end(
                box,
                try await box.call("POST", "/v1/config/revisions/1/restore", body)
            )
            #expect(status.state == .confirmed && status.revision == 3)
            #expect(try await box.get("/v1/config?path=site").body == Array("\"Test\"\n".utf8))
        }
    }

    @Test("persons: a password is never told, five wrong ones are enough") func persons() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let person = #"{ "name": "marie", "role": "operator", "password": "correct horse" }"#
            #expect(try await box.call("POST", "/v1/users", person).status == 200)
            let weak = #"{ "name": "paul", "role": "operator", "password": "short" }"#
            #expect(try await box.call("POST", "/v1/users", weak).problem == (422, "user.invalid"))
            func login(_ password: String) async throws -> UnixHTTPClient.Response {
                try await box.call(
                    "POST",
                    "/v1/sessions",
                    "{ \"user\": \"marie\", \"password\": \"\(password)\" }"
                )
            }
            #expect(try await login("correct horse").status == 200)
            for _ in 1...5 { #expect(try await login("wrong").problem == (403, "auth.denied")) }
            #expect(try await login("correct horse").problem == (403, "auth.delayed"))
            #expect(try await box.get("/v1/users", ConsoleUserList.self).users.map(\.isLocked) == [true])
            let told = try await box.events().map(\.data).joined()
            #expect(!told.contains("horse") && !told.contains("$y$"))
            let rows = try await box.get("/v1/audit").body
            #expect(!String(decoding: rows, as: UTF8.self).contains("horse"))
        }
    }

    @Test("in safe mode one can look and go back, and nothing is started") func safeMode() async throws {
        let box = try SupervisedBox()
        try await box.run { _ = try await end(box, try await propose(box, site: "Neu")) }
        let safe = try SupervisedBox(after: box, isSafeMode: true)
        try await safe.run {
            #expect(try await safe.get("/v1/status", BoxStatus.self).services.isEmpty)
            #expect(try await propose(safe, site: "X").problem == (503, "state.safe_mode"))
            #expect(
                try await safe.call("POST", "/v1/services/gateway/restart", "").problem == (
                    503, "state.safe_mode"
                )
            )
            let body = #"{ "mode": "none", "seconds": 60 }"#
            let restored = try await safe.call("POST", "/v1/config/revisions/1/restore", body)
            #expect(try await end(safe, restored).state == .confirmed)
        }
    }

    @Test("a held or running gateway is started anew when a person asks") func restart() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let first = box.gatewayPIDs.last
            #expect(try await box.call("POST", "/v1/services/gateway/restart", "").status == 202)
            try await box.eventually {
                let status = try await box.get("/v1/services/gateway", ServiceStatus.self)
                return status.state == .running && status.pid != first
            }
            #expect(try await box.get("/v1/status", BoxStatus.self).state == .inService)
        }
    }
}

extension UnixHTTPClient.Response {
    /// Status and code of a problem.
    var problem: (Int, String) {
        get throws {
            let problem = try JSONDecoder().decode(Problem.self, from: Data(body))
            #expect(problem.status == status)
            return (status, problem.code)
        }
    }
}

@Suite("docs/admin-api.yaml") struct AdminAPIDocumentTests {
    @Test("the document names the routes that are served, and no others") func routes() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/admin-api.yaml")
        var written: Set<String> = []
        var path = ""
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line == "components:" { break }
            if let found = line.firstMatch(of: /^  (\/.*):$/) { path = String(found.1) }
            if let found = line.firstMatch(of: /^    (get|post|put|delete):/) {
                written.insert("\(found.1.uppercased()) /v1\(path)")
            }
        }
        let served = (try AdminRoutes.ofNothing().all + AdminJobs(journal: EventJournal()).routes).map {
            "\($0.method) \($0.pattern)"
        }
        #expect(served.count > 30 && Set(served).count == served.count)
        #expect(written == Set(served))
    }
}

extension AdminRoutes {
    /// The table, over a box that is never run.
    fileprivate static func ofNothing() throws -> AdminRoutes {
        let box = try UnstartedBox()
        let nobody = HardwareProbe(door: .socket(box.folder.path + "/none"))
        return AdminRoutes(
            board: box.board,
            gateway: GatewayClient(socketPath: box.folder.path + "/none"),
            supervisor: ServiceSupervisor(
                name: "gateway",
                control: ChildService(executable: "/bin/false", arguments: []),
                conversation: .init(probe: { _ in }, follow: {}),
                board: box.board,
                journal: box.journal
            ),
            transactions: box.transactions,
            health: box.monitor(nobody),
            hardware: nobody,
            users: ConsoleUsers(
                table: try UserTable(path: box.folder.path + "/users.db"),
                journal: box.journal
            ),
            updates: UpdateClient(path: box.folder.path + "/update.sock"),
            desk: try box.desk(nobody),
            audit: try AuditTable(path: box.folder.path + "/audit.db"),
            journal: box.journal
        )
    }
}
