// SPDX-License-Identifier: Apache-2.0
package import Glibc

/// The whole content of a file. More than `limit` bytes is EFBIG.
package func readFile(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    try read(Descriptor(opening: path, O_RDONLY), of: path, limit: limit)
}

/// The same of a file in a directory that somebody else writes: neither a symbolic link (ELOOP) nor a device or a pipe
/// (EINVAL), and so nothing that does more than give its bytes.
package func readRegularFile(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    let file = try Descriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    guard try FileKind(of: file.rawValue, named: path).isRegular else {
        throw SystemCallError(call: "open", subject: path, errno: EINVAL)
    }
    return try read(file, of: path, limit: limit)
}

private func read(_ file: borrowing Descriptor, of path: String, limit: Int) throws(SystemCallError)
    -> [UInt8]
{
    let descriptor = file.rawValue
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = try systemCall("read", on: path) {
            unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
        }
        if count == 0 { return content }
        content += chunk.prefix(count)
        if content.count > limit { throw SystemCallError(call: "read", subject: path, errno: EFBIG) }
    }
}

/// What a file's name ends with until it takes the old one's place.
package let replacementSuffix = ".new"

/// Puts `content` at `path` in one step: a reader sees the old file or the whole new one, also after a power
/// cut. `group` is one of the caller's.
package func replaceFile(
    _ path: String,
    with content: [UInt8],
    mode: mode_t,
    group: gid_t? = nil
) throws(SystemCallError) {
    let temporary = path + replacementSuffix
    _ = unsafe unlink(temporary)
    try createFile(temporary, with: content, mode: mode) { file throws(SystemCallError) in
        if let group { _ = try systemCall("fchown", on: temporary) { fchown(file, uid_t.max, group) } }
        _ = try systemCall("fchmod", on: temporary) { fchmod(file, mode) }
    }
    _ = try systemCall("rename", on: temporary) { unsafe rename(temporary, path) }
}

/// Makes the file `path`, which must not be there, and returns when `content` is on the disk; its name is there
/// once the directory is synchronised. `mode` is subject to the umask, and on FAT to the mount's. What is read from
/// the file next comes from the disk, not from memory.
package func createFile(_ path: String, with content: [UInt8], mode: mode_t) throws(SystemCallError) {
    try createFile(path, with: content, mode: mode) { _ throws(SystemCallError) in }
    let file = try Descriptor(opening: path, O_RDONLY)
    _ = posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_DONTNEED)
}

/// `prepare` gets the new file's descriptor before anything is written.
private func createFile(
    _ path: String,
    with content: [UInt8],
    mode: mode_t,
    prepare: (Int32) throws(SystemCallError) -> Void
) throws(SystemCallError) {
    let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try prepare(file.rawValue)
    try overwrite(file, with: content, of: path)
    _ = try systemCall("fsync", on: path) { fsync(file.rawValue) }
}

/// Writes `content` over the beginning of the file `path`, which is there, and returns when it is on the disk
/// (fdatasync). A power cut leaves any mixture of old and new sectors.
package func overwriteFile(_ path: String, with content: [UInt8]) throws(SystemCallError) {
    let file = try Descriptor(opening: path, O_WRONLY)
    try overwrite(file, with: content, of: path)
    try file.synchronizeData(of: path)
}

private func overwrite(
    _ file: borrowing Descriptor,
    with content: [UInt8],
    of path: String
) throws(SystemCallError) {
    let descriptor = file.rawValue
    var written = 0
    while written < content.count {
        written += try systemCall("pwrite", on: path) {
            unsafe content.withUnsafeBytes { bytes in
                unsafe pwrite(
                    descriptor,
                    bytes.baseAddress?.advanced(by: written),
                    bytes.count - written,
                    off_t(written)
                )
            }
        }
    }
}

/// The kernel's log (dmesg(1)), which the journal takes over; root's to write.
package enum KernelLog {
    /// As a notice of a program's.
    package static func write(_ line: String) throws(SystemCallError) {
        let path = "/dev/kmsg"
        let log = OpenFile(
            owning: try systemCall("open", on: path) { unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY) }
        )
        // 13: LOG_USER | LOG_NOTICE
        try log.append(Array("<13>\(line)\n".utf8))
    }
}

/// One line to standard error, outside the log: what a command line tool tells its user.
package enum StandardError {
    package static func print(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        unsafe bytes.withUnsafeBytes { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
