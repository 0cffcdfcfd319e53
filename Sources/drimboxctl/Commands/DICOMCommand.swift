// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials

struct DICOMCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dicom",
        abstract: "The DICOM peers, and transfers with them.",
        subcommands: [
            PeersCommand.self, EchoCommand.self, PullCommand.self, PushCommand.self, TransfersCommand.self,
        ]
    )
}

struct PeersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "peers", abstract: "Who is configured.")

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/peers")
        let list = try options.client.decode(PeerList.self, body)
        options.show(body) { options.rendering.peers(list.peers) }
    }
}

struct EchoCommand: AsyncParsableCommand {
    /// Longer than a connection and an association may take.
    private static let seconds = 50

    static let configuration = CommandConfiguration(
        commandName: "echo",
        abstract: "C-ECHO to a peer; exit 1 if it does not answer."
    )

    @OptionGroup var options: Options

    @Argument(help: "AE title.")
    var peer: String

    func run() async throws {
        let target = "/v1/peers/\(PathSegment.encoded(peer))/echo"
        let body = try await options.client.request("POST", target, seconds: Self.seconds)
        let report = try options.client.decode(EchoReport.self, body)
        options.show(body) { options.rendering.echo(report) }
        if report.milliseconds == nil { throw Exit.failed }
    }
}

struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Gets a study from the archive into the spool."
    )

    @OptionGroup var options: Options
    @OptionGroup var waiting: WaitOptions

    @Argument(help: "Study Instance UID.")
    var study: String

    @Option(help: "Series Instance UID: only this series.")
    var series: String?

    func run() async throws {
        let request = TransferRequest(kind: .pull, study: study, series: series)
        try await waiting.run(request, options)
    }
}

struct PushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Sends a study from the spool to a peer; exit 1 unless all of it arrived."
    )

    @OptionGroup var options: Options
    @OptionGroup var waiting: WaitOptions

    @Argument(help: "AE title.")
    var peer: String

    @Argument(help: "Study Instance UID.")
    var study: String

    @Option(help: "Series Instance UID: only this series.")
    var series: String?

    @Flag(help: "Ask for storage commitment afterwards.")
    var commit = false

    func run() async throws {
        let request = TransferRequest(kind: .push, peer: peer, study: study, series: series, commit: commit)
        try await waiting.run(request, options)
    }
}

struct TransfersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfers",
        abstract: "The transfers that were asked for."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/transfers")
        let list = try options.client.decode(TransferJobList.self, body)
        options.show(body) { options.rendering.transfers(list.transfers) }
    }
}

struct WaitOptions: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Wait for the end.")
    var wait = true

    /// Submits a transfer and follows it.
    func run(_ request: TransferRequest, _ options: Options) async throws {
        let client = options.client
        let content = Array(try JSONEncoder().encode(request))
        var body = try await client.request("POST", "/v1/transfers", body: content)
        var job = try client.decode(TransferJob.self, body)
        while wait, !job.state.isFinal {
            try await Task.sleep(for: .milliseconds(200))
            body = try await client.get("/v1/transfers/\(job.id)")
            job = try client.decode(TransferJob.self, body)
        }
        options.show(body) { options.rendering.transfer(job) }
        if wait, job.state != .succeeded { throw Exit.failed }
    }
}
