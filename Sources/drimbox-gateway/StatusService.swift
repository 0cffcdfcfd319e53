// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import NIOHTTP1
import Source
import Store
import Transfer

/// What the gateway tells the supervisor on its status socket, and takes from it: `/v1/version`, `/v1/pipeline`,
/// `/v1/events`, and what `TransferService` has.
struct StatusService: HTTPResponder {
    let journal: GatewayJournal
    let transfers: TransferService
    /// Nil where there is no source.
    let source: SourceFunction?
    let pipeline: @Sendable () -> PipelineStatus

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let answer = await transfers.respond(to: request) { return answer }
        if let answer = queue(request) { return answer }
        if request.path == "/v1/pipeline/traces" { return tracePage(request) }
        guard request.method == .GET || request.method == .HEAD else {
            return .text(
                .methodNotAllowed,
                "\(request.method): found on \(request.path), expected GET or HEAD"
            )
        }
        switch request.path {
        case "/v1/version": return .json(VersionReport())
        case "/v1/pipeline": return .json(pipeline())
        case "/v1/events": return events(request)
        default: return .text(.notFound, "no such resource")
        }
    }

    /// `/v1/pipeline/traces?since=N`: a page after a row.
    private func tracePage(_ request: HTTPRequest) -> HTTPResponse {
        guard let traces = source?.traces else {
            return .problem(404, "source.none", "found no source in the configuration", request.path)
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

    /// Server-sent events from `since` on, one JSON object each, for as long as the reader stays.
    private func events(_ request: HTTPRequest) -> HTTPResponse {
        let since = request.query.split(separator: "&").first { $0.hasPrefix("since=") }
            .flatMap { UInt64($0.dropFirst("since=".count)) }
        let log = journal.log
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let task = Task {
            var sequence = since ?? log.newest
            for await _ in log.changes() {
                let (events, lost) = log.events(after: sequence)
                var text = lost > 0 ? "event: gap\ndata: {\"lost\":\(lost)}\n\n" : ""
                for event in events {
                    guard let data = try? JSONEncoder().encode(event) else { continue }
                    text +=
                        "id: \(event.seq)\nevent: \(event.kind)\ndata: \(String(decoding: data, as: UTF8.self))\n\n"
                }
                sequence = events.last?.seq ?? sequence
                // A comment shows a vanished reader, and tells a new one that the stream is open.
                continuation.yield(Array((text.isEmpty ? ":\n\n" : text).utf8))
            }
            continuation.finish()
        }
        continuation.onTermination = { _ in task.cancel() }
        return HTTPResponse(
            .ok,
            headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-store"],
            body: .stream(stream)
        )
    }
}

extension PipelineStatus {
    init(_ counts: TransferCounts, _ spool: SpoolStatistics, started: Timestamp) {
        let usage = ProcessUsage.own()
        self.init(
            associations: Associations(
                open: counts.associationsOpen,
                accepted: counts.associationsAccepted,
                rejected: counts.associationsRejected,
                aborted: counts.associationsAborted
            ),
            receive: Receive(
                instances: counts.instancesReceived,
                bytes: Int(counts.bytesReceived),
                duplicates: spool.duplicates,
                replaced: spool.replaced,
                refused: counts.refusals,
                flushes: spool.flushes,
                flushSeconds: spool.flushSeconds,
                lastInstanceTime: counts.lastInstance > 0 ? Timestamp(milliseconds: counts.lastInstance) : nil
            ),
            retrieve: Retrieve(
                requests: counts.requests,
                instances: counts.instancesRetrieved,
                bytes: Int(counts.bytesRetrieved),
                errors: counts.errors
            ),
            spool: Spool(
                capacityBytes: Int(spool.capacityBytes),
                usedBytes: Int(spool.usedBytes),
                segments: spool.segments,
                segmentBytes: Int(spool.segmentBytes),
                instances: spool.instances,
                studies: spool.studies,
                evictedInstances: spool.evictedInstances,
                heldBytes: Int(spool.heldBytes)
            ),
            process: Process(
                residentBytes: Int(usage.residentBytes),
                cpuSeconds: usage.cpuSeconds,
                startTime: started
            )
        )
    }
}
