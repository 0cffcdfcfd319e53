// SPDX-License-Identifier: Apache-2.0
import Linux

/// The threads and the memory of an installation, of which it has no more however large the release is: two threads that
/// read, decode and hash, one that writes, and a workspace for each of them.
final class InstallationCrew: Sendable {
    private static let preparing = 2

    let workspaces: [SegmentWorkspace]
    private let preparers = BlockingThreads(count: InstallationCrew.preparing)
    private let writer = BlockingThreads(count: 1)

    /// `size`: bytes of the largest segment.
    init(segmentSize size: Int) throws(SlotError) {
        var workspaces: [SegmentWorkspace] = []
        for _ in 0...Self.preparing { workspaces.append(try SegmentWorkspace(size: size)) }
        self.workspaces = workspaces
    }

    /// Gives back the memory, until a segment is worked on again.
    func giveBack() {
        for workspace in workspaces { workspace.content.giveBack() }
        OwnProcess.giveBackMemory()
    }

    /// What `body` returns, on one of the threads that prepare.
    func prepare<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await preparers.value(of: body)
    }

    /// What `body` returns, on the thread that writes.
    func write<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await writer.value(of: body)
    }

    /// Prepares a segment and writes it: while one is written, those behind it are prepared.
    func install(
        by slot: SlotWriter,
        _ prepare: @escaping @Sendable () -> Result<SlotWriter.Segment, SegmentRefusal>
    ) async -> SegmentOutcome {
        let writer = writer
        return await withCheckedContinuation {
            (continuation: CheckedContinuation<SegmentOutcome, Never>) in
            preparers.run {
                switch prepare() {
                case .failure(let refusal): continuation.resume(returning: .refused(refusal))
                case .success(let segment):
                    // From thread to thread: the pool may be busy.
                    writer.run { continuation.resume(returning: SegmentOutcome(writing: segment, by: slot)) }
                }
            }
        }
    }
}

/// What has become of a segment.
enum SegmentOutcome: Sendable {
    case written
    case refused(SegmentRefusal)
    case failed(SlotError)

    fileprivate init(writing segment: SlotWriter.Segment, by writer: SlotWriter) {
        do throws(SlotError) {
            try writer.write(segment)
            self = .written
        } catch {
            self = .failed(error)
        }
    }
}

extension InstallationCrew {
    /// Does `body` for each of `segments` on the threads that prepare, and hands what it returns to `take`, in order, on
    /// the thread that writes. Ends early, with false, when `take` returns false or the task is cancelled.
    func forEach<Value: Sendable>(
        of segments: Range<Int>,
        _ body: @escaping @Sendable (Int, SegmentWorkspace) -> Value,
        take: @escaping @Sendable (Int, Value) -> Bool
    ) async -> Bool {
        await withTaskGroup(of: (Int, SegmentWorkspace, Value).self, returning: Bool.self) { group in
            var idle = workspaces
            var begun = segments.lowerBound
            var taken = segments.lowerBound
            var early: [Int: Value] = [:]
            while taken < segments.upperBound {
                // What came before its turn is small, and there is no more of it than there are workspaces.
                while begun < segments.upperBound, begun - taken < workspaces.count,
                    let workspace = idle.popLast()
                {
                    let segment = begun
                    group.addTask {
                        (segment, workspace, await self.prepare { body(segment, workspace) })
                    }
                    begun += 1
                }
                guard let (segment, workspace, value) = await group.next() else { return false }
                if Task.isCancelled { return false }
                idle.append(workspace)
                early[segment] = value
                while let value = early.removeValue(forKey: taken) {
                    let segment = taken
                    guard await write({ take(segment, value) }) else { return false }
                    taken += 1
                }
            }
            return true
        }
    }
}
