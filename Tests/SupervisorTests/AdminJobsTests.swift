// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing
import Transfer

@testable import Supervisor

@Suite(
    "Long calls of the admin API as jobs",
    .timeLimit(.minutes(10)),
    .enabled(if: SupervisedBox.isPossible, "the fake gateway needs /usr/bin/python3")
)
struct AdminJobsTests {
    private static let asynchronous = ["prefer": "wait=1, respond-async"]

    private func job(_ response: UnixHTTPClient.Response) throws -> AdminJob {
        try JSONDecoder().decode(AdminJob.self, from: Data(response.body))
    }

    private func end(_ box: SupervisedBox, _ job: AdminJob) async throws -> AdminJob {
        try await box.eventually {
            try await box.get("/v1/jobs/\(job.id)", AdminJob.self).state != .running
        }
        return try await box.get("/v1/jobs/\(job.id)", AdminJob.self)
    }

    @Test(
        "who would rather not wait gets a job, its end as an event, and the answer that the call would have had"
    )
    func answered() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let response = try await box.call("POST", "/v1/network/tests", "", Self.asynchronous)
            let begun = try job(response)
            #expect(response.status == 202 && response.headers["location"] == "/v1/jobs/\(begun.id)")
            #expect(begun.state == .running && begun.path == "/v1/network/tests")
            let ended = try await end(box, begun)
            #expect(ended.state == .succeeded && ended.status == 200 && ended.ended != nil)
            let result = try await box.get("/v1/jobs/\(begun.id)/result")
            #expect(result.status == 200)
            let report = try JSONDecoder().decode(NetworkTestReport.self, from: Data(result.body))
            #expect(report.steps.allSatisfy { !$0.target.isEmpty })
            // Bytes stay bytes.
            let bundle = try await end(
                box,
                try job(try await box.call("POST", "/v1/support/bundles", "", Self.asynchronous))
            )
            let tape = try await box.get("/v1/jobs/\(bundle.id)/result")
            #expect(tape.headers["content-type"] == "application/x-tar" && tape.body.count > 1024)
            #expect(
                try await box.get("/v1/jobs", AdminJobList.self).jobs.map(\.id) == [bundle.id, begun.id]
            )
            try await box.eventually {
                try await box.events().contains { $0.name == "job.ended" && $0.data.contains(bundle.id) }
            }
            let rows = try await box.get("/v1/audit", AuditPage.self).rows.filter {
                $0.subject == "/v1/network/tests"
            }
            #expect(Set(rows.map(\.outcome)) == ["202 job \(begun.id)", "200"])
        }
    }

    @Test(
        "a call that fails is a job that has failed; what is not permitted is none; a key is carried out once"
    )
    func refused() async throws {
        let box = try SupervisedBox()
        try await box.run {
            let failed = try await end(
                box,
                try job(try await box.call("POST", "/v1/backups", "{", Self.asynchronous))
            )
            #expect(failed.state == .failed && failed.status == 400)
            #expect(
                try await box.get("/v1/jobs/\(failed.id)/result").problem == (400, "request.body")
            )
            let unreasoned = try await box.call("POST", "/v1/backups/restore", "{}", Self.asynchronous)
            #expect(try unreasoned.problem == (400, "request.reason"))
            let headers = Self.asynchronous.merging(["idempotency-key": "k1"]) { $1 }
            let first = try job(try await box.call("POST", "/v1/network/tests", "", headers))
            #expect(try job(try await box.call("POST", "/v1/network/tests", "", headers)).id == first.id)
            // A call that is short is answered, whatever is preferred.
            let short = try await box.call("POST", "/v1/config/validate", "{}", Self.asynchronous)
            #expect(short.status == 200)
            #expect(try await box.get("/v1/jobs/77").problem == (404, "request.path"))
            #expect(try await box.get("/v1/jobs", AdminJobList.self).jobs.count == 2)
        }
    }

    @Test("so many at a time, and the last answers are kept") func bounded() async throws {
        let jobs = AdminJobs(journal: EventJournal())
        let anne = Identity(uid: 1000, user: "anne", role: .operator)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        for _ in 0..<4 {
            _ = try await jobs.start("POST", "/x", anne, accept: { _ in }) {
                for await _ in gate {}
                return AdminAnswer.text("late", type: "text/plain")
            }
        }
        await #expect(throws: Problem.self) {
            _ = try await jobs.start("POST", "/x", anne, accept: { _ in }) {
                AdminAnswer.text("", type: "text/plain")
            }
        }
        func request(_ path: String, by caller: Identity, id: String = "") -> AdminRequest {
            AdminRequest(
                path: path,
                parameters: ["id": id],
                query: nil,
                headers: [:],
                body: [],
                caller: caller,
                connected: .now,
                reason: ""
            )
        }
        let result = try #require(jobs.routes.first { $0.pattern.hasSuffix("/result") })
        await #expect(throws: Problem.self) {
            _ = try await result.answer(request("/v1/jobs/1/result", by: anne, id: "1"))
        }
        open.finish()
        for number in 5...6 {
            while true {
                do {
                    let started = try await jobs.start("POST", "/x", anne, accept: { _ in }) {
                        AdminAnswer.text("\(number)", type: "text/plain")
                    }
                    #expect(started.id == "\(number)")
                    break
                } catch { try await Task.sleep(for: .milliseconds(5)) }
            }
        }
        let one = try #require(jobs.routes.first { $0.pattern == "/v1/jobs/{id}" })
        // Somebody else's is not there, but for an administrator.
        let other = Identity(uid: 1001, user: "bob", role: .operator)
        await #expect(throws: Problem.self) {
            _ = try await one.answer(request("/v1/jobs/6", by: other, id: "6"))
        }
        let administrator = Identity(uid: 0, user: "root", role: .admin)
        _ = try await one.answer(request("/v1/jobs/6", by: administrator, id: "6"))
        // Six have ended, four are remembered.
        let end = ContinuousClock.now + .seconds(30)
        while (try? await one.answer(request("/v1/jobs/2", by: anne, id: "2"))) != nil {
            try #require(ContinuousClock.now < end)
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
