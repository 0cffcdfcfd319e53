// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird
import Linux
import NIOCore
import ServiceLifecycle

/// The request's connection, for the caller's credentials.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Taken by the kernel at connect(2); the same for every request of a connection.
    func peer() async throws -> PeerCredentials {
        let channel = channel
        return try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                try PeerCredentials.of($0)
            }
        }.get() ?? PeerCredentials(pid: 0, uid: .max, gid: .max)
    }
}

/// The admin API, `/v1`.
struct AdminResponder: HTTPResponder {
    typealias Context = AdminContext

    /// A live question to the gateway may hold up `/v1/status` for so long.
    static let liveDeadline: Duration = .seconds(1)
    static let pipelineDeadline: Duration = .seconds(5)
    /// A C-ECHO to a peer that is not there takes its time.
    static let forwardDeadline: Duration = .seconds(45)
    static let forwardedBody = 64 << 10

    let authorization: PeerAuthorization
    let board: StatusBoard
    let gateway: GatewayClient
    let journal: EventJournal

    func respond(to request: Request, context: AdminContext) async throws -> Response {
        do {
            guard authorization.permits(try await context.peer()) else {
                throw Problem(
                    status: 403,
                    code: "auth.denied",
                    title: "not permitted",
                    detail: "the admin API is for root and the members of its group",
                    hint: "ask for membership of the group, or use sudo"
                )
            }
            return try await route(request)
        } catch let problem as Problem {
            return response(problem)
        }
    }

    private func route(_ request: Request) async throws -> Response {
        let path = request.uri.path
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard parts.first == "v1", (2...4).contains(parts.count) else { throw notFound(path) }
        if parts[1] == "peers" || parts[1] == "transfers" { return try await forward(request, path) }
        let answer: @Sendable () async throws -> Response
        switch (parts[1], parts.count) {
        case ("version", 2): answer = { json(VersionReport()) }
        case ("status", 2): answer = { json(await status()) }
        case ("services", 2): answer = { json(ServiceList(services: await board.services)) }
        case ("services", 3): answer = { json(try await service(parts[2], path)) }
        case ("pipeline", 2): answer = { json(try await pipeline(path)) }
        case ("metrics", 2): answer = { await metrics() }
        case ("events", 2): answer = { try events(request) }
        default: throw notFound(path)
        }
        guard request.method == .get else {
            let detail = "found \(request.method.rawValue), expected GET"
            throw Problem(
                status: 405,
                code: "request.method",
                title: "wrong method",
                detail: detail,
                path: path
            )
        }
        if parts[1] != "events", let query = request.uri.query, !query.isEmpty {
            throw unknownQuery(query, path)
        }
        return try await answer()
    }

    private func status() async -> BoxStatus {
        await board.report(live: try? await gateway.pipeline(deadline: Self.liveDeadline))
    }

    private func service(_ name: String, _ path: String) async throws -> ServiceStatus {
        guard let status = await board.service(named: name) else { throw notFound(path) }
        return status
    }

    private func pipeline(_ path: String) async throws -> PipelineStatus {
        do {
            return try await gateway.pipeline(deadline: Self.pipelineDeadline)
        } catch {
            throw unavailable("\(error)", path)
        }
    }

    /// Peers and transfers are the gateway's; who asks for a change leaves an event.
    private func forward(_ request: Request, _ path: String) async throws -> Response {
        let body = try await request.body.collect(upTo: Self.forwardedBody)
        let method = request.method.rawValue
        do {
            let answer = try await gateway.forward(
                method,
                path,
                body: Array(body.readableBytesView),
                deadline: Self.forwardDeadline
            )
            if request.method != .get {
                let attributes = ["method": method, "path": path, "status": "\(answer.status)"]
                journal.record("admin.request", .info, "a change was asked for", attributes)
            }
            return Response(
                status: .init(code: answer.status),
                headers: [.contentType: answer.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
            )
        } catch {
            throw unavailable("\(error)", path)
        }
    }

    private func unavailable(_ reason: String, _ path: String) -> Problem {
        Problem(
            status: 503,
            code: "pipeline.unavailable",
            title: "the gateway does not answer",
            detail: reason,
            path: path,
            hint: "look at /v1/services/gateway"
        )
    }

    private func metrics() async -> Response {
        let exposition = OpenMetrics(
            pipeline: try? await gateway.pipeline(deadline: Self.liveDeadline),
            services: await board.services,
            supervisor: await board.supervisorProcess
        )
        return Response(
            status: .ok,
            headers: [.contentType: OpenMetrics.mediaType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: exposition.text))
        )
    }

    private func notFound(_ path: String) -> Problem {
        let path = String(path.prefix(256))
        return Problem(status: 404, code: "request.path", title: "no such resource", path: path)
    }

    private func unknownQuery(_ query: String, _ path: String) -> Problem {
        let detail = "found \(query.prefix(80)), expected no query"
        return Problem(status: 400, code: "request.query", title: "unknown query", detail: detail, path: path)
    }
}

// MARK: Answers

private func json(_ value: some Encodable, status: Int = 200, type: String = "application/json") -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let body = (try? encoder.encode(value)) ?? Data("{}".utf8)
    return Response(
        status: .init(code: status),
        headers: [.contentType: type],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
    )
}

private func response(_ problem: Problem) -> Response {
    var response = json(problem, status: problem.status, type: Problem.mediaType)
    if problem.status == 405 { response.headers[.allow] = "GET" }
    return response
}
