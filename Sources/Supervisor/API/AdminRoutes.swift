// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Hummingbird
import Linux
import NIOCore
import HostNetwork
import Store

/// What the routes work on, and the table of them: `docs/admin-api.yaml` tells the same.
struct AdminRoutes: Sendable {
    /// A live question to the gateway may hold up `/v1/status` for so long.
    static let liveDeadline: Duration = .seconds(1)
    static let pipelineDeadline: Duration = .seconds(5)
    /// A C-ECHO to a peer that is not there takes its time.
    static let forwardDeadline: Duration = .seconds(45)
    static let auditPage = 1000

    let board: StatusBoard
    let gateway: GatewayClient
    let supervisor: ServiceSupervisor
    let transactions: ConfigurationTransactions
    let health: HealthMonitor
    let hardware: HardwareProbe
    let users: ConsoleUsers
    let updates: UpdateClient
    let desk: ProvisioningDesk
    let audit: AuditTable
    let journal: EventJournal

    var all: [AdminRoute] {
        box + pipeline + configuration + network + persons + provisioning + updateRoutes + auditing
    }

    func get(
        _ pattern: String,
        role: Role = .viewer,
        _ answer: @escaping @Sendable (AdminRequest) async throws -> Response
    ) -> AdminRoute {
        AdminRoute(method: "GET", pattern: pattern, role: role) { request in
            _ = try request.query([])
            return try await answer(request)
        }
    }

    func post(
        _ pattern: String,
        role: Role,
        worksInSafeMode: Bool = false,
        isAudited: Bool = true,
        mayTakeLong: Bool = false,
        _ answer: @escaping @Sendable (AdminRequest) async throws -> Response
    ) -> AdminRoute {
        AdminRoute(
            method: "POST",
            pattern: pattern,
            role: role,
            worksInSafeMode: worksInSafeMode,
            isAudited: isAudited,
            mayTakeLong: mayTakeLong,
            answer: answer
        )
    }

    // MARK: The box

    private var box: [AdminRoute] {
        [
            get("/v1/version") { _ in AdminAnswer.json(VersionReport()) },
            get("/v1/whoami") { AdminAnswer.json($0.caller) },
            get("/v1/status") { _ in AdminAnswer.json(await status()) },
            get("/v1/services") { _ in AdminAnswer.json(ServiceList(services: await board.services)) },
            get("/v1/services/{name}") { request in
                guard let status = await board.service(named: request.parameter("name")) else {
                    throw AdminAnswer.notFound(request.path)
                }
                return AdminAnswer.json(status)
            },
            post("/v1/services/{name}/restart", role: .operator) { request in
                guard let status = await board.service(named: request.parameter("name")) else {
                    throw AdminAnswer.notFound(request.path)
                }
                await supervisor.restart()
                return AdminAnswer.json(await board.service(named: status.name) ?? status, status: 202)
            },
            get("/v1/health") { _ in AdminAnswer.json(await health.report) },
            post("/v1/health/check", role: .operator, worksInSafeMode: true, mayTakeLong: true) { _ in
                await health.look(everything: true)
                return AdminAnswer.json(await health.report)
            },
            get("/v1/issues") { _ in AdminAnswer.json(IssueList(issues: await board.openIssues)) },
            get("/v1/issues/{code}") { request in
                guard
                    let issue = await board.openIssues.first(where: { $0.code == request.parameter("code") })
                else { throw AdminAnswer.notFound(request.path) }
                return AdminAnswer.json(issue)
            },
            get("/v1/metrics") { _ in
                AdminAnswer.text(await metrics.text, type: OpenMetrics.mediaType)
            },
            AdminRoute(method: "GET", pattern: "/v1/events", role: .viewer) { try events($0) },
        ]
    }

    func status() async -> BoxStatus {
        await board.report(
            live: try? await gateway.pipeline(deadline: Self.liveDeadline),
            provisioning: await desk.enrolment.state
        )
    }

    var metrics: OpenMetrics {
        get async {
            OpenMetrics(
                pipeline: try? await gateway.pipeline(deadline: Self.liveDeadline),
                services: await board.services,
                supervisor: await board.supervisorProcess
            )
        }
    }

    // MARK: The pipeline

    private var pipeline: [AdminRoute] {
        [
            get("/v1/pipeline") { request in
                do {
                    return AdminAnswer.json(try await gateway.pipeline(deadline: Self.pipelineDeadline))
                } catch {
                    throw unavailable("\(error)", request.path)
                }
            },
            AdminRoute(method: "GET", pattern: "/v1/pipeline/traces", role: .operator) { request in
                let since = try request.query(["since"])["since"].map { try request.number($0, "since") } ?? 0
                return try await forward("GET", request, target: "\(request.path)?since=\(since)")
            },
            get("/v1/pipeline/queue") { try await forward("GET", $0) },
            get("/v1/pipeline/queue/{number}") { try await forward("GET", $0) },
            post("/v1/pipeline/queue/{number}/retry", role: .operator) { try await forward("POST", $0) },
            post("/v1/pipeline/queue/{number}/hold", role: .operator) { try await forward("POST", $0) },
            post("/v1/pipeline/queue/{number}/drop", role: .operator) { try await forward("POST", $0) },
            // A message with its report: an administrator's to answer for, too.
            AdminRoute(
                method: "GET",
                pattern: "/v1/pipeline/refused/{digest}",
                role: .admin,
                needsReason: true
            ) {
                try await forward("GET", $0, bodyLimit: ManifestArchiveSubmission.longest)
            },
            get("/v1/pipeline/archive") { try await forward("GET", $0) },
            // Identities leave the box: that is an administrator's to answer for.
            AdminRoute(
                method: "GET",
                pattern: "/v1/pipeline/archive/{month}",
                role: .admin,
                needsReason: true
            ) { try await forward("GET", $0, bodyLimit: ManifestArchiveSubmission.longest) },
            AdminRoute(
                method: "GET",
                pattern: "/v1/pipeline/archive/{month}/{directory}/{manifest}",
                role: .admin,
                isAudited: false
            ) { try await forward("GET", $0, bodyLimit: ManifestArchiveSubmission.longest) },
            AdminRoute(
                method: "POST",
                pattern: "/v1/pipeline/archive",
                role: .admin,
                longestBody: ManifestArchiveSubmission.longest
            ) { try await forward("POST", $0) },
            get("/v1/peers") { try await forward("GET", $0) },
            post("/v1/peers/{aeTitle}/echo", role: .operator, mayTakeLong: true) {
                try await forward("POST", $0)
            },
            get("/v1/transfers") { try await forward("GET", $0) },
            post("/v1/transfers", role: .operator) { try await forward("POST", $0) },
            get("/v1/transfers/{id}") { try await forward("GET", $0) },
            AdminRoute(method: "DELETE", pattern: "/v1/transfers/{id}", role: .operator) {
                try await forward("DELETE", $0)
            },
        ]
    }

    /// Peers and transfers are the gateway's.
    private func forward(
        _ method: String,
        _ request: AdminRequest,
        target: String? = nil,
        bodyLimit: Int = 4 << 20
    ) async throws -> Response {
        do {
            let answer = try await gateway.forward(
                method,
                target ?? request.path,
                body: request.body,
                deadline: Self.forwardDeadline,
                bodyLimit: bodyLimit
            )
            return Response(
                status: .init(code: answer.status),
                headers: [.contentType: answer.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
            )
        } catch {
            throw unavailable("\(error)", request.path)
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

    // MARK: Configuration

    private var configuration: [AdminRoute] {
        [
            AdminRoute(method: "GET", pattern: "/v1/config", role: .viewer) { try await document($0) },
            post("/v1/config/validate", role: .viewer, worksInSafeMode: true, isAudited: false) { request in
                AdminAnswer.json(await transactions.validate(try parsed(request)))
            },
            post("/v1/config/transactions", role: .admin) { request in
                let change = try checked { () throws(ConfigurationError) in
                    try TransactionRequest(json: request.body)
                }
                let status = try await transactions.propose(
                    change,
                    base: try base(request),
                    author: request.caller.user
                )
                return AdminAnswer.json(status, status: 202)
            },
            get("/v1/config/transactions/{tx}") { request in
                AdminAnswer.json(try await transactions.status(of: request.parameter("tx")))
            },
            get("/v1/config/pending") { request in
                guard let status = await transactions.pendingStatus else {
                    throw Problem(
                        status: 404,
                        code: "config.none",
                        title: "nothing is pending",
                        path: request.path
                    )
                }
                return AdminAnswer.json(status)
            },
            post("/v1/config/transactions/{tx}/confirm", role: .admin, worksInSafeMode: true) { request in
                AdminAnswer.json(
                    try await transactions.confirm(
                        request.parameter("tx"),
                        connected: request.connected,
                        author: request.caller.user
                    )
                )
            },
            AdminRoute(
                method: "DELETE",
                pattern: "/v1/config/transactions/{tx}",
                role: .admin,
                worksInSafeMode: true
            ) { request in
                AdminAnswer.json(
                    try await transactions.cancel(request.parameter("tx"), author: request.caller.user)
                )
            },
            get("/v1/config/revisions") { _ in AdminAnswer.json(try await transactions.revisions()) },
            get("/v1/config/revisions/{number}") { request in
                let number = try request.number(request.parameter("number"), "revision")
                return AdminAnswer.document(try await transactions.document(of: number))
            },
            post("/v1/config/revisions/{number}/restore", role: .admin, worksInSafeMode: true) { request in
                let number = try request.number(request.parameter("number"), "revision")
                return AdminAnswer.json(
                    try await transactions.proposeRevision(
                        number,
                        confirm: try confirmation(request),
                        author: request.caller.user
                    ),
                    status: 202
                )
            },
            get("/v1/config/rescue") { request in
                guard let rescue = try await transactions.rescueDocument() else {
                    throw AdminAnswer.notFound(request.path)
                }
                return AdminAnswer.document(rescue.document, headers: [.eTag: "\"\(rescue.number)\""])
            },
            AdminRoute(method: "PUT", pattern: "/v1/config/rescue/{number}", role: .admin) { request in
                try await transactions.setRescue(try request.number(request.parameter("number"), "revision"))
                return AdminAnswer.json(try await transactions.revisions())
            },
        ]
    }

    private func document(_ request: AdminRequest) async throws -> Response {
        let path = try request.query(["path"])["path"]
        let (document, number) = await (transactions.document, transactions.number)
        let tag: HTTPFields = [.eTag: "\"\(number)\""]
        guard let path, !path.isEmpty else { return AdminAnswer.document(document, headers: tag) }
        guard let value = document[path: path] else {
            throw Problem(
                status: 404,
                code: "config.path",
                title: "no such value",
                detail: String(path.prefix(200))
            )
        }
        return AdminAnswer.document(value, headers: tag)
    }

    private func parsed(_ request: AdminRequest) throws -> JSONValue {
        try checked { () throws(ConfigurationError) in try JSONValue(parsing: request.body) }
    }

    private func checked<Value>(_ body: () throws(ConfigurationError) -> Value) throws(Problem) -> Value {
        do throws(ConfigurationError) {
            return try body()
        } catch {
            throw Problem(
                status: 400,
                code: "request.body",
                title: "the request is not understood",
                detail: error.description
            )
        }
    }

    /// `If-Match`: the revision that the caller has changed.
    private func base(_ request: AdminRequest) throws -> Int? {
        guard let tag = request.headers["if-match"], tag != "*" else { return nil }
        return try request.number(tag.filter { $0 != "\"" }, "If-Match")
    }

    /// Without a body: by probes.
    private func confirmation(_ request: AdminRequest) throws -> ConfirmPolicy {
        if request.body.isEmpty { return ConfirmPolicy(mode: .auto) }
        guard let policy = try? JSONDecoder().decode(ConfirmPolicy.self, from: Data(request.body + [0x0A])),
            ConfirmPolicy.seconds.contains(policy.seconds)
        else {
            throw Problem(
                status: 400,
                code: "request.body",
                title: "the request is not understood",
                detail: "expected {\"mode\":\"auto|manual|none\",\"seconds\":10...900}"
            )
        }
        return policy
    }

    // MARK: Network

    private var network: [AdminRoute] {
        [
            get("/v1/network") { _ in
                do {
                    let links = try await transactions.links()
                    return AdminAnswer.json(
                        NetworkStatus(
                            links: links.map(\.report),
                            routes: try await transactions.routes().map(\.report)
                        )
                    )
                } catch {
                    throw Problem(
                        status: 503,
                        code: "net.unavailable",
                        title: "the network cannot be looked at",
                        detail: "\(error)"
                    )
                }
            },
            AdminRoute(
                method: "POST",
                pattern: "/v1/network/tests",
                role: .operator,
                worksInSafeMode: true,
                mayTakeLong: true
            ) { request in
                let words = try request.query(["only"])["only"]?.split(separator: ",") ?? []
                let kinds = try words.map { word in
                    guard let kind = NetworkTestStep.Kind(rawValue: String(word)) else {
                        let names = NetworkTestStep.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                        throw Problem(
                            status: 400,
                            code: "request.query",
                            title: "unknown test",
                            detail: "found \(word.prefix(40)), expected \(names)"
                        )
                    }
                    return kind
                }
                return AdminAnswer.json(await transactions.test(Set(kinds)))
            },
        ]
    }

    // MARK: Persons of the console

    private var persons: [AdminRoute] {
        [
            get("/v1/users") { _ in AdminAnswer.json(ConsoleUserList(users: try users.all())) },
            post("/v1/users", role: .admin) { request in
                try await users.put(try decoded(ConsoleUserRequest.self, request))
                return AdminAnswer.json(ConsoleUserList(users: try users.all()))
            },
            AdminRoute(method: "DELETE", pattern: "/v1/users/{name}", role: .admin) { request in
                guard try users.remove(request.parameter("name")) else {
                    throw AdminAnswer.notFound(request.path)
                }
                return AdminAnswer.json(ConsoleUserList(users: try users.all()))
            },
            post("/v1/sessions", role: .viewer, worksInSafeMode: true) { request in
                AdminAnswer.json(try await users.login(try decoded(LoginRequest.self, request)))
            },
        ]
    }

    func decoded<Value: Decodable>(_ type: Value.Type, _ request: AdminRequest) throws -> Value {
        guard let value = try? JSONDecoder().decode(type, from: Data(request.body + [0x0A])) else {
            throw Problem(
                status: 400,
                code: "request.body",
                title: "the request is not understood",
                detail: "expected the members of \(type)",
                path: request.path
            )
        }
        return value
    }

    // MARK: Audit

    private var auditing: [AdminRoute] {
        [
            AdminRoute(method: "GET", pattern: "/v1/audit", role: .viewer) { request in
                let since = try request.query(["since"])["since"].map { try request.number($0, "since") } ?? 0
                let rows = try audit.rows(after: since, limit: Self.auditPage)
                return AdminAnswer.json(AuditPage(rows: rows.map(\.report)))
            },
            get("/v1/audit/verify", role: .operator) { _ in
                switch try audit.verify() {
                case .intact(let rows, let head):
                    AdminAnswer.json(
                        AuditVerification(isIntact: true, rows: rows, head: head, firstBroken: nil)
                    )
                case .broken(let number):
                    AdminAnswer.json(
                        AuditVerification(isIntact: false, rows: number - 1, head: nil, firstBroken: number)
                    )
                }
            },
        ]
    }
}

extension AuditTable.Row {
    fileprivate var report: AuditRow {
        AuditRow(
            number: number,
            time: Timestamp(milliseconds: time),
            user: user,
            action: action,
            subject: subject,
            outcome: outcome,
            reason: reason,
            hash: hash
        )
    }
}
