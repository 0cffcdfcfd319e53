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

    /// Sends `question` to the server at `path` and returns all it answers until it closes, `limit` bytes at most.
    /// Longer than `seconds` without a byte is ETIMEDOUT.
    package static func exchange(
        _ path: String,
        _ question: [UInt8],
        seconds: Int,
        limit: Int = 1 << 20
    ) async -> Result<[UInt8], SystemCallError> {
        await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<[UInt8], SystemCallError>, Never>) in
            let answer = OneAnswer(continuation)
            let isRunning = DetachedThread.start {
                answer.give(
                    Result { () throws(SystemCallError) in try exchange(path, question, seconds, limit) }
                )
            }
            if !isRunning {
                answer.give(.failure(SystemCallError(call: "pthread_create", subject: path, errno: EAGAIN)))
            }
        }
    }

    private static func exchange(
        _ path: String,
        _ question: [UInt8],
        _ seconds: Int,
        _ limit: Int
    ) throws(SystemCallError) -> [UInt8] {
        let socket = Descriptor(
            owning: try systemCall("socket", on: path) {
                Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            }
        )
        let handle = socket.rawValue
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        _ = unsafe setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        try unsafe withAddress(path) { address, length in unsafe Int(connect(handle, address, length)) }
        var sent = 0
        while sent < question.count {
            sent += try systemCall("send", on: path) {
                unsafe question.withUnsafeBytes {
                    unsafe send(
                        handle,
                        $0.baseAddress?.advanced(by: sent),
                        $0.count - sent,
                        Int32(MSG_NOSIGNAL)
                    )
                }
            }
        }
        shutdown(handle, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while answer.count < limit {
            do throws(SystemCallError) {
                let count = try systemCall("recv", on: path) {
                    unsafe chunk.withUnsafeMutableBytes { unsafe recv(handle, $0.baseAddress, $0.count, 0) }
                }
                if count == 0 { return answer }
                answer += chunk.prefix(count)
            } catch {
                guard error.errno == EAGAIN else { throw error }
                throw SystemCallError(call: "recv", subject: path, errno: ETIMEDOUT)
            }
        }
        throw SystemCallError(call: "recv", subject: path, errno: EFBIG)
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
