// SPDX-License-Identifier: Apache-2.0
import Linux

extension Installation {
    private enum Event: Sendable {
        case arrived(FrameRequest, Result<[UInt8]?, SourceFailure>)
        case ended(Frame, SegmentWorkspace, SegmentOutcome)
    }

    /// A segment's frame in what has come of a request.
    private struct Frame: Sendable {
        let segment: Int
        let request: FrameRequest
        let bytes: [UInt8]
        let range: Range<Int>
    }

    private struct Queue {
        /// What is left to ask for, the next one last.
        var requests: [FrameRequest]
        /// What has come and is not taken up.
        var frames: [Frame] = []
        var idle: [SegmentWorkspace]
        var inFlight = 0
        var outstandingBytes = 0
        /// Frames left of what has come, by where it begins in its file.
        var left: [FrameRequest: Int] = [:]
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
        let failure = await withTaskGroup(of: Event.self, returning: InstallationError?.self) { group in
            let failure = await fetch(requests, in: &group)
            group.cancelAll()
            return failure
        }
        if let failure { throw failure }
    }

    private func fetch(
        _ requests: [FrameRequest],
        in group: inout TaskGroup<Event>
    ) async -> InstallationError? {
        var queue = Queue(requests: requests.reversed(), idle: crew.workspaces)
        while true {
            ask(&queue, &group)
            install(&queue, &group)
            guard let event = await group.next() else { return nil }
            if Task.isCancelled { return .cancelled }
            switch event {
            case .arrived(_, .failure(let failure)): return .source(failure)
            case .arrived(_, .success(nil)): return .cancelled
            case .arrived(let request, .success(let bytes?)): arrived(bytes, request, &queue)
            case .ended(let frame, let workspace, let outcome):
                queue.idle.append(workspace)
                if let failure = ended(frame, outcome, &queue) { return failure }
            }
        }
    }

    private func ask(_ queue: inout Queue, _ group: inout TaskGroup<Event>) {
        while queue.inFlight < limits.requests, let request = queue.requests.last,
            queue.outstandingBytes == 0
                || queue.outstandingBytes + request.range.count <= limits.outstandingBytes
        {
            queue.requests.removeLast()
            queue.inFlight += 1
            queue.outstandingBytes += request.range.count
            let (fetcher, file) = (fetcher, writer.file(of: request.kind))
            group.addTask { .arrived(request, await Self.bytes(of: request, file, fetcher)) }
        }
    }

    private static func bytes(
        of request: FrameRequest,
        _ file: String,
        _ fetcher: RangeFetcher
    ) async -> Result<[UInt8]?, SourceFailure> {
        do throws(SourceFailure) {
            return .success(try await fetcher.fetch(file, request.range))
        } catch {
            return .failure(error)
        }
    }

    private func arrived(_ bytes: [UInt8], _ request: FrameRequest, _ queue: inout Queue) {
        queue.inFlight -= 1
        queue.left[request] = request.segments.count
        for segment in request.segments {
            let frame = writer.frame(of: segment, request.kind)
            let start = frame.lowerBound - request.range.lowerBound
            queue.frames.append(
                Frame(segment: segment, request: request, bytes: bytes, range: start..<start + frame.count)
            )
        }
    }

    private func install(_ queue: inout Queue, _ group: inout TaskGroup<Event>) {
        while !queue.frames.isEmpty, let workspace = queue.idle.popLast() {
            let frame = queue.frames.removeFirst()
            let (crew, writer) = (crew, writer)
            group.addTask {
                let outcome = await crew.install(by: writer) {
                    Result { () throws(SegmentRefusal) in
                        try writer.decode(
                            frame.segment,
                            frame.bytes,
                            frame.range,
                            frame.request.kind,
                            in: workspace
                        )
                    }
                }
                return .ended(frame, workspace, outcome)
            }
        }
    }

    private func ended(
        _ frame: Frame,
        _ outcome: SegmentOutcome,
        _ queue: inout Queue
    ) -> InstallationError? {
        let request = frame.request
        queue.left[request, default: 1] -= 1
        if queue.left[request] == 0 {
            queue.left[request] = nil
            queue.outstandingBytes -= request.range.count
        }
        switch outcome {
        case .written:
            meter.update {
                if request.kind == .patch { $0.segmentsPatched += 1 } else { $0.segmentsFetched += 1 }
            }
            return nil
        case .refused(let refusal): return retry(frame.segment, request.kind, refusal, &queue)
        case .failed(let error): return .slot(error)
        }
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
