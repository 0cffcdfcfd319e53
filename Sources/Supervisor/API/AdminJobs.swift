// SPDX-License-Identifier: Apache-2.0
import Admin
import Hummingbird
import NIOCore
import Synchronization

/// Calls that are carried out after they were answered, and what came of them. In memory: who asks for a job follows it.
actor AdminJobs {
    /// At a time; and so many are remembered when they have ended, for an answer may be a whole bundle.
    private static let most = 4
    private static let kept = 4

    private struct Entry {
        var job: AdminJob
        let uid: UInt32
        var answer: KeptAnswer?
    }

    private let journal: EventJournal
    /// The oldest first.
    private var entries: [Entry] = []
    private var last = 0

    init(journal: EventJournal) {
        self.journal = journal
    }

    /// Whether who asks would rather not wait for the answer (RFC 7240 4.1).
    static func isPreferred(_ headers: [String: String]) -> Bool {
        (headers["prefer"] ?? "").split(separator: ",").contains { preference in
            preference.filter { $0 != " " && $0 != "\t" }.lowercased() == "respond-async"
        }
    }

    /// `accept` writes it down before anything begins; `carryOut` gives the answer that the call would have had.
    func start(
        _ method: String,
        _ path: String,
        _ caller: Identity,
        accept: @Sendable (_ id: String) throws -> Void,
        carryOut: @escaping @Sendable () async -> Response
    ) throws -> AdminJob {
        guard entries.count(where: { $0.job.state == .running }) < Self.most else {
            throw Problem(
                status: 503,
                code: "job.many",
                title: "too many calls are being carried out",
                detail: "found \(Self.most), expected fewer",
                hint: "wait for one of them: GET /v1/jobs"
            )
        }
        last += 1
        let job = AdminJob(
            id: "\(last)",
            method: method,
            path: path,
            user: caller.user,
            started: .now
        )
        try accept(job.id)
        entries.append(Entry(job: job, uid: caller.uid))
        Task { end(job.id, await Self.whole(carryOut())) }
        return job
    }

    /// A problem where the answer broke off: half of one is none.
    private static func whole(_ response: Response) async -> KeptAnswer {
        do { return try await KeptAnswer(response) } catch {
            return KeptAnswer(
                Problem(
                    status: 500,
                    code: "job.failed",
                    title: "the answer broke off",
                    detail: "\(error)"
                )
            )
        }
    }

    private func end(_ id: String, _ answer: KeptAnswer) {
        guard let index = entries.firstIndex(where: { $0.job.id == id }) else { return }
        entries[index].job.state = answer.status < 400 ? .succeeded : .failed
        entries[index].job.ended = .now
        entries[index].job.status = answer.status
        entries[index].answer = answer
        let job = entries[index].job
        while entries.count(where: { $0.answer != nil }) > Self.kept,
            let oldest = entries.firstIndex(where: { $0.answer != nil })
        {
            entries.remove(at: oldest)
        }
        journal.record(
            "job.ended",
            .info,
            "a job has ended",
            ["job": id, "path": job.path, "state": job.state.rawValue, "status": "\(answer.status)"]
        )
    }

    private func entries(of caller: Identity) -> [Entry] {
        entries.filter { $0.uid == caller.uid || caller.role == .admin }
    }

    private func entry(_ request: AdminRequest) throws -> Entry {
        guard
            let entry = entries(of: request.caller).last(where: { $0.job.id == request.parameter("id") })
        else { throw AdminAnswer.notFound(request.path) }
        return entry
    }

    private func result(_ request: AdminRequest) throws -> Response {
        let entry = try entry(request)
        guard let answer = entry.answer else {
            throw Problem(
                status: 409,
                code: "job.running",
                title: "the job has not ended",
                path: request.path,
                hint: "GET /v1/jobs/\(entry.job.id), or the event job.ended"
            )
        }
        return answer.response
    }

    /// Of one's own jobs; administrators see all.
    nonisolated var routes: [AdminRoute] {
        [
            AdminRoute(method: "GET", pattern: "/v1/jobs", role: .viewer) { request in
                _ = try request.query([])
                let jobs = await self.entries(of: request.caller).map(\.job)
                return AdminAnswer.json(AdminJobList(jobs: jobs.reversed()))
            },
            AdminRoute(method: "GET", pattern: "/v1/jobs/{id}", role: .viewer) { request in
                _ = try request.query([])
                return AdminAnswer.json(try await self.entry(request).job)
            },
            AdminRoute(method: "GET", pattern: "/v1/jobs/{id}/result", role: .viewer) { request in
                _ = try request.query([])
                return try await self.result(request)
            },
        ]
    }
}

/// An answer that is given more than once, or later.
struct KeptAnswer: Sendable {
    let status: Int
    private let contentType: String
    private let body: [UInt8]

    init(_ problem: Problem) {
        (status, contentType) = (problem.status, Problem.mediaType)
        body = AdminAnswer.content(problem)
    }

    /// Throws what the body throws where it breaks off.
    init(_ response: Response) async throws {
        let collector = BodyCollector()
        try await response.body.write(collector)
        status = Int(response.status.code)
        contentType = response.headers[.contentType] ?? "application/json"
        body = collector.bytes.withLock { $0 }
    }

    var response: Response {
        Response(
            status: .init(code: status),
            headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        )
    }
}

private final class BodyCollector: ResponseBodyWriter {
    let bytes = Mutex<[UInt8]>([])

    func write(_ buffer: ByteBuffer) async throws {
        bytes.withLock { $0 += Array(buffer.readableBytesView) }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
