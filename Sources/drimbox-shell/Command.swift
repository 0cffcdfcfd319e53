// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Glibc
import Linux
import Provisioning

/// The program, as it is started by its name.
package func run() async { await Command.main() }

/// Runs as root before the break-glass shell, and believes the supervisor nothing: the challenge is root's own, the keys are
/// those of the box's file, and the response is only a text. Exit status 0: the shell may start; 1: it may not.
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drimbox-shell",
        abstract: "Lets a break-glass shell start, once, for the vendor's signature.",
        version: Software.version
    )

    @Option(help: ArgumentHelp("The box's document, which names the vendor's keys.", valueName: "file"))
    var config = "/etc/drimbox/drimbox.json"

    @Option(help: ArgumentHelp("Where the challenge is.", valueName: "directory"))
    var directory = ShellLock.applianceDirectory

    @Argument(help: "The terminal that the shell is to have, below /dev.")
    var terminal: String

    func run() async throws {
        do {
            let now = Timestamp(milliseconds: WallClock.milliseconds())
            let (challenge, key) = try ShellLock(directory: directory).open(at: now) {
                let settings = try SupervisorConfiguration(json: readFile(config, limit: 1 << 20))
                let text = try readRegularFile(settings.shellResponsePath, limit: 256)
                let response = ShellResponse(
                    response: String(decoding: text, as: UTF8.self).filter { $0 != "\n" },
                    terminal: terminal
                )
                return (response, settings.admin.shellKeys)
            }
            tell("a shell opens on \(terminal) for \(challenge), signed by \(key)")
        } catch {
            tell("no shell on \(terminal): \(error)")
            throw ExitCode(1)
        }
    }

    /// On the terminal, and in the kernel's log: that one is not the supervisor's, and is there without journald.
    private func tell(_ line: String) {
        StandardError.print("drimbox-shell: \(line)")
        try? KernelLog.write("drimbox-shell: \(line)")
    }
}
