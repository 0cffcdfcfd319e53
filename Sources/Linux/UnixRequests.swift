// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// A Unix socket on which each connection brings one line and takes one answer.
package final class UnixRequests: Sendable {
    /// Seconds that a peer may take for its line, and for taking its answer.
    private static let patience = 5
    private static let longestLine = 64 << 10
    /// Microseconds.
    private static let pause: UInt32 = 100_000

    private let socket: Descriptor
    private let path: String

    /// Binds `path`; a socket that a dead server left there goes.
    package init(path: String) throws(SystemCallError) {
        try UnixSocket.claim(path)
        let socket = Descriptor(
            owning: try systemCall("socket", on: path) {
                Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            }
        )
        let handle = socket.rawValue
        try unsafe UnixSocket.withAddress(path) { address, length in
            unsafe Int(bind(handle, address, length))
        }
        _ = try systemCall("listen", on: path) { listen(handle, 16) }
        try UnixSocket.permit(path, group: nil)
        self.socket = socket
        self.path = path
    }

    /// The socket that systemd has bound and passes (sd_listen_fds(3)); nil where there is none.
    package init?(inherited environment: (String) -> String?) {
        guard environment("LISTEN_PID") == "\(getpid())", environment("LISTEN_FDS") == "1" else { return nil }
        let first: Int32 = 3
        guard fcntl(first, F_SETFD, FD_CLOEXEC) == 0 else { return nil }
        socket = Descriptor(owning: first)
        path = "LISTEN_FDS"
    }

    /// Waits for a line, which the caller answers; nil after `close`. Connections that bring none are not told of.
    package func next() throws(SystemCallError) -> UnixRequest? {
        while true {
            let handle: Int32
            do throws(SystemCallError) {
                handle = try systemCall("accept4", on: path) { clinux_accept_close_on_exec(socket.rawValue) }
            } catch {
                if error.errno == EINVAL { return nil }
                if error.isTransient {
                    // Descriptors come back with time, not with haste.
                    _ = usleep(Self.pause)
                    continue
                }
                throw error
            }
            let request = UnixRequest(
                Descriptor(owning: handle),
                seconds: Self.patience,
                limit: Self.longestLine
            )
            if let request { return request }
        }
    }

    /// Wakes who waits in `next`.
    package func close() { _ = shutdown(socket.rawValue, Int32(SHUT_RDWR)) }
}

/// One connection's line.
package final class UnixRequest: Sendable {
    private let socket: Descriptor
    package let line: [UInt8]

    /// Nil where no line comes in time.
    fileprivate init?(_ socket: consuming Descriptor, seconds: Int, limit: Int) {
        let handle = socket.rawValue
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        _ = unsafe setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        guard let line = Self.line(of: handle, limit: limit) else { return nil }
        self.socket = socket
        self.line = line
    }

    /// Up to the end of the line or of the stream.
    private static func line(of handle: Int32, limit: Int) -> [UInt8]? {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while line.count <= limit {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe recv(handle, $0.baseAddress, $0.count, 0)
            }
            if count < 0 { return nil }
            line += chunk.prefix(count)
            if let end = line.firstIndex(of: UInt8(ascii: "\n")) { return Array(line[..<end]) }
            if count == 0 { return line.isEmpty ? nil : line }
        }
        return nil
    }

    /// Sends all of it, to a peer that takes it, and ends the connection.
    package func answer(_ bytes: [UInt8]) {
        let handle = socket.rawValue
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe send(
                    handle,
                    $0.baseAddress?.advanced(by: sent),
                    $0.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            if count <= 0 { break }
            sent += count
        }
        shutdown(handle, Int32(SHUT_RDWR))
    }
}
