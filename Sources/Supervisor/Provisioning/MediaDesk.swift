// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Glibc
import Linux
import Provisioning

/// What a person brings on a USB stick, in its directory `drimbox`: files for the gateway, the box's certificate, a signed
/// answer file. Each is taken over as by its own request, and so refused as by it.
struct MediaDesk: Sendable {
    private static let directory = "drimbox"
    private static let credentials = "credentials"
    private static let identity = "identity.pem"
    private static let authorities = "authorities.pem"
    private static let answers = "answers.json"
    private static let signature = "answers.json.sig"
    private static let maximumFiles = 128
    private static let longest = 1 << 20

    let settings: SupervisorConfiguration
    let transactions: ConfigurationTransactions
    let enrolment: Enrolment
    let credentials: CredentialStore
    let answers: AnswerDesk

    private var mounted: String { settings.provisioning.mediaDirectory }

    /// Those that have something for this box.
    func list() throws -> [Medium] {
        guard FileStamp(mounted) != nil else { return [] }
        return try Directory.names(in: mounted).sorted().compactMap { name in
            let files = try files(of: name)
            return files.isEmpty ? nil : Medium(name: name, files: files)
        }
    }

    /// In the order in which they are taken: the configuration needs the gateway's files.
    private func files(of medium: String) throws -> [Medium.File] {
        func names(_ path: String) throws(SystemCallError) -> [String] {
            do {
                return try Directory.names(in: "\(mounted)/\(medium)/\(path)")
            } catch {
                // A stick that does not answer is not one that is empty.
                guard error.isMissingFile || error.errno == ENOTDIR else { throw error }
                return []
            }
        }
        let top = try names(Self.directory)
        var files = try names("\(Self.directory)/\(Self.credentials)").sorted().prefix(Self.maximumFiles)
            // Systems that write sticks leave files of their own.
            .filter { !$0.hasPrefix(".") }
            .map { Medium.File(path: "\(Self.credentials)/\($0)", purpose: .credential) }
        if top.contains(Self.identity) { files.append(.init(path: Self.identity, purpose: .identity)) }
        if top.contains(Self.answers) { files.append(.init(path: Self.answers, purpose: .answers)) }
        return files
    }

    func take(_ medium: String, author: String, reason: String) async throws -> MediumReport {
        guard let found = try list().first(where: { $0.name == medium }) else {
            throw Problem(
                status: 404,
                code: "media.none",
                title: "there is no such medium, or nothing on it for this box",
                detail: "\(mounted)/\(medium)/\(Self.directory)"
            )
        }
        let tree = try FileTree("\(mounted)/\(medium)")
        var items: [MediumReport.Item] = []
        for file in found.files {
            do {
                let words = try await take(file, tree, author: author, reason: reason)
                items.append(.init(path: file.path, isTaken: true, detail: words))
            } catch {
                let problem = error as? Problem
                items.append(
                    .init(
                        path: file.path,
                        isTaken: false,
                        detail: problem?.detail ?? problem?.title ?? "\(error)"
                    )
                )
            }
        }
        return MediumReport(items: items)
    }

    private func take(_ file: Medium.File, _ tree: FileTree, author: String, reason: String) async throws
        -> String
    {
        switch file.purpose {
        case .credential:
            let name = String(file.path.dropFirst(Self.credentials.count + 1))
            let content = try read(file.path, tree, CredentialUpload.longest)
            let taken = try await credentials.put(name, content, usedBy: await transactions.document)
            return [taken.kind.rawValue, taken.subject].compactMap { $0 }.joined(separator: " ")
        case .identity:
            let text = String(
                decoding: try read(file.path, tree, CertificateChain.maximumLength),
                as: UTF8.self
            )
            let named =
                settings.provisioning.authorities == nil
                ? try readIfThere(Self.authorities, tree, CertificateChain.maximumLength) : nil
            let status = try await enrolment.take(
                CertificateImport(chain: text, authorities: named.map { String(decoding: $0, as: UTF8.self) })
            )
            return status.certificate?.subject ?? "-"
        case .answers:
            let report = try await answers.apply(
                ProvisioningRequest(
                    file: Data(try read(file.path, tree, Self.longest)).base64EncodedString(),
                    signature: try readIfThere(Self.signature, tree, 4096).map(Self.base64),
                    confirm: ConfirmPolicy(mode: .auto)
                ),
                author: author,
                reason: reason
            )
            guard !report.isUndone else {
                throw Problem(
                    status: 409,
                    code: "answer.rolled_back",
                    title: "the answer file was undone",
                    detail: report.transaction?.reason
                )
            }
            return "revision \(report.revision)"
        }
    }

    /// A signature's 64 bytes; of another length they are its text already.
    private static func base64(_ bytes: [UInt8]) -> String {
        bytes.count == 64
            ? Data(bytes).base64EncodedString()
            : String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    }

    /// Nil where there is none; one that cannot be read is no missing one.
    private func readIfThere(_ path: String, _ tree: FileTree, _ limit: Int) throws -> [UInt8]? {
        do {
            return try read(path, tree, limit)
        } catch let error as SystemCallError where error.isMissingFile {
            return nil
        }
    }

    /// One byte more than `limit` is refused, not cut off.
    private func read(_ path: String, _ tree: FileTree, _ limit: Int) throws -> [UInt8] {
        let content = try tree.read("\(Self.directory)/\(path)", 0..<(limit + 1))
        guard content.count <= limit else {
            throw Problem(
                status: 413,
                code: "credential.content",
                title: "the file is not taken over",
                detail: "\(path): found more than \(limit) bytes, expected at most so many"
            )
        }
        return content
    }
}
