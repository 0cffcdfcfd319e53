// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import Testing

@testable import Updates

@Suite("Sources and disks that fail") struct FailureTests {
    let release: TestRelease

    init() throws { release = try TestRelease.pair.get().new }

    private var pack: String { release.manifest.path("root.pack") }

    /// One request for each frame, one after the other.
    private func single() -> TestInstallation {
        var test = TestInstallation(release)
        test.limits.requestBytes = 1
        test.limits.requests = 1
        return test
    }

    private func frame(_ segment: Int) -> Range<Int> { release.manifest.root.pack.frames[segment] }

    private func content(_ segment: Int) -> [UInt8] {
        Array(release.image[release.manifest.root.range(of: segment)])
    }

    /// `bytes`, made as long as `segment`'s frame by what a pack has behind it.
    private func fit(_ bytes: [UInt8], to segment: Int) -> [UInt8] {
        let count = frame(segment).count
        return Array((bytes + [UInt8](repeating: 0, count: max(0, count - bytes.count))).prefix(count))
    }

    /// Frames of segment 5 that are not its own, and how they are refused.
    private func badFrames() -> [(name: String, bytes: [UInt8], refusal: SegmentRefusal?)] {
        let size = TestRelease.segmentSize
        let right = Array(release.files[pack]?[frame(5)] ?? [])
        var other = content(5)
        other[77] ^= 1
        let zeros = [UInt8](repeating: 0, count: 40 << 20)
        var flipped = right
        flipped[right.count / 2] ^= 1
        return [
            (
                "one bit wrong before compression", fit(Zstd.frame(other), to: 5),
                .hash(found: [], expected: release.manifest.root.hashes[5])
            ),
            ("one bit wrong after it", flipped, nil),
            ("nothing but zeros", [UInt8](repeating: 0, count: right.count), .frame(.notAFrame)),
            (
                "more than a segment", fit(Zstd.frame(zeros), to: 5),
                .frame(.contentSize(found: 40 << 20, expected: size))
            ),
            (
                "less than a segment", fit(Zstd.frame(Array(content(5).dropLast())), to: 5),
                .frame(.contentSize(found: size - 1, expected: size))
            ),
            ("one segment's in place of another", fit(Zstd.frame(content(0)), to: 5), nil),
            ("bytes behind a frame", right.dropLast(1) + [0], nil),
        ]
    }

    @Test("a frame that is wrong once is fetched again, and nothing of it is written") func wrongOnce()
        async throws
    {
        for bad in badFrames() {
            let test = single()
            let slot = test.partitions()
            let place = frame(5)
            let source = TestSource(release.files) { request, times in
                request.range == place && times == 0 ? .bytes(bad.bytes) : .right
            }
            let outcome = try await test.run(slot, from: source)
            test.expectInstalled(slot)
            #expect(outcome.progress.failedFrames == 1, "\(bad.name)")
            // Each segment once, the tree's blocks and the superblock.
            #expect(test.disk.writes == 8 + 2, "\(bad.name)")
        }
    }

    @Test("a frame that stays wrong ends the installation with the reason, its segment unwritten")
    func wrongForEver() async throws {
        for bad in badFrames() {
            let test = single()
            let slot = test.partitions()
            let place = frame(5)
            let source = TestSource(release.files) { request, _ in
                request.range == place ? .bytes(bad.bytes) : .right
            }
            let error = await #expect(throws: InstallationError.self, "\(bad.name)") {
                try await test.run(slot, from: source)
            }
            guard case .segment(5, pack, let refusal) = error else {
                Issue.record("\(bad.name): \(String(describing: error))")
                continue
            }
            switch (refusal, bad.refusal) {
            case (.hash(_, let expected), .hash(_, let wanted)?): #expect(expected == wanted)
            case (_, let wanted?): #expect(refusal == wanted, "\(bad.name)")
            case (_, nil): break
            }
            #expect(source.requests.count { $0.range == place } == 3)
            let range = release.manifest.root.range(of: 5)
            #expect(slot.data.bytes[range] == test.data[range])
        }
    }

    @Test(
        "what is gone is asked for once; what is refused, too",
        arguments: [SourceFailure.Kind.gone, .refused]
    )
    func final(kind: SourceFailure.Kind) async {
        let test = single()
        let slot = test.partitions()
        let place = frame(3)
        let source = TestSource(release.files) { request, _ in
            request.range == place ? .failure(kind) : .right
        }
        await #expect(throws: InstallationError.source(SourceFailure(kind, pack, "told to"))) {
            try await test.run(slot, from: source)
        }
        #expect(source.requests.count { $0.range == place } == 1)
    }

    @Test("what fails for a time is asked for again, after pauses that grow at random") func transient()
        async throws
    {
        let pauses = InstallationClock.Pauses()
        var test = single()
        test.clock = .quick(pauses)
        test.limits.longestPause = .seconds(20)
        let slot = test.partitions()
        let source = TestSource(release.files) { _, times in times < 5 ? .failure(.transient) : .right }
        try await test.run(slot, from: source)
        test.expectInstalled(slot)
        // Eight frames and the kernel.
        #expect(pauses.all.count == 9 * 5)
        #expect(pauses.all.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(20) })
        #expect(Set(pauses.all).count > 9)
    }

    @Test("what fails for ever ends the installation") func bound() async {
        var test = single()
        test.limits.attempts = 4
        let slot = test.partitions()
        let source = TestSource(release.files) { _, _ in .failure(.transient) }
        await #expect(throws: InstallationError.source(SourceFailure(.transient, pack, "told to"))) {
            try await test.run(slot, from: source)
        }
        #expect(source.requests.count == 4)
        #expect(test.disk.writes == 0)
    }

    @Test("an answer that is too short or too long is no answer", arguments: [-1, 1, -1000])
    func length(difference: Int) async throws {
        let test = single()
        let slot = test.partitions()
        let place = frame(2)
        let source = TestSource(release.files) { request, times in
            request.range == place && times == 0
                ? .bytes([UInt8](repeating: 0, count: place.count + difference)) : .right
        }
        let outcome = try await test.run(slot, from: source)
        test.expectInstalled(slot)
        #expect(outcome.progress.failedFrames == 0)
        #expect(source.requests.count { $0.range == place } == 2)
    }

    @Test("a source that falls silent is asked again") func stall() async throws {
        var test = single()
        test.clock = .system
        test.limits.requestTime = .milliseconds(200)
        test.limits.slowestBytesPerSecond = 1 << 30
        test.limits.shortestPause = .milliseconds(1)
        let slot = test.partitions()
        let place = frame(2)
        let source = TestSource(release.files) { request, times in
            request.range == place && times < 2 ? .stall : .right
        }
        try await test.run(slot, from: source)
        test.expectInstalled(slot)
        #expect(source.requests.count { $0.range == place } == 3)
    }

    @Test("no more than four requests run at once") func requests() async throws {
        var test = TestInstallation(release)
        test.limits.requestBytes = 1
        let slot = test.partitions()
        let source = TestSource(release.files, delay: .milliseconds(10))
        try await test.run(slot, from: source)
        #expect(source.mostAtOnce == 4)
        #expect(source.requests.count == 8 + 1)
    }

    @Test("a write that fails is named, with its errno", arguments: [(0, ENOSPC), (5, EIO), (8, EIO)])
    func write(number: Int, errno: Int32) async throws {
        var test = single()
        test.disk = TestDisk(.write(number, errno: errno))
        let slot = test.partitions()
        let expected = SystemCallError(call: "pwrite", subject: "disk", errno: errno)
        await #expect(throws: InstallationError.slot(.storage(expected))) {
            try await test.run(slot, from: TestSource(release.files))
        }
    }

    @Test("a slot that is too small is refused before a byte is asked for") func tooSmall() async {
        var test = single()
        test.data = Array(test.data.prefix(release.image.count - 4096))
        let slot = test.partitions()
        let source = TestSource(release.files)
        let (found, required) = (test.data.count, release.image.count)
        await #expect(throws: InstallationError.slot(.tooSmall(.data, found: found, required: required))) {
            try await test.run(slot, from: source)
        }
        #expect(source.requests.isEmpty)
    }

    @Test("a disk that gives back other bytes than it took is found out, with the segment") func readBack()
        async
    {
        var test = single()
        test.disk = TestDisk(.flip(partition: "data", byte: 4 * TestRelease.segmentSize + 100))
        let slot = test.partitions()
        let error = await #expect(throws: InstallationError.self) {
            try await test.run(slot, from: TestSource(release.files))
        }
        guard case .slot(.segment(4, let found, let expected)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found != expected)
        #expect(expected == release.manifest.root.hashes[4])
    }

    @Test("a manifest whose root hash is another's does not seal") func rootHash() async throws {
        let text = String(decoding: release.json, as: UTF8.self)
        let right = release.manifest.verity.rootHash
        let wrong = [UInt8](repeating: 7, count: 32)
        let changed = text.replacing(right.hexadecimal, with: wrong.hexadecimal)
        let manifest = try ReleaseManifest(parsing: Array(changed.utf8))
        let slot = single().partitions()
        let installation = try Installation(
            of: manifest,
            from: TestSource(release.files),
            into: TargetSlot(data: slot.data, hashes: slot.hashes),
            clock: .quick()
        )
        await #expect(throws: InstallationError.slot(.rootHash(found: right, expected: wrong))) {
            try await installation.run()
        }
    }

    @Test("a kernel image with another hash is not handed out") func kernel() async {
        var files = release.files
        files[release.manifest.path("uki.efi")]?[99] ^= 1
        let test = single()
        let slot = test.partitions()
        let error = await #expect(throws: InstallationError.self) {
            try await test.run(slot, from: TestSource(files))
        }
        guard case .kernelImage(let found, release.manifest.kernelImage.sha256) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found != release.manifest.kernelImage.sha256)
    }
}
