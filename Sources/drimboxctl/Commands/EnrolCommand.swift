// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import Console
import FoundationEssentials

struct EnrolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enrol",
        abstract: "The box's identity.",
        subcommands: [
            EnrolStatusCommand.self, EnrolRequestCommand.self, EnrolCodeCommand.self, EnrolImportCommand.self,
        ],
        defaultSubcommand: EnrolStatusCommand.self
    )
}

struct EnrolRequestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "csr",
        abstract: "A certificate request signed by the TPM, whose key it makes where there is none."
    )

    @OptionGroup var options: Options

    @Argument(help: "Common name: DRX-0042")
    var name: String

    @Option(help: "Organization.")
    var organization: String?

    func run() async throws {
        let request = EnrolmentRequest(commonName: name, organization: organization)
        let content = Array(try JSONEncoder().encode(request))
        let body = try await options.client.request("POST", "/v1/enrolment/csr", body: content, seconds: 20)
        let answer = try options.client.decode(EnrolmentAnswer.self, body)
        switch options.output {
        case .text: print(answer.csr, terminator: "")
        case .json, .ndjson: print(String(decoding: body, as: UTF8.self))
        }
    }
}

struct EnrolStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "How far the box is on its way into service: key, certificate, state."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/enrolment")
        let status = try options.client.decode(EnrolmentStatus.self, body)
        options.show(body) { options.rendering.enrolment(status) }
    }
}

struct EnrolCodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "code",
        abstract: "The key's fingerprint, and its beginning as a QR code for a camera."
    )

    @OptionGroup var options: Options

    @Flag(help: "For a terminal that writes dark on light.")
    var invert = false

    func run() async throws {
        let body = try await options.client.get("/v1/enrolment/code")
        let code = try options.client.decode(EnrolmentCode.self, body)
        let language: ConsoleLanguage = options.messages.language == .french ? .french : .english
        options.show(body) {
            EnrolmentScreen(code, language: language, isInverted: invert).lines.joined(separator: "\n")
        }
    }
}

struct EnrolImportCommand: AsyncParsableCommand {
    /// The TPM is asked for its key.
    private static let seconds = 20

    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Takes the box's certificate over, if it is the box's; exit 3 if not."
    )

    @OptionGroup var options: Options

    @Argument(help: "PEM: the box's certificate first, then those above it.")
    var chain: String

    @Option(
        help: ArgumentHelp(
            "PEM: whose certificates count; only where the box's document names none.",
            valueName: "file"
        )
    )
    var authorities: String?

    @Option(help: ArgumentHelp("PEM: the private key, of a box without a TPM.", valueName: "file"))
    var key: String?

    func run() async throws {
        func text(_ file: String) throws -> String {
            String(decoding: try ConfigCommand.read(file), as: UTF8.self)
        }
        let request = CertificateImport(
            chain: try text(chain),
            authorities: try authorities.map(text),
            privateKey: try key.map(text)
        )
        let body = try await options.client.request(
            "PUT",
            "/v1/enrolment/certificate",
            body: Array(try JSONEncoder().encode(request)),
            seconds: Self.seconds
        )
        let status = try options.client.decode(EnrolmentStatus.self, body)
        options.show(body) { options.rendering.enrolment(status) }
    }
}
