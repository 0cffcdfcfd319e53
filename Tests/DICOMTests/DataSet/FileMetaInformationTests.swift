// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("PS3.10 7.1 File Meta Information") struct FileMetaInformationTests {
    private let meta = FileMetaInformation(
        mediaStorageSOPClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
        mediaStorageSOPInstanceUID: UID(literal: "1.2.3"),
        transferSyntaxUID: UID(literal: "1.2.840.10008.1.2.1"),
        implementationClassUID: UID(literal: "2.25.7"),
        implementationVersionName: "DRIMBOX_1",
        sourceApplicationEntityTitle: "CT1"
    )

    @Test("the file starts with preamble, prefix, group length and version")
    func encodes() {
        let bytes = meta.encode()
        #expect(bytes[..<128].allSatisfy { $0 == 0 })
        let expected: [UInt8] =
            [0x44, 0x49, 0x43, 0x4D]  // DICM
            + [0x02, 0, 0x00, 0, 0x55, 0x4C, 4, 0, 134, 0, 0, 0]  // (0002,0000) UL: bytes that follow
            + [0x02, 0, 0x01, 0, 0x4F, 0x42, 0, 0, 2, 0, 0, 0, 0, 1]  // (0002,0001) OB 00\01
            + [0x02, 0, 0x02, 0, 0x55, 0x49, 26, 0] + Array("1.2.840.10008.5.1.4.1.1.2\0".utf8)
            + [0x02, 0, 0x03, 0, 0x55, 0x49, 6, 0] + Array("1.2.3\0".utf8)
            + [0x02, 0, 0x10, 0, 0x55, 0x49, 20, 0] + Array("1.2.840.10008.1.2.1\0".utf8)
            + [0x02, 0, 0x12, 0, 0x55, 0x49, 6, 0] + Array("2.25.7".utf8)
            + [0x02, 0, 0x13, 0, 0x53, 0x48, 10, 0] + Array("DRIMBOX_1 ".utf8)
            + [0x02, 0, 0x16, 0, 0x41, 0x45, 4, 0] + Array("CT1 ".utf8)
        #expect(Array(bytes[128...]) == expected)
    }

    @Test("what is encoded is decoded, with the data set's offset")
    func roundTrip() throws {
        let bytes = meta.encode()
        let decoded = try FileMetaInformation.decode((bytes + [0x08, 0, 0x05, 0, 0x43, 0x53]).span.bytes)
        #expect(decoded.meta == meta)
        #expect(decoded.dataSetOffset == bytes.count)
    }

    @Test("preamble, prefix and group length may be missing")
    func tolerant() throws {
        let bytes = meta.encode()
        for start in [128, 132] {
            let decoded = try FileMetaInformation.decode(Array(bytes[start...]).span.bytes)
            #expect(decoded.meta == meta)
            #expect(decoded.dataSetOffset == bytes.count - start)
        }
        let bare = Array(bytes[144...]) + [0x08, 0, 0x05, 0]
        #expect(try FileMetaInformation.decode(bare.span.bytes).dataSetOffset == bytes.count - 144)
    }

    @Test("an unpadded UID and an unknown element are read")
    func unknownElements() throws {
        var set = DataSetBytes(.explicit)
        set.element(0x0002_0002, "UI", Array("1.2".utf8))
        set.element(0x0002_0003, "UI", "1.3")
        set.element(0x0002_0010, "UI", "1.4")
        set.element(0x0002_0100, "UI", "1.5")
        set.element(0x0002_0102, "OB", [1, 2, 3, 4])
        let decoded = try FileMetaInformation.decode(set.bytes.span.bytes)
        #expect(decoded.meta.transferSyntaxUID.string == "1.4")
        #expect(decoded.meta.implementationClassUID == nil)
        #expect(decoded.dataSetOffset == set.bytes.count)
    }

    @Test("each prefix is refused: the group length tells")
    func prefixes() {
        let bytes = meta.encode()
        for count in 0..<bytes.count {
            #expect(throws: DataSetError.self) {
                try FileMetaInformation.decode(Array(bytes[..<count]).span.bytes)
            }
        }
    }

    @Test("what is no Part 10 file is refused")
    func notPart10() {
        let bytes = [UInt8](repeating: 0x20, count: 200)
        #expect(throws: DataSetError.notPart10) { try FileMetaInformation.decode(bytes.span.bytes) }
        #expect(throws: DataSetError.notPart10) { try FileMetaInformation.decode([UInt8]().span.bytes) }
    }

    @Test("mutated files never crash", .timeLimit(.minutes(10)))
    func fuzz() {
        var random = SplitMix64(7)
        let bytes = meta.encode() + DataSetBytes.sample(.explicit)
        for _ in 0..<1500 {
            let mutated = random.mutate(bytes)
            guard let decoded = try? FileMetaInformation.decode(mutated.span.bytes) else { continue }
            #expect(decoded.dataSetOffset <= mutated.count)
        }
    }
}
