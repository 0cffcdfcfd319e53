// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A file that is open as long as somebody refers to it.
package final class OpenFile: SharedFile {
    private let owner: Descriptor

    /// Takes ownership of an open descriptor.
    package init(owning rawValue: Int32) {
        owner = Descriptor(owning: rawValue)
    }

    package var descriptor: Int32 { owner.rawValue }

    /// A file without a name on the file system of `directory`: it is gone when nobody refers to it.
    package static func unnamed(in directory: String) throws(SystemCallError) -> OpenFile {
        do {
            let flags = clinux_O_TMPFILE | O_RDWR | O_CLOEXEC
            return OpenFile(
                owning: try systemCall("open", on: directory) { unsafe open(directory, flags, 0o600) }
            )
        } catch  where [EOPNOTSUPP, EISDIR, EINVAL].contains(error.errno) {
            // A file system that has no such files: one that loses its name at once.
            let path = "\(directory)/.unnamed-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
            let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
            let file = OpenFile(owning: try systemCall("open", on: path) { unsafe open(path, flags, 0o600) })
            try Directory.remove(file: path)
            return file
        }
    }

    /// Writes all of it at the file's own position, which moves.
    package func append(_ bytes: [UInt8]) throws(SystemCallError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = try systemCall("write", on: "descriptor \(descriptor)") {
                unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            }
            rest = rest.dropFirst(written)
        }
    }

    /// Bytes.
    package func length() throws(SystemCallError) -> Int64 {
        var status = stat()
        _ = try systemCall("fstat", on: "descriptor \(descriptor)") { unsafe fstat(descriptor, &status) }
        return Int64(status.st_size)
    }

    /// All of it.
    package func extent() throws(SystemCallError) -> FileExtent {
        FileExtent(file: self, offset: 0, length: try length())
    }
}
