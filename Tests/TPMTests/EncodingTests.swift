// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import TPM

@Suite("DER and failure codes") struct EncodingTests {
    @Test(
        "an unsigned number has as few bytes as there may be, and a clear first bit",
        arguments: [
            ([0], [2, 1, 0]), ([0, 0, 1], [2, 1, 1]), ([0x80], [2, 2, 0, 0x80]),
            ([0, 0x7F, 0], [2, 2, 0x7F, 0]),
        ] as [([UInt8], [UInt8])]
    )
    func integers(bytes: [UInt8], encoded: [UInt8]) {
        #expect(DER.integer(bytes) == encoded)
    }

    @Test("lengths take one, two or three bytes", arguments: [0, 127, 128, 255, 256, 65_535]) func lengths(
        count: Int
    ) {
        let content = [UInt8](repeating: 0, count: count)
        let encoded = DER.element(0x30, content)
        let head: [UInt8] =
            count < 128
            ? [UInt8(count)]
            : count < 256 ? [0x81, UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 255)]
        #expect(encoded == [0x30] + head + content)
        #expect(DER.firstElement(of: encoded + [0xFF, 0xFF]) == encoded)
        #expect(DER.firstElement(of: encoded.dropLast(encoded.count > 2 ? 1 : 2)) == nil)
    }

    @Test(
        "what a code is about",
        arguments: [
            (0x921, .lockout), (0xB0921, .lockout), (0x98E, .wrongAuthorization),
            (0x9A2, .wrongAuthorization),
            (0xA000A, .unreachable), (0x101, .other), (0x18B, .other), (0x7000B, .other), (0x70921, .other),
        ] as [(UInt32, TPMFailure.Kind)]
    )
    func kinds(code: UInt32, kind: TPMFailure.Kind) {
        #expect(Shim.kind(code) == kind)
    }
}
