// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird
import Linux
import NIOCore
import Store

/// The request's connection, for the caller's credentials.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Taken by the kernel at connect(2), and when that was; the same for every request of a connection.
    func peer() async throws -> (credentials: PeerCredentials, connected: ContinuousClock.Instant) {
        let channel = channel
        return try await channel.eventLoop.submit {
            let credentials = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { try PeerCredentials.of($0) }
            let start = try channel.pipeline.syncOperations.handler(type: ConnectionStart.self)
            return (credentials ?? PeerCredentials(pid: 0, uid: .max, gid: .max), start.instant)
        }.get()
    }
}

/// The admin API, `/v1`: who is it, may they, do it, write it down.
struct AdminResponder: HTTPResponder {
    typealias Context = AdminContext

    let authorization: PeerAuthorization
    let routes: [AdminRoute]
    let isSafeMode: Bool
    let audit: AuditTable
    let journal: EventJournal
    private let answered = AnsweredRequests()
    private let jobs: AdminJobs

    init(
        authorization: PeerAuthorization,
        routes: [AdminRoute],
        isSafeMode: Bool,
        audit: AuditTable,
        journal: EventJournal
    ) {
        self.authorization = authorization
        jobs = AdminJobs(journal: journal)
        self.routes = routes + jobs.routes
        self.isSafeMode = isSafeMode
        self.audit = audit
        self.journal = journal
    }

    func respond(to request: Request, context: AdminContext) async throws -> Response {
        let (peer, connected) = try await context.peer()
        do {
            guard let role = authorization.role(of: peer) else {
                if request.method != .get, authorization.isNews(peer.uid) {
                    try record("uid \(peer.uid)", request, outcome: "403 auth.denied")
                }
                throw Problem(
                    status: 403,
                    code: "auth.denied",
                    title: "not permitted",
                    detail: "the admin API is for root and the members of its group",
                    hint: "ask for membership of the group, or use sudo"
                )
            }
            let caller = Identity(uid: peer.uid, user: Accounts.userName(peer.uid), role: role)
            return try await answer(request, caller, connected)
        } catch {
            guard let answer = Self.answer(to: error) else { throw error }
            return answer
        }
    }

    /// Nil where nobody expected the error.
    private static func answer(to error: any Error) -> Response? {
        switch error {
        case let problem as Problem:
            return AdminAnswer.problem(problem)
        case let error as StoreError:
            return AdminAnswer.problem(
                Problem(
                    status: 503,
                    code: "store.unavailable",
                    title: "the database fails",
                    detail: "\(error)"
                )
            )
        default: return nil
        }
    }

    private func answer(
        _ request: Request,
        _ caller: Identity,
        _ connected: ContinuousClock.Instant
    ) async throws -> Response {
        let (route, parameters) = try find(request)
        let headers = Dictionary(
            request.headers.map { ($0.name.canonicalName, $0.value) },
            uniquingKeysWith: { $1 }
        )
        let reason = headers["x-reason"].map { String($0.prefix(500)) } ?? ""
        guard route.isMutating else {
            let input = AdminRequest(
                path: request.uri.path,
                parameters: parameters,
                query: request.uri.query,
                headers: headers,
                body: [],
                caller: caller,
                connected: connected,
                reason: reason
            )
            try permit(route, input)
            return try await route.answer(input)
        }
        let body = try await collected(request, caller, limit: route.longestBody)
        let input = AdminRequest(
            path: request.uri.path,
            parameters: parameters,
            query: request.uri.query,
            headers: headers,
            body: Array(body.readableBytesView),
            caller: caller,
            connected: connected,
            reason: reason
        )
        // A call that is made twice with the same key is carried out once.
        let key = headers["idempotency-key"].map {
            "\(caller.uid) \(request.method.rawValue) \(input.path) \($0.prefix(200))"
        }
        let isJob = route.mayTakeLong && AdminJobs.isPreferred(headers)
        @Sendable func answer() async throws -> Response {
            isJob
                ? try await start(route, input, request, reason)
                : try await carryOut(route, input, request, reason)
        }
        guard let key else { return try await answer() }
        return try await answered.answer(key) { try await answer() }
    }

    /// Carried out as every call is, after this answer. Who may not gets no job.
    private func start(
        _ route: AdminRoute,
        _ input: AdminRequest,
        _ request: Request,
        _ reason: String
    ) async throws -> Response {
        do { try permit(route, input) } catch { return try await carryOut(route, input, request, reason) }
        let job = try await jobs.start(
            route.method,
            input.path,
            input.caller,
            accept: { id in
                if route.isAudited {
                    try record(input.caller.user, request, outcome: "202 job \(id)", reason: reason)
                }
            },
            carryOut: {
                do { return try await carryOut(route, input, request, reason) } catch {
                    let problem = Problem(
                        status: 500,
                        code: "job.failed",
                        title: "the call failed",
                        detail: "\(error)"
                    )
                    return Self.answer(to: error) ?? AdminAnswer.problem(problem)
                }
            }
        )
        var response = AdminAnswer.json(job, status: 202)
        response.headers[.location] = "/v1/jobs/\(job.id)"
        return response
    }

    private func carryOut(
        _ route: AdminRoute,
        _ input: AdminRequest,
        _ request: Request,
        _ reason: String
    ) async throws -> Response {
        let caller = input.caller
        do {
            try permit(route, input)
            let response = try await route.answer(input)
            if route.isAudited {
                try record(caller.user, request, outcome: "\(response.status.code)", reason: reason)
            }
            return response
        } catch let problem as Problem {
            // Who may not do it must not fill the disk by trying.
            if route.isAudited, problem.code != "auth.role" || authorization.isNews(caller.uid) {
                try record(caller.user, request, outcome: "\(problem.status) \(problem.code)", reason: reason)
            }
            throw problem
        }
    }

    private func collected(_ request: Request, _ caller: Identity, limit: Int) async throws -> ByteBuffer {
        do {
            return try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            try record(caller.user, request, outcome: "413 request.body")
            throw Problem(
                status: 413,
                code: "request.body",
                title: "the request is too long",
                detail: "expected at most \(limit) bytes"
            )
        }
    }

    private func permit(_ route: AdminRoute, _ input: AdminRequest) throws {
        let caller = input.caller
        if isSafeMode, route.isMutating, !route.worksInSafeMode {
            throw Problem(
                status: 503,
                code: "state.safe_mode",
                title: "the box is in safe mode",
                detail: "\(route.pattern) is not available there",
                hint: "restore a revision, then restart drimboxd"
            )
        }
        guard caller.role >= route.role else {
            throw Problem(
                status: 403,
                code: "auth.role",
                title: "not permitted",
                detail: "found the role \(caller.role.rawValue), expected \(route.role.rawValue)",
                path: route.pattern
            )
        }
        if route.needsReason, input.reason.isEmpty {
            throw Problem(
                status: 400,
                code: "request.reason",
                title: "a reason is needed",
                detail: "the header X-Reason is missing",
                path: input.path,
                hint: "drimboxctl --reason TEXT"
            )
        }
    }

    private func find(_ request: Request) throws -> (route: AdminRoute, parameters: [String: String]) {
        let path = request.uri.path
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        var methods: Set<String> = []
        for route in routes {
            guard let parameters = route.match(parts) else { continue }
            if route.method == request.method.rawValue { return (route, parameters) }
            methods.insert(route.method)
        }
        guard !methods.isEmpty else { throw AdminAnswer.notFound(path) }
        throw Problem(
            status: 405,
            code: "request.method",
            title: "wrong method",
            detail:
                "found \(request.method.rawValue.prefix(20)), expected \(methods.sorted().joined(separator: " or "))",
            path: String(path.prefix(256))
        )
    }

    /// Without its row in the audit nothing is acknowledged.
    private func record(_ user: String, _ request: Request, outcome: String, reason: String = "") throws {
        let row = try audit.append(
            time: Timestamp.now.milliseconds,
            user: user,
            action: request.method.rawValue,
            subject: String(request.uri.path.prefix(256)),
            outcome: outcome,
            reason: reason
        )
        journal.record(
            "audit.row",
            .info,
            "a change was asked for",
            [
                "number": "\(row.number)", "user": user, "method": row.action, "path": row.subject,
                "outcome": outcome, "hash": row.hash,
            ]
        )
    }
}

/// Answers that are kept for callers that ask again with the same `Idempotency-Key`, also while the first call is
/// being carried out.
private actor AnsweredRequests {
    private static let kept = 256
    private var answers: [(key: String, answer: Task<KeptAnswer, any Error>)] = []

    func answer(_ key: String, _ carryOut: @escaping @Sendable () async throws -> Response) async throws
        -> Response
    {
        if let earlier = answers.last(where: { $0.key == key }) {
            return try await earlier.answer.value.response
        }
        let task = Task { try await KeptAnswer(carryOut()) }
        answers.append((key, task))
        if answers.count > Self.kept { answers.removeFirst() }
        do {
            return try await task.value.response
        } catch {
            // A refusal may be another one the next time.
            answers.removeAll { $0.key == key }
            throw error
        }
    }
}

/// What routes answer with.
enum AdminAnswer {
    static func json(_ value: some Encodable, status: Int = 200, headers: HTTPFields = [:]) -> Response {
        encode(value, status: status, type: "application/json", headers: headers)
    }

    static func document(_ value: JSONValue, headers: HTTPFields = [:]) -> Response {
        var fields = headers
        fields[.contentType] = "application/json"
        return Response(
            status: .ok,
            headers: fields,
            body: ResponseBody(byteBuffer: ByteBuffer(string: value.text() + "\n"))
        )
    }

    static func bytes(_ bytes: [UInt8], type: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        )
    }

    static func text(_ text: String, type: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    static func problem(_ problem: Problem) -> Response {
        var response = encode(problem, status: problem.status, type: Problem.mediaType, headers: [:])
        if problem.status == 405, let allowed = problem.detail?.split(separator: " expected ").last {
            response.headers[.allow] = String(allowed).replacing(" or ", with: ", ")
        }
        return response
    }

    static func notFound(_ path: String) -> Problem {
        Problem(status: 404, code: "request.path", title: "no such resource", path: String(path.prefix(256)))
    }

    private static func encode(
        _ value: some Encodable,
        status: Int,
        type: String,
        headers: HTTPFields
    ) -> Response {
        var fields = headers
        fields[.contentType] = type
        return Response(
            status: .init(code: status),
            headers: fields,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: content(value)))
        )
    }

    static func content(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array((try? encoder.encode(value)) ?? Data("{}".utf8))
    }
}
