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

    /// Content that has the hash that the manifest wants.
    package struct Segment: Sendable {
        package let index: Int
        package let content: [UInt8]

        fileprivate init(index: Int, content: [UInt8]) {
            self.index = index
            self.content = content
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
    private let decoder: ZstdDecoder
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
        do throws(ZstdError) {
            decoder = try ZstdDecoder()
        } catch {
            throw .storage(
                SystemCallError(call: "ZSTD_createDCtx", subject: "decoder", errno: SystemCallError.noMemory)
            )
        }
        self.manifest = manifest
        self.target = target
        self.running = running
        patch = running.flatMap { running in
            manifest.patches.first { $0.fromRootHash == running.rootHash }
        }
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
    package func learn(_ segment: Int) {
        guard let running else { return }
        let segmentSize = manifest.root.segmentSize
        let start = segment * segmentSize
        // The release's last segment may be shorter, and the slot be larger than what is in it.
        var lengths: Set = [min(segmentSize, running.data.size - start)]
        if segment == manifest.root.hashes.count - 1 {
            lengths.insert(manifest.root.range(of: segment).count)
        }
        for length in lengths where length > 0 && start + length <= running.data.size {
            guard let bytes = try? running.data.read(length, at: start) else { continue }
            let hash = Array(SHA256.hash(data: bytes))
            state.withLock { $0.running[hash] = min(start, $0.running[hash] ?? start) }
        }
    }

    /// The cheapest place that has the segment.
    package func origin(of segment: Int) -> Origin {
        let range = manifest.root.range(of: segment)
        let hash = manifest.root.hashes[segment]
        if let bytes = try? target.data.read(range.count, at: range.lowerBound),
            SHA256.hash(data: bytes) == hash
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
    /// The content of a segment that the running slot should have at `offset`; nil where it cannot be read or has
    /// become another.
    package func running(_ segment: Int, at offset: Int) -> Segment? {
        guard let running,
            let content = try? running.data.read(manifest.root.range(of: segment).count, at: offset)
        else { return nil }
        return try? checked(segment, content)
    }

    /// The content of the frame that lies in `range` of `bytes`. Nothing is written.
    package func decode(
        _ segment: Int,
        _ bytes: [UInt8],
        _ range: Range<Int>,
        _ kind: FrameKind
    ) throws(SegmentRefusal) -> Segment {
        do throws(SegmentRefusal) {
            let prefix = kind == .patch ? try window(of: segment) : []
            return try decode(segment, bytes, range, against: prefix)
        } catch {
            if kind == .patch { state.withLock { $0.failedPatches[segment, default: 0] += 1 } }
            throw error
        }
    }

    private func decode(
        _ segment: Int,
        _ bytes: [UInt8],
        _ range: Range<Int>,
        against prefix: [UInt8]
    ) throws(SegmentRefusal) -> Segment {
        let count = manifest.root.range(of: segment).count
        let content: [UInt8]
        do throws(ZstdError) {
            content = try decoder.decode(bytes, range, count: count, prefix: prefix)
        } catch {
            throw .frame(error)
        }
        return try checked(segment, content)
    }

    private func checked(_ segment: Int, _ content: [UInt8]) throws(SegmentRefusal) -> Segment {
        let expected = manifest.root.hashes[segment]
        let found = SHA256.hash(data: content)
        guard found == expected else { throw .hash(found: Array(found), expected: expected) }
        return Segment(index: segment, content: content)
    }

    private func window(of segment: Int) throws(SegmentRefusal) -> [UInt8] {
        guard let patch, let running else { throw .noFrame }
        let window = patch.windows[segment]
        do throws(SystemCallError) {
            return try running.data.read(window.count, at: window.lowerBound)
        } catch {
            throw .window(error)
        }
    }

    /// Writes a segment at once, and waits for the disk after each 64 MiB.
    package func write(_ segment: Segment) throws(SlotError) {
        do throws(SystemCallError) {
            try target.data.write(segment.content, at: manifest.root.range(of: segment.index).lowerBound)
            let isDue = state.withLock { state in
                state.unsynchronizedBytes += segment.content.count
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
    /// Reads the slot back from the disk and makes its hash tree, one segment after the other.
    package struct Seal: Sendable {
        fileprivate let tree: VerityTree

        /// Takes the next segment's content, in order.
        package func absorb(_ content: [UInt8]) throws(SlotError) { try tree.absorb(content) }
    }

    /// Begins the proof, when all segments are written.
    package func beginSeal() throws(SlotError) -> Seal {
        try synchronize()
        return Seal(
            tree: try VerityTree(manifest.verity, dataSize: manifest.root.size, on: target.hashes)
        )
    }

    /// What the disk has of a segment.
    package func readBack(_ segment: Int) throws(SlotError) -> [UInt8] {
        let range = manifest.root.range(of: segment)
        do throws(SystemCallError) {
            return try target.data.read(range.count, at: range.lowerBound)
        } catch {
            throw .storage(error)
        }
    }

    /// Ends the proof: the tree's root is the manifest's, or the error names the first segment that is not.
    package func end(_ seal: Seal) throws(SlotError) {
        let found = try seal.tree.finish()
        if found == manifest.verity.rootHash { return }
        for (index, expected) in manifest.root.hashes.enumerated() {
            let hash = Array(SHA256.hash(data: try readBack(index)))
            if hash != expected { throw .segment(index, found: hash, expected: expected) }
        }
        throw .rootHash(found: found, expected: manifest.verity.rootHash)
    }

    /// The whole proof.
    package func seal() throws(SlotError) {
        let seal = try beginSeal()
        for segment in manifest.root.hashes.indices { try seal.absorb(try readBack(segment)) }
        try end(seal)
    }

    private func synchronize() throws(SlotError) {
        do throws(SystemCallError) {
            try target.data.synchronize()
        } catch {
            throw .storage(error)
        }
    }
}
