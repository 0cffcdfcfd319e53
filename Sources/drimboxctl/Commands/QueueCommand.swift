// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Transfer

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "What is to be published in the national record and is not, or waits for a person.",
        subcommands: [
            QueueListCommand.self, QueueShowCommand.self, QueueRetryCommand.self, QueueHoldCommand.self,
            QueueDropCommand.self, QueueMessageCommand.self,
        ],
        defaultSubcommand: QueueListCommand.self
    )
}

struct QueueListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Exams that are not done, and messages that were refused."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/pipeline/queue")
        let queue = try options.client.decode(PublicationQueue.self, body)
        options.show(body) { options.rendering.queue(queue) }
    }
}

struct QueueShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "One exam.")

    @OptionGroup var options: Options

    @Argument(help: "Its number.")
    var number: Int

    func run() async throws {
        let body = try await options.client.get("/v1/pipeline/queue/\(number)")
        let item = try options.client.decode(PublicationQueue.Item.self, body)
        options.show(body) { options.rendering.queue(item) }
    }
}

struct QueueRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Looks at an exam now, held or failed or not."
    )

    @OptionGroup var options: Options

    @Argument(help: "Its number.")
    var number: Int

    func run() async throws { try await options.decide("retry", number) }
}

struct QueueHoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Nothing is done about an exam until `retry`; needs --reason."
    )

    @OptionGroup var options: Options

    @Argument(help: "Its number.")
    var number: Int

    func run() async throws { try await options.decide("hold", number) }
}

struct QueueDropCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Nothing more is tried for an exam; what is in the record stays. Needs --reason."
    )

    @OptionGroup var options: Options

    @Argument(help: "Its number.")
    var number: Int

    func run() async throws { try await options.decide("drop", number) }
}

struct QueueMessageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "message",
        abstract: "A refused message as it came, identities included; needs --reason."
    )

    @OptionGroup var options: Options

    @Argument(help: "Its digest, or the beginning of it that `ls` shows.")
    var digest: String

    @Argument(help: "Where it goes.")
    var file: String

    func run() async throws {
        let body = try await options.client.call(
            "GET",
            "/v1/pipeline/refused/\(PathSegment.encoded(digest))",
            seconds: ArchiveCommand.seconds,
            bodyLimit: ManifestArchiveSubmission.longest
        ).body
        try BackupCommand.write(body, to: file)
        if options.output == .text { print(options.messages.written(body.count, file)) }
    }
}

extension Options {
    fileprivate func decide(_ decision: String, _ number: Int) async throws {
        let decided = QueueDecision(reason: reason ?? "")
        let body = try await client.request(
            "POST",
            "/v1/pipeline/queue/\(number)/\(decision)",
            body: Array(try JSONEncoder().encode(decided))
        )
        let item = try client.decode(PublicationQueue.Item.self, body)
        show(body) { rendering.queue(item) }
    }
}
