// SPDX-License-Identifier: Apache-2.0
import Admin
import ArgumentParser
import FoundationEssentials
import Glibc
import Linux
import Transfer
import ZIP

struct ArchiveCommand: AsyncParsableCommand {
    /// Of one request: a manifest of many thousand instances is large.
    static let seconds = 60

    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Every manifest that ever was in the national record, in and out as XDM archives.",
        subcommands: [ArchiveListCommand.self, ArchiveExportCommand.self, ArchiveImportCommand.self],
        defaultSubcommand: ArchiveListCommand.self
    )

    /// A file that cannot be read or written ends the command as every other failure does.
    static func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as ZIPError {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.failed
        } catch let error as SystemCallError {
            StandardError.print("drimboxctl: \(error)")
            throw Exit.failed
        }
    }
}

struct ArchiveListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls",
        abstract: "The months, and how many manifests each has."
    )

    @OptionGroup var options: Options

    func run() async throws {
        let body = try await options.client.get("/v1/pipeline/archive")
        let months = try options.client.decode(ManifestArchiveMonths.self, body)
        options.show(body) { options.rendering.archive(months) }
    }
}

struct ArchiveExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "A month as KA<YYYYMM>.zip, identities included; needs --reason."
    )

    @OptionGroup var options: Options

    @Argument(help: "YYYYMM, in UTC.")
    var month: String

    @Argument(help: "Where it goes; KA<YYYYMM>.zip where it is absent.")
    var file: String?

    func run() async throws {
        let client = options.client
        let target = "/v1/pipeline/archive/\(PathSegment.encoded(month))"
        let body = try await client.call(
            "GET",
            target,
            seconds: ArchiveCommand.seconds,
            bodyLimit: ManifestArchiveSubmission.longest
        ).body
        let volume = try client.decode(ManifestArchiveVolume.self, body)
        let path = file ?? "\(volume.name).zip"
        do {
            try await ArchiveCommand.reporting { try await write(volume, target, to: path) }
        } catch {
            try? Directory.remove(file: Self.partial(path))
            throw error
        }
        options.show(body) { options.messages.exported(volume.submissions.count, path) }
    }

    /// Under its own name there is a whole archive or none.
    private static func partial(_ path: String) -> String { path + ".partial" }

    private func content(of file: ManifestArchiveFile) throws -> [UInt8] {
        guard let bytes = file.bytes else {
            StandardError.print("drimboxctl: \(file.name): found no base64, expected base64")
            throw Exit.failed
        }
        return bytes
    }

    private func write(_ volume: ManifestArchiveVolume, _ target: String, to path: String) async throws {
        let client = options.client
        let partial = Self.partial(path)
        let output = try Descriptor(opening: partial, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        let writer = try ZIPWriter(descriptor: output.rawValue, path: partial)
        let seconds = Int(WallClock.milliseconds() / 1000)
        for file in volume.files {
            try writer.add("\(volume.name)/\(file.name)", try content(of: file), seconds: seconds)
        }
        for submission in volume.submissions {
            let answer = try await client.call(
                "GET",
                "\(target)/\(submission.directory)/\(submission.manifest)",
                seconds: ArchiveCommand.seconds,
                bodyLimit: ManifestArchiveSubmission.longest
            ).body
            for file in try client.decode(ManifestArchiveSubmission.self, answer).files {
                let name = "\(volume.name)/\(volume.root)/\(submission.directory)/\(file.name)"
                try writer.add(name, try content(of: file), seconds: seconds)
            }
        }
        try writer.close()
        try output.synchronizeData(of: partial)
        _ = try Directory.rename(file: partial, to: path)
    }
}

struct ArchiveImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Takes XDM archives, or manifests alone (.dcm), in; exit 1 if one was refused."
    )

    @OptionGroup var options: Options

    @Argument(help: "KA<YYYYMM>.zip, or a DICOM file.")
    var files: [String]

    func run() async throws {
        var report = ArchiveImportReport()
        for file in files {
            if file.lowercased().hasSuffix(".zip") {
                var seen = report
                try await ArchiveCommand.reporting { try await take(archive: file, &seen) }
                report = seen
            } else {
                let content = try BackupCommand.file(file)
                await take([.init(name: "KOS_1_1.DCM", bytes: content)], file, &report)
            }
        }
        if options.output == .json {
            print(String(decoding: try JSONEncoder().encode(report), as: UTF8.self))
        } else {
            print(options.rendering.archive(report))
        }
        if !report.refused.isEmpty { throw Exit.failed }
    }

    /// A directory at a time; its files lie together in every archive that was written by a program.
    private func take(archive path: String, _ report: inout ArchiveImportReport) async throws {
        let reader = try ZIPReader(path: path)
        var directory = ""
        var files: [ManifestArchiveFile] = []
        while let file = try reader.next() {
            let parts = file.name.split(separator: "/").map(String.init)
            // What is not within a submission's directory is for people.
            guard parts.count > 2, parts[parts.count - 2].uppercased().hasPrefix("SS"), let name = parts.last
            else { continue }
            let place = parts.dropLast().joined(separator: "/")
            if place != directory {
                if !files.isEmpty { await take(files, "\(path): \(directory)", &report) }
                (directory, files) = (place, [])
            }
            files.append(.init(name: name, bytes: file.content))
        }
        if !files.isEmpty { await take(files, "\(path): \(directory)", &report) }
    }

    private func take(
        _ files: [ManifestArchiveFile],
        _ place: String,
        _ report: inout ArchiveImportReport
    ) async {
        let client = options.client
        do {
            let body = try await client.request(
                "POST",
                "/v1/pipeline/archive",
                body: Array(try JSONEncoder().encode(ManifestArchiveSubmission(files: files))),
                seconds: ArchiveCommand.seconds
            )
            let receipt = try client.decode(ManifestArchiveReceipt.self, body)
            report.outcomes[receipt.outcome.rawValue, default: 0] += 1
        } catch {
            // Why, the client has told; the others go on.
            report.refused.append(place)
        }
    }
}

/// What became of everything that was to be taken in.
struct ArchiveImportReport: Codable, Equatable {
    /// Submissions by outcome.
    var outcomes: [String: Int] = [:]
    var refused: [String] = []
}
