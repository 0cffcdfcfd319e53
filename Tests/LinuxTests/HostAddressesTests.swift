// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Linux

@Suite("Addresses that are out in the world") struct HostAddressesTests {
    @Test(
        "networks of RFC 6890 are not, whatever is beside them is",
        arguments: [
            (0x0000_0001, false), (0x0AFF_FFFF, false), (0x0B00_0000, true), (0x643F_FFFF, true),
            (0x6440_0000, false), (0x6480_0000, true), (0x7F00_0001, false), (0xA9FE_A9FE, false),
            (0xAC0F_FFFF, true), (0xAC10_0000, false), (0xAC20_0000, true), (0xC0A7_FFFF, true),
            (0xC0A8_0101, false), (0xC612_0001, false), (0xC633_6401, false), (0xCB00_7101, false),
            (0x0808_0808, true), (0xE000_0001, false), (0xFFFF_FFFF, false),
        ] as [(UInt32, Bool)]
    ) func v4(_ address: UInt32, _ isPublic: Bool) {
        #expect(HostAddresses.isPublic(v4: address) == isPublic)
    }

    @Test("of IPv6, global unicast that stands for nothing else") func v6() {
        func address(_ start: [UInt8], _ end: [UInt8] = []) -> [UInt8] {
            start + [UInt8](repeating: 0, count: 16 - start.count - end.count) + end
        }
        #expect(HostAddresses.isPublic(v6: address([0x2A, 0x01], [1])))
        #expect(HostAddresses.isPublic(v6: address([], [0xFF, 0xFF, 8, 8, 8, 8])))
        let others: [[UInt8]] = [
            address([], [1]), address([0xFE, 0x80], [1]), address([0xFC, 0], [1]), address([0xFF, 2], [1]),
            address([], [0xFF, 0xFF, 127, 0, 0, 1]), address([], [0xFF, 0xFF, 10, 0, 0, 1]),
            address([0x20, 0x01, 0x0D, 0xB8], [1]), address([0x20, 0x02, 10, 0, 0, 1]),
            address([0x20, 0x01, 0, 0], [1]), address([0, 0x64, 0xFF, 0x9B], [10, 0, 0, 1]), [1, 2],
        ]
        for address in others { #expect(!HostAddresses.isPublic(v6: address), "\(address)") }
    }

    @Test("names of this machine are not public, unknown ones are unknown") func names() async {
        #expect(await HostAddresses.arePublic("localhost") == false)
        #expect(await HostAddresses.arePublic("127.0.0.1") == false)
        #expect(await HostAddresses.arePublic("no such name") == nil)
    }
}
