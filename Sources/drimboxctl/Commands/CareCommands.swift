// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux
import Transfer

struct AcceptanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acceptance",
        abstract: "What was tested when the box was installed.",
        subcommands: [AcceptanceReportCommand.self],
        defaultSubcommand: AcceptanceReportCommand.self
    )
}

struct AcceptanceReportCommand: AsyncParsableCommand {
    /// Every silent host costs some seconds, every disk a process.
    private static let seconds = 300

    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "The newest report, 80 columns; exit 1 if a test failed."
    )

    @OptionGroup var options: Options

    @Flag(name: .customLong("run"), help: "Test now.")
    var testsNow = false

    func run() async throws {
        let client = options.client
        let body = try await client.request(
            testsNow ? "POST" : "GET",
            "/v1/acceptance",
            seconds: Self.seconds
        )
        let report = try client.decode(AcceptanceReport.self, body)
        options.show(body) { options.rendering.acceptance(report) }
        if !report.hasPassed { throw Exit.failed }
    }
}

struct SupportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "support",
        abstract: "What support needs.",
        subcommands: [SupportBundleCommand.self]
    )
}

struct SupportBundleCommand: AsyncParsableCommand {
    private static let seconds = 120

    static let configuration = CommandConfiguration(
        commandName: "bundle",
        abstract: "State, events and configuration as a tar, without any secret or identity."
    )

    @OptionGroup var options: Options

    @Argument(help: "Where it goes.")
    var file: String

    func run() async throws {
        let response = try await options.client.call(
            "POST",
            "/v1/support/bundles",
            seconds: Self.seconds,
            bodyLimit: BackupCommand.limit
        )
        try BackupCommand.write(response.body, to: file)
        if options.output == .text { print(options.messages.written(response.body.count, file)) }
    }
}

struct PowerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "power",
        abstract: "Restarts the machine or switches it off; needs --reason.",
        subcommands: [PowerRebootCommand.self, PowerOffCommand.self]
    )

    static func run(_ target: String, _ options: Options) async throws {
        let body = try await options.client.request("POST", target)
        let answer = try options.client.decode(PowerAnswer.self, body)
        options.show(body) { options.messages.power(answer) }
    }
}

struct PowerRebootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "reboot", abstract: "Restarts it.")

    @OptionGroup var options: Options

    func run() async throws { try await PowerCommand.run("/v1/power/reboot", options) }
}

struct PowerOffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "off", abstract: "Switches it off.")

    @OptionGroup var options: Options

    func run() async throws { try await PowerCommand.run("/v1/power/off", options) }
}

struct FactoryResetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "factory-reset",
        abstract: "Erases images, revisions, users, certificate and audit, and restarts; needs --reason."
    )

    @OptionGroup var options: Options

    @Option(
        help: ArgumentHelp(
            "`erase` and the site's name; read from standard input where it is absent.",
            valueName: "text"
        )
    )
    var confirmation: String?

    func run() async throws {
        let client = options.client
        let status = try client.decode(BoxStatus.self, try await client.get("/v1/status"))
        if confirmation == nil {
            let expected = FactoryResetRequest.expected(site: status.site)
            StandardError.print(options.messages.eraseQuestion(options.rendering.clean(expected)))
        }
        guard let text = confirmation ?? readLine(strippingNewline: true) else {
            throw ValidationError("no confirmation on standard input")
        }
        let body = try await client.request(
            "POST",
            "/v1/reset",
            body: Array(try JSONEncoder().encode(FactoryResetRequest(confirmation: text)))
        )
        let answer = try client.decode(PowerAnswer.self, body)
        options.show(body) { options.messages.power(answer) }
    }
}

struct DiskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disk",
        abstract: "The disks, as they were read last.",
        subcommands: [DiskShowCommand.self],
        defaultSubcommand: DiskShowCommand.self
    )
}

struct DiskShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "All of them, or one; exit 1 if one fails."
    )

    @OptionGroup var options: Options

    @Argument(help: "Its name: nvme0")
    var name: String?

    func run() async throws {
        let all = try options.client.decode(BoxHealth.self, try await options.client.get("/v1/health"))
        let disks = all.report.disks.filter { name == nil || $0.name == name }
        if let name, disks.isEmpty {
            StandardError.print("drimboxctl: \(options.messages.noDisk(name))")
            throw Exit.failed
        }
        options.show(Array(try JSONEncoder().encode(disks))) { options.rendering.disks(disks) }
        if disks.contains(where: { $0.state == .failing }) { throw Exit.failed }
    }
}

struct TPMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tpm",
        abstract: "The security chip.",
        subcommands: [TPMShowCommand.self],
        defaultSubcommand: TPMShowCommand.self
    )
}

struct TPMShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "As it was read last; exit 1 if it did not answer."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let health = try options.client.decode(BoxHealth.self, try await options.client.get("/v1/health"))
        guard let tpm = health.tpm, health.tpmFailure == nil else {
            let reason = health.tpmFailure.map { ": \(options.rendering.clean($0))" } ?? ""
            StandardError.print("drimboxctl: \(options.messages.noTPM)\(reason)")
            throw Exit.failed
        }
        options.show(Array(try JSONEncoder().encode(tpm))) { options.rendering.tpm(tpm) }
    }
}

struct TimeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "time",
        abstract: "The clock.",
        subcommands: [TimeShowCommand.self],
        defaultSubcommand: TimeShowCommand.self
    )
}

struct TimeShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "How far it is off, and from whom it has the time; exit 1 if from nobody."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let health = try options.client.decode(BoxHealth.self, try await options.client.get("/v1/health"))
        guard let clock = health.report.clock else {
            StandardError.print("drimboxctl: \(options.messages.noClock)")
            throw Exit.failed
        }
        options.show(Array(try JSONEncoder().encode(clock))) { options.rendering.clock(clock) }
        if !clock.isSynchronised { throw Exit.failed }
    }
}
