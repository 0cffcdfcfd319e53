// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux

struct CredentialCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credential",
        abstract:
            "Files that the configuration names: certificates, private keys, revocation lists, the white list.",
        subcommands: [CredentialListCommand.self, CredentialPutCommand.self, CredentialRemoveCommand.self],
        defaultSubcommand: CredentialListCommand.self
    )
}

struct CredentialListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "Which there are, what they hold, and where the configuration names them."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/credentials")
        let list = try options.client.decode(CredentialList.self, body)
        options.show(body) { options.rendering.credentials(list.credentials) }
    }
}

struct CredentialPutCommand: AsyncParsableCommand {
    /// What is not the box's to keep ends here.
    private static let limit = CredentialUpload.longest

    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Takes one over, in place of the one of that name; exit 1 if it is of no use."
    )

    @OptionGroup var options: Options

    @Argument(help: "PEM without a pass phrase, or what the gateway reads otherwise; - is standard input.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Its name in the configuration; the file's own where it is absent.",
            valueName: "name"
        )
    )
    var name: String?

    func run() async throws {
        let own = file.split(separator: "/").last.map(String.init) ?? ""
        guard let name = name ?? (file == "-" ? nil : own) else {
            throw ValidationError("--name: expected one for standard input")
        }
        let content: [UInt8]
        do {
            content = try readFile(file == "-" ? "/dev/stdin" : file, limit: Self.limit)
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.usage
        }
        let upload = CredentialUpload(content: Data(content).base64EncodedString())
        let body = try await options.client.request(
            "PUT",
            "/v1/credentials/\(PathSegment.encoded(name))",
            body: Array(try JSONEncoder().encode(upload))
        )
        let taken = try options.client.decode(CredentialFile.self, body)
        options.show(body) { options.rendering.credentials([taken]) }
    }
}

struct CredentialRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Removes one that the configuration does not name; exit 5 if it does."
    )

    @OptionGroup var options: Options

    @Argument(help: "As `ls` shows it.")
    var name: String

    func run() async throws {
        let body = try await options.client.request("DELETE", "/v1/credentials/\(PathSegment.encoded(name))")
        let list = try options.client.decode(CredentialList.self, body)
        options.show(body) { options.rendering.credentials(list.credentials) }
    }
}

struct MediaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "media",
        abstract: "USB sticks with files for this box, in a directory `drimbox`.",
        subcommands: [MediaListCommand.self, MediaTakeCommand.self],
        defaultSubcommand: MediaListCommand.self
    )
}

struct MediaListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract:
            "What is there: credentials/NAME, identity.pem (and authorities.pem), answers.json with answers.json.sig."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/media")
        let list = try options.client.decode(MediumList.self, body)
        options.show(body) { options.rendering.media(list) }
    }
}

struct MediaTakeCommand: AsyncParsableCommand {
    /// An answer file's change is tried for two minutes.
    private static let seconds = 240

    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Takes all of it over; exit 1 if a file was refused."
    )

    @OptionGroup var options: Options

    @Argument(help: "As `ls` shows it.")
    var medium: String

    func run() async throws {
        let body = try await options.client.request(
            "POST",
            "/v1/media/\(PathSegment.encoded(medium))/import",
            seconds: Self.seconds
        )
        let report = try options.client.decode(MediumReport.self, body)
        options.show(body) { options.rendering.medium(report) }
        if !report.isWhole { throw Exit.failed }
    }
}
