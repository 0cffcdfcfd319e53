// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Transfer

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "One screen; exit 1 if any issue is critical."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/status")
        let status = try options.client.decode(BoxStatus.self, body)
        options.show(body) { options.rendering.status(status) }
        if status.issues.contains(where: { $0.severity == .critical }) { throw Exit.failed }
    }
}

struct ServicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services",
        abstract: "The supervised programs."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/services")
        let list = try options.client.decode(ServiceList.self, body)
        switch options.output {
        case .text: print(options.rendering.services(list.services))
        case .json: print(String(decoding: body, as: UTF8.self))
        case .ndjson:
            for service in list.services {
                print(String(decoding: try JSONEncoder().encode(service), as: UTF8.self))
            }
        }
    }
}

struct PipelineCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline",
        abstract: "What was received and sent, what the spool holds, and what is to be published.",
        subcommands: [
            PipelineStatusCommand.self, QueueCommand.self, ArchiveCommand.self, TracesCommand.self,
            StatisticsCommand.self,
        ],
        defaultSubcommand: PipelineStatusCommand.self
    )
}

struct PipelineStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What was received and sent, and what the spool holds."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/pipeline")
        try options.show(body) {
            options.rendering.pipeline(try options.client.decode(PipelineStatus.self, body))
        }
    }
}

struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "OpenMetrics exposition."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/metrics")
        print(String(decoding: body, as: UTF8.self), terminator: "")
    }
}

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "The box's software version."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/version")
        try options.show(body) {
            let report = try options.client.decode(VersionReport.self, body)
            return "DRIMbox \(report.software), API v\(report.api.min) - v\(report.api.max)"
        }
    }
}

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "events", abstract: "What happened.")

    @OptionGroup var options: Options

    @Flag(help: "Wait for more.")
    var follow = false

    @Option(help: ArgumentHelp("Only events after this number.", valueName: "seq"))
    var since: UInt64?

    @Option(help: ArgumentHelp("Only this kind, or the kinds below it.", valueName: "kind"))
    var kind: String?

    func run() async throws {
        var query = ["follow=\(follow ? 1 : 0)"]
        if let since { query.append("since=\(since)") }
        let options = options
        let kind = kind
        let collected = Collector()
        try await options.client.events("/v1/events?" + query.joined(separator: "&")) { item in
            if item.name == "gap" {
                if options.output == .text { print("--- \(options.messages.gap) ---") }
                return
            }
            let body = Array(item.data.utf8)
            let event = try options.client.decode(Event.self, body)
            if let kind, event.kind != kind, !event.kind.hasPrefix(kind + ".") { return }
            switch options.output {
            case .text: print(options.rendering.event(event))
            case .ndjson: print(item.data)
            case .json: await collected.add(item.data)
            }
            StandardOutput.flush()
        }
        if options.output == .json { print("[\(await collected.items.joined(separator: ","))]") }
    }
}

private actor Collector {
    private(set) var items: [String] = []

    func add(_ item: String) {
        items.append(item)
    }
}
