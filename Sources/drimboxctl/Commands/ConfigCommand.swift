// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux
import Transfer

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "The box's configuration: read it, try a change, keep it or go back.",
        subcommands: [
            ConfigGetCommand.self, ConfigSetCommand.self, ConfigEditCommand.self, ConfigValidateCommand.self,
            ConfigDiffCommand.self, ConfigApplyCommand.self, ConfigPendingCommand.self,
            ConfigConfirmCommand.self,
            ConfigCancelCommand.self,
            ConfigHistoryCommand.self, ConfigShowCommand.self, ConfigRollbackCommand.self,
            ConfigRescueCommand.self, ConfigExportCommand.self, ConfigImportCommand.self,
        ]
    )

    static func read(_ file: String) throws -> [UInt8] {
        do {
            return try readFile(file == "-" ? "/dev/stdin" : file, limit: 1 << 20)
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.usage
        }
    }

    static func parse(_ bytes: [UInt8], _ name: String) throws -> JSONValue {
        do throws(ConfigurationError) {
            return try JSONValue(parsing: bytes)
        } catch {
            StandardError.print("drimboxctl: \(name): \(error)")
            throw Exit.invalid
        }
    }

    static func newest(_ client: AdminClient) async throws -> (document: JSONValue, tag: String) {
        let response = try await client.call("GET", "/v1/config")
        return (try parse(response.body, "/v1/config"), response.headers["etag"] ?? "*")
    }
}

struct ConfigGetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "The configuration in force, JSON."
    )

    @OptionGroup var options: Options

    @Argument(help: "A value's path: network.interfaces[0].ipv4")
    var path: String?

    func run() async throws {
        let query = path.map { "?path=\(PathSegment.encoded($0))" } ?? ""
        let body = try await options.client.get("/v1/config\(query)")
        print(String(decoding: body, as: UTF8.self), terminator: "")
    }
}

/// How a change becomes permanent.
struct ConfirmOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "auto: by probes that passed before; a number: by `config confirm` within so many seconds; none: at once.",
            valueName: "auto|seconds|none"
        )
    )
    var confirm = "auto"

    @Option(help: ArgumentHelp("With auto: undone after so many seconds.", valueName: "seconds"))
    var timeout = 120

    func validate() throws {
        _ = try policy
    }

    var policy: ConfirmPolicy {
        get throws {
            let seconds = Int(confirm) ?? timeout
            guard let mode = ConfirmPolicy.Mode(rawValue: Int(confirm) == nil ? confirm : "manual"),
                ConfirmPolicy.seconds.contains(seconds)
            else { throw ValidationError("--confirm: auto, none, or 10 to 900 seconds") }
            return ConfirmPolicy(mode: mode, seconds: seconds)
        }
    }
}

struct ConfigSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "set", abstract: "Tries other values.")

    @OptionGroup var options: Options
    @OptionGroup var confirm: ConfirmOptions

    @Argument(help: "PATH=VALUE; a value that is not JSON is a text.")
    var values: [String]

    func run() async throws {
        let client = options.client
        var (document, tag) = try await ConfigCommand.newest(client)
        for item in values {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { throw ValidationError("\(item): expected PATH=VALUE") }
            let value = (try? JSONValue(parsing: Array(pair[1].utf8))) ?? .string(String(pair[1]))
            guard let next = document.setting(String(pair[0]), to: value) else {
                throw ValidationError("\(pair[0]): no such path")
            }
            document = next
        }
        try await Trial(options).start(document, tag, try confirm.policy, values.joined(separator: " "))
    }
}

struct ConfigApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Tries the document in a file; exit 7 if it was rolled back."
    )

    @OptionGroup var options: Options
    @OptionGroup var confirm: ConfirmOptions

    @Argument(help: "JSON; - is standard input.")
    var file: String

    @Option(help: "Kept with the revision.")
    var comment = ""

    func run() async throws {
        let document = try ConfigCommand.parse(try ConfigCommand.read(file), file)
        let (_, tag) = try await ConfigCommand.newest(options.client)
        try await Trial(options).start(document, tag, try confirm.policy, comment)
    }
}

struct ConfigExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes the document in force to a file, for `config import` here or on another box."
    )

    @OptionGroup var options: Options

    @Argument(help: "Where it goes; standard output where it is absent.")
    var file: String?

    func run() async throws {
        let body = try await options.client.get("/v1/config")
        guard let file else { return print(String(decoding: body, as: UTF8.self), terminator: "") }
        try BackupCommand.write(body, to: file)
    }
}

struct ConfigImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract:
            "Shows what a file would change, and tries it; exit 3 if it is not valid, 7 if it was rolled back."
    )

    @OptionGroup var options: Options
    @OptionGroup var confirm: ConfirmOptions

    @Argument(help: "JSON; - is standard input.")
    var file: String

    func run() async throws {
        let client = options.client
        let bytes = try ConfigCommand.read(file)
        let document = try ConfigCommand.parse(bytes, file)
        let body = try await client.request("POST", "/v1/config/validate", body: bytes)
        let report = try client.decode(ValidationReport.self, body)
        if options.output == .text || !report.ok {
            options.show(body) { options.rendering.validation(report) }
        }
        guard report.ok else { throw Exit.invalid }
        let (_, tag) = try await ConfigCommand.newest(client)
        try await Trial(options).start(document, tag, try confirm.policy, "imported from a file")
    }
}

struct ConfigValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Whether a file could be applied, and what would change; exit 3 if not."
    )

    @OptionGroup var options: Options

    @Argument(help: "JSON; - is standard input.")
    var file: String

    func run() async throws {
        let client = options.client
        let bytes = try ConfigCommand.read(file)
        _ = try ConfigCommand.parse(bytes, file)
        let body = try await client.request("POST", "/v1/config/validate", body: bytes)
        let report = try client.decode(ValidationReport.self, body)
        options.show(body) { options.rendering.validation(report) }
        if !report.ok { throw Exit.invalid }
    }
}

struct ConfigDiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "What differs between revisions."
    )

    @OptionGroup var options: Options

    @Argument(help: "Older revision; the one before the newest where it is absent.")
    var old: Int?

    @Argument(help: "Newer revision; the one in force where it is absent.")
    var new: Int?

    func run() async throws {
        let client = options.client
        let (current, tag) = try await ConfigCommand.newest(client)
        let number = Int(tag.filter { $0 != "\"" }) ?? 1
        let left = try await document(old ?? max(1, number - 1), client)
        let right = new == nil ? current : try await document(new ?? number, client)
        let differences = ConfigurationDifference.between(left, right)
        let body = Array(try JSONEncoder().encode(differences))
        options.show(body) { options.rendering.differences(differences) }
    }

    private func document(_ number: Int, _ client: AdminClient) async throws -> JSONValue {
        try ConfigCommand.parse(try await client.get("/v1/config/revisions/\(number)"), "revision \(number)")
    }
}

struct ConfigPendingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pending",
        abstract: "The change that is being tried."
    )

    @OptionGroup var options: Options

    func run() async throws {
        try await Trial(options).show("GET", "/v1/config/pending")
    }
}

struct ConfigConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Keeps the change that is tried."
    )

    @OptionGroup var options: Options

    @Argument(help: "The transaction; the pending one where it is absent.")
    var tx: String?

    func run() async throws {
        let trial = Trial(options)
        try await trial.show("POST", "/v1/config/transactions/\(try await trial.pending(tx))/confirm")
    }
}

struct ConfigCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Undoes the change that is tried."
    )

    @OptionGroup var options: Options

    @Argument(help: "The transaction; the pending one where it is absent.")
    var tx: String?

    func run() async throws {
        let trial = Trial(options)
        try await trial.show("DELETE", "/v1/config/transactions/\(try await trial.pending(tx))")
    }
}

struct ConfigHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "The revisions that are kept."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/config/revisions")
        let list = try options.client.decode(RevisionList.self, body)
        options.show(body) { options.rendering.revisions(list.revisions) }
    }
}

struct ConfigShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "A revision's document.")

    @OptionGroup var options: Options

    @Argument(help: "Its number.")
    var number: Int

    func run() async throws {
        let body = try await options.client.get("/v1/config/revisions/\(number)")
        print(String(decoding: body, as: UTF8.self), terminator: "")
    }
}

struct ConfigRollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Tries an older revision again."
    )

    @OptionGroup var options: Options
    @OptionGroup var confirm: ConfirmOptions

    @Argument(help: "Its number.")
    var number: Int

    func run() async throws {
        let policy = Array(try JSONEncoder().encode(try confirm.policy))
        try await Trial(options).follow("/v1/config/revisions/\(number)/restore", [:], policy)
    }
}

struct ConfigRescueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rescue",
        abstract: "The revision to go back to when nothing else works."
    )

    @OptionGroup var options: Options

    @Argument(help: "`set` makes a revision the rescue revision; nothing shows it.")
    var action: String?

    @Argument(help: "The revision; the one in force where it is absent.")
    var number: Int?

    func run() async throws {
        let client = options.client
        guard let action else {
            let body = try await client.get("/v1/config/rescue")
            return print(String(decoding: body, as: UTF8.self), terminator: "")
        }
        guard action == "set" else { throw ValidationError("\(action): expected set") }
        let newest = try await ConfigCommand.newest(client).tag.filter { $0 != "\"" }
        let body = try await client.request("PUT", "/v1/config/rescue/\(number.map(String.init) ?? newest)")
        let list = try client.decode(RevisionList.self, body)
        options.show(body) { options.rendering.revisions(list.revisions) }
    }
}

/// Starts a trial and follows it to where a person is needed, or its end.
struct Trial {
    /// Undoing returns when the confirmed revision is in force.
    private static let seconds = 30

    private let options: Options

    init(_ options: Options) {
        self.options = options
    }

    func pending(_ tx: String?) async throws -> String {
        if let tx { return tx }
        let body = try await options.client.get("/v1/config/pending")
        return try options.client.decode(TransactionStatus.self, body).tx
    }

    /// What a call says of the transaction.
    func show(_ method: String, _ target: String) async throws {
        let body = try await options.client.request(method, target, seconds: Self.seconds)
        let status = try options.client.decode(TransactionStatus.self, body)
        options.show(body) { options.rendering.transaction(status) }
    }

    func start(_ document: JSONValue, _ tag: String, _ policy: ConfirmPolicy, _ comment: String) async throws
    {
        let request = TransactionRequest(
            document: document,
            comment: String(comment.prefix(256)),
            confirm: policy
        )
        let body = Array(request.json.text().utf8)
        try await follow("/v1/config/transactions", ["if-match": tag], body)
    }

    func follow(_ target: String, _ headers: [String: String], _ content: [UInt8]) async throws {
        let client = options.client
        var body = try await client.call("POST", target, headers: headers, body: content).body
        var status = try client.decode(TransactionStatus.self, body)
        while status.state == .applying || (status.state == .awaiting && status.confirm.mode != .manual) {
            try await Task.sleep(for: .milliseconds(200))
            body = try await client.get("/v1/config/transactions/\(status.tx)")
            status = try client.decode(TransactionStatus.self, body)
        }
        options.show(body) { options.rendering.transaction(status) }
        if status.state == .rolledBack { throw Exit.rolledBack }
    }
}
