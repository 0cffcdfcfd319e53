// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// One end of a pair of sockets that carry whole messages, and open descriptors with them (unix(7)).
package final class MessageSocket: Sendable {
    package struct Message: Sendable {
        package let bytes: [UInt8]
        /// The receiver's own now.
        package let files: [OpenFile]
    }

    /// Bytes of a message.
    package static let maximumLength = 64 << 10
    private let descriptor: Descriptor

    /// Takes ownership of an open end.
    package init(owning rawValue: Int32) {
        descriptor = Descriptor(owning: rawValue)
    }

    package static func pair() throws(SystemCallError) -> (MessageSocket, MessageSocket) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        _ = try systemCall("socketpair", on: "messages") { unsafe socketpair(AF_UNIX, kind, 0, &ends) }
        return (MessageSocket(owning: ends[0]), MessageSocket(owning: ends[1]))
    }

    /// To hand to a program that is started.
    package var rawValue: Int32 { descriptor.rawValue }

    package func send(_ bytes: [UInt8], files: [Int32] = []) throws(SystemCallError) {
        guard bytes.count <= Self.maximumLength, files.count <= Int(CLINUX_MESSAGE_DESCRIPTORS) else {
            throw SystemCallError(call: "sendmsg", subject: "messages", errno: EMSGSIZE)
        }
        _ = try systemCall("sendmsg", on: "messages") {
            unsafe clinux_send_message(rawValue, bytes, bytes.count, files, Int32(files.count))
        }
    }

    /// Waits for a message; nil when the other end is closed. ETIMEDOUT when there is none within `milliseconds`.
    package func receive(within milliseconds: Int32? = nil) throws(SystemCallError) -> Message? {
        if let milliseconds {
            var wanted = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
            let ready = try systemCall("poll", on: "messages") { unsafe poll(&wanted, 1, milliseconds) }
            if ready == 0 { throw SystemCallError(call: "poll", subject: "messages", errno: ETIMEDOUT) }
        }
        var bytes = [UInt8](repeating: 0, count: Self.maximumLength)
        var descriptors = [Int32](repeating: -1, count: Int(CLINUX_MESSAGE_DESCRIPTORS))
        var descriptorCount: Int32 = 0
        let count: Int
        do {
            count = try systemCall("recvmsg", on: "messages") {
                unsafe clinux_receive_message(
                    rawValue,
                    &bytes,
                    bytes.count,
                    &descriptors,
                    &descriptorCount
                )
            }
        } catch {
            if error.errno == ECONNRESET { return nil }
            throw error
        }
        let files = descriptors.prefix(Int(descriptorCount)).map { OpenFile(owning: $0) }
        return count == 0 ? nil : Message(bytes: Array(bytes.prefix(count)), files: files)
    }
}
