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
        "of a signature r and s are taken, padded, and of DER only",
        arguments: [
            ([0x30, 6, 2, 1, 1, 2, 1, 0x7F], ([1], [0x7F])),
            ([0x30, 8, 2, 2, 0, 0x80, 2, 2, 1, 0], ([0x80], [1, 0])),
            // Behind the end, too long, not minimal, negative, not a sequence, one number, nothing.
            ([0x30, 6, 2, 1, 1, 2, 1, 1, 0], nil), ([0x30, 6, 2, 1, 1, 2, 2, 1], nil),
            ([0x30, 7, 2, 2, 0, 1, 2, 1, 1], nil), ([0x30, 6, 2, 1, 0x80, 2, 1, 1], nil),
            ([0x31, 6, 2, 1, 1, 2, 1, 1], nil), ([0x30, 3, 2, 1, 1], nil), ([], nil),
            ([0x30, 38, 2, 33, 1] + [UInt8](repeating: 0, count: 32) + [2, 1, 1], nil),
        ] as [([UInt8], ([UInt8], [UInt8])?)]
    )
    func numbers(signature: [UInt8], expected: ([UInt8], [UInt8])?) {
        let padded = expected.map { pair in
            [pair.0, pair.1].flatMap { [UInt8](repeating: 0, count: 32 - $0.count) + $0 }
        }
        #expect(DER.numbers(of: signature) == padded)
    }

    @Test("of a public key the coordinates are taken, of P-256 and uncompressed only") func coordinates() {
        let coordinates = (0..<64).map { UInt8($0) }
        let key = DER.publicKey(point: [4] + coordinates)
        #expect(DER.coordinates(of: key) == coordinates)
        #expect(DER.coordinates(of: DER.publicKey(point: [2] + coordinates)) == nil)
        #expect(DER.coordinates(of: DER.publicKey(point: [4] + coordinates.dropLast())) == nil)
        #expect(DER.coordinates(of: [4] + coordinates) == nil)
        #expect(DER.coordinates(of: key + [0]) == nil)
        #expect(DER.coordinates(of: []) == nil)
    }

    @Test("an NV index is read from its public area, and from all of it") func nvIndex() throws {
        let area: [UInt8] = [1, 0x50, 0, 0x20, 0, 0x0B, 0x22, 6, 0, 8, 0, 2, 7, 9, 0, 8]
        let index = try #require(NVIndex(area))
        #expect(index.policy == [7, 9])
        #expect(index.size == 8)
        #expect(index.isFloor && index.isWritten)
        for count in 0..<area.count { #expect(NVIndex(Array(area.prefix(count))) == nil) }
        for (byte, mask) in [(5, 1), (8, 1), (9, 4), (15, 1)] as [(Int, UInt8)] {
            var other = area
            other[byte] ^= mask
            #expect(try !#require(NVIndex(other)).isFloor)
        }
    }

    @Test(
        "what a code is about",
        arguments: [
            (0x921, .lockout), (0xB0921, .lockout), (0x98E, .wrongAuthorization),
            (0x9A2, .wrongAuthorization),
            (0x2A7, .invalid), (0xA000A, .unreachable), (0x101, .other), (0x18B, .other), (0x7000B, .other),
            (0x70921, .other),
        ] as [(UInt32, TPMFailure.Kind)]
    )
    func kinds(code: UInt32, kind: TPMFailure.Kind) {
        #expect(Shim.kind(code) == kind)
    }
}
