// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Console

/// Plays a dialogue against a made-up box and keeps what the terminal would show. Every line is checked on its way.
struct Player {
    private(set) var dialogue: ConsoleDialogue
    let box: FakeBox
    private(set) var question: ConsoleQuestion?
    /// All that was shown, the echo of what was typed with it.
    private(set) var transcript = ""
    /// Since the last answer, with the prompt.
    private(set) var screen = ""
    /// How long each shell may last that had the terminal.
    private(set) var shells: [Duration] = []
    /// Lines that were entered.
    private(set) var answers = 0
    private var uptime = Duration.seconds(1000)
    private let date = Timestamp(milliseconds: 1_795_456_931_042)

    init(_ box: FakeBox, _ language: ConsoleLanguage = .english, settings: ConsoleSettings = .init()) {
        self.box = box
        let now = ConsoleMoment(date: date, uptime: uptime)
        dialogue = ConsoleDialogue(language: language, settings: settings, now: now)
        perform(dialogue.start())
    }

    private var now: ConsoleMoment { ConsoleMoment(date: date, uptime: uptime) }

    private mutating func perform(_ first: [ConsoleAction]) {
        var actions = first
        while !actions.isEmpty {
            var event: ConsoleEvent?
            for (index, action) in actions.enumerated() {
                switch action {
                case .write(let text): show(text)
                case .ask(let next):
                    question = next
                    if next.start != .silent { show(next.prompt) }
                case .request(let request):
                    uptime += .milliseconds(5)
                    event = .answer(box.answer(request))
                case .sleep(let duration):
                    uptime += duration
                    event = .woke
                case .shell(let duration):
                    shells.append(duration)
                    uptime += .seconds(60)
                    event = .woke
                case .end: question = nil
                }
                if case .write = action { continue }
                #expect(index == actions.count - 1, "what brings the next event comes last")
            }
            actions = event.map { dialogue.handle($0, at: now) } ?? []
        }
        check()
    }

    private mutating func show(_ text: String) {
        let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x0A }
        #expect(isPlain, "\(text.debugDescription)")
        transcript += text
        screen += text
    }

    /// 80 columns and 24 rows, the question's among them.
    private func check() {
        let lines = screen.split(separator: "\n", omittingEmptySubsequences: false)
        for line in lines { #expect(line.count < 80, "\(line)") }
        #expect(lines.count <= 24, "\(screen)")
    }

    mutating func enter(_ line: String) {
        answers += 1
        if let question, !question.isSecret { transcript += line }
        transcript += "\n"
        screen = ""
        perform(dialogue.handle(.line(line), at: now))
    }

    mutating func enter(_ lines: [String]) {
        for line in lines { enter(line) }
    }

    mutating func interrupt() {
        transcript += "^C\n"
        screen = ""
        perform(dialogue.handle(.interrupted, at: now))
    }

    /// Lets the question's time run out.
    mutating func wait() {
        guard let timeout = question?.timeout else { return }
        uptime += timeout
        screen = ""
        perform(dialogue.handle(.timedOut, at: now))
    }

    /// Time goes by before the next answer.
    mutating func pass(_ duration: Duration) {
        uptime += duration
    }

    mutating func logIn() {
        enter(["anne", FakeBox.password])
    }

    /// Logs in and chooses from the menu.
    mutating func choose(_ item: MenuItem) {
        logIn()
        enter("\((MenuItem.allCases.firstIndex(of: item) ?? 0) + 1)")
    }

    func shows(_ text: String) -> Bool { screen.contains(text) }
}

/// An admin API that is made up.
final class FakeBox {
    typealias Handler = (ConsoleRequest) -> ConsoleAnswer

    static let password = "correct horse battery"
    static let since = Timestamp(milliseconds: 1_795_450_000_000)

    private(set) var requests: [ConsoleRequest] = []
    /// By method and path, before everything else.
    var handlers: [String: Handler] = [:]

    var state = BoxStatus.State.inService
    var issues: [Admin.Issue] = []
    var links: [NetworkStatus.Link] = [
        FakeBox.link("lo"), FakeBox.link("eno1"), FakeBox.link("eno2", hasCarrier: false),
        FakeBox.link("eno3", hasCarrier: false),
    ]
    var document: JSONValue
    var revision = 1
    var health: BoxHealth?
    /// Name, role.
    var users: [(name: String, role: Role)] = [("anne", .admin)]
    /// What a change meets, one after the other.
    var transaction: [TransactionStatus] = []

    init(factory: Bool = false) throws {
        document = try FakeBox.document(factory ? "" : FakeBox.network)
        if factory { users = [] }
    }

    static let network = """
        , "network": { "interfaces": [{ "name": "eno1", "zone": "care",
            "ipv4": { "method": "static", "address": "10.10.0.5/24", "gateway": "10.10.0.1" } }],
          "dns": { "servers": ["10.10.0.53"] }, "ntp": ["10.10.0.123"],
          "firewall": [{ "zone": "care", "service": "dicom" }] }
        """

    static func document(_ network: String) throws -> JSONValue {
        let text = """
            { "site": "CHU Nantes", "gateway": {
                "dicom": { "aeTitle": "DRIMBOX", "listen": ["127.0.0.1:11112"] },
                "web": { "listen": ["127.0.0.1:8080"], "authorization": "none" } }\(network) }
            """
        return try BoxConfiguration(json: Array(text.utf8)).json
    }

    static func link(_ name: String, hasCarrier: Bool = true) -> NetworkStatus.Link {
        NetworkStatus.Link(
            name: name,
            hasCarrier: hasCarrier,
            mtu: 1500,
            hardwareAddress: "52:54:00:aa:00:01",
            addresses: name == "eno1" ? ["10.10.0.5/24", "fe80::1/64"] : []
        )
    }

    static func ok(_ value: some Encodable, status: Int = 200) -> ConsoleAnswer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return .response(status: status, etag: nil, body: Array((try? encoder.encode(value)) ?? Data()))
    }

    static func problem(_ status: Int, _ code: String, _ detail: String? = nil) -> ConsoleAnswer {
        let problem = Problem(status: status, code: code, title: "title", detail: detail)
        return .response(
            status: status,
            etag: nil,
            body: Array((try? JSONEncoder().encode(problem)) ?? Data())
        )
    }

    func bodies(_ method: String, _ path: String) -> [JSONValue] {
        requests.filter { $0.method == method && $0.target == path }
            .compactMap { try? JSONValue(parsing: $0.body) }
    }

    func answer(_ request: ConsoleRequest) -> ConsoleAnswer {
        requests.append(request)
        let path = String(request.target.prefix { $0 != "?" })
        if let handler = handlers["\(request.method) \(path)"] { return handler(request) }
        switch (request.method, path) {
        case ("GET", "/v1/status"): return Self.ok(status)
        case ("GET", "/v1/network"): return Self.ok(NetworkStatus(links: links, routes: []))
        case ("GET", "/v1/config"):
            return .response(status: 200, etag: "\"\(revision)\"", body: Array(document.text().utf8))
        case ("GET", "/v1/health"): return health.map { Self.ok($0) } ?? Self.problem(404, "request.path")
        case ("GET", "/v1/issues"): return Self.ok(IssueList(issues: issues))
        case ("GET", "/v1/users"): return userList
        case ("POST", "/v1/users"): return addUser(request)
        case ("POST", "/v1/sessions"): return logIn(request)
        case ("POST", "/v1/config/validate"): return validate(request)
        case ("POST", "/v1/config/transactions"): return propose(request)
        case ("GET", "/v1/config/transactions/7c1f"), ("POST", "/v1/config/revisions/17/restore"):
            return transaction.isEmpty
                ? Self.problem(404, "request.path") : Self.ok(transaction.removeFirst())
        default: return Self.problem(404, "request.path")
        }
    }

    private var status: BoxStatus {
        BoxStatus(
            site: "CHU Nantes",
            state: state,
            since: Self.since,
            version: "1.4.2",
            uptimeSeconds: 41 * 86_400 + 3 * 3600,
            services: [.init(ServiceStatus(name: "gateway", state: .running, since: Self.since))],
            pipeline: nil,
            issues: issues
        )
    }

    private var userList: ConsoleAnswer {
        Self.ok(
            ConsoleUserList(users: users.map { ConsoleUser(name: $0.name, role: $0.role, isLocked: false) })
        )
    }

    private func addUser(_ request: ConsoleRequest) -> ConsoleAnswer {
        guard let user = try? JSONDecoder().decode(ConsoleUserRequest.self, from: Data(request.body)) else {
            return Self.problem(400, "request.body")
        }
        if let objection = user.objection { return Self.problem(422, "user.invalid", objection) }
        users.append((user.name, user.role))
        return userList
    }

    private func logIn(_ request: ConsoleRequest) -> ConsoleAnswer {
        guard let login = try? JSONDecoder().decode(LoginRequest.self, from: Data(request.body)),
            let user = users.first(where: { $0.name == login.user }), login.password == Self.password
        else { return Self.problem(403, "auth.denied", "the name or the password is wrong") }
        return Self.ok(Login(user: user.name, role: user.role))
    }

    private func validate(_ request: ConsoleRequest) -> ConsoleAnswer {
        do throws(ConfigurationError) {
            let candidate = try BoxConfiguration(json: request.body).json
            return Self.ok(ValidationReport(diff: ConfigurationDifference.between(document, candidate)))
        } catch {
            return Self.ok(ValidationReport(error: error))
        }
    }

    private func propose(_ request: ConsoleRequest) -> ConsoleAnswer {
        guard request.headers["If-Match"] == "\"\(revision)\"" else {
            return Self.problem(412, "config.stale")
        }
        guard let change = try? TransactionRequest(json: request.body),
            let box = try? BoxConfiguration(json: Array(change.document.text().utf8))
        else { return Self.problem(422, "config.invalid", "found \"x\", expected y") }
        if transaction.last?.state == .confirmed {
            document = box.json
            revision += 1
        }
        return Self.ok(Self.trial(.applying), status: 202)
    }

    static func trial(
        _ state: TransactionStatus.State,
        _ probes: [NetworkTestStep] = [],
        reason: String? = nil,
        mode: ConfirmPolicy.Mode = .auto
    ) -> TransactionStatus {
        var status = TransactionStatus(
            tx: "7c1f",
            state: state,
            confirm: ConfirmPolicy(mode: mode, seconds: 120),
            author: "root",
            comment: "install wizard",
            base: 18,
            deadline: Timestamp(milliseconds: since.milliseconds + 120_000),
            differences: [
                ConfigurationDifference(
                    path: "network.interfaces[eno1].ipv4.address",
                    old: "\"10.10.0.5/24\"",
                    new: "\"10.10.0.66/24\""
                )
            ]
        )
        status.probes = probes
        status.reason = reason
        if state == .confirmed { status.revision = 19 }
        return status
    }
}

struct SeededGenerator: RandomNumberGenerator {
    /// Steele, Lea, Flood: SplitMix64.
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
