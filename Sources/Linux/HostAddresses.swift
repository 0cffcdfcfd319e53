// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The addresses behind a name, and whether they are out in the world. The calls block a thread of their own.
package enum HostAddresses {
    /// Whether every address of `host` is one of the public internet; nil where the name is not known.
    package static func arePublic(_ host: String) async -> Bool? {
        await withCheckedContinuation { continuation in
            let answer = OneAnswer<Bool?>(continuation)
            let hasStarted = DetachedThread.start { answer.give(lookUp(host)) }
            if !hasStarted { answer.give(nil) }
        }
    }

    private static func lookUp(_ host: String) -> Bool? {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return nil }
        defer { unsafe freeaddrinfo(list) }
        var next = unsafe list
        var found = false
        while let entry = unsafe next {
            found = true
            guard let address = unsafe entry.pointee.ai_addr, unsafe isPublic(address) else { return false }
            unsafe next = unsafe entry.pointee.ai_next
        }
        return found ? true : nil
    }

    private static func isPublic(_ address: UnsafeMutablePointer<sockaddr>) -> Bool {
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let bytes = unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                unsafe UInt32(bigEndian: $0.pointee.sin_addr.s_addr)
            }
            return isPublic(v4: bytes)
        case AF_INET6:
            let bytes = unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                unsafe withUnsafeBytes(of: &pointer.pointee.sin6_addr) { unsafe Array($0) }
            }
            return isPublic(v6: bytes)
        default: return false
        }
    }

    /// RFC 6890: not this network, private, shared, loopback, link-local, benchmarks, documentation, multicast, reserved.
    static func isPublic(v4 address: UInt32) -> Bool {
        let reserved: [(UInt32, Int)] = [
            (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16),
            (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24), (0xC0A8_0000, 16), (0xC612_0000, 15),
            (0xC633_6400, 24), (0xCB00_7100, 24), (0xE000_0000, 3),
        ]
        return !reserved.contains { network, bits in (address ^ network) >> UInt32(32 - bits) == 0 }
    }

    /// Global unicast (RFC 4291 2.4) that does not stand for an IPv4 address (RFC 4291 2.5.5, RFC 6052, RFC 3056) and is
    /// not for documentation.
    static func isPublic(v6 address: [UInt8]) -> Bool {
        guard address.count == 16 else { return false }
        if address.prefix(10).allSatisfy({ $0 == 0 }), address[10] == 0xFF, address[11] == 0xFF {
            return isPublic(v4: address.suffix(4).reduce(0) { $0 << 8 | UInt32($1) })
        }
        let isGlobal = address[0] & 0xE0 == 0x20
        let isDocumentation =
            Array(address.prefix(4)) == [0x20, 0x01, 0x0D, 0xB8]
            || address[0] == 0x3F && address[1] == 0xFF && address[2] < 0x10
        let isTranslated =
            Array(address.prefix(2)) == [0x20, 0x02] || Array(address.prefix(4)) == [0x20, 0x01, 0, 0]
        return isGlobal && !isDocumentation && !isTranslated
    }
}
