// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Tells the service manager how the process is doing: one datagram to `$NOTIFY_SOCKET` (sd_notify(3)).
/// Without a service manager every message is dropped.
package struct Notify: Sendable {
    package enum Message: Sendable {
        case ready
        /// One line for `systemctl status`.
        case status(String)
        case watchdog
        case stopping

        fileprivate var line: String {
            switch self {
            case .ready: "READY=1"
            case .status(let text): "STATUS=" + text.replacing("\n", with: " ")
            case .watchdog: "WATCHDOG=1"
            case .stopping: "STOPPING=1"
            }
        }
    }

    /// A path, or `@name` in the abstract namespace; nil without a service manager.
    private let address: String?
    /// Longest silence the service manager accepts; nil when it does not watch. Feed at half of it.
    package let watchdogInterval: Duration?

    package init() {
        self.init { name in unsafe getenv(name).map { unsafe String(cString: $0) } }
    }

    /// - Parameter variable: looks up an environment variable.
    package init(environment variable: (String) -> String?) {
        address = variable("NOTIFY_SOCKET").flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        let isOurs = variable("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        let microseconds = variable("WATCHDOG_USEC").flatMap { Int64($0) } ?? 0
        watchdogInterval = isOurs && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    package func callAsFunction(_ messages: Message...) {
        guard let address else { return }
        let text = messages.map(\.line).joined(separator: "\n")
        try? Self.send(Array(text.utf8), to: address)
    }

    static func send(_ datagram: [UInt8], to address: String) throws(SystemCallError) {
        let descriptor = Descriptor(
            owning: try systemCall("socket", on: "unix datagram") {
                socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            }
        )
        let handle = descriptor.rawValue
        let noSignal = Int32(MSG_NOSIGNAL)
        try unsafe UnixSocket.withAddress(address) { target, length in
            unsafe datagram.withUnsafeBytes { bytes in
                unsafe sendto(handle, bytes.baseAddress, bytes.count, noSignal, target, length)
            }
        }
    }
}
