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

/// Puts `content` at `path` in one step: a reader sees the old file or the whole new one, also after a power
/// cut.
package func replaceFile(_ path: String, with content: [UInt8], mode: mode_t) throws(SystemCallError) {
    let temporary = path + ".new"
    _ = unsafe unlink(temporary)
    do {
        let file = try Descriptor(opening: temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        _ = try systemCall("fchmod", on: temporary) { fchmod(file.rawValue, mode) }
        var written = 0
        while written < content.count {
            written += try systemCall("write", on: temporary) {
                unsafe content.withUnsafeBytes { bytes in
                    unsafe write(
                        file.rawValue,
                        bytes.baseAddress?.advanced(by: written),
                        bytes.count - written
                    )
                }
            }
        }
        _ = try systemCall("fsync", on: temporary) { fsync(file.rawValue) }
    }
    _ = try systemCall("rename", on: temporary) { unsafe rename(temporary, path) }
}

/// One line to standard error, outside the log: what a command line tool tells its user.
package enum StandardError {
    package static func print(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        unsafe bytes.withUnsafeBytes { _ = unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
