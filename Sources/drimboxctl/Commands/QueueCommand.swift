// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "What is to be published in the national record and is not, or waits for a person.",
        subcommands: [
            QueueListCommand.self, QueueShowCommand.self, QueueRetryCommand.self, QueueHoldCommand.self,
            QueueDropCommand.self,
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
