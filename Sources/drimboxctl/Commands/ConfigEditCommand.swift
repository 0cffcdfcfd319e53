// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Linux

struct ConfigEditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract:
            "Opens the document in force in VISUAL or EDITOR, and tries what was changed; exit 3 if it is not valid, 5 if somebody else changed it meanwhile, 7 if it was rolled back."
    )

    @OptionGroup var options: Options
    @OptionGroup var confirm: ConfirmOptions

    @Option(help: "Kept with the revision.")
    var comment = "edited"

    func run() async throws {
        let policy = try confirm.policy
        let client = options.client
        let (document, tag) = try await ConfigCommand.newest(client)
        let file = try EditedFile(document.text() + "\n")
        do {
            try await file.edit(options.messages)
            let bytes = try ConfigCommand.read(file.path)
            let edited = try ConfigCommand.parse(bytes, file.path)
            guard edited != document else {
                print(options.messages.nothingChanges)
                return file.remove()
            }
            try await check(bytes, client)
            try await Trial(options).start(edited, tag, policy, comment)
        } catch {
            if file.isEdited {
                StandardError.print("drimboxctl: \(options.messages.editKept(file.path))")
            } else {
                file.remove()
            }
            throw error
        }
        file.remove()
    }

    /// Shows what is wrong with the document, or what it would change.
    private func check(_ bytes: [UInt8], _ client: AdminClient) async throws {
        let body = try await client.request("POST", "/v1/config/validate", body: bytes)
        let report = try client.decode(ValidationReport.self, body)
        guard report.ok else {
            StandardError.print(options.rendering.validation(report))
            throw Exit.invalid
        }
        if options.output == .text { print(options.rendering.validation(report)) }
    }
}

/// The document while a person works on it, readable by nobody else.
private struct EditedFile {
    private static let standardEditor = "/usr/bin/editor"

    let path: String
    private let original: [UInt8]

    init(_ text: String) throws {
        let environment = ProcessInfo.processInfo.environment
        path = "\(environment["TMPDIR"] ?? "/tmp")/drimbox-\(UUID().uuidString.lowercased()).json"
        original = Array(text.utf8)
        do {
            try createFile(path, with: original, mode: 0o600)
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.failed
        }
    }

    /// Whether it holds work that is nowhere else.
    var isEdited: Bool { (try? readFile(path, limit: 16 << 20)).map { $0 != original } ?? false }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Returns when the editor has ended well.
    func edit(_ messages: Messages) async throws {
        let environment = ProcessInfo.processInfo.environment
        let chosen = [environment["VISUAL"], environment["EDITOR"]].lazy.compactMap(\.self).first {
            !$0.isEmpty
        }
        guard chosen != nil || FileManager.default.isExecutableFile(atPath: Self.standardEditor) else {
            StandardError.print("drimboxctl: \(messages.noEditor(Self.standardEditor))")
            throw Exit.usage
        }
        // The variable may hold a command with options (environ(7)): the shell splits it, not the file's name.
        let command = (chosen ?? Self.standardEditor) + " \"$1\""
        let exit: ProcessExit
        do {
            exit = try await ChildProcess.runOnTerminal("/bin/sh", ["-c", command, "sh", path])
        } catch {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.failed
        }
        guard exit == .status(0) else {
            StandardError.print("drimboxctl: \(messages.editorEnded(exit.description))")
            throw Exit.failed
        }
    }
}
