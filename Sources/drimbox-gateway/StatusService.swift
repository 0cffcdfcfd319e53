// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Linux
import NIOHTTP1
import Store
import Transfer

/// What the gateway tells the supervisor on its status socket, and takes from it: `/v1/version`, `/v1/pipeline`,
/// `/v1/events`, and what `TransferService` has.
struct StatusService: HTTPResponder {
    /// A submission of an archive with a manifest of many thousand instances comes in one request.
    static var limits: HTTPServer.Limits {
        var limits = HTTPServer.Limits()
        limits.requestBody = ManifestArchiveSubmission.longest
        return limits
    }

    let journal: GatewayJournal
    let transfers: TransferService
    /// Nil where there is no source.
    let source: SourceFunction?
    /// Nil where there is neither a source nor a consumer.
    let traces: AuditTable?
    let pipeline: @Sendable () -> PipelineStatus

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let answer = await transfers.respond(to: request) { return answer }
        if let answer = sourceAnswer(to: request) { return answer }
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
    init(
        _ counts: TransferCounts,
        _ spool: SpoolStatistics,
        publications: Publications?,
        whiteList: WhiteList?,
        viewerLink: String?,
        started: Timestamp
    ) {
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
            publications: publications,
            whiteList: whiteList,
            viewerLink: viewerLink,
            process: Process(
                residentBytes: Int(usage.residentBytes),
                cpuSeconds: usage.cpuSeconds,
                startTime: started
            )
        )
    }
}
