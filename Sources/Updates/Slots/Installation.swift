// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux
import Synchronization

/// Brings a release into a slot: what is there already, what the running slot has, and the rest from a source.
///
/// Nothing is kept anywhere else, and nothing but the slot tells how far it came: an installation that was interrupted,
/// by whatever, is a new one that has less to do. It has three threads and holds at most 44 MiB of answers, a window and
/// segments at a time, and after them the kernel image.
package struct Installation: Sendable {
    package struct Outcome: Equatable, Sendable {
        /// The release's `uki.efi`, with the length and hash that the manifest wants.
        package let kernelImage: [UInt8]
        package let progress: InstallationProgress
        /// Patch frames that did not give what they should: the running slot's disk may be failing.
        package let failedPatches: Int
    }

    /// Bytes of the kernel image that are asked for at once.
    private static let kernelPiece = 1 << 20

    let writer: SlotWriter
    let crew: InstallationCrew
    let manifest: ReleaseManifest
    let limits: InstallationLimits
    let meter: ProgressMeter
    let fetcher: RangeFetcher

    /// `report` is called from any thread, often, and must not block.
    package init(
        of manifest: ReleaseManifest,
        from source: any ReleaseSource,
        into target: TargetSlot,
        running: RunningSlot? = nil,
        limits: InstallationLimits = InstallationLimits(),
        clock: InstallationClock = .system,
        report: @escaping @Sendable (InstallationProgress) -> Void = { _ in }
    ) throws(InstallationError) {
        do throws(SlotError) {
            writer = try SlotWriter(manifest, into: target, running: running)
            crew = try InstallationCrew(segmentSize: manifest.root.segmentSize)
        } catch {
            throw .slot(error)
        }
        self.manifest = manifest
        self.limits = limits
        let meter = ProgressMeter(clock, report)
        self.meter = meter
        fetcher = RangeFetcher(source, limits, clock) { meter.received($0) }
    }

    /// Does all of it. To be called once; cancelling its task ends it between two segments.
    package func run() async throws(InstallationError) -> Outcome {
        meter.update { $0.segments = manifest.root.hashes.count }
        let origins = try await survey()
        let wanted = try await copy(origins)
        try await fetchFrames(wanted)
        writer.endPatches()
        try await seal()
        crew.giveBack()
        let image = try await fetchKernelImage()
        meter.update { $0.phase = .done }
        return Outcome(
            kernelImage: image,
            progress: meter.progress,
            failedPatches: writer.failedPatches
        )
    }

    private func survey() async throws(InstallationError) -> [SlotWriter.Origin] {
        let (writer, meter) = (writer, meter)
        let isKnown = await crew.forEach(of: writer.unknownSegments) { segment, workspace in
            writer.learn(segment, in: workspace)
        } take: { _, _ in
            true
        }
        if !isKnown { throw .cancelled }
        let origins = Mutex<[SlotWriter.Origin]>([])
        let isWhole = await crew.forEach(of: manifest.root.hashes.indices) { segment, workspace in
            writer.origin(of: segment, in: workspace)
        } take: { _, origin in
            origins.withLock { $0.append(origin) }
            meter.update {
                $0.segmentsRead += 1
                if origin == .present { $0.segmentsReused += 1 }
            }
            return true
        }
        if !isWhole { throw .cancelled }
        return origins.withLock { $0 }
    }

    /// Returns the segments that a frame has to bring.
    private func copy(_ origins: [SlotWriter.Origin]) async throws(InstallationError) -> [Int] {
        meter.update { $0.phase = .copying }
        var wanted: [Int] = []
        var places: [(segment: Int, offset: Int)] = []
        for (segment, origin) in origins.enumerated() {
            switch origin {
            case .present: break
            case .frame: wanted.append(segment)
            case .running(let offset): places.append((segment, offset))
            }
        }
        let (refused, failure) = await copy(places)
        if let failure { throw failure }
        return (wanted + refused).sorted()
    }

    /// Returns the segments that the running slot has not, after all.
    private func copy(
        _ places: [(segment: Int, offset: Int)]
    ) async -> (refused: [Int], InstallationError?) {
        typealias Copied = (segment: Int, workspace: SegmentWorkspace, outcome: SegmentOutcome)
        return await withTaskGroup(of: Copied.self, returning: ([Int], InstallationError?).self) { group in
            var idle = crew.workspaces
            var left = Array(places.reversed())
            var refused: [Int] = []
            while true {
                while !left.isEmpty, let workspace = idle.popLast() {
                    let (segment, offset) = left.removeLast()
                    let (crew, writer) = (crew, writer)
                    group.addTask {
                        let outcome = await crew.install(by: writer) {
                            Result { () throws(SegmentRefusal) in
                                try writer.running(segment, at: offset, in: workspace)
                            }
                        }
                        return (segment, workspace, outcome)
                    }
                }
                guard let copied = await group.next() else { return (refused, nil) }
                if Task.isCancelled { return (refused, .cancelled) }
                idle.append(copied.workspace)
                switch copied.outcome {
                case .written: meter.update { $0.segmentsCopied += 1 }
                case .refused: refused.append(copied.segment)
                case .failed(let error): return (refused, .slot(error))
                }
            }
        }
    }

    /// Some segments are read and hashed while those before them go into the tree.
    private func seal() async throws(InstallationError) {
        meter.update {
            $0.phase = .sealing
            $0.segmentsRead = 0
        }
        let (writer, meter) = (writer, meter)
        let seal = try await crew.write { Result { () throws(SlotError) in try writer.beginSeal() } }
            .orThrow()
        let failure = Mutex<SlotError?>(nil)
        let isWhole = await crew.forEach(of: manifest.root.hashes.indices) { segment, workspace in
            Result { () throws(SlotError) in try writer.readBack(segment, for: seal, in: workspace) }
        } take: { _, digests in
            let absorbed = Result { () throws(SlotError) in try seal.absorb(digests.get()) }
            if case .failure(let error) = absorbed {
                failure.withLock { $0 = error }
                return false
            }
            meter.update { $0.segmentsRead += 1 }
            return true
        }
        if let failure = failure.withLock({ $0 }) { throw .slot(failure) }
        if !isWhole { throw .cancelled }
        let workspace = crew.workspaces[0]
        try await crew.write {
            Result { () throws(SlotError) in try writer.end(seal, in: workspace) }
        }
        .orThrow()
    }

    private func fetchKernelImage() async throws(InstallationError) -> [UInt8] {
        let expected = manifest.kernelImage
        meter.update {
            $0.phase = .kernelImage
            $0.bytesToGo = expected.length
        }
        let file = manifest.path(ReleaseManifest.kernelImageName)
        var image: [UInt8] = []
        image.reserveCapacity(expected.length)
        while image.count < expected.length {
            let range = image.count..<min(expected.length, image.count + Self.kernelPiece)
            let bytes: [UInt8]?
            do throws(SourceFailure) {
                bytes = try await fetcher.fetch(file, range)
            } catch {
                throw .source(error)
            }
            guard let bytes else { throw .cancelled }
            image += bytes
        }
        let found = SHA256.hash(data: image)
        guard found == expected.sha256 else {
            throw .kernelImage(found: Array(found), expected: expected.sha256)
        }
        return image
    }
}

extension Result where Failure == SlotError {
    func orThrow() throws(InstallationError) -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let error): throw .slot(error)
        }
    }
}
