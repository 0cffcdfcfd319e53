// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux
import Synchronization

/// Writes a release into a slot, segment by segment in any order, and proves at the end that it is there.
///
/// What the slot holds is its own record of progress: a segment is there if its hash says so, whatever happened
/// before. All calls block; those for different segments may come from different threads.
package final class SlotWriter: Sendable {
    /// Where a segment's content comes from.
    package enum Origin: Equatable, Sendable {
        /// Already in the target slot.
        case present
        /// The running slot, from this byte on.
        case running(offset: Int)
        case frame(FrameKind)
    }

    package enum FrameKind: Equatable, Sendable {
        /// Made against the running slot.
        case patch
        case pack
    }

    /// Content that has the hash that the manifest wants, in a workspace that is not used for another before this one
    /// is written.
    package struct Segment: Sendable {
        package let index: Int
        fileprivate let workspace: SegmentWorkspace

        fileprivate init(index: Int, in workspace: SegmentWorkspace) {
            self.index = index
            self.workspace = workspace
        }
    }

    private struct State {
        /// Where the running slot has the segment with this SHA-256.
        var running: [[UInt8]: Int] = [:]
        var unsynchronizedBytes = 0
        var failedPatches: [Int: Int] = [:]
    }

    /// Bytes written until the disk is waited for: what a power cut can cost.
    private static let synchronizedRun = 64 << 20
    /// Of one segment; then its pack frame is taken.
    private static let patchTrials = 2

    package let manifest: ReleaseManifest
    /// The patch from the running slot, if the release has it.
    package let patch: ReleaseManifest.Patch?
    private let target: TargetSlot
    private let running: RunningSlot?
    /// What a patch frame was made against; one at a time, for it is the largest of all that is held.
    private let window: Mutex<TransferBuffer?>
    private let state: Mutex<State>

    package init(
        _ manifest: ReleaseManifest,
        into target: TargetSlot,
        running: RunningSlot? = nil
    ) throws(SlotError) {
        guard target.data.size >= manifest.root.size else {
            throw .tooSmall(.data, found: target.data.size, required: manifest.root.size)
        }
        let layout = VerityLayout(dataSize: manifest.root.size)
        guard target.hashes.size >= layout.size else {
            throw .tooSmall(.hashes, found: target.hashes.size, required: layout.size)
        }
        self.manifest = manifest
        self.target = target
        self.running = running
        patch = running.flatMap { running in
            manifest.patches.first { $0.fromRootHash == running.rootHash }
        }
        window = Mutex(nil)
        var state = State()
        if let root = running?.root {
            for (index, hash) in root.hashes.enumerated().reversed() {
                state.running[hash] = root.range(of: index).lowerBound
            }
        }
        self.state = Mutex(state)
    }

    /// Segments of the running slot that have to be read before the first `origin(of:)`; none when the running
    /// release's own list is known.
    package var unknownSegments: Range<Int> {
        guard let running, running.root == nil else { return 0..<0 }
        let segmentSize = manifest.root.segmentSize
        return 0..<(running.data.size + segmentSize - 1) / segmentSize
    }

    /// Remembers what the running slot has there. A segment that cannot be read is as good as none.
    package func learn(_ segment: Int, in workspace: SegmentWorkspace) {
        guard let running else { return }
        let segmentSize = manifest.root.segmentSize
        let start = segment * segmentSize
        // The release's last segment may be shorter, and the slot be larger than what is in it.
        var lengths: Set = [min(segmentSize, running.data.size - start)]
        if segment == manifest.root.hashes.count - 1 {
            lengths.insert(manifest.root.range(of: segment).count)
        }
        for length in lengths where length > 0 && start + length <= running.data.size {
            guard (try? running.data.read(length, at: start, into: workspace.content)) != nil else {
                continue
            }
            let hash = Array(workspace.sha256)
            state.withLock { $0.running[hash] = min(start, $0.running[hash] ?? start) }
        }
    }

    /// The cheapest place that has the segment.
    package func origin(of segment: Int, in workspace: SegmentWorkspace) -> Origin {
        let range = manifest.root.range(of: segment)
        let hash = manifest.root.hashes[segment]
        if (try? target.data.read(range.count, at: range.lowerBound, into: workspace.content)) != nil,
            workspace.sha256 == hash
        {
            return .present
        }
        if let offset = state.withLock({ $0.running[hash] }) { return .running(offset: offset) }
        return .frame(frameKind(for: segment))
    }

    /// Of which kind the segment's frame is to be; it changes when patch frames fail.
    package func frameKind(for segment: Int) -> FrameKind {
        guard let patch, !patch.pack.frames[segment].isEmpty,
            state.withLock({ $0.failedPatches[segment, default: 0] }) < Self.patchTrials
        else { return .pack }
        return .patch
    }

    /// How many patch frames did not give what they should: the running slot's disk may be failing.
    package var failedPatches: Int { state.withLock { $0.failedPatches.values.reduce(0, +) } }

    /// Bytes of the file that the segment's frame is.
    package func frame(of segment: Int, _ kind: FrameKind) -> Range<Int> {
        switch kind {
        case .patch: patch?.pack.frames[segment] ?? 0..<0
        case .pack: manifest.root.pack.frames[segment]
        }
    }

    /// The file that frames of this kind are in, below the repository's targets.
    package func file(of kind: FrameKind) -> String {
        switch kind {
        case .patch: manifest.path(patch?.fileName ?? ReleaseManifest.rootPackName)
        case .pack: manifest.path(ReleaseManifest.rootPackName)
        }
    }
}

// MARK: - Content

extension SlotWriter {
    /// The segment that the running slot should have at `offset`.
    package func running(
        _ segment: Int,
        at offset: Int,
        in workspace: SegmentWorkspace
    ) throws(SegmentRefusal) -> Segment {
        guard let running else { throw .noFrame }
        do throws(SystemCallError) {
            let count = manifest.root.range(of: segment).count
            try running.data.read(count, at: offset, into: workspace.content)
        } catch {
            throw .window(error)
        }
        return try checked(segment, workspace)
    }

    /// The segment whose frame lies in `range` of `bytes`. Nothing is written.
    package func decode(
        _ segment: Int,
        _ bytes: [UInt8],
        _ range: Range<Int>,
        _ kind: FrameKind,
        in workspace: SegmentWorkspace
    ) throws(SegmentRefusal) -> Segment {
        let count = manifest.root.range(of: segment).count
        switch kind {
        case .pack:
            try Self.decode(bytes, range, count: count, in: workspace)
            return try checked(segment, workspace)
        case .patch:
            do throws(SegmentRefusal) {
                try window.withLock { window throws(SegmentRefusal) in
                    let window = try read(&window, of: segment)
                    try Self.decode(bytes, range, count: count, against: window, in: workspace)
                }
                return try checked(segment, workspace)
            } catch {
                state.withLock { $0.failedPatches[segment, default: 0] += 1 }
                throw error
            }
        }
    }

    private static func decode(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        count: Int,
        against prefix: TransferBuffer? = nil,
        in workspace: SegmentWorkspace
    ) throws(SegmentRefusal) {
        do throws(ZstdError) {
            try workspace.decoder.decode(bytes, range, count: count, prefix: prefix, into: workspace.content)
        } catch {
            throw .frame(error)
        }
    }

    private func checked(
        _ segment: Int,
        _ workspace: SegmentWorkspace
    ) throws(SegmentRefusal) -> Segment {
        let expected = manifest.root.hashes[segment]
        let found = workspace.sha256
        guard found == expected else { throw .hash(found: Array(found), expected: expected) }
        return Segment(index: segment, in: workspace)
    }

    private func read(
        _ memory: inout TransferBuffer?,
        of segment: Int
    ) throws(SegmentRefusal) -> TransferBuffer {
        guard let patch, let running else { throw .noFrame }
        let window = patch.windows[segment]
        do throws(SystemCallError) {
            let buffer: TransferBuffer
            if let memory {
                buffer = memory
            } else {
                buffer = try TransferBuffer(capacity: patch.windows.map(\.count).max() ?? 0)
                memory = buffer
            }
            try running.data.read(window.count, at: window.lowerBound, into: buffer)
            return buffer
        } catch {
            throw .window(error)
        }
    }

    /// Gives back the memory of patch frames' windows.
    package func endPatches() { window.withLock { $0 = nil } }

    /// Writes a segment at once, and waits for the disk after each 64 MiB.
    package func write(_ segment: Segment) throws(SlotError) {
        do throws(SystemCallError) {
            let range = manifest.root.range(of: segment.index)
            try target.data.write(segment.workspace.content, at: range.lowerBound)
            let isDue = state.withLock { state in
                state.unsynchronizedBytes += range.count
                guard state.unsynchronizedBytes >= Self.synchronizedRun else { return false }
                state.unsynchronizedBytes = 0
                return true
            }
            if isDue { try target.data.synchronize() }
        } catch {
            throw .storage(error)
        }
    }
}

// MARK: - Proof

extension SlotWriter {
    /// Reads the slot back from the disk and makes its hash tree.
    package struct Seal: Sendable {
        fileprivate let tree: VerityTree

        /// Takes what the tree needs of the next segment, in order.
        package func absorb(_ digests: [UInt8]) throws(SlotError) { try tree.absorb(digests: digests) }
    }

    /// Begins the proof, when all segments are written.
    package func beginSeal() throws(SlotError) -> Seal {
        try synchronize()
        return Seal(
            tree: try VerityTree(manifest.verity, dataSize: manifest.root.size, on: target.hashes)
        )
    }

    /// What the tree needs of a segment as the disk has it; in any order.
    package func readBack(
        _ segment: Int,
        for seal: Seal,
        in workspace: SegmentWorkspace
    ) throws(SlotError) -> [UInt8] {
        try readBack(segment, in: workspace)
        var digests: [UInt8] = []
        workspace.forEachPiece { digests += seal.tree.digests(of: $0) }
        return digests
    }

    private func readBack(_ segment: Int, in workspace: SegmentWorkspace) throws(SlotError) {
        let range = manifest.root.range(of: segment)
        do throws(SystemCallError) {
            try target.data.read(range.count, at: range.lowerBound, into: workspace.content)
        } catch {
            throw .storage(error)
        }
    }

    /// Ends the proof: the tree's root is the manifest's, or the error names the first segment that is not.
    package func end(_ seal: Seal, in workspace: SegmentWorkspace) throws(SlotError) {
        let found = try seal.tree.finish()
        if found == manifest.verity.rootHash { return }
        for (index, expected) in manifest.root.hashes.enumerated() {
            try readBack(index, in: workspace)
            let hash = Array(workspace.sha256)
            if hash != expected { throw .segment(index, found: hash, expected: expected) }
        }
        throw .rootHash(found: found, expected: manifest.verity.rootHash)
    }

    private func synchronize() throws(SlotError) {
        do throws(SystemCallError) {
            try target.data.synchronize()
        } catch {
            throw .storage(error)
        }
    }
}
