// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What a name in the file system stands for, and how large it is.
struct FileKind {
    let isRegular: Bool
    let isDirectory: Bool
    let isBlockDevice: Bool
    /// Bytes; 0 for a device.
    let size: Int

    /// Follows symbolic links.
    init(of path: String) throws(SystemCallError) {
        var status = stat()
        _ = try systemCall("stat", on: path) { unsafe stat(path, &status) }
        self.init(status)
    }

    init(of descriptor: Int32, named name: String) throws(SystemCallError) {
        var status = stat()
        _ = try systemCall("fstat", on: name) { unsafe fstat(descriptor, &status) }
        self.init(status)
    }

    private init(_ status: stat) {
        let kind = status.st_mode & S_IFMT
        isRegular = kind == S_IFREG
        isDirectory = kind == S_IFDIR
        isBlockDevice = kind == S_IFBLK
        size = Int(status.st_size)
    }
}
