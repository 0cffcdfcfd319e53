// SPDX-License-Identifier: Apache-2.0
import Glibc
import Linux
import Synchronization
import Testing

@Suite("Lasting threads") struct BlockingThreadsTests {
    @Test("one thread does what it was given, in order, and always the same one") func order() async {
        let threads = BlockingThreads(count: 1)
        let seen = Mutex<[Int]>([])
        let names = Mutex<Set<UInt>>([])
        for number in 0..<100 {
            threads.run {
                seen.withLock { $0.append(number) }
                names.withLock { _ = $0.insert(UInt(pthread_self())) }
            }
        }
        #expect(await threads.value { 7 } == 7)
        #expect(seen.withLock { $0 } == Array(0..<100))
        #expect(names.withLock { $0.count } == 1)
    }

    @Test("of two threads one goes on while the other waits") func both() async {
        let threads = BlockingThreads(count: 2)
        let isOpen = Mutex(false)
        async let waiting = threads.value {
            while !isOpen.withLock({ $0 }) { usleep(1000) }
            return 1
        }
        // The one that does not wait gets here, whichever it is.
        for _ in 0..<20 { await threads.value {} }
        await threads.value { isOpen.withLock { $0 = true } }
        #expect(await waiting == 1)
    }

    @Test("without a thread, it is done all the same") func none() async {
        #expect(await BlockingThreads(count: 0).value { 3 } == 3)
    }

    @Test("its end waits for what was begun") func end() {
        let count = Mutex(0)
        do {
            let threads = BlockingThreads(count: 2)
            for _ in 0..<50 { threads.run { count.withLock { $0 += 1 } } }
        }
        #expect(count.withLock { $0 } == 50)
    }
}
