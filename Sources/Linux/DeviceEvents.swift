// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// What the kernel tells of devices that come, go and change (netlink(7), NETLINK_KOBJECT_UEVENT).
package enum DeviceEvents {
    /// `remove@/devices/.../block/sdb`: action and path. Ends at once where the kernel lets us not listen.
    package static func stream() -> AsyncStream<String> {
        AsyncStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
            let number = clinux_uevent_socket()
            guard number >= 0 else { return continuation.finish() }
            let isRunning = DetachedThread.start {
                let socket = Descriptor(owning: number)
                var buffer = [UInt8](repeating: 0, count: 8192)
                while true {
                    let count = unsafe buffer.withUnsafeMutableBytes {
                        unsafe recv(socket.rawValue, $0.baseAddress, $0.count, 0)
                    }
                    if count < 0, errno == EINTR || errno == ENOBUFS { continue }
                    guard count > 0 else { return continuation.finish() }
                    let head = buffer.prefix(count).prefix { $0 != 0 }
                    if case .terminated = continuation.yield(String(decoding: head, as: UTF8.self)) { return }
                }
            }
            if !isRunning {
                close(number)
                continuation.finish()
            }
        }
    }
}
