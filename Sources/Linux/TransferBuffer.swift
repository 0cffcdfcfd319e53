// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Memory that a disk reads into and writes from without a copy: it begins where a page does, as O_DIRECT wants it. It
/// is used again and again, and goes back to the system with its owner.
///
/// One call at a time; others wait.
package final class TransferBuffer: Sendable {
    /// Bytes of content.
    package let capacity: Int
    private let pages: PageMemory
    /// Where in the pages the content lies.
    private let content = Mutex(0..<0)

    package init(capacity: Int) throws(SystemCallError) {
        self.capacity = capacity
        // Content that begins and ends within blocks is read with the whole of both.
        pages = try PageMemory(count: capacity + 2 * BlockStorage.blockSize)
    }

    /// Bytes of content.
    package var count: Int { content.withLock { $0.count } }

    /// Forgets its content, and gives the system back the memory, until it is used again.
    package func giveBack() {
        content.withLock { content in
            content = 0..<0
            _ = unsafe madvise(pages.bytes.baseAddress, pages.bytes.count, MADV_DONTNEED)
        }
    }

    /// Takes a copy of `bytes`, which are at most `capacity`, as its content.
    package func replace(with bytes: [UInt8]) throws(SystemCallError) {
        guard bytes.count <= capacity else {
            throw SystemCallError(call: "memcpy", subject: "\(bytes.count) bytes", errno: ENOBUFS)
        }
        content.withLock { content in
            unsafe bytes.withUnsafeBytes { unsafe pages.bytes.copyMemory(from: $0) }
            content = 0..<bytes.count
        }
    }

    /// Puts a copy of the content's bytes in `range` in the place of what `bytes` holds, whose memory is used again.
    package func copy(_ range: Range<Int>, to bytes: inout [UInt8]) {
        bytes.removeAll(keepingCapacity: true)
        unsafe lend { content in
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: content[range]))
        }
    }

    /// A copy of the content.
    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        copy(0..<count, to: &bytes)
        return bytes
    }

    /// The content and where it begins in the first page.
    func lend<Value: Sendable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer, Int) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try content.withLock { content throws(Failure) in
            try unsafe body(UnsafeRawBufferPointer(rebasing: pages.bytes[content]), content.lowerBound)
        }
    }

    /// The content.
    func lend<Value: Sendable>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        content.withLock { unsafe body(UnsafeRawBufferPointer(rebasing: pages.bytes[$0])) }
    }

    /// All of the pages, to be filled; `body` returns where in them its content lies, and what is to be returned.
    func fill<Value: Sendable, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> (content: Range<Int>, value: Value)
    ) throws(Failure) -> Value {
        try content.withLock { content throws(Failure) in
            content = 0..<0
            let filled = try unsafe body(pages.bytes)
            content = filled.content
            return filled.value
        }
    }
}

/// Whole pages, the system's own (mmap(2)).
@safe
struct PageMemory: ~Copyable, Sendable {
    /// Its owner sees to it that one at a time uses them.
    nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) throws(SystemCallError) {
        let pointer = unsafe mmap(
            nil,
            count,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS,
            -1,
            0
        )
        guard let pointer = unsafe pointer, unsafe pointer != MAP_FAILED else {
            throw SystemCallError(call: "mmap", subject: "\(count) bytes", errno: errno)
        }
        unsafe bytes = UnsafeMutableRawBufferPointer(start: pointer, count: count)
    }

    deinit {
        unsafe munmap(bytes.baseAddress, bytes.count)
    }
}
