// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux

/// The program, as it is started by its name.
package func run() async { await Command.main() }

struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drimboxctl",
        abstract: "Asks the DRIMbox how it is, and changes its configuration.",
        discussion: """
            Exit: 0 ok, 1 failed, 2 usage, 3 invalid configuration, 4 denied, 5 conflict or pending, \
            6 daemon unreachable, 7 rolled back, 8 deadline.
            """,
        version: Software.version,
        subcommands: [
            StatusCommand.self, IssuesCommand.self, HealthCommand.self, EventsCommand.self,
            ConfigCommand.self,
            NetCommand.self, ServiceCommand.self, ServicesCommand.self, PipelineCommand.self,
            DICOMCommand.self,
            AuditCommand.self, UserCommand.self, EnrolCommand.self, ProvisionCommand.self,
            BackupCommand.self, AcceptanceCommand.self, SupportCommand.self, PowerCommand.self,
            FactoryResetCommand.self, DiskCommand.self, TPMCommand.self, TimeCommand.self,
            CredentialCommand.self, MediaCommand.self, RecoveryCommand.self, WhiteListCommand.self,
            ManifestCommand.self,
            UpdateCommand.self,
            ConsoleCommand.self, MetricsCommand.self,
            WhoAmICommand.self,
            VersionCommand.self, ManPageCommand.self,
        ]
    )

    /// Global options stand before the subcommand or after it.
    @OptionGroup var options: Options

    /// Under the name of the console, as a login program is called, it is the console.
    private static func words() -> [String] {
        let own = CommandLine.arguments.first?.split(separator: "/").last ?? ""
        return (own.hasSuffix("drimbox-console") ? ["console"] : []) + CommandLine.arguments.dropFirst()
    }

    static func main() async {
        do {
            var command = try parseAsRoot(GlobalOptions.moved(words()))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            // ArgumentParser's own code for a usage error is 64 (EX_USAGE).
            let code = exitCode(for: error)
            guard code == .validationFailure else { exit(withError: error) }
            StandardError.print(fullMessage(for: error))
            exit(withError: Exit.usage)
        }
    }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text
    case json
    /// One JSON value per line.
    case ndjson
}

extension Language: ExpressibleByArgument {}

struct Options: ParsableArguments {
    @Option(help: ArgumentHelp("The admin socket (or DRIMBOX_SOCKET).", valueName: "path"))
    var socket: String?

    @Option(name: [.customShort("o"), .customLong("output")], help: "Output format.")
    var output: OutputFormat = .text

    @Option(help: "Language of text output; else LC_ALL, LC_MESSAGES or LANG.")
    var lang: Language?

    @Option(help: ArgumentHelp("Why: written into the audit.", valueName: "text"))
    var reason: String?

    var messages: Messages {
        Messages(language: lang ?? Language(environment: ProcessInfo.processInfo.environment))
    }

    var client: AdminClient {
        let fallback = ProcessInfo.processInfo.environment["DRIMBOX_SOCKET"] ?? "/run/drimbox/admin.sock"
        return AdminClient(socket: socket ?? fallback, messages: messages, reason: reason)
    }

    var rendering: Rendering {
        Rendering(messages: messages, now: Timestamp(milliseconds: WallClock.milliseconds()))
    }

    /// Prints a JSON answer in the chosen format; `text` makes the words.
    func show(_ body: [UInt8], _ text: () throws -> String) rethrows {
        switch output {
        case .text: print(try text())
        case .json, .ndjson: print(String(decoding: body, as: UTF8.self))
        }
    }
}

/// Global options may stand before the subcommand; the parser expects them after it.
enum GlobalOptions {
    private static let withValue: Set<String> = ["--socket", "-o", "--output", "--lang", "--reason"]

    static func moved(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var rest = arguments[...]
        while let word = rest.first {
            if withValue.contains(word), rest.count > 1 {
                leading += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if withValue.contains(where: { word.hasPrefix($0 + "=") }) {
                leading.append(word)
                rest = rest.dropFirst()
            } else {
                break
            }
        }
        guard let subcommand = rest.first, !subcommand.hasPrefix("-") else { return arguments }
        // A group's own subcommand takes them.
        let groups = Command.configuration.subcommands.filter { !$0.configuration.subcommands.isEmpty }
        let isGroup = groups.contains { $0.configuration.commandName == subcommand }
        let words = isGroup ? min(2, rest.count) : 1
        return rest.prefix(words) + leading + rest.dropFirst(words)
    }
}
