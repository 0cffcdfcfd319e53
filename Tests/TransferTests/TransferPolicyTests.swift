// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOCore
import Testing

@testable import Transfer

@Suite("Who goes when") struct TransferPolicyTests {
    private struct Highest: RandomNumberGenerator {
        func next() -> UInt64 { .max }
    }

    @Test("pauses double up to the ceiling, and are drawn below that") func retry() {
        let policy = RetryPolicy(maximumAttempts: 9, base: .milliseconds(100), ceiling: .seconds(1))
        var highest = Highest()
        let longest = (1...6).map { policy.delay(afterAttempt: $0, using: &highest) / .milliseconds(1) }
        for (found, expected) in zip(longest, [100.0, 200, 400, 800, 1000, 1000]) {
            #expect(abs(found - expected) < 1)
        }
        var generator = SystemRandomNumberGenerator()
        let drawn = (0..<200).map { _ in policy.delay(afterAttempt: 4, using: &generator) }
        #expect(drawn.allSatisfy { $0 >= .zero && $0 <= .milliseconds(800) })
        #expect(Set(drawn).count > 100)
    }

    @Test(
        "a limit lets through its bytes per second, whatever the size of the pieces",
        arguments: [1000, 70_000]
    )
    func bandwidth(piece: Int) {
        let start = NIODeadline.now()
        let limit = BandwidthLimit(bytesPerSecond: 100_000, now: start)
        var now = start
        var sent = 0
        while now < start + .seconds(10) {
            if let delay = limit.delay(for: piece, now: now) { now = now + delay } else { sent += piece }
        }
        #expect((990_000...1_090_000).contains(sent), "\(sent)")
    }

    @Test("a ceiling lets the highest priority in first, and a cancelled waiter out") func ceiling()
        async throws
    {
        let ceiling = PriorityCeiling(maximum: 1)
        try await ceiling.enter(.export)
        #expect(!ceiling.tryEnter())
        let order = Order()
        let waiters = [TransferPriority.prefetch, .export, .viewer].map { priority in
            Task {
                try await ceiling.enter(priority)
                await order.append(priority)
                ceiling.leave()
            }
        }
        let cancelled = Task { try await ceiling.enter(.viewer) }
        try await Task.sleep(for: .milliseconds(100))
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        ceiling.leave()
        for waiter in waiters { try await waiter.value }
        #expect(await order.list == [.viewer, .export, .prefetch])
        #expect(ceiling.open == 0)
    }

    private actor Order {
        var list: [TransferPriority] = []
        func append(_ priority: TransferPriority) { list.append(priority) }
    }

    private final class NoFile: SharedFile {
        let descriptor: Int32 = -1
    }

    @Test("more than 128 presentation contexts become several associations, and nothing is left out")
    func batches() {
        let file = FileExtent(file: NoFile(), offset: 0, length: 1)
        let instances = (0..<200).map { number in
            StorableInstance(
                sopClassUID: UID("1.2.840.10008.5.1.4.1.1.\(number / 2)") ?? SOPClass.verification,
                sopInstanceUID: UID("2.25.\(number)") ?? SOPClass.verification,
                transferSyntax: UID("1.2.840.10008.1.2.4.\(50 + number % 2)") ?? SOPClass.verification,
                file: file,
                dataSetOffset: 0
            )
        }
        let batches = StoreBatch.batches(instances)
        #expect(batches.count == 4)
        #expect(batches.flatMap(\.instances).map(\.sopInstanceUID) == instances.map(\.sopInstanceUID))
        for batch in batches {
            #expect(batch.services.count <= AssociationProposal.maximumContexts)
            for instance in batch.instances {
                let service = AssociationProposal.Service(instance.sopClassUID, [instance.transferSyntax])
                #expect(batch.services.contains(service))
            }
        }
    }
}
