// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux
import Provisioning
import Transfer

/// Longer than a change may be tried.
private func seconds(_ policy: ConfirmPolicy) -> Int { policy.seconds + 60 }

struct ProvisionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provision",
        abstract: "The wizard's answers from a file.",
        subcommands: [ProvisionApplyCommand.self]
    )
}

struct ProvisionApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract:
            "Applies a signed answer file: configuration, users, credentials; exit 7 if it was rolled back."
    )

    @OptionGroup var options: Options
    @OptionGroup var confirm: ConfirmOptions

    @Argument(help: "JSON: the configuration's document, with `users` and `credentials` beside it.")
    var file: String

    @Option(help: ArgumentHelp("Ed25519 of the file; FILE.sig where it is absent.", valueName: "file"))
    var signature: String?

    @Option(
        help: ArgumentHelp(
            "Whose signature counts, PEM; only where the box's document names nobody.",
            valueName: "file"
        )
    )
    var verifyKey: String?

    @Flag(help: "Take it without a signature; needs --reason.")
    var unsigned = false

    func run() async throws {
        let policy = try confirm.policy
        let bytes = try ConfigCommand.read(file)
        let beside = signature ?? (FileStamp(file + ".sig") == nil ? nil : file + ".sig")
        let signed = unsigned ? nil : try beside.map { try Self.raw(try ConfigCommand.read($0)) }
        let request = ProvisioningRequest(
            file: Data(bytes).base64EncodedString(),
            signature: signed,
            key: try verifyKey.map { String(decoding: try ConfigCommand.read($0), as: UTF8.self) },
            acceptsUnsigned: unsigned ? true : nil,
            confirm: policy
        )
        let body = try await options.client.request(
            "POST",
            "/v1/provisioning",
            body: Array(try JSONEncoder().encode(request)),
            seconds: seconds(policy)
        )
        let report = try options.client.decode(ProvisioningReport.self, body)
        options.show(body) { options.rendering.provisioning(report) }
        if report.isUndone { throw Exit.rolledBack }
    }

    /// As base64, however the file has it.
    private static func raw(_ bytes: [UInt8]) throws -> String {
        if bytes.count == 64 { return Data(bytes).base64EncodedString() }
        return String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }
}

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract:
            "Configuration, users, identity and credentials in one sealed file; the pass phrase is read from standard input.",
        subcommands: [BackupCreateCommand.self, BackupVerifyCommand.self, BackupRestoreCommand.self]
    )

    static let limit = 32 << 20

    static func passphrase() throws -> String {
        guard let words = readLine(strippingNewline: true), !words.isEmpty else {
            throw ValidationError("no pass phrase on standard input")
        }
        return words
    }

    static func key(_ file: String) throws -> String {
        String(decoding: try ConfigCommand.read(file), as: UTF8.self).filter { !$0.isWhitespace }
    }

    static func file(_ name: String) throws -> [UInt8] {
        do {
            return try readFile(name, limit: limit)
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.usage
        }
    }

    static func write(_ bytes: [UInt8], to name: String) throws {
        do {
            try replaceFile(name, with: bytes, mode: 0o600)
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.failed
        }
    }
}

struct BackupCreateCommand: AsyncParsableCommand {
    private static let seconds = 60

    static let configuration = CommandConfiguration(commandName: "create", abstract: "Makes one.")

    @OptionGroup var options: Options

    @Argument(help: "Where it goes.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Seal it for the owner of this X25519 key, base64, in place of a pass phrase.",
            valueName: "file"
        )
    )
    var recoveryKey: String?

    func run() async throws {
        let request = BackupRequest(
            passphrase: recoveryKey == nil ? try BackupCommand.passphrase() : nil,
            recoveryKey: try recoveryKey.map(BackupCommand.key)
        )
        let response = try await options.client.call(
            "POST",
            "/v1/backups",
            body: Array(try JSONEncoder().encode(request)),
            seconds: Self.seconds,
            bodyLimit: BackupCommand.limit
        )
        try BackupCommand.write(response.body, to: file)
        if options.output == .text { print(options.messages.written(response.body.count, file)) }
    }
}

struct BackupKeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The recovery key's private half, base64, in place of a pass phrase.",
            valueName: "file"
        )
    )
    var privateKey: String?
}

struct BackupVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Opens one, here and without the box, and tells what it holds; exit 3 if it is not good."
    )

    @OptionGroup var options: Options
    @OptionGroup var key: BackupKeyOptions

    @Argument(help: "The backup.")
    var file: String

    func run() async throws {
        let bytes = try BackupCommand.file(file)
        let opener: SealedFile.Key
        if let privateKey = key.privateKey {
            let text = try BackupCommand.key(privateKey)
            opener = .privateKey(Data(base64Encoded: text).map { Array($0) } ?? [])
        } else {
            opener = .passphrase(try BackupCommand.passphrase())
        }
        do throws(ProvisioningError) {
            let summary = try BackupContent(sealed: bytes, with: opener).summary
            let body = (try? JSONEncoder().encode(summary)).map { Array($0) } ?? []
            options.show(body) { options.rendering.backup(summary) }
        } catch {
            StandardError.print("drimboxctl: \(file): \(error.code.rawValue): \(error)")
            throw Exit.invalid
        }
    }
}

struct BackupRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract:
            "Takes one over; needs --reason. Nothing changes where it is not good, or its network does not work."
    )

    @OptionGroup var options: Options
    @OptionGroup var key: BackupKeyOptions
    @OptionGroup var confirm: ConfirmOptions

    @Argument(help: "The backup.")
    var file: String

    func run() async throws {
        let policy = try confirm.policy
        let request = RestoreRequest(
            backup: Data(try BackupCommand.file(file)).base64EncodedString(),
            passphrase: key.privateKey == nil ? try BackupCommand.passphrase() : nil,
            privateKey: try key.privateKey.map(BackupCommand.key),
            confirm: policy
        )
        let body = try await options.client.request(
            "POST",
            "/v1/backups/restore",
            body: Array(try JSONEncoder().encode(request)),
            seconds: seconds(policy)
        )
        let report = try options.client.decode(RestoreReport.self, body)
        options.show(body) { options.rendering.restored(report) }
    }
}
