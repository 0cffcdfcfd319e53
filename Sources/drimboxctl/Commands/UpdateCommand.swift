// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux

struct UpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Signed releases: what is there, what is under way, what failed.",
        discussion: """
            Exit of check, install and confirm: 0 nothing to do, 90 a release is there, 99 it is held or was not \
            installed, 100 it starts with the next boot; else as every command.
            """,
        subcommands: [
            UpdateStatusCommand.self, UpdateListCommand.self, UpdateCheckCommand.self,
            UpdateInstallCommand.self, UpdateConfirmCommand.self, UpdateAbortCommand.self,
            UpdateRollbackCommand.self,
        ],
        defaultSubcommand: UpdateStatusCommand.self
    )

    /// Seconds: the vendor's server may take its time.
    fileprivate static let patience = 70
}

struct UpdateStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What runs and what is under way."
    )

    @OptionGroup var options: Options

    func run() async throws {
        _ = try await options.updates("GET", "/v1/updates")
    }
}

struct UpdateListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Media with releases that are plugged in."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/updates/media")
        let list = try options.client.decode(UpdateMediaList.self, body)
        options.show(body) { options.rendering.media(list) }
    }
}

struct UpdateCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "check", abstract: "Asks the server now.")

    @OptionGroup var options: Options

    func run() async throws {
        let status = try await options.updates("POST", "/v1/updates/check")
        let isThere = [.offered, .fetching, .staged].contains(status.phase) && status.hold == nil
        throw isThere ? ExitCode(90) : status.exit
    }
}

struct UpdateInstallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Brings the offered release into the slot that does not run."
    )

    @OptionGroup var options: Options

    @Option(help: ArgumentHelp("From a medium that `list` shows, not from the server.", valueName: "name"))
    var medium: String?

    @Flag(help: "Try also a release that has failed as often as it may.")
    var retry = false

    @Flag(name: .customLong("no-wait"), help: "Begin, and do not wait for its end.")
    var isNotWaited = false

    func run() async throws {
        let wish = UpdateInstallRequest(retry: retry ? true : nil, medium: medium)
        let client = options.client
        var body = try await client.request(
            "POST",
            "/v1/updates/install",
            body: Array(try JSONEncoder().encode(wish)),
            seconds: UpdateCommand.patience
        )
        var status = try client.decode(UpdateStatus.self, body)
        var told = ""
        while !isNotWaited, [.checking, .fetching].contains(status.phase), status.problem == nil {
            let line = options.rendering.progress(status)
            if line != told, options.output == .text { StandardError.print(line) }
            told = line
            try await Task.sleep(for: .seconds(1))
            body = try await client.get("/v1/updates")
            status = try client.decode(UpdateStatus.self, body)
        }
        options.show(body) { options.rendering.update(status) }
        throw status.exit
    }
}

struct UpdateConfirmCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm",
        abstract: "Agrees to the reboot into the release that is under way."
    )

    @OptionGroup var options: Options

    @Option(help: "How many hours the consent is good for, 1 to 720.")
    var hours = 24

    func run() async throws {
        let body = Array(try JSONEncoder().encode(UpdateConsentRequest(hours: hours)))
        throw try await options.updates("POST", "/v1/updates/confirm", body).exit
    }
}

struct UpdateAbortCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort",
        abstract: "Drops the release that is under way; a trial goes back."
    )

    @OptionGroup var options: Options

    func run() async throws { _ = try await options.updates("POST", "/v1/updates/abort") }
}

struct UpdateRollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Reboots into the software of before, until the floor is raised; needs --reason."
    )

    @OptionGroup var options: Options

    func run() async throws { _ = try await options.updates("POST", "/v1/updates/rollback") }
}

extension Options {
    fileprivate func updates(_ method: String, _ target: String, _ body: [UInt8] = []) async throws
        -> UpdateStatus
    {
        let answer = try await client.request(method, target, body: body, seconds: UpdateCommand.patience)
        let status = try client.decode(UpdateStatus.self, answer)
        show(answer) { rendering.update(status) }
        return status
    }
}

extension UpdateStatus {
    fileprivate var exit: ExitCode {
        switch phase {
        case .armed, .rebooting: ExitCode(100)
        case .idle, .checking, .committed, .floorRaised: problem == nil ? .success : Exit.failed
        case .offered, .fetching, .staged, .trial, .committing, .aborted, .rolledBack: ExitCode(99)
        }
    }
}
