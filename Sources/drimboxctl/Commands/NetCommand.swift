// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser

struct NetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "net",
        abstract: "Links, addresses and routes as they are; tests of the network.",
        subcommands: [NetShowCommand.self, NetTestCommand.self]
    )
}

struct NetShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "What the kernel has.")

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/network")
        let status = try options.client.decode(NetworkStatus.self, body)
        options.show(body) { options.rendering.network(status) }
    }
}

struct NetTestCommand: AsyncParsableCommand {
    /// Every silent host costs some seconds.
    private static let seconds = 180

    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract:
            "Asks what the configuration names, one after the other; exit 1 if something does not answer."
    )

    @OptionGroup var options: Options

    @Argument(help: "link, gateway, dns, ntp, proxy or pacs; all where none is named.")
    var kinds: [String] = []

    func run() async throws {
        let only = kinds.isEmpty || kinds == ["all"] ? "" : "?only=\(kinds.joined(separator: ","))"
        let client = options.client
        let body = try await client.request("POST", "/v1/network/tests\(only)", seconds: Self.seconds)
        let report = try client.decode(NetworkTestReport.self, body)
        options.show(body) { options.rendering.test(report.steps) }
        if report.steps.contains(where: { !$0.isOK }) { throw Exit.failed }
    }
}
