// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address (RFC 791; RFC 4291 2.2).
package struct IPAddress: Hashable, Sendable {
    package enum Family: Hashable, Sendable {
        case v4
        case v6
    }

    /// Network byte order: 4 or 16.
    package let bytes: [UInt8]

    package var family: Family { bytes.count == 4 ? .v4 : .v6 }

    /// 127.0.0.0/8 and ::1.
    package var isLoopback: Bool {
        family == .v4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// 224.0.0.0/4 and ff00::/8.
    package var isMulticast: Bool { family == .v4 ? bytes[0] >> 4 == 14 : bytes[0] == 0xFF }

    package var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

    /// 169.254.0.0/16 and fe80::/10.
    package var isLinkLocal: Bool {
        family == .v4 ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
    }

    package init?(_ text: String) {
        guard let bytes = text.contains(":") ? Self.v6(text) : Self.v4(text[...]) else { return nil }
        self.bytes = bytes
    }

    private static func v4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            // A leading zero means octal to some readers.
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), part == "0" || !part.hasPrefix("0"),
                let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    private static func v6(_ text: String) -> [UInt8]? {
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard halves.count <= 2, let head = groups(halves[0], mayEndInV4: halves.count == 1) else {
            return nil
        }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        guard let tail = groups(halves[1], mayEndInV4: true), head.count + tail.count <= 14 else {
            return nil
        }
        return head + Array(repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    private static func groups(_ text: Substring, mayEndInV4: Bool) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInV4, index == parts.count - 1, part.contains(".") {
                guard let v4 = v4(part) else { return nil }
                bytes += v4
                continue
            }
            guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                let group = UInt16(part, radix: 16)
            else { return nil }
            bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
        }
        return bytes.count <= 16 ? bytes : nil
    }
}

/// An address with the length of its network's prefix: `10.10.0.5/24`.
package struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
    package let address: IPAddress
    package let length: Int
    /// As it was written.
    package let description: String

    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(String(parts[0])),
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]),
            length <= address.bytes.count * 8
        else { return nil }
        self.address = address
        self.length = length
        description = text
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.address == right.address && left.length == right.length
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(address)
        hasher.combine(length)
    }

    package func contains(_ other: IPAddress) -> Bool {
        other.family == address.family && prefix(other, length) == prefix(address, length)
    }

    package func overlaps(_ other: IPPrefix) -> Bool {
        let shorter = min(length, other.length)
        return address.family == other.address.family
            && prefix(address, shorter) == prefix(other.address, shorter)
    }

    /// The network itself, or its broadcast address, is nobody's address (RFC 1122 3.2.1.3).
    package var isHostAddress: Bool {
        guard address.family == .v4, length < 31 else { return true }
        let value = address.bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let host = value & (UInt32.max >> UInt32(length))
        return host != 0 && host != UInt32.max >> UInt32(length)
    }

    /// True where no bit beyond the prefix is set, as a route's destination has to be.
    package var isNetwork: Bool {
        prefix(address, length) == address.bytes
    }

    private func prefix(_ address: IPAddress, _ length: Int) -> [UInt8] {
        address.bytes.enumerated().map { index, byte in
            let bits = min(8, max(0, length - index * 8))
            return byte & ~UInt8(truncatingIfNeeded: 0xFF >> bits)
        }
    }
}
