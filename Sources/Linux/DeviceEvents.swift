// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc

/// What the kernel tells of devices that come, go and change (netlink(7), NETLINK_KOBJECT_UEVENT).
package enum DeviceEvents {
    /// Of devices of one subsystem, `block`: action and path, as `remove@/devices/.../block/sdb`. Ends at once where the kernel
    /// lets us not listen.
    package static func stream(subsystem: String) -> AsyncStream<String> {
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
                    guard let event = event(buffer.prefix(count), of: subsystem) else { continue }
                    if case .terminated = continuation.yield(event) { return }
                }
            }
            if !isRunning {
                close(number)
                continuation.finish()
            }
        }
    }
    /// The head of a message that has this `SUBSYSTEM`. Paths do not tell it: an NVMe disk's is `/devices/.../nvme/nvme0/nvme0n1`.
    static func event(_ message: some Collection<UInt8>, of subsystem: String) -> String? {
        let fields = message.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return fields.contains("SUBSYSTEM=\(subsystem)") ? fields.first : nil
    }
}
