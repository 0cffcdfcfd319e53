// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux

struct IssuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issues",
        abstract: "What a person should look at.",
        subcommands: [IssuesListCommand.self, IssuesShowCommand.self],
        defaultSubcommand: IssuesListCommand.self
    )
}

struct IssuesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "All of them; exit 1 if one is critical."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/issues")
        let list = try options.client.decode(IssueList.self, body)
        options.show(body) { options.rendering.issues(list.issues) }
        if list.issues.contains(where: { $0.severity == .critical }) { throw Exit.failed }
    }
}

struct IssuesShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "One with its evidence.")

    @OptionGroup var options: Options

    @Argument(help: "Its code: W-TIME-01")
    var code: String

    func run() async throws {
        let body = try await options.client.get("/v1/issues/\(PathSegment.encoded(code))")
        let issue = try options.client.decode(Issue.self, body)
        options.show(body) { options.rendering.issue(issue) }
    }
}

struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Disks, arrays, TPM, heat, memory, clock."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/health")
        let report = try options.client.decode(BoxHealth.self, body)
        options.show(body) { options.rendering.health(report) }
    }
}

struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Restarts a supervised program.",
        subcommands: [ServiceRestartCommand.self]
    )
}

struct ServiceRestartCommand: AsyncParsableCommand {
    /// Its time to end, and more.
    private static let seconds = 40

    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Ends it and starts it at once, also when it was held."
    )

    @OptionGroup var options: Options

    @Argument(help: "Its name.")
    var name: String

    func run() async throws {
        let target = "/v1/services/\(PathSegment.encoded(name))/restart"
        let body = try await options.client.request("POST", target, seconds: Self.seconds)
        let status = try options.client.decode(ServiceStatus.self, body)
        options.show(body) { options.rendering.services([status]) }
    }
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Who changed what.",
        subcommands: [AuditListCommand.self, AuditVerifyCommand.self],
        defaultSubcommand: AuditListCommand.self
    )
}

struct AuditListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Its rows; with -o ndjson, an export."
    )

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Only rows after this number.", valueName: "number"))
    var since = 0

    func run() async throws { try await options.showAudit("/v1/audit", since: since) }
}

struct TracesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "traces",
        abstract:
            "Who asked for images, and what the RIS and the record were told; with -o ndjson, an export."
    )

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Only rows after this number.", valueName: "number"))
    var since = 0

    func run() async throws { try await options.showAudit("/v1/pipeline/traces", since: since) }
}

struct StatisticsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "statistics",
        abstract: "A line for each contextual call (ModelStat), as CSV."
    )

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("Of one month only.", valueName: "YYYY-MM"))
    var month: String?

    func validate() throws {
        guard let month else { return }
        let digits = month.split(separator: "-", omittingEmptySubsequences: false)
        guard digits.map(\.count) == [4, 2], digits.joined().allSatisfy(\.isNumber) else {
            throw ValidationError("--month: found \"\(month)\", expected YYYY-MM")
        }
    }

    func run() async throws {
        print("Date_Appel;Nombre_Appel;Statut_Appel")
        try await options.pages("/v1/pipeline/traces", since: 0) { page, _ in
            for row in page.rows where row.action == "contextual call" {
                guard month.map({ "\(row.time)".hasPrefix($0) }) ?? true else { continue }
                print("\(row.time);1;\(row.outcome)")
            }
        }
    }
}

extension Options {
    fileprivate func showAudit(_ path: String, since: Int) async throws {
        try await pages(path, since: since) { page, body in
            switch output {
            case .text: print(rendering.audit(page.rows))
            case .json: print(String(decoding: body, as: UTF8.self))
            case .ndjson:
                for row in page.rows { print(String(decoding: try JSONEncoder().encode(row), as: UTF8.self)) }
            }
        }
    }

    /// A page of rows after the other, until there is none.
    fileprivate func pages(
        _ path: String,
        since: Int,
        _ take: (AuditPage, _ body: [UInt8]) throws -> Void
    ) async throws {
        var last = since
        while true {
            let body = try await client.get("\(path)?since=\(last)")
            let page = try client.decode(AuditPage.self, body)
            guard let newest = page.rows.last else { return }
            try take(page, body)
            last = newest.number
        }
    }
}

struct AuditVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Goes through the chain of hashes; exit 1 where it is broken."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.request("GET", "/v1/audit/verify", seconds: 60)
        let result = try options.client.decode(AuditVerification.self, body)
        options.show(body) { options.rendering.verification(result) }
        if !result.isIntact { throw Exit.failed }
    }
}

struct WhoAmICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "whoami",
        abstract: "Who the box thinks you are."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/whoami")
        let identity = try options.client.decode(Identity.self, body)
        options.show(body) { "\(identity.user) (uid \(identity.uid)): \(identity.role.rawValue)" }
    }
}

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user",
        abstract: "Who may log in on the console.",
        subcommands: [UserListCommand.self, UserAddCommand.self, UserRemoveCommand.self],
        defaultSubcommand: UserListCommand.self
    )
}

struct UserListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "All of them.")

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/users")
        let list = try options.client.decode(ConsoleUserList.self, body)
        options.show(body) {
            list.users.map { "\($0.name)  \($0.role.rawValue)\($0.isLocked ? "  locked" : "")" }.joined(
                separator: "\n"
            )
        }
    }
}

struct UserAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Adds a person, or gives a new password; the password is read from standard input."
    )

    @OptionGroup var options: Options

    @Argument(help: "Login name.")
    var name: String

    @Option(help: "viewer, operator or admin.")
    var role: String = "operator"

    func run() async throws {
        guard let role = Role(rawValue: role) else {
            throw ValidationError("--role: viewer, operator or admin")
        }
        guard let password = readLine(strippingNewline: true) else {
            throw ValidationError("no password on standard input")
        }
        let body = Array(
            try JSONEncoder().encode(ConsoleUserRequest(name: name, role: role, password: password))
        )
        _ = try await options.client.request("POST", "/v1/users", body: body)
    }
}

struct UserRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Takes a person's login away."
    )

    @OptionGroup var options: Options

    @Argument(help: "Login name.")
    var name: String

    func run() async throws {
        _ = try await options.client.request("DELETE", "/v1/users/\(PathSegment.encoded(name))")
    }
}
