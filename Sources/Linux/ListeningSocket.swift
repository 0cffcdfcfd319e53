// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A TCP socket that listens; connections are taken by `accept` on a thread of the owner's.
package final class ListeningSocket: Sendable {
    /// Connections that wait for `accept`.
    static let backlog: Int32 = 256

    private let descriptor: Descriptor
    /// The port it has, also where port 0 asked for any.
    package let port: Int
    package let host: String

    /// Binds `host` (a name or an address) and `port`, and listens.
    package init(host: String, port: Int) throws(SystemCallError) {
        let subject = "\(host):\(port)"
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0, let first = unsafe list else {
            throw SystemCallError(call: "getaddrinfo", subject: subject, errno: EADDRNOTAVAIL)
        }
        defer { unsafe freeaddrinfo(first) }
        let address = unsafe first.pointee
        let kind = unsafe address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = Descriptor(
            owning: try systemCall("socket", on: subject) { unsafe socket(address.ai_family, kind, 0) }
        )
        var one: Int32 = 1
        let raw = descriptor.rawValue
        _ = try systemCall("setsockopt", on: subject) {
            unsafe setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        _ = try systemCall("bind", on: subject) { unsafe bind(raw, address.ai_addr, address.ai_addrlen) }
        _ = try systemCall("listen", on: subject) { listen(raw, Self.backlog) }
        self.port = try Self.port(of: raw, subject)
        self.host = host
        self.descriptor = descriptor
    }

    /// Waits for a connection; its descriptor belongs to the caller. Nil after `close`.
    package func accept() throws(SystemCallError) -> Int32? {
        do throws(SystemCallError) {
            return try systemCall("accept4", on: "\(host):\(port)") {
                clinux_accept_close_on_exec(descriptor.rawValue)
            }
        } catch  where error.errno == EINVAL {
            return nil
        }
    }

    /// Ends listening and wakes who waits in `accept`. To be called before the last reference goes.
    package func close() {
        _ = shutdown(descriptor.rawValue, Int32(SHUT_RDWR))
    }

    private static func port(of descriptor: Int32, _ subject: String) throws(SystemCallError) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = try systemCall("getsockname", on: subject) {
            unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe getsockname(descriptor, $0, &length)
                }
            }
        }
        // The port stands at the same place in sockaddr_in and sockaddr_in6.
        return unsafe withUnsafeBytes(of: &storage) { bytes in
            Int(unsafe bytes[2]) << 8 | Int(unsafe bytes[3])
        }
    }
}

extension SystemCallError {
    /// Too many descriptors or too little memory now: the same call may succeed later.
    package var isTransient: Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EAGAIN, EPROTO].contains(errno)
    }
}
