// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import FoundationEssentials
import Linux
import NIOHTTP1
import Transfer

/// Peers and transfers on the status socket: `/v1/peers`, `/v1/peers/{aeTitle}/echo`, `/v1/transfers[/{id}]`.
struct TransferService: Sendable {
    let peers: Peers
    let client: DIMSEClient
    let jobs: TransferJobs

    /// Nil where the path is another's.
    func respond(to request: HTTPRequest) async -> HTTPResponse? {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(
            String.init
        )
        guard parts.first == "v1", parts.count >= 2 else { return nil }
        switch (parts[1], parts.count) {
        case ("peers", 2): return get(request) { .json(PeerList(peers.all.map(status))) }
        case ("peers", 4) where parts[3] == "echo": return await echo(parts[2], request)
        case ("transfers", 2) where request.method == .POST: return await submit(request)
        case ("transfers", 2):
            let list = await jobs.all
            return get(request) { .json(TransferJobList(list)) }
        case ("transfers", 3): return await transfer(parts[2], request)
        default: return nil
        }
    }

    private func get(_ request: HTTPRequest, _ answer: () -> HTTPResponse) -> HTTPResponse {
        guard request.method == .GET || request.method == .HEAD else { return Self.wrongMethod(request) }
        return answer()
    }

    private static func wrongMethod(_ request: HTTPRequest) -> HTTPResponse {
        .problem(405, "request.method", "found \(request.method), expected another method", request.path)
    }

    private func status(_ entry: Peers.Entry) -> PeerStatus {
        PeerStatus(
            aeTitle: entry.peer.aeTitle.string,
            host: entry.peer.host,
            port: entry.peer.port,
            roles: entry.roles.map(\.rawValue).sorted(),
            associations: client.openAssociations(with: entry.peer),
            isEncrypted: entry.peer.tls != nil
        )
    }

    private func echo(_ name: String, _ request: HTTPRequest) async -> HTTPResponse {
        guard request.method == .POST else { return Self.wrongMethod(request) }
        guard let title = PercentEncoding.decode(name).flatMap({ AETitle($0) }), let entry = peers[title]
        else {
            return .problem(404, "peer.unknown", "found no such AE title in dicom.peers", request.path)
        }
        do {
            let time = try await client.echo(entry.peer)
            let milliseconds = (time / .microseconds(100)).rounded() / 10
            return .json(EchoReport(aeTitle: title.string, milliseconds: milliseconds))
        } catch {
            return .json(EchoReport(aeTitle: title.string, reason: "\(error)"))
        }
    }

    private func submit(_ request: HTTPRequest) async -> HTTPResponse {
        let asked: TransferRequest
        do {
            asked = try JSONDecoder().decode(TransferRequest.self, from: Data(request.body) + [0x0A])
        } catch {
            let expected = "found a body that is no transfer, expected {\"kind\", \"study\", ...}"
            return .problem(400, "request.body", expected, request.path)
        }
        do {
            return .json(try await jobs.submit(asked), .accepted)
        } catch let error as TransferJobs.Invalid {
            return .problem(400, "transfer.invalid", error.description, request.path)
        } catch {
            return .problem(503, "transfer.not-kept", "the job cannot be written: \(error)", request.path)
        }
    }

    private func transfer(_ id: String, _ request: HTTPRequest) async -> HTTPResponse {
        guard let job = await jobs.job(id) else {
            return .problem(404, "transfer.unknown", "found no such transfer", request.path)
        }
        switch request.method {
        case .GET, .HEAD: return .json(job)
        case .DELETE:
            _ = await jobs.cancel(id)
            return .json(job, .accepted)
        default: return Self.wrongMethod(request)
        }
    }
}

extension HTTPResponse {
    static func json(_ value: some Encodable, _ status: HTTPResponseStatus = .ok) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let body = try? encoder.encode(value) else {
            return .text(.internalServerError, "the answer cannot be written as JSON")
        }
        return HTTPResponse(status, headers: ["Content-Type": "application/json"], body: .bytes(Array(body)))
    }

    /// RFC 9457.
    static func problem(_ status: Int, _ code: String, _ detail: String, _ path: String) -> HTTPResponse {
        let reason = HTTPResponseStatus(statusCode: status)
        let problem = Problem(
            status: status,
            code: code,
            title: reason.reasonPhrase,
            detail: detail,
            path: String(path.prefix(256))
        )
        var response = HTTPResponse.json(problem, reason)
        response.headers.replaceOrAdd(name: "Content-Type", value: Problem.mediaType)
        return response
    }
}
