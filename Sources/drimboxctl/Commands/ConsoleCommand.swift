// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Console
import Linux

struct ConsoleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console",
        abstract: "The technician's screen: status, login, menu, install wizard; for a serial line of 80x24."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let terminal: Terminal
        do {
            terminal = try Terminal()
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.failed
        }
        var settings = ConsoleSettings()
        // A pseudo-terminal's is no unit's.
        settings.terminal = terminal.name.flatMap { $0.contains("/") ? nil : $0 } ?? ""
        let console = Console(
            socket: options.client.socket,
            language: options.messages.language == .french ? .french : .english,
            terminal: terminal,
            settings: settings
        ) { duration in
            terminal.restore()
            do {
                _ = try await ChildProcess.runOnTerminal(
                    "/bin/bash",
                    ["--noprofile", "--norc"],
                    deadline: duration
                )
                try terminal.takeRaw()
            } catch {
                StandardError.print("drimboxctl: \(error)\r")
            }
        }
        let status = await console.run()
        terminal.restore()
        if status != 0 { throw ExitCode(status) }
    }
}
