// SPDX-License-Identifier: Apache-2.0
import Crypto
import Linux

/// Brings a release into a slot: what is there already, what the running slot has, and the rest from a source.
///
/// Nothing is kept anywhere else, and nothing but the slot tells how far it came: an installation that was interrupted,
/// by whatever, is a new one that has less to do. It holds at most 48 MiB of answers, windows and segments at a time, and
/// at the end the kernel image; what the allocator keeps back comes on top.
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
        try await seal()
        let image = try await fetchKernelImage()
        meter.update { $0.phase = .done }
        return Outcome(
            kernelImage: image,
            progress: meter.progress,
            failedPatches: writer.failedPatches
        )
    }

    private func checkCancellation() throws(InstallationError) {
        if Task.isCancelled { throw .cancelled }
    }

    /// Two at once: one is hashed while the other is read.
    private func survey() async throws(InstallationError) -> [SlotWriter.Origin] {
        let writer = writer
        for segment in writer.unknownSegments {
            try checkCancellation()
            await DetachedThread.value { writer.learn(segment) }
        }
        var origins: [SlotWriter.Origin] = []
        let segments = manifest.root.hashes.indices
        for segment in stride(from: 0, to: segments.count, by: 2) {
            try checkCancellation()
            async let one = DetachedThread.value { writer.origin(of: segment) }
            if segment + 1 < segments.count {
                let other = await DetachedThread.value { writer.origin(of: segment + 1) }
                origins += [await one, other]
            } else {
                origins.append(await one)
            }
            let present = origins.count { $0 == .present }
            let count = origins.count
            meter.update {
                $0.segmentsRead = count
                $0.segmentsReused = present
            }
        }
        return origins
    }

    /// Returns the segments that a frame has to bring.
    private func copy(_ origins: [SlotWriter.Origin]) async throws(InstallationError) -> [Int] {
        meter.update { $0.phase = .copying }
        var wanted: [Int] = []
        let writer = writer
        for (segment, origin) in origins.enumerated() {
            switch origin {
            case .present: break
            case .frame: wanted.append(segment)
            case .running(let offset):
                try checkCancellation()
                let result = await DetachedThread.value { () -> Result<Bool, SlotError> in
                    guard let content = writer.running(segment, at: offset) else { return .success(false) }
                    return Self.write(content, by: writer).map { true }
                }
                if try result.orThrow() {
                    meter.update { $0.segmentsCopied += 1 }
                } else {
                    wanted.append(segment)
                }
            }
        }
        return wanted
    }

    static func write(_ segment: SlotWriter.Segment, by writer: SlotWriter) -> Result<Void, SlotError> {
        do throws(SlotError) {
            return .success(try writer.write(segment))
        } catch {
            return .failure(error)
        }
    }

    /// One segment is read while the one before goes into the tree.
    private func seal() async throws(InstallationError) {
        meter.update {
            $0.phase = .sealing
            $0.segmentsRead = 0
        }
        let writer = writer
        let seal = try await DetachedThread.value {
            Result { () throws(SlotError) in try writer.beginSeal() }
        }
        .orThrow()
        let count = manifest.root.hashes.count
        var content = try await Self.readBack(0, by: writer).orThrow()
        for segment in 0..<count {
            try checkCancellation()
            let current = content
            async let absorbed = DetachedThread.value {
                Result { () throws(SlotError) in try seal.absorb(current) }
            }
            if segment + 1 < count {
                let next = await Self.readBack(segment + 1, by: writer)
                try await absorbed.orThrow()
                content = try next.orThrow()
            } else {
                try await absorbed.orThrow()
            }
            meter.update { $0.segmentsRead += 1 }
        }
        try await DetachedThread.value { Result { () throws(SlotError) in try writer.end(seal) } }.orThrow()
    }

    private static func readBack(_ segment: Int, by writer: SlotWriter) async -> Result<[UInt8], SlotError> {
        await DetachedThread.value { Result { () throws(SlotError) in try writer.readBack(segment) } }
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
