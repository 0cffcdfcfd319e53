// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Synchronization

/// A block device, or a file in its place, read and written past the page cache (open(2), O_DIRECT): what is read was on
/// the disk, and writing does not push the rest of the machine's files out of memory.
///
/// Every call does all it was asked for or throws. Those with arrays, which are copied, come one at a time; others wait.
package final class BlockStorage: Sendable {
    /// Bytes that offsets and counts of writes are multiples of: no disk's sectors are larger.
    package static let blockSize = 4096
    /// Bytes that one system call moves to or from an array.
    private static let transferSize = 256 << 10

    package let path: String
    /// Bytes.
    package let size: Int
    private let file: Descriptor
    private let memory: Mutex<PageMemory>

    /// Opens what is there. With `isWritable`, a device that is mounted or otherwise in use is EBUSY.
    package init(opening path: String, isWritable: Bool = false) throws(SystemCallError) {
        let kind = try FileKind(of: path)
        let isDevice = kind.isBlockDevice
        // Of O_EXCL without O_CREAT open(2) speaks for block devices only.
        let flags = (isWritable ? O_RDWR : O_RDONLY) | (isWritable && isDevice ? O_EXCL : 0)
        let file = try Self.open(path, flags)
        size =
            isDevice
            ? Int(
                clamping: try systemCall("ioctl BLKGETSIZE64", on: path) {
                    clinux_block_device_size(file.rawValue)
                }
            ) : kind.size
        memory = Mutex(try PageMemory(count: Self.transferSize))
        self.path = path
        self.file = file
    }

    private static func open(_ path: String, _ flags: Int32) throws(SystemCallError) -> Descriptor {
        do {
            return try Descriptor(opening: path, flags | clinux_O_DIRECT)
        } catch {
            // A file system in memory has a page cache only.
            if error.errno == EINVAL { return try Descriptor(opening: path, flags) }
            throw error
        }
    }

    /// The `count` bytes from `offset` on; EIO where the storage ends before.
    package func read(_ count: Int, at offset: Int) throws(SystemCallError) -> [UInt8] {
        try checkRead(count, at: offset)
        return try memory.withLock { memory throws(SystemCallError) in
            var failure: SystemCallError?
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { output, filled in
                do throws(SystemCallError) {
                    while filled < count {
                        let target = unsafe UnsafeMutableRawBufferPointer(
                            rebasing: UnsafeMutableRawBufferPointer(output)[filled...]
                        )
                        filled += try unsafe readPiece(into: target, at: offset + filled, by: memory.bytes)
                    }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            return bytes
        }
    }

    private func checkRead(_ count: Int, at offset: Int) throws(SystemCallError) {
        guard count >= 0, offset >= 0, offset <= size, count <= size - offset else {
            throw SystemCallError(call: "pread", subject: place(offset), errno: EIO)
        }
    }

    /// One transfer; returns how many bytes of `target` it filled, one at least.
    private func readPiece(
        into target: UnsafeMutableRawBufferPointer,
        at offset: Int,
        by memory: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> Int {
        // The kernel reads whole blocks.
        let start = offset / Self.blockSize * Self.blockSize
        let count = min(target.count, Self.transferSize - (offset - start))
        let end = (offset + count + Self.blockSize - 1) / Self.blockSize * Self.blockSize
        let read = try unsafe file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: memory[..<(end - start)]),
            at: Int64(start),
            of: place(start)
        )
        guard read >= offset - start + count else {
            throw SystemCallError(call: "pread", subject: place(start + read), errno: EIO)
        }
        let found = unsafe memory[(offset - start)..<(offset - start + count)]
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: found))
        return count
    }

    /// Writes all of `bytes`. Where it begins and how much it is are multiples of `blockSize`, else EINVAL; ENOSPC
    /// behind the end.
    package func write(_ bytes: [UInt8], at offset: Int) throws(SystemCallError) {
        try checkWrite(bytes.count, at: offset)
        var done = 0
        while done < bytes.count {
            let count = min(Self.transferSize, bytes.count - done)
            try memory.withLock { memory throws(SystemCallError) in
                unsafe bytes.withUnsafeBytes { source in
                    unsafe memory.bytes.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: source[done..<done + count])
                    )
                }
                try unsafe write(
                    UnsafeRawBufferPointer(rebasing: memory.bytes[..<count]),
                    at: offset + done
                )
            }
            done += count
        }
    }

    private func checkWrite(_ count: Int, at offset: Int) throws(SystemCallError) {
        guard offset.isMultiple(of: Self.blockSize), count.isMultiple(of: Self.blockSize), offset >= 0 else {
            throw SystemCallError(call: "pwrite", subject: place(offset), errno: EINVAL)
        }
        guard offset <= size, count <= size - offset else {
            throw SystemCallError(call: "pwrite", subject: place(offset), errno: ENOSPC)
        }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemCallError) {
        var written = 0
        while written < bytes.count {
            let count = try systemCall("pwrite", on: place(offset + written)) {
                unsafe pwrite(
                    file.rawValue,
                    bytes.baseAddress?.advanced(by: written),
                    bytes.count - written,
                    off_t(offset + written)
                )
            }
            if count == 0 {
                throw SystemCallError(call: "pwrite", subject: place(offset + written), errno: ENOSPC)
            }
            written += count
        }
    }

    /// Returns when what was written is on the disk, also past the disk's own cache.
    package func synchronize() throws(SystemCallError) {
        try file.synchronizeData(of: path)
    }

    private func place(_ offset: Int) -> String { "\(path) at \(offset)" }
}

// MARK: - Without a copy

extension BlockStorage {
    /// Reads the `count` bytes from `offset` on as the content of `buffer`, in one transfer; EIO where the storage ends
    /// before, ENOBUFS where the buffer is too small.
    package func read(
        _ count: Int,
        at offset: Int,
        into buffer: TransferBuffer
    ) throws(SystemCallError) {
        try checkRead(count, at: offset)
        guard count <= buffer.capacity else {
            throw SystemCallError(call: "pread", subject: place(offset), errno: ENOBUFS)
        }
        try unsafe buffer.fill { memory throws(SystemCallError) in
            // The kernel reads whole blocks.
            let start = offset / Self.blockSize * Self.blockSize
            let end = (offset + count + Self.blockSize - 1) / Self.blockSize * Self.blockSize
            let content = offset - start..<offset - start + count
            let read = try unsafe file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: memory[..<(end - start)]),
                at: Int64(start),
                of: place(start)
            )
            guard read >= content.upperBound else {
                throw SystemCallError(call: "pread", subject: place(start + read), errno: EIO)
            }
            return (content, ())
        }
    }

    /// Writes the content of `buffer`, in one transfer. It begins, there and here, and is in all, a multiple of
    /// `blockSize`, else EINVAL; ENOSPC behind the end.
    package func write(_ buffer: TransferBuffer, at offset: Int) throws(SystemCallError) {
        try unsafe buffer.lend { content, start throws(SystemCallError) in
            try checkWrite(content.count, at: offset)
            guard start.isMultiple(of: Self.blockSize) else {
                throw SystemCallError(call: "pwrite", subject: place(offset), errno: EINVAL)
            }
            try unsafe write(content, at: offset)
        }
    }
}
