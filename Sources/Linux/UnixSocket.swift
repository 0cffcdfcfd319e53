// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The file side of Unix stream sockets (unix(7)).
package enum UnixSocket {
    /// Makes `path` free for a server: removes the socket that a dead one left behind. A file of another
    /// kind, or a socket on which somebody listens, stays and is EEXIST or EADDRINUSE.
    package static func claim(_ path: String) throws(SystemCallError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw SystemCallError(call: "bind", subject: path, errno: EEXIST)
        }
        guard try !isListening(path) else {
            throw SystemCallError(call: "bind", subject: path, errno: EADDRINUSE)
        }
        _ = try systemCall("unlink", on: path) { unsafe unlink(path) }
    }

    /// Lets `group` use the socket, and all `others` where they are told apart later; nil leaves the group as it
    /// is.
    package static func permit(_ path: String, group: UInt32?, others: Bool = false) throws(SystemCallError) {
        if let group { _ = try systemCall("chown", on: path) { unsafe chown(path, uid_t.max, group) } }
        _ = try systemCall("chmod", on: path) { unsafe chmod(path, others ? 0o666 : 0o660) }
    }

    private static func isListening(_ path: String) throws(SystemCallError) -> Bool {
        let descriptor = Descriptor(
            owning: try systemCall("socket", on: path) {
                socket(
                    AF_UNIX,
                    Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
                    0
                )
            }
        )
        do {
            let handle = descriptor.rawValue
            try unsafe withAddress(path) { address, length in unsafe Int(connect(handle, address, length)) }
            return true
        } catch {
            // EAGAIN: it listens, its queue is full.
            return error.errno == EAGAIN
        }
    }

    /// Calls `body` with the address of a path, or of a name in the abstract namespace (`@name`).
    static func withAddress(
        _ path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int
    ) throws(SystemCallError) {
        var name = Array(path.utf8)
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemCallError(call: "connect", subject: path, errno: ENAMETOOLONG)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        _ = try systemCall("connect", on: path) {
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
            }
        }
    }
}
