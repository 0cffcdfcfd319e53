// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A directory of files that somebody else made, such as a USB stick: what is read lies in it. A symbolic link on the way
/// is ELOOP or ENOTDIR, a path that leads out of it EINVAL, and what is no regular file EISDIR or EINVAL.
package final class FileTree: Sendable {
    package let path: String
    private let root: Descriptor

    /// `path` itself may be a symbolic link.
    package init(_ path: String) throws(SystemCallError) {
        self.path = path
        root = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY)
    }

    /// The bytes of the file `name`, parts of which are separated by "/", in `range`; fewer only where it ends before.
    package func read(_ name: String, _ range: Range<Int>) throws(SystemCallError) -> [UInt8] {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard !parts.contains(where: { ["", ".", ".."].contains($0) || $0.utf8.contains(0) }),
            range.lowerBound >= 0
        else { throw SystemCallError(call: "openat", subject: name, errno: EINVAL) }
        let file = try open(parts[...], in: root.rawValue, of: name)
        let kind = try FileKind(of: file.rawValue, named: name)
        guard kind.isRegular else {
            throw SystemCallError(call: "openat", subject: name, errno: kind.isDirectory ? EISDIR : EINVAL)
        }
        let count = min(range.count, max(0, kind.size - range.lowerBound))
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { output, filled in
            do throws(SystemCallError) {
                filled = try unsafe file.read(
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(output)[..<count]
                    ),
                    at: Int64(range.lowerBound),
                    of: name
                )
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    private func open(
        _ parts: ArraySlice<String>,
        in directory: Int32,
        of name: String
    ) throws(SystemCallError) -> Descriptor {
        let part = parts.first ?? ""
        let isLast = parts.count <= 1
        // A FIFO would let open wait for its other end.
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (isLast ? 0 : O_DIRECTORY)
        let opened = Descriptor(
            owning: try systemCall("openat", on: name) { unsafe openat(directory, part, flags) }
        )
        return isLast ? opened : try open(parts.dropFirst(), in: opened.rawValue, of: name)
    }
}

extension SystemCallError {
    /// There is no such file.
    package var isMissingFile: Bool { errno == ENOENT }
    /// The device does not answer as it should; it may the next time.
    package var isDeviceFailure: Bool { [EIO, ENODEV, ENXIO, ETIMEDOUT].contains(errno) }
}
