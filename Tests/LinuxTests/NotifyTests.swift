// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing

@testable import Linux

/// A datagram socket that stands for the service manager's.
private final class NotifySocket {
    let descriptor: Int32

    /// - Parameter name: a path, or `@name`.
    init(_ name: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        #expect(result == 0)
    }

    deinit { close(descriptor) }

    func receive() -> String {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : ""
    }
}

@Suite("sd_notify(3)") struct NotifyTests {
    private func notify(_ variables: [String: String]) -> Notify {
        Notify { variables[$0] }
    }

    @Test("several messages are one datagram, to a path or an abstract name", arguments: [false, true])
    func datagram(isAbstract: Bool) {
        let name = "drimbox-notify-\(UUID().uuidString)"
        let path = isAbstract ? "@\(name)" : NSTemporaryDirectory() + "/\(name)"
        let manager = NotifySocket(path)
        let notify = notify(["NOTIFY_SOCKET": path])
        notify(.ready, .status("serving\nMAINPID=1"))
        #expect(manager.receive() == "READY=1\nSTATUS=serving MAINPID=1")
        notify(.watchdog)
        #expect(manager.receive() == "WATCHDOG=1")
        if !isAbstract { unlink(path) }
    }

    @Test("without a service manager nothing happens", arguments: [nil, "", "relative", "/nowhere/at/all"])
    func absent(address: String?) {
        notify(address.map { ["NOTIFY_SOCKET": $0] } ?? [:])(.ready)
    }

    @Test("the watchdog's interval is ours only when it names us") func watchdog() {
        #expect(notify(["WATCHDOG_USEC": "30000000"]).watchdogInterval == .seconds(30))
        #expect(notify(["WATCHDOG_USEC": "1", "WATCHDOG_PID": "\(getpid())"]).watchdogInterval != nil)
        #expect(notify(["WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"]).watchdogInterval == nil)
        #expect(notify(["WATCHDOG_USEC": "0"]).watchdogInterval == nil)
        #expect(notify([:]).watchdogInterval == nil)
    }
}
