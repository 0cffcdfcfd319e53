// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Glibc
import Linux
import Provisioning
import Store

/// The files that the configuration names by their names alone. The supervisor writes them, the gateway's group reads
/// them, nobody else does; a private key that is in goes out in a sealed backup only.
actor CredentialStore {
    private static let maximumCount = 128
    /// A backup holds them all.
    private static let maximumBytes = 8 << 20
    private static let undoName = "credentials-undo.json"

    /// What stood there before an exchange, and under which revision: on the disk until the exchange is settled.
    private struct Undo: Codable {
        let revision: Int
        /// Base64; nil where there was no such file.
        let files: [String: String?]
    }

    private let settings: SupervisorConfiguration
    private let table: RevisionTable
    private let journal: EventJournal

    /// Files stand there that a configuration needs which is tried: another change would be undone with it.
    private var isExchanging = false

    private nonisolated var directory: String { settings.credentialsDirectory }
    private nonisolated var undoPath: String { "\(settings.stateDirectory)/\(Self.undoName)" }

    init(settings: SupervisorConfiguration, table: RevisionTable, journal: EventJournal) {
        self.settings = settings
        self.table = table
        self.journal = journal
    }

    // MARK: Looking

    /// In the order of their names; `document` is the configuration in force.
    func list(_ document: JSONValue) throws -> [CredentialFile] {
        try contents().sorted { $0.key < $1.key }.map { name, content in
            Self.file(name, content, usedBy: document.places(naming: [name, "\(directory)/\(name)"]))
        }
    }

    private static func file(_ name: String, _ content: [UInt8], usedBy: [String]) -> CredentialFile {
        let found = try? CredentialContent(content, of: name)
        return CredentialFile(
            name: name,
            kind: found?.kind ?? .other,
            bytes: content.count,
            subject: found?.subject,
            notAfter: found?.notAfter,
            keyFingerprint: found?.keyFingerprint,
            usedBy: usedBy
        )
    }

    /// What a backup keeps.
    func contents() throws -> [String: [UInt8]] {
        guard FileStamp(directory) != nil else { return [:] }
        var contents: [String: [UInt8]] = [:]
        for name in try Directory.names(in: directory) where !name.hasSuffix(replacementSuffix) {
            contents[name] = try readRegularFile("\(directory)/\(name)", limit: CredentialUpload.longest)
        }
        return contents
    }

    // MARK: Changing

    /// Takes a file over, in place of the one that has its name; the gateway looks at its files every 30 s.
    @discardableResult
    func put(_ name: String, _ content: [UInt8], usedBy document: JSONValue) throws -> CredentialFile {
        try demandRest()
        try check([name: content])
        try write([name: content])
        let file = Self.file(name, content, usedBy: document.places(naming: [name, "\(directory)/\(name)"]))
        journal.record(
            "credential.taken",
            .info,
            "a file for the gateway was taken over",
            [
                "name": name, "kind": file.kind.rawValue, "bytes": "\(content.count)",
                "key": file.keyFingerprint ?? "-",
            ]
        )
        return file
    }

    /// - Throws: where the configuration in force names it.
    func remove(_ name: String, _ document: JSONValue) throws {
        try demandRest()
        let path = "\(directory)/\(name)"
        guard CredentialUpload.isName(name), FileStamp(path) != nil else {
            throw Problem(status: 404, code: "credential.none", title: "there is no such file", detail: name)
        }
        if let place = document.places(naming: [name, path]).first {
            throw Problem(
                status: 409,
                code: "credential.used",
                title: "the file is not removed",
                detail: "\(place) names \(name)",
                hint: "change the configuration first"
            )
        }
        try Directory.remove(file: path)
        try Directory.synchronize(directory)
        journal.record("credential.removed", .info, "a file for the gateway was removed", ["name": name])
    }

    // MARK: With a configuration that is tried

    /// Takes files over that a new configuration needs. What stood there comes back by `undo`, and after a power cut
    /// unless a newer revision is there.
    func exchange(_ files: [String: [UInt8]]) throws {
        guard !files.isEmpty else { return }
        try demandRest()
        // One that the last start could not finish.
        try finishInterrupted()
        try check(files)
        let before = try contents()
        let undo = Undo(
            revision: try table.newest()?.number ?? 0,
            files: Dictionary(
                uniqueKeysWithValues: files.keys.map { name in
                    (name, before[name].map { Data($0).base64EncodedString() })
                }
            )
        )
        try replaceFile(undoPath, with: Array(try JSONEncoder().encode(undo)), mode: 0o600)
        try Directory.synchronize(settings.stateDirectory)
        isExchanging = true
        do {
            try write(files)
        } catch {
            // Some may stand there already.
            try self.undo()
            throw error
        }
        journal.record(
            "credential.taken",
            .info,
            "files for the gateway were taken over",
            ["names": files.keys.sorted().joined(separator: " ")]
        )
    }

    /// What was exchanged stays.
    func settle() throws {
        guard isExchanging else { return }
        try Directory.remove(file: undoPath)
        try Directory.synchronize(settings.stateDirectory)
        isExchanging = false
    }

    /// What stood there before the exchange.
    func undo() throws {
        guard isExchanging, let undo = try kept() else { return }
        try putBack(undo)
        try settle()
        journal.record("credential.undone", .warning, "files for the gateway are as they were before")
    }

    /// At the start, before anything reads them: an exchange that a power cut interrupted. A disk that refuses it keeps no box
    /// down; the next exchange begins with it.
    nonisolated func recover() {
        do {
            try finishInterrupted()
        } catch {
            journal.record(
                "credential.unsettled",
                .critical,
                "an interrupted exchange of files could not be finished",
                ["reason": "\(error)"]
            )
        }
    }

    private nonisolated func finishInterrupted() throws {
        guard let undo = try kept() else { return }
        let isConfirmed = (try table.newest()?.number ?? 0) > undo.revision
        if !isConfirmed {
            try putBack(undo)
            journal.record("credential.undone", .warning, "an interrupted exchange of files was undone")
        }
        try Directory.remove(file: undoPath)
        try Directory.synchronize(settings.stateDirectory)
    }

    private func demandRest() throws {
        guard isExchanging else { return }
        throw Problem(
            status: 409,
            code: "credential.busy",
            title: "the files stay as they are",
            detail: "found a configuration with files of its own that is tried, expected none",
            hint: "wait for its end: drimboxctl config pending"
        )
    }

    private nonisolated func kept() throws -> Undo? {
        guard FileStamp(undoPath) != nil else { return nil }
        let content = try readFile(undoPath, limit: 2 * Self.maximumBytes)
        return try JSONDecoder().decode(Undo.self, from: Data(content))
    }

    private nonisolated func putBack(_ undo: Undo) throws {
        var files: [String: [UInt8]] = [:]
        for (name, text) in undo.files {
            if let text {
                guard let content = Data(base64Encoded: text) else {
                    throw ProvisioningError(
                        .credentialContent,
                        at: undoPath,
                        found: "no base64 for \(name)",
                        expected: "what stood there before"
                    )
                }
                files[name] = Array(content)
            } else {
                try Directory.remove(file: "\(directory)/\(name)")
            }
        }
        try write(files)
    }

    // MARK: Files

    private func check(_ files: [String: [UInt8]]) throws {
        do throws(ProvisioningError) {
            for (name, content) in files.sorted(by: { $0.key < $1.key }) {
                guard CredentialUpload.isName(name), !name.hasSuffix(replacementSuffix) else {
                    throw ProvisioningError(
                        .credentialName,
                        at: "the file's name",
                        found: "\"\(name.prefix(80))\"",
                        expected: CredentialUpload.expectedName
                    )
                }
                _ = try CredentialContent(content, of: name)
            }
        } catch {
            throw Problem(error, title: "the file is not taken over")
        }
        let all = try contents().merging(files) { $1 }
        let bytes = all.values.reduce(0) { $0 + $1.count }
        guard all.count <= Self.maximumCount, bytes <= Self.maximumBytes else {
            throw Problem(
                status: 507,
                code: "credential.full",
                title: "the file is not taken over",
                detail:
                    "found \(all.count) files, \(bytes) bytes; expected at most \(Self.maximumCount), \(Self.maximumBytes)",
                hint: "drimboxctl credential ls, rm"
            )
        }
    }

    private nonisolated func write(_ files: [String: [UInt8]]) throws {
        // Whose images they are for: a group of the supervisor's, too.
        let group = Directory.group(of: settings.runtimeDirectory)
        try Directory.create(directory, mode: 0o750)
        if let group { try Directory.give(directory, to: group) }
        for (name, content) in files {
            try replaceFile("\(directory)/\(name)", with: content, mode: 0o640, group: group)
        }
        try Directory.synchronize(directory)
    }
}

extension JSONValue {
    /// Where in the document one of these texts stands: `gateway.dmp.structures[0].signature.privateKey`.
    func places(naming texts: Set<String>) -> [String] {
        switch self {
        case .string(let text): texts.contains(text) ? [""] : []
        case .array(let elements):
            elements.enumerated().flatMap { index, value in
                value.places(naming: texts).map {
                    "[\(index)]\($0.first == "[" || $0.isEmpty ? "" : ".")\($0)"
                }
            }
        case .object(let members):
            members.sorted { $0.key < $1.key }.flatMap { key, value in
                value.places(naming: texts).map { "\(key)\($0.first == "[" || $0.isEmpty ? "" : ".")\($0)" }
            }
        case .null, .bool, .integer, .number: []
        }
    }
}
