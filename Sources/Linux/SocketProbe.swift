// SPDX-License-Identifier: Apache-2.0
import Glibc

/// One question to a host, to see whether it answers. Names are looked up; the calls block a thread of their own.
package enum SocketProbe {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case unknownName(String)
        case refused(SystemCallError)
        case silent(seconds: Int)

        package var description: String {
            switch self {
            case .unknownName(let reason): "the name is not known: \(reason)"
            case .refused(let error): "\(unsafe String(cString: strerror(error.errno)))"
            case .silent(let seconds): "no answer in \(seconds) s"
            }
        }
    }

    /// Sends one datagram and returns the answer, up to 64 KiB.
    package static func exchange(
        _ host: String,
        port: Int,
        _ question: [UInt8],
        seconds: Int
    ) async -> Result<[UInt8], Failure> {
        await onThread { () throws(Failure) in
            let socket = try connected(host, port, SOCK_DGRAM, seconds)
            try refusing { () throws(SystemCallError) in
                _ = try systemCall("send", on: host) {
                    unsafe question.withUnsafeBytes {
                        unsafe send(socket.rawValue, $0.baseAddress, $0.count, 0)
                    }
                }
            }
            try wait(socket, POLLIN, seconds)
            var answer = [UInt8](repeating: 0, count: 64 << 10)
            let count = try refusing { () throws(SystemCallError) in
                try systemCall("recv", on: host) {
                    unsafe answer.withUnsafeMutableBytes {
                        unsafe recv(socket.rawValue, $0.baseAddress, $0.count, 0)
                    }
                }
            }
            return Array(answer.prefix(count))
        }
    }

    /// Sends one datagram and waits for nothing: the kernel asks for the neighbour's hardware address.
    package static func nudge(_ host: String, port: Int = 9) async -> Result<Void, Failure> {
        await onThread { () throws(Failure) in
            let socket = try connected(host, port, SOCK_DGRAM, 1)
            try refusing { () throws(SystemCallError) in
                _ = try systemCall("send", on: host) { send(socket.rawValue, nil, 0, 0) }
            }
        }
    }

    /// Opens a TCP connection and closes it.
    package static func connect(_ host: String, port: Int, seconds: Int) async -> Result<Void, Failure> {
        await onThread { () throws(Failure) in _ = try connected(host, port, SOCK_STREAM, seconds) }
    }

    private static func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async -> Result<Value, Failure> {
        await withCheckedContinuation { continuation in
            let isRunning = DetachedThread.start {
                do throws(Failure) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !isRunning {
                let error = SystemCallError(call: "pthread_create", subject: "probe", errno: EAGAIN)
                continuation.resume(returning: .failure(.refused(error)))
            }
        }
    }

    private static func refusing<Value>(
        _ body: () throws(SystemCallError) -> Value
    ) throws(Failure) -> Value {
        do throws(SystemCallError) { return try body() } catch { throw .refused(error) }
    }

    /// The first address of `host` that takes the connection.
    private static func connected(
        _ host: String,
        _ port: Int,
        _ type: __socket_type,
        _ seconds: Int
    ) throws(Failure) -> Descriptor {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(type.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else { throw .unknownName(unsafe String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        var failure = Failure.unknownName("no address")
        var next = unsafe list
        while let entry = unsafe next {
            do throws(Failure) {
                return try unsafe connected(entry, host, seconds)
            } catch {
                failure = error
            }
            unsafe next = unsafe entry.pointee.ai_next
        }
        throw failure
    }

    private static func connected(
        _ entry: UnsafeMutablePointer<addrinfo>,
        _ host: String,
        _ seconds: Int
    ) throws(Failure) -> Descriptor {
        let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let number = try refusing { () throws(SystemCallError) in
            try systemCall("socket", on: host) {
                unsafe socket(
                    entry.pointee.ai_family,
                    entry.pointee.ai_socktype | flags,
                    entry.pointee.ai_protocol
                )
            }
        }
        let descriptor = Descriptor(owning: number)
        do throws(SystemCallError) {
            _ = try systemCall("connect", on: host) {
                unsafe Glibc.connect(number, entry.pointee.ai_addr, entry.pointee.ai_addrlen)
            }
        } catch {
            guard error.errno == EINPROGRESS else { throw .refused(error) }
            try wait(descriptor, POLLOUT, seconds)
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            _ = unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size)
            if code != 0 {
                throw .refused(SystemCallError(call: "connect", subject: host, errno: code))
            }
        }
        return descriptor
    }

    private static func wait(_ socket: borrowing Descriptor, _ events: Int32, _ seconds: Int) throws(Failure)
    {
        var entry = pollfd(fd: socket.rawValue, events: Int16(events), revents: 0)
        let count = try refusing { () throws(SystemCallError) in
            try systemCall("poll", on: "socket") { unsafe poll(&entry, 1, Int32(seconds * 1000)) }
        }
        if count == 0 { throw .silent(seconds: seconds) }
    }
}
