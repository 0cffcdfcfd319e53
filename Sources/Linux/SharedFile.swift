// SPDX-License-Identifier: Apache-2.0
import Glibc

/// An open file that several readers hold at once. What holds a reference keeps the file's bytes in place:
/// the owner recycles or removes the file only when every reference is gone.
package protocol SharedFile: AnyObject, Sendable {
    /// Open for reading as long as this object lives; never to be closed by the reader.
    var descriptor: Int32 { get }
}

/// A run of bytes of an open file, and the reference that keeps them there.
package struct FileExtent: Sendable {
    package let file: any SharedFile
    /// Bytes from the start of the file.
    package let offset: Int64
    /// Bytes.
    package let length: Int64

    package init(file: any SharedFile, offset: Int64, length: Int64) {
        self.file = file
        self.offset = offset
        self.length = length
    }
}

extension FileExtent {
    /// The bytes from `position` on, counted from the start of the extent; fewer than `count` only at its end.
    package func read(at position: Int64, count: Int) throws(SystemCallError) -> [UInt8] {
        let wanted = Int(max(0, min(Int64(count), length - position)))
        guard wanted > 0 else { return [] }
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            do throws(SystemCallError) {
                while filled < wanted {
                    let piece = try systemCall("pread", on: "fd \(file.descriptor)") {
                        unsafe pread(
                            file.descriptor,
                            buffer.baseAddress?.advanced(by: filled),
                            wanted - filled,
                            off_t(offset + position) + filled
                        )
                    }
                    if piece == 0 { break }
                    filled += piece
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
