// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials

struct RecoveryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery",
        abstract: "The key that opens the data disk where the security chip does not.",
        subcommands: [RecoveryShowCommand.self, RecoveryConfirmCommand.self]
    )
}

struct RecoveryShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows it until it is written down; needs --reason."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.request("POST", "/v1/recovery-key", seconds: 20)
        let report = try options.client.decode(RecoveryKeyReport.self, body)
        options.show(body) { "\(report.key)\n\(options.messages.writeDown)" }
    }
}

struct RecoveryConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "It is written down: the box forgets it."
    )

    @OptionGroup var options: Options

    @Argument(help: "Its last group, from the paper.")
    var lastGroup: String

    func run() async throws {
        let content = try JSONEncoder().encode(RecoveryKeyConfirmation(lastGroup: lastGroup))
        let body = try await options.client.request(
            "POST",
            "/v1/recovery-key/confirm",
            body: Array(content),
            seconds: 20
        )
        options.show(body) { options.messages.forgotten }
    }
}
