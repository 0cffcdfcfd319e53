// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux

@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drimboxctl",
        abstract: "Asks the DRIMbox how it is.",
        discussion: "Exit: 0 ok, 1 failed, 2 usage, 4 denied, 6 daemon unreachable, 8 deadline.",
        version: Software.version,
        subcommands: [
            StatusCommand.self, EventsCommand.self, ServicesCommand.self, PipelineCommand.self,
            MetricsCommand.self, DICOMCommand.self, VersionCommand.self,
        ]
    )

    /// Global options stand before the subcommand or after it.
    @OptionGroup var options: Options

    static func main() async {
        do {
            var command = try parseAsRoot(GlobalOptions.moved(Array(CommandLine.arguments.dropFirst())))
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

    var messages: Messages {
        Messages(language: lang ?? Language(environment: ProcessInfo.processInfo.environment))
    }

    var client: AdminClient {
        let fallback = ProcessInfo.processInfo.environment["DRIMBOX_SOCKET"] ?? "/run/drimbox/admin.sock"
        return AdminClient(socket: socket ?? fallback, messages: messages)
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
    private static let withValue: Set<String> = ["--socket", "-o", "--output", "--lang"]

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
        let words = subcommand == DICOMCommand.configuration.commandName ? min(2, rest.count) : 1
        return rest.prefix(words) + leading + rest.dropFirst(words)
    }
}
