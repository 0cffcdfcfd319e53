// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import Updates

@Suite("The power goes during an installation") struct InstallationPowerCutTests {
    let releases: (old: TestRelease, new: TestRelease)

    init() throws { releases = try TestRelease.pair.get() }

    /// Installs with the power going at operation `cut`; returns what the disk has then, nil when it came to its end.
    private func install(
        _ test: TestInstallation,
        cut: Int,
        _ generator: inout Pseudorandom.Generator
    ) async throws -> (data: [UInt8], hashes: [UInt8])? {
        var test = test
        test.disk = TestDisk(.cut(at: cut))
        let slot = test.partitions()
        do throws(InstallationError) {
            try await test.run(slot, from: TestSource(releases.new.files))
            test.expectInstalled(slot)
            return nil
        } catch {
            guard case .slot(.storage) = error, test.disk.isOff else { throw error }
            return (slot.data.afterPowerCut(&generator), slot.hashes.afterPowerCut(&generator))
        }
    }

    @Test("at every write and flush: the next installation completes, and seals", arguments: [true, false])
    func everyOperation(overOld: Bool) async throws {
        var generator = Pseudorandom.Generator(state: overOld ? 1 : 2)
        let test = TestInstallation(releases.new, over: overOld ? releases.old : nil)
        var cut = 0
        while let rest = try await install(test, cut: cut, &generator) {
            var next = test
            next.data = rest.data
            next.hashes = rest.hashes
            let slot = next.partitions()
            let outcome = try await next.run(slot, from: TestSource(releases.new.files))
            next.expectInstalled(slot)
            let progress = outcome.progress
            #expect(
                progress.segmentsReused + progress.segmentsCopied + progress.segmentsPatched
                    + progress.segmentsFetched == 8
            )
            cut += 1
        }
        // Eight segments, a level of the tree and the superblock, and a flush of each partition.
        #expect(cut == 8 + 2 + 2)
    }

    @Test("again and again, at random: it completes") func again() async throws {
        var generator = Pseudorandom.Generator(state: 3)
        for _ in 0..<20 {
            var test = TestInstallation(
                releases.new,
                over: Bool.random(using: &generator) ? releases.old : nil
            )
            var cuts = 0
            while cuts < 100 {
                let cut = Int.random(in: 0...13, using: &generator)
                guard let rest = try await install(test, cut: cut, &generator) else { break }
                test.data = rest.data
                test.hashes = rest.hashes
                cuts += 1
            }
            #expect(cuts < 100)
        }
    }

    @Test("what was waited for is not written again") func synchronized() async throws {
        var generator = Pseudorandom.Generator(state: 4)
        let test = TestInstallation(releases.new)
        // All segments, and the flush behind them.
        let rest = try #require(try await install(test, cut: 9, &generator))
        var next = test
        next.data = rest.data
        next.hashes = rest.hashes
        let source = TestSource(releases.new.files)
        let outcome = try await next.run(next.partitions(), from: source)
        #expect(outcome.progress.segmentsReused == 8)
        #expect(source.requests.count == 1)
    }
}
