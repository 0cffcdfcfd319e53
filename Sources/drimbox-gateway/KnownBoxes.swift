// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import NIOHTTP1
import Source
import Synchronization
import Transfer
import WhiteList

/// The boxes that may ask for images and be asked: those of the newest white list that was found to be the national agency's.
///
/// The last good list is kept beside the gateway's data, with when it was accepted in its name. A list that is refused
/// changes nothing, and is told of.
final class KnownBoxes: Sendable {
    private static let interval: Duration = .seconds(5)
    static let longest = 16 << 20
    /// Milliseconds between fetches, and after one that failed.
    private static let fetched: Int64 = 24 * 3_600_000
    private static let again: Int64 = 15 * 60_000

    private struct State {
        var list: WhiteList?
        /// Of everything that a verdict depends on, when it was given.
        var stamps: [FileStamp?] = []
        var wasMissed = false
        /// What is wrong with the newest list.
        var problem: String?
        /// What is wrong with fetching it.
        var fetchProblem: String?
        /// Milliseconds since 1970.
        var nextFetch: Int64 = 0
    }

    private let settings: GatewayConfiguration.WhiteList
    private let configuration: GatewayConfiguration
    private let directory: String
    private let journal: GatewayJournal
    /// Nil where somebody else puts the list in its place.
    private let client: HTTPSClient?
    private let state = Mutex(State())

    init(
        _ settings: GatewayConfiguration.WhiteList,
        _ configuration: GatewayConfiguration,
        client: HTTPSClient?,
        journal: GatewayJournal
    ) {
        self.settings = settings
        self.configuration = configuration
        directory = configuration.dataDirectory + "/white-list"
        self.journal = journal
        self.client = client
    }

    var status: PipelineStatus.WhiteList {
        state.withLock { state in
            PipelineStatus.WhiteList(
                generated: state.list?.generated,
                boxes: state.list?.domains.count ?? 0,
                problem: state.problem ?? state.fetchProblem
            )
        }
    }

    func shutdown() async { await client?.shutdown() }

    /// Nil where the certificate of who asks is one of the list's.
    func refusal(of request: HTTPRequest) -> RetrieveAdmission? {
        guard let list = state.withLock({ $0.list }) else {
            var response = HTTPResponse.text(.serviceUnavailable, "there is no white list yet")
            response.headers.replaceOrAdd(name: "Retry-After", value: "30")
            return .refused(response, reason: "there is no white list")
        }
        guard let certificate = request.security?.certificate else {
            return .refused(
                .text(.forbidden, "a client certificate is needed"),
                reason: "no client certificate"
            )
        }
        guard let name = CertificateName(subjectOf: certificate.der), !list.domains(askingAs: name).isEmpty
        else {
            let response = HTTPResponse.text(.forbidden, "the client certificate is not in the white list")
            return .refused(response, reason: "not in the white list")
        }
        return nil
    }

    /// Whether images may be asked for at a host; nil where there is no list yet.
    func serves(imagesAt host: String) -> Bool? {
        state.withLock { $0.list }.map { $0.domain(servingImagesAt: host) != nil }
    }

    /// Looks for a newer list every 5 s until the task is cancelled.
    func run() async {
        await restore()
        while !Task.isCancelled {
            await fetch()
            await look()
            try? await Task.sleep(for: Self.interval)
        }
    }

    /// What was accepted once is good until there is a newer one, whatever became of its signer's certificate since.
    private func restore() async {
        do {
            try Directory.create(directory)
            for (accepted, name) in try kept() {
                if let list = await restored(name, accepted: accepted) {
                    return state.withLock { $0.list = list }
                }
            }
        } catch {
            lost(error)
        }
    }

    /// Whole files only, the newest first: a power cut can leave part of one under another name.
    private func kept() throws -> [(accepted: Int64, name: String)] {
        try Directory.names(in: directory)
            .compactMap { name in
                let parts = name.split(separator: ".")
                guard parts.count == 2, parts[1] == "xml", let accepted = Int64(parts[0]) else { return nil }
                return (accepted, name)
            }
            .sorted { $0.accepted > $1.accepted }
    }

    private func restored(_ name: String, accepted: Int64) async -> WhiteList? {
        do {
            let document = try readFile("\(directory)/\(name)", limit: Self.longest)
            let verifier = try self.verifier(checksRevocation: false)
            return try await verifier.verify(document, at: Timestamp(milliseconds: accepted)).list
        } catch {
            lost(error)
            return nil
        }
    }

    private func lost(_ error: any Error) {
        journal.record("white-list.lost", .critical, "a kept white list cannot be used: \(error)")
    }

    /// Puts the newest list in its place, once a day; whether it is one, `look` finds out.
    private func fetch() async {
        guard let client, let url = settings.url else { return }
        let now = WallClock.milliseconds()
        guard state.withLock({ $0.nextFetch <= now }) else { return }
        do {
            let answer = try await client.get(url)
            guard answer.status == 200 else { throw Unfetched(status: answer.status) }
            try replaceFile(file, with: answer.body, mode: 0o600)
            state.withLock { state in
                state.fetchProblem = nil
                state.nextFetch = now + Self.fetched
            }
        } catch {
            let isNews = state.withLock { state in
                defer { state.fetchProblem = "fetching: \(error)" }
                state.nextFetch = now + Self.again
                return state.fetchProblem == nil
            }
            if isNews {
                journal.record(
                    "white-list.not-fetched",
                    .critical,
                    "the white list cannot be fetched: \(error)"
                )
            }
        }
    }

    private struct Unfetched: Error, CustomStringConvertible {
        let status: Int

        var description: String { "found status \(status), expected 200" }
    }

    private func look() async {
        let files = [file, configuration.path(of: settings.authorities)] + crls
        let stamps = files.map { FileStamp($0) }
        guard stamps.first != .some(nil) else { return miss() }
        guard state.withLock({ $0.stamps != stamps }) else { return }
        let now = Timestamp(milliseconds: WallClock.milliseconds())
        do {
            let document = try readFile(file, limit: Self.longest)
            let known = state.withLock { $0.list?.generated }
            let verifier = try self.verifier(checksRevocation: true)
            let found = try await verifier.verify(document, at: now, notOlderThan: known)
            try keep(document, accepted: now)
            state.withLock { state in
                state.list = found.list
                state.stamps = stamps
                state.wasMissed = false
                state.problem = nil
            }
            journal.record(
                "white-list.accepted",
                .info,
                "a white list was accepted",
                [
                    "boxes": "\(found.list.domains.count)", "unusable": "\(found.list.unusable.count)",
                    "generated": "\(found.list.generated)", "validUntil": "\(found.validUntil)",
                ]
            )
        } catch {
            // Not at every look: what is refused is refused until it, an authority or a revocation list changes.
            state.withLock { state in
                state.stamps = stamps
                state.problem = "\(error)"
                state.nextFetch = min(state.nextFetch, now.milliseconds + Self.again)
            }
            journal.record(
                "white-list.refused",
                .critical,
                "a white list was refused: \(error)",
                (error as? WhiteListError).map { ["code": $0.code] } ?? [:]
            )
        }
    }

    private var file: String { configuration.path(of: settings.file) }
    private var crls: [String] { settings.crls.map(configuration.path(of:)) }

    private func miss() {
        let isNews = state.withLock { state in
            defer { state.wasMissed = true }
            state.problem = "there is no file"
            return !state.wasMissed
        }
        if isNews {
            journal.record(
                "white-list.missing",
                .critical,
                "\(file): found no file, expected the white list"
            )
        }
    }

    private func verifier(checksRevocation: Bool) throws -> WhiteListVerifier {
        let authorities = try readFile(configuration.path(of: settings.authorities), limit: 1 << 20)
        let lists = checksRevocation ? try crls.map { try readFile($0, limit: Self.longest) } : []
        return try WhiteListVerifier(
            authorities: [String(decoding: authorities, as: UTF8.self)],
            signer: settings.signer.flatMap { WhiteListVerifier.Signer($0) } ?? .agency,
            revocation: lists.isEmpty ? nil : RevocationLists(lists).check
        )
    }

    private func keep(_ document: [UInt8], accepted: Timestamp) throws {
        let name = "\(accepted.milliseconds).xml"
        try replaceFile("\(directory)/\(name)", with: document, mode: 0o600)
        try Directory.synchronize(directory)
        for (_, old) in try kept() where old != name { try Directory.remove(file: "\(directory)/\(old)") }
    }
}
