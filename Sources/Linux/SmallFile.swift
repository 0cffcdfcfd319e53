// SPDX-License-Identifier: Apache-2.0
package import Glibc

/// The whole content of a file. More than `limit` bytes is EFBIG.
package func readFile(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    let file = try Descriptor(opening: path, O_RDONLY)
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = try systemCall("read", on: path) {
            unsafe chunk.withUnsafeMutableBytes { unsafe read(file.rawValue, $0.baseAddress, $0.count) }
        }
        if count == 0 { return content }
        content += chunk.prefix(count)
        if content.count > limit { throw SystemCallError(call: "read", subject: path, errno: EFBIG) }
    }
}

/// What a file's name ends with until it takes the old one's place.
package let replacementSuffix = ".new"

/// Puts `content` at `path` in one step: a reader sees the old file or the whole new one, also after a power
/// cut.
package func replaceFile(_ path: String, with content: [UInt8], mode: mode_t) throws(SystemCallError) {
    let temporary = path + replacementSuffix
    _ = unsafe unlink(temporary)
    try createFile(temporary, with: content, mode: mode) { file throws(SystemCallError) in
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

/// One line to standard error, outside the log: what a command line tool tells its user.
package enum StandardError {
    package static func print(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        unsafe bytes.withUnsafeBytes { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
