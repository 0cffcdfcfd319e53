// SPDX-License-Identifier: Apache-2.0
import Linux
import Synchronization
import Testing

@testable import Updates

/// The slot that a test installs into, and what it reads and fetches from.
struct TestInstallation {
    let release: TestRelease
    var disk = TestDisk()
    var data: [UInt8]
    var hashes: [UInt8]
    var running: RunningSlot?
    var limits = InstallationLimits()
    var clock = InstallationClock.quick()

    /// An empty slot, larger than what comes into it.
    init(_ release: TestRelease, over old: TestRelease? = nil, knowingItsSegments: Bool = true) {
        self.release = release
        data = Pseudorandom.bytes(release.image.count + 16_384, seed: 99)
        hashes = [UInt8](repeating: 0x11, count: 16 * 4096)
        running = old.map { Self.running($0, knowingItsSegments) }
    }

    static func running(
        _ old: TestRelease,
        _ knowsSegments: Bool = true,
        on disk: TestDisk = TestDisk()
    ) -> RunningSlot {
        RunningSlot(
            data: TestPartition("running", old.image + [UInt8](repeating: 0, count: 8192), on: disk),
            rootHash: old.manifest.verity.rootHash,
            root: knowsSegments ? old.manifest.root : nil
        )
    }

    func partitions() -> (data: TestPartition, hashes: TestPartition) {
        (TestPartition("data", data, on: disk), TestPartition("hashes", hashes, on: disk))
    }

    @discardableResult
    func run(
        _ partitions: (data: TestPartition, hashes: TestPartition),
        from source: any ReleaseSource,
        report: @escaping @Sendable (InstallationProgress) -> Void = { _ in }
    ) async throws(InstallationError) -> Installation.Outcome {
        let installation = try Installation(
            of: release.manifest,
            from: source,
            into: TargetSlot(data: partitions.data, hashes: partitions.hashes),
            running: running,
            limits: limits,
            clock: clock,
            report: report
        )
        return try await installation.run()
    }

    /// That the slot is the release's: its bytes, and those of veritysetup.
    func expectInstalled(_ partitions: (data: TestPartition, hashes: TestPartition)) {
        #expect(Array(partitions.data.bytes.prefix(release.image.count)) == release.image)
        #expect(Array(partitions.hashes.bytes.prefix(release.tree.count)) == release.tree)
    }
}

@Suite("Installing a release") struct InstallationTests {
    let releases: (old: TestRelease, new: TestRelease)

    init() throws { releases = try TestRelease.pair.get() }

    private func file(_ name: String) -> String { releases.new.manifest.path(name) }
    private var patchName: String { releases.new.manifest.patches[0].fileName }

    @Test("from nothing, all segments come from the pack") func fromNothing() async throws {
        let test = TestInstallation(releases.new)
        let slot = test.partitions()
        let source = TestSource(releases.new.files)
        let outcome = try await test.run(slot, from: source)
        test.expectInstalled(slot)
        #expect(outcome.kernelImage == releases.new.files[file("uki.efi")])
        #expect(outcome.progress.segmentsFetched == 8)
        #expect(outcome.progress.phase == .done)
        #expect(outcome.progress.bytesToGo == 0)
        // One request for all frames, one for the kernel.
        #expect(source.requests.map(\.file) == [file("root.pack"), file("uki.efi")])
        #expect(outcome.progress.bytesFetched == source.requests.reduce(0) { $0 + $1.range.count })
        #expect(slot.data.bytes.suffix(16_384).elementsEqual(test.data.suffix(16_384)))
    }

    @Test("over an older release, only what is different comes, as patches", arguments: [true, false])
    func fromOld(knowsSegments: Bool) async throws {
        let test = TestInstallation(releases.new, over: releases.old, knowingItsSegments: knowsSegments)
        let slot = test.partitions()
        let source = TestSource(releases.new.files)
        let outcome = try await test.run(slot, from: source)
        test.expectInstalled(slot)
        #expect(outcome.progress.segmentsCopied == 5)
        #expect(outcome.progress.segmentsPatched == 3)
        #expect(outcome.progress.segmentsFetched == 0)
        #expect(!source.requests.contains { $0.file == file("root.pack") })
        let full = releases.new.manifest.root.pack.length
        let kernel = releases.new.manifest.kernelImage.length
        #expect(outcome.progress.bytesFetched - kernel < full / 2)
    }

    @Test("what is installed already is not fetched again") func again() async throws {
        let test = TestInstallation(releases.new)
        let slot = test.partitions()
        try await test.run(slot, from: TestSource(releases.new.files))
        let source = TestSource(releases.new.files)
        let writes = test.disk.writes
        let outcome = try await test.run(slot, from: source)
        #expect(outcome.progress.segmentsReused == 8)
        #expect(source.requests.map(\.file) == [file("uki.efi")])
        // The tree and its superblock only.
        #expect(test.disk.writes == writes + 2)
    }

    @Test("what the release is not patched from is fetched in full") func otherOld() async throws {
        var test = TestInstallation(releases.new)
        let strange = try TestRelease(
            "2026.8.0",
            image: Pseudorandom.bytes(2 * TestRelease.segmentSize, seed: 50)
        )
        test.running = TestInstallation.running(strange)
        let slot = test.partitions()
        let outcome = try await test.run(slot, from: TestSource(releases.new.files))
        test.expectInstalled(slot)
        #expect(outcome.progress.segmentsFetched == 8)
    }

    @Test("a block of the running slot that cannot be read costs full frames, and is told")
    func badBlock() async throws {
        var test = TestInstallation(releases.new, over: releases.old)
        // In segment 2, which is to be copied, and in the window of segment 1, but of no other.
        let disk = TestDisk(.read(partition: "running", byte: 2 * TestRelease.segmentSize + 5))
        test.running = TestInstallation.running(releases.old, on: disk)
        let slot = test.partitions()
        let outcome = try await test.run(slot, from: TestSource(releases.new.files))
        test.expectInstalled(slot)
        #expect(outcome.progress.segmentsCopied == 4)
        #expect(outcome.progress.segmentsPatched == 2)
        #expect(outcome.progress.segmentsFetched == 2)
        #expect(outcome.failedPatches == 2)
    }

    @Test("a block of the running slot that changed costs full frames too") func changedBlock() async throws {
        var test = TestInstallation(releases.new, over: releases.old)
        // What segment 1's frame repeats from the old segment 1.
        let disk = TestDisk(.flip(partition: "running", byte: TestRelease.segmentSize + 9000))
        test.running = TestInstallation.running(releases.old, on: disk)
        let slot = test.partitions()
        let outcome = try await test.run(slot, from: TestSource(releases.new.files))
        test.expectInstalled(slot)
        #expect(outcome.progress.segmentsPatched == 2)
        #expect(outcome.progress.segmentsFetched == 1)
        #expect(outcome.failedPatches == 2)
    }

    @Test("an installation that is cancelled stops between segments, and the next one goes on")
    func cancellation() async throws {
        var test = TestInstallation(releases.new)
        test.limits.requestBytes = 1
        test.limits.requests = 1
        let slot = test.partitions()
        let gate = Mutex<Task<Void, any Error>?>(nil)
        let (local, source) = (test, TestSource(releases.new.files, delay: .milliseconds(20)))
        let task = Task {
            _ = try await local.run(slot, from: source) { progress in
                if progress.segmentsFetched == 3 { gate.withLock { $0?.cancel() } }
            }
        }
        gate.withLock { $0 = task }
        await #expect(throws: InstallationError.cancelled) { try await task.value }
        let outcome = try await test.run(slot, from: TestSource(releases.new.files))
        test.expectInstalled(slot)
        #expect((2...4).contains(outcome.progress.segmentsReused))
        #expect(outcome.progress.segmentsReused + outcome.progress.segmentsFetched == 8)
    }

    @Test("progress adds up and never goes back") func progress() async throws {
        var test = TestInstallation(releases.new, over: releases.old)
        test.limits.requestBytes = 1
        let reports = Mutex<[InstallationProgress]>([])
        let slot = test.partitions()
        let outcome = try await test.run(slot, from: TestSource(releases.new.files)) { progress in
            reports.withLock { $0.append(progress) }
        }
        let all = reports.withLock { $0 }
        #expect(all.last == outcome.progress)
        let phases: [InstallationProgress.Phase] = [
            .surveying, .copying, .fetching, .sealing, .kernelImage, .done,
        ]
        #expect(all.map(\.phase).reduce(into: []) { if $0.last != $1 { $0.append($1) } } == phases)
        let last = outcome.progress
        #expect(last.segmentsReused + last.segmentsCopied + last.segmentsPatched + last.segmentsFetched == 8)
        let fetching = all.filter { $0.phase == .fetching }
        let toGo = fetching.map { $0.bytesToGo }
        #expect(toGo == toGo.sorted(by: >))
        #expect(toGo.first ?? 0 > 0)
        #expect(toGo.last == 0)
        let sums = Set(fetching.map { $0.bytesFetched + $0.bytesToGo })
        #expect(sums.count == 1)
    }

    @Test("at a rate that is set, the bytes take their time, and the time that is left is told")
    func rate() async throws {
        let pauses = InstallationClock.Pauses()
        var test = TestInstallation(releases.new)
        test.limits.bytesPerSecond = 50_000
        test.clock = .quick(pauses)
        let left = Mutex<[Int]>([])
        let slot = test.partitions()
        let outcome = try await test.run(slot, from: TestSource(releases.new.files)) { progress in
            if let seconds = progress.secondsLeft, progress.phase == .fetching {
                left.withLock { $0.append(seconds) }
            }
        }
        test.expectInstalled(slot)
        let time = pauses.now / .seconds(1)
        let expected = Double(outcome.progress.bytesFetched) / 50_000
        // The first half second's bytes do not wait.
        #expect(time > expected - 1.1 && time < expected + 0.1, "\(time) s, expected \(expected) s")
        let seconds = left.withLock { $0 }
        #expect(seconds.count > 2)
        #expect(seconds.last == 0)
    }
}
