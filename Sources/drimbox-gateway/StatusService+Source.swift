// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import IHE
import Linux
import NIOHTTP1
import Source
import Store
import Transfer

/// What the source has on the status socket: its queue, its traces, its archive of manifests.
extension StatusService {
    /// Nil where the path is none of the source's.
    func sourceAnswer(to request: HTTPRequest) -> HTTPResponse? {
        if let answer = queue(request) { return answer }
        if let answer = archive(request) { return answer }
        if let answer = refusedMessage(request) { return answer }
        return request.path == "/v1/pipeline/traces" ? tracePage(request) : nil
    }

    /// `/v1/pipeline/refused/{digest}`: a message as it came; nil where the path is another's.
    private func refusedMessage(_ request: HTTPRequest) -> HTTPResponse? {
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.starts(with: ["v1", "pipeline", "refused"]), parts.count == 4 else { return nil }
        guard let desk = source?.desk else {
            return .problem(404, "source.none", "found no source in the configuration", request.path)
        }
        do {
            guard let bytes = try desk.refusedMessage(parts[3]) else {
                return .problem(
                    404,
                    "message.unknown",
                    "found no message whose digest begins so",
                    request.path
                )
            }
            guard bytes.count <= ManifestArchiveSubmission.longest else {
                let detail =
                    "found \(bytes.count) bytes, expected \(ManifestArchiveSubmission.longest) at most"
                return .problem(413, "message.long", detail, request.path)
            }
            return HTTPResponse(.ok, headers: ["Content-Type": "application/hl7-v2"], body: .bytes(bytes))
        } catch {
            return .problem(503, "source.store", "the messages cannot be read", request.path)
        }
    }

    /// `/v1/pipeline/traces?since=N`: a page after a row.
    private func tracePage(_ request: HTTPRequest) -> HTTPResponse {
        guard let traces else {
            return .problem(
                404,
                "traces.none",
                "found neither source nor consumer in the configuration",
                request.path
            )
        }
        let since = request.query.split(separator: "&").first { $0.hasPrefix("since=") }
            .flatMap { Int($0.dropFirst("since=".count)) }
        do throws(StoreError) {
            let rows = try traces.rows(after: since ?? 0, limit: 1000).map { row in
                AuditRow(
                    number: row.number,
                    time: Timestamp(milliseconds: row.time),
                    user: row.user,
                    action: row.action,
                    subject: row.subject,
                    outcome: row.outcome,
                    reason: row.reason,
                    hash: row.hash
                )
            }
            return .json(AuditPage(rows: rows))
        } catch {
            return .problem(503, "source.store", "the traces cannot be read", request.path)
        }
    }

    /// `/v1/pipeline/queue[/{number}[/retry|hold|drop]]`; nil where the path is another's.
    private func queue(_ request: HTTPRequest) -> HTTPResponse? {
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.starts(with: ["v1", "pipeline", "queue"]), parts.count <= 5 else { return nil }
        guard let desk = source?.desk else {
            return .problem(404, "source.none", "found no source in the configuration", request.path)
        }
        do {
            if parts.count == 3 { return .json(try desk.queue()) }
            let missing = HTTPResponse.problem(
                404,
                "queue.unknown",
                "found no exam of this number",
                request.path
            )
            guard let number = Int(parts[3]) else { return missing }
            if parts.count == 4 { return try desk.item(number).map { .json($0) } ?? missing }
            guard request.method == .POST, let decision = PublicationDesk.Decision(rawValue: parts[4]) else {
                return .problem(405, "request.method", "found \(request.method), expected POST", request.path)
            }
            let decided = try? JSONDecoder().decode(QueueDecision.self, from: Data(request.body) + [0x0A])
            let reason = decided?.reason ?? ""
            guard decision == .retry || !reason.isEmpty else {
                return .problem(400, "request.reason", "found none, expected {\"reason\": ...}", request.path)
            }
            return try desk.decide(decision, number, reason: reason).map { .json($0) } ?? missing
        } catch {
            return .problem(503, "source.store", "the queue cannot be read", request.path)
        }
    }

    /// `/v1/pipeline/archive[/{month}[/{directory}/{manifest}]]`; nil where the path is another's.
    private func archive(_ request: HTTPRequest) -> HTTPResponse? {
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.starts(with: ["v1", "pipeline", "archive"]), parts.count != 5, parts.count <= 6 else {
            return nil
        }
        guard let archive = source?.archive else {
            return .problem(404, "source.none", "found no source in the configuration", request.path)
        }
        if request.method == .POST { return take(request, archive) }
        let missing = HTTPResponse.problem(404, "archive.none", "the archive has nothing there", request.path)
        do {
            switch parts.count {
            case 3: return .json(try archive.months())
            case 4: return try archive.volume(parts[3]).map { .json($0) } ?? missing
            default: return try archive.submission(parts[5], directory: parts[4]).map { .json($0) } ?? missing
            }
        } catch {
            return .problem(503, "source.store", "the archive cannot be read", request.path)
        }
    }

    private func take(_ request: HTTPRequest, _ archive: ManifestArchive) -> HTTPResponse {
        guard
            let submission = try? JSONDecoder().decode(
                ManifestArchiveSubmission.self,
                from: Data(request.body) + [0x0A]
            )
        else {
            return .problem(400, "request.body", "found no {\"files\": [...]}", request.path)
        }
        do {
            return .json(try archive.take(submission))
        } catch let error as XDMError {
            return .problem(422, "archive.submission", "\(error)", request.path)
        } catch let error as ManifestConflict {
            return .problem(409, "archive.conflict", "\(error)", request.path)
        } catch {
            return .problem(503, "source.store", "the archive cannot be written", request.path)
        }
    }
}
