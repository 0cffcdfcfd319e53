// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import DICOM

@Suite("PS3.5 7 data elements up to (0020,0013)") struct InstanceHeaderReaderTests {
    private func read(
        _ bytes: [UInt8],
        _ syntax: UID,
        cuts: [Int] = []
    ) throws(DataSetError) -> InstanceHeader {
        var reader = InstanceHeaderReader(transferSyntax: syntax)
        var start = 0
        for cut in cuts.sorted() + [bytes.count] {
            let piece = Array(bytes[start..<cut])
            if let header = try reader.feed(piece.span.bytes) { return header }
            start = cut
        }
        return try reader.finish()
    }

    @Test("a header is read in each encoding", arguments: DataSetBytes.Form.allCases)
    func sample(_ form: DataSetBytes.Form) throws {
        let header = try read(DataSetBytes.sample(form), form.transferSyntax)
        #expect(header.sopClassUID.string == "1.2.840.10008.5.1.4.1.1.2")
        #expect(header.sopInstanceUID.string == "1.2.3.4")
        #expect(header.studyInstanceUID.string == "1.2.3")
        #expect(header.seriesInstanceUID.string == "1.2.3.5")
        #expect(header.patientID == "P-1")
        #expect(header.accessionNumber == "Aé")
        #expect(header.studyDate == "20240131")
        #expect(header.studyTime == "101112.5")
        #expect(header.modality == "CT")
        #expect(header.seriesNumber == 12)
        #expect(header.instanceNumber == 345)
    }

    @Test("one cut anywhere changes nothing", arguments: DataSetBytes.Form.allCases)
    func oneCut(_ form: DataSetBytes.Form) throws {
        let bytes = DataSetBytes.sample(form)
        let whole = try read(bytes, form.transferSyntax)
        for cut in 0...bytes.count {
            #expect(try read(bytes, form.transferSyntax, cuts: [cut]) == whole, "cut at \(cut)")
        }
        #expect(try read(bytes, form.transferSyntax, cuts: Array(0...bytes.count)) == whole)
    }

    @Test("the answer comes with the last byte of the instance number, not later")
    func earliest() throws {
        let bytes = DataSetBytes.sample(.explicit)
        // (0028,0010) US: 10 bytes follow.
        let end = bytes.count - 10
        var reader = InstanceHeaderReader(transferSyntax: TransferSyntax.explicitVRLittleEndian)
        let first = try reader.feed(Array(bytes[..<(end - 1)]).span.bytes)
        #expect(first == nil)
        let second = try reader.feed([bytes[end - 1]].span.bytes)
        #expect(second?.instanceNumber == 345)
    }

    @Test("a greater tag ends the header and what follows is not looked at")
    func stops() throws {
        var set = DataSetBytes(.explicit)
        set.element(0x0008_0016, "UI", "1.2")
        set.element(0x0008_0018, "UI", "1.3")
        set.element(0x0020_000D, "UI", "1.4")
        set.element(0x0020_000E, "UI", "1.5")
        set.bytes += [0x28, 0x00, 0x10, 0x00, 0, 0, 0, 0, 0xFF]
        let header = try read(set.bytes, TransferSyntax.explicitVRLittleEndian)
        #expect(header.instanceNumber == nil)
        #expect(header.modality.isEmpty)
    }

    @Test("a data set that ends before the stop tag is whole at finish")
    func endsEarly() throws {
        let bytes = DataSetBytes.sample(.implicit)
        // Instance number (8 + 4) and rows (8 + 2) cut off.
        let header = try read(Array(bytes.dropLast(22)), TransferSyntax.implicitVRLittleEndian)
        #expect(header.seriesNumber == 12)
        #expect(header.instanceNumber == nil)
    }

    @Test(
        "every prefix is incomplete, truncated, missing a UID or whole",
        arguments: DataSetBytes.Form.allCases
    )
    func prefixes(_ form: DataSetBytes.Form) throws {
        let bytes = DataSetBytes.sample(form)
        var truncated = 0
        for count in 0..<(bytes.count - 11) {
            do {
                _ = try read(Array(bytes[..<count]), form.transferSyntax)
            } catch .truncated {
                truncated += 1
            } catch .missing {
                continue
            }
        }
        #expect(truncated > bytes.count / 2)
    }

    @Test(
        "a missing or malformed UID is named",
        arguments: [
            (0x0008_0016, "", DataSetError.missing(.sopClassUID)),
            (0x0008_0018, "1.2.x", .invalidUID(.sopInstanceUID)),
            (0x0020_000D, String(repeating: "1", count: 65), .invalidUID(.studyInstanceUID)),
            (0x0020_000E, " ", .invalidUID(.seriesInstanceUID)),
        ] as [(UInt32, String, DataSetError)]
    )
    func uids(tag: UInt32, value: String, error: DataSetError) {
        var set = DataSetBytes(.explicit)
        for each in [0x0008_0016, 0x0008_0018, 0x0020_000D, 0x0020_000E] as [UInt32] {
            set.element(each, "UI", each == tag ? value : "1.2")
        }
        #expect(throws: error) { try read(set.bytes, TransferSyntax.explicitVRLittleEndian) }
    }

    @Test(
        "groups 0000 and 0002 are refused in a data set",
        arguments: [0x0000_0002, 0x0002_0010] as [UInt32]
    )
    func foreignGroups(tag: UInt32) {
        var set = DataSetBytes(.explicit)
        set.element(tag, "UI", "1.2")
        #expect(throws: DataSetError.unexpectedTag(Tag(rawValue: tag), offset: 0)) {
            try read(set.bytes, TransferSyntax.explicitVRLittleEndian)
        }
    }

    @Test("a length beyond the limit is refused when it is claimed, not when it arrives")
    func claims() {
        var set = DataSetBytes(.implicit)
        set.element(0x0008_0001, "UN", [], length: 0xFFFF_FFFE)
        #expect(
            throws: DataSetError.headerTooLong(
                Tag(0x0008, 0x0001),
                end: 8 + 0xFFFF_FFFE,
                limit: DataSetLimits.headerBytes
            )
        ) { try read(set.bytes, TransferSyntax.implicitVRLittleEndian) }
    }

    @Test("nesting has a limit")
    func nesting() {
        var set = DataSetBytes(.explicit)
        for _ in 0..<17 {
            set.element(0x0008_1140, "SQ", [], length: .max)
            set.item(0xFFFE_E000, .max)
        }
        // 16 levels of sequence header (12) and item (8) fit.
        #expect(throws: DataSetError.nestingTooDeep(Tag(0x0008, 0x1140), offset: 320)) {
            try read(set.bytes, TransferSyntax.explicitVRLittleEndian)
        }
    }

    @Test("the number of elements has a limit")
    func elements() {
        var set = DataSetBytes(.implicit)
        for _ in 0...DataSetLimits.elements { set.item(0x0008_0001, 0) }
        #expect(throws: DataSetError.tooManyElements(limit: DataSetLimits.elements)) {
            try read(set.bytes, TransferSyntax.implicitVRLittleEndian)
        }
    }

    @Test("a VR that is no letters is refused, one of a later edition is passed over")
    func unknownVR() throws {
        var set = DataSetBytes(.explicit)
        set.bytes += [0x08, 0, 1, 0, 0x5A, 0x5A, 0, 0, 2, 0, 0, 0, 1, 2]
        set.bytes += DataSetBytes.sample(.explicit)
        #expect(try read(set.bytes, TransferSyntax.explicitVRLittleEndian).modality == "CT")
        set.bytes[4] = 0x20
        #expect(throws: DataSetError.invalidVR(Tag(0x0008, 0x0001), found: 0x205A, offset: 0)) {
            try read(set.bytes, TransferSyntax.explicitVRLittleEndian)
        }
    }

    @Test("text that is too long is cut off and the reader stays in step")
    func longText() throws {
        var set = DataSetBytes(.explicit)
        set.element(0x0008_0016, "UI", "1.2")
        set.element(0x0008_0018, "UI", "1.3")
        set.element(0x0010_0020, "LO", String(repeating: "x", count: 5000))
        set.element(0x0020_000D, "UI", "1.4")
        set.element(0x0020_000E, "UI", "1.5")
        let header = try read(set.bytes, TransferSyntax.explicitVRLittleEndian, cuts: [30, 600, 4000])
        #expect(header.patientID.utf8.count == 1024)
        #expect(header.seriesInstanceUID.string == "1.5")
    }

    @Test("a deflated data set is inflated as far as needed")
    func deflated() throws {
        // Stored blocks (RFC 1951 3.2.4): not final, LEN, NLEN; the second one broken behind the header.
        let bytes = DataSetBytes.sample(.explicit)
        let count = UInt16(bytes.count)
        var stream: [UInt8] = [0x00]
        stream += [UInt8(count & 0xFF), UInt8(count >> 8), UInt8(~count & 0xFF), UInt8(~count >> 8)]
        stream += bytes + [0xFF, 0xFF]
        let syntax = TransferSyntax.deflatedExplicitVRLittleEndian
        let header = try read(stream, syntax)
        #expect(header.instanceNumber == 345)
        for cut in 0...stream.count { #expect(try read(stream, syntax, cuts: [cut]) == header) }
        #expect(throws: DataSetError.notDeflated(code: -3, offset: 1)) { try read([0xFF, 0xFF], syntax) }
        #expect(throws: DataSetError.self) { try read(Array(stream[..<200]), syntax) }
    }

    @Test("mutated headers end in a value or an error, the same at every split", .timeLimit(.minutes(10)))
    func fuzz() {
        var random = SplitMix64(2024)
        for round in 0..<1500 {
            let form = DataSetBytes.Form.allCases[round % 3]
            let bytes = random.mutate(DataSetBytes.sample(form))
            let cuts = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                Int.random(in: 0...bytes.count, using: &random)
            }
            let whole = Result { () throws(DataSetError) in try read(bytes, form.transferSyntax) }
            let split = Result { () throws(DataSetError) in try read(bytes, form.transferSyntax, cuts: cuts) }
            #expect(whole == split, "round \(round)")
        }
    }
}
