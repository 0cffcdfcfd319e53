// SPDX-License-Identifier: Apache-2.0
import Linux

extension Installation {
    private struct Arrival: Sendable {
        let request: FrameRequest
        let bytes: Result<[UInt8]?, SourceFailure>
    }

    /// What is left to ask for.
    private struct Queue {
        var requests: [FrameRequest]
        var failures: [Int: Int] = [:]
    }

    func fetchFrames(_ segments: [Int]) async throws(InstallationError) {
        var requests: [FrameRequest] = []
        for kind in [SlotWriter.FrameKind.patch, .pack] {
            let chosen = segments.filter { writer.frameKind(for: $0) == kind }
            requests += FrameRequest.plan(chosen, of: kind, limits: limits) { writer.frame(of: $0, kind) }
        }
        let bytes = requests.reduce(0) { $0 + $1.range.count }
        meter.update {
            $0.phase = .fetching
            $0.bytesToGo = bytes
        }
        let failure = await withTaskGroup(of: Arrival.self, returning: InstallationError?.self) { group in
            let behind = WriteBehind(writer)
            let failure = await fetch(requests, in: &group, behind)
            group.cancelAll()
            let last = await behind.finish()
            return failure ?? last.map { .slot($0) }
        }
        if let failure { throw failure }
    }

    private func fetch(
        _ requests: [FrameRequest],
        in group: inout TaskGroup<Arrival>,
        _ behind: WriteBehind
    ) async -> InstallationError? {
        var queue = Queue(requests: requests.reversed())
        var inFlight = 0
        var outstandingBytes = 0
        while true {
            while inFlight < limits.requests, let request = queue.requests.last,
                outstandingBytes == 0 || outstandingBytes + request.range.count <= limits.outstandingBytes
            {
                queue.requests.removeLast()
                inFlight += 1
                outstandingBytes += request.range.count
                let (fetcher, file) = (fetcher, writer.file(of: request.kind))
                group.addTask { await Self.arrival(request, file, fetcher) }
            }
            guard inFlight > 0, let arrival = await group.next() else { return nil }
            inFlight -= 1
            if let failure = await install(arrival, &queue, behind) { return failure }
            outstandingBytes -= arrival.request.range.count
        }
    }

    private static func arrival(
        _ request: FrameRequest,
        _ file: String,
        _ fetcher: RangeFetcher
    ) async -> Arrival {
        do throws(SourceFailure) {
            return Arrival(request: request, bytes: .success(try await fetcher.fetch(file, request.range)))
        } catch {
            return Arrival(request: request, bytes: .failure(error))
        }
    }

    /// One segment is decoded while the one before is written.
    private func install(
        _ arrival: Arrival,
        _ queue: inout Queue,
        _ behind: WriteBehind
    ) async -> InstallationError? {
        let (writer, kind) = (writer, arrival.request.kind)
        let bytes: [UInt8]
        switch arrival.bytes {
        case .failure(let failure): return .source(failure)
        case .success(nil): return .cancelled
        case .success(let content?): bytes = content
        }
        for segment in arrival.request.segments {
            if Task.isCancelled { return .cancelled }
            let frame = writer.frame(of: segment, kind)
            let start = frame.lowerBound - arrival.request.range.lowerBound
            let range = start..<start + frame.count
            let decoded = await DetachedThread.value {
                Result { () throws(SegmentRefusal) in try writer.decode(segment, bytes, range, kind) }
            }
            switch decoded {
            case .success(let content):
                if let error = await behind.write(content) { return .slot(error) }
                meter.update {
                    if kind == .patch { $0.segmentsPatched += 1 } else { $0.segmentsFetched += 1 }
                }
            case .failure(let refusal):
                if let failure = retry(segment, kind, refusal, &queue) { return failure }
            }
        }
        return nil
    }

    private func retry(
        _ segment: Int,
        _ kind: SlotWriter.FrameKind,
        _ refusal: SegmentRefusal,
        _ queue: inout Queue
    ) -> InstallationError? {
        // The writer counts patch frames, and turns to the pack.
        if kind == .pack { queue.failures[segment, default: 0] += 1 }
        if queue.failures[segment, default: 0] >= limits.frameAttempts {
            return .segment(segment, file: writer.file(of: kind), refusal)
        }
        let next = writer.frameKind(for: segment)
        let request = FrameRequest.plan([segment], of: next, limits: limits) { writer.frame(of: $0, next) }
        // Last of all: what made it fail may have passed.
        queue.requests.insert(contentsOf: request, at: 0)
        let bytes = writer.frame(of: segment, next).count
        meter.update {
            $0.failedFrames += 1
            $0.bytesToGo += bytes
        }
        return nil
    }
}

/// Writes one segment while its owner does something else.
private actor WriteBehind {
    private let writer: SlotWriter
    private var current: Task<Result<Void, SlotError>, Never>?

    init(_ writer: SlotWriter) { self.writer = writer }

    /// Returns when the segment before is written, or with what happened to it.
    func write(_ segment: SlotWriter.Segment) async -> SlotError? {
        if let error = await finish() { return error }
        let writer = writer
        current = Task { await DetachedThread.value { Installation.write(segment, by: writer) } }
        return nil
    }

    func finish() async -> SlotError? {
        guard let task = current else { return nil }
        current = nil
        guard case .failure(let error) = await task.value else { return nil }
        return error
    }
}
