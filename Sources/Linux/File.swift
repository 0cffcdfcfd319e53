// SPDX-License-Identifier: Apache-2.0
package import Glibc

// Positioned reads and writes of regular files. Every call does all it was asked for or throws.
extension Descriptor {
    /// Writes all of `pieces` one after the other from `offset` on. The pieces are changed: what is written
    /// is taken off them. At most `IOV_MAX` (1024) pieces.
    package func write(
        _ pieces: UnsafeMutableBufferPointer<iovec>,
        at offset: Int64,
        of name: @autoclosure () -> String
    ) throws(SystemCallError) {
        var rest = unsafe pieces[...]
        var offset = offset
        while unsafe !rest.isEmpty {
            let run = unsafe UnsafeMutableBufferPointer(rebasing: rest)
            var written = try systemCall("pwritev", on: name()) {
                unsafe pwritev(rawValue, run.baseAddress, Int32(run.count), off_t(offset))
            }
            offset += Int64(written)
            while unsafe rest.startIndex < rest.endIndex {
                let first = unsafe rest.startIndex
                if unsafe rest[first].iov_len > written {
                    // A file takes nothing only where it can take no more.
                    if written == 0 { throw SystemCallError(call: "pwritev", subject: name(), errno: ENOSPC) }
                    unsafe rest[first].iov_base = unsafe rest[first].iov_base?.advanced(by: written)
                    unsafe rest[first].iov_len -= written
                    break
                }
                written -= unsafe rest[first].iov_len
                unsafe rest = unsafe rest.dropFirst()
            }
        }
    }

    /// Reads from `offset` on until `buffer` is full or the file ends; returns the count of bytes.
    package func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64,
        of name: @autoclosure () -> String
    ) throws(SystemCallError) -> Int {
        var count = 0
        while count < buffer.count {
            let read = try systemCall("pread", on: name()) {
                unsafe pread(
                    rawValue,
                    buffer.baseAddress?.advanced(by: count),
                    buffer.count - count,
                    off_t(offset + Int64(count))
                )
            }
            if read == 0 { break }
            count += read
        }
        return count
    }

    /// Returns when the file's bytes, and the size they need, are on the disk.
    package func synchronizeData(of name: @autoclosure () -> String) throws(SystemCallError) {
        _ = try systemCall("fdatasync", on: name()) { fdatasync(rawValue) }
    }

    /// Cuts the file, and what was reserved for it, to `size` bytes.
    package func truncate(to size: Int64, of name: @autoclosure () -> String) throws(SystemCallError) {
        _ = try systemCall("ftruncate", on: name()) { ftruncate(rawValue, off_t(size)) }
    }

    /// Bytes of the file, and bytes of disk it occupies.
    package func extent(of name: @autoclosure () -> String) throws(SystemCallError) -> (
        size: Int64, occupied: Int64
    ) {
        var status = stat()
        _ = try systemCall("fstat", on: name()) { unsafe fstat(rawValue, &status) }
        return (Int64(status.st_size), Int64(status.st_blocks) * 512)
    }

    /// Takes the file's lock without waiting; false when another process holds it. It goes with the process.
    package func tryLock(of name: @autoclosure () -> String) throws(SystemCallError) -> Bool {
        do {
            _ = try systemCall("flock", on: name()) { flock(rawValue, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error.errno == EWOULDBLOCK { return false }
            throw error
        }
    }
}

/// Names in a directory.
package enum Directory {
    /// Makes `path` unless it is there; its parent exists.
    package static func create(_ path: String, mode: mode_t = 0o700) throws(SystemCallError) {
        do {
            _ = try systemCall("mkdir", on: path) { unsafe mkdir(path, mode) }
            // Whatever the umask is.
            _ = try systemCall("chmod", on: path) { unsafe chmod(path, mode) }
        } catch  where error.errno == EEXIST {}
    }

    /// Whose group `path` is; nil where it is not there.
    package static func group(of path: String) -> gid_t? {
        var status = stat()
        return unsafe stat(path, &status) == 0 ? status.st_gid : nil
    }

    /// Gives `path` to one of the caller's groups.
    package static func give(_ path: String, to group: gid_t) throws(SystemCallError) {
        _ = try systemCall("chown", on: path) { unsafe chown(path, uid_t.max, group) }
    }

    /// The names in `path` without "." and "..", in no order.
    package static func names(in path: String) throws(SystemCallError) -> [String] {
        guard let stream = unsafe opendir(path) else {
            throw SystemCallError(call: "opendir", subject: path, errno: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Returns when the names in `path` are on the disk.
    package static func synchronize(_ path: String) throws(SystemCallError) {
        let directory = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY)
        _ = try systemCall("fsync", on: path) { fsync(directory.rawValue) }
    }

    /// Removes the file's name; no error when it is not there.
    package static func remove(file path: String) throws(SystemCallError) {
        do {
            _ = try systemCall("unlink", on: path) { unsafe unlink(path) }
        } catch  where error.errno == ENOENT {}
    }

    /// Gives the file another name in place of whatever bears it; false when there is no such file.
    package static func rename(file path: String, to other: String) throws(SystemCallError) -> Bool {
        do {
            _ = try systemCall("rename", on: path) { unsafe Glibc.rename(path, other) }
            return true
        } catch {
            if error.errno == ENOENT { return false }
            throw error
        }
    }
}
