// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

/// PS3.5 A.4: where the frames of encapsulated pixel data lie.
@Suite("Frames of a stored data set") struct FrameIndexTests {
    private func element(_ group: UInt16, _ number: UInt16, _ vr: String, _ value: [UInt8]) -> [UInt8] {
        [UInt8(group & 0xFF), UInt8(group >> 8), UInt8(number & 0xFF), UInt8(number >> 8)] + Array(vr.utf8)
            + [UInt8(value.count & 0xFF), UInt8(value.count >> 8)] + value
    }

    private func item(_ value: [UInt8]) -> [UInt8] {
        [0xFE, 0xFF, 0x00, 0xE0, UInt8(value.count & 0xFF), UInt8(value.count >> 8), 0, 0] + value
    }

    private func image(frames: Int, _ pixelData: [UInt8]) -> [UInt8] {
        element(0x0028, 0x0002, "US", [1, 0]) + element(0x0028, 0x0008, "IS", Array("\(frames) ".utf8))
            + element(0x0028, 0x0010, "US", [2, 0]) + element(0x0028, 0x0011, "US", [2, 0])
            + element(0x0028, 0x0100, "US", [8, 0]) + pixelData
    }

    private let jpegLS = UID(literal: "1.2.840.10008.1.2.4.80")

    private func frames(_ bytes: [UInt8], _ syntax: UID) throws -> [[UInt8]] {
        let source = ByteSource(bytes)
        let locator = try #require(try PixelDataLocator(source, transferSyntax: syntax))
        let index = try FrameIndex(locator, source, transferSyntax: syntax)
        return index.frames.map { frame in frame.flatMap { Array(bytes[$0]) } }
    }

    @Test("native: frames follow one another") func native() throws {
        let pixels: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        let bytes = image(frames: 2, [0xE0, 0x7F, 0x10, 0x00, 0x4F, 0x57, 0, 0, 8, 0, 0, 0] + pixels)
        let found = try frames(bytes, TransferSyntax.explicitVRLittleEndian)
        #expect(found == [[1, 2, 3, 4], [5, 6, 7, 8]])
    }

    @Test(
        "encapsulated: by the Basic Offset Table, several fragments to a frame; without a table one to each"
    )
    func encapsulated() throws {
        let head: [UInt8] = [0xE0, 0x7F, 0x10, 0x00, 0x4F, 0x42, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        let end: [UInt8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]
        let table = item([0, 0, 0, 0, 20, 0, 0, 0])
        let split = head + table + item([1, 2]) + item([3, 4]) + item([5, 6]) + end
        #expect(try frames(image(frames: 2, split), jpegLS) == [[1, 2, 3, 4], [5, 6]])
        let plain = head + item([]) + item([1, 2]) + item([3, 4]) + end
        #expect(try frames(image(frames: 2, plain), jpegLS) == [[1, 2], [3, 4]])
        let cut = head + item([]) + item([1, 2])
        #expect(throws: (any Error).self) { try frames(image(frames: 2, cut), jpegLS) }
    }
}
