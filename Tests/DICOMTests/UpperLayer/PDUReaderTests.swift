// SPDX-License-Identifier: Apache-2.0
import Linux
import Testing

@testable import DICOM

@Suite("PS3.8 9.3 PDUs as they arrive") struct PDUReaderTests {
    private static let stream = SamplePDU.everyKind.flatMap { $0 }

    @Test("each PDU is told once") func everyKind() throws {
        let reading = Reading([Self.stream])
        #expect(reading.error == nil)
        #expect(!reading.isMidPDU)
        let expected: [JoinedEvent] = [
            .event(.associateRQ(try AssociateRQ(decoding: SamplePDU.associateRQ))),
            .event(.associateAC(try AssociateAC(decoding: SamplePDU.associateAC))),
            .event(.associateRJ(.calledAETitleNotRecognized)),
            .event(.releaseRQ),
            .event(.releaseRP),
            .event(.abort(Abort(source: .serviceProvider, reason: 6))),
            .value(contextID: 3, isCommand: true, isLast: true, bytes: Array("HELLO".utf8)),
            .value(contextID: 3, isCommand: false, isLast: false, bytes: Array("abc".utf8)),
            .value(contextID: 3, isCommand: false, isLast: false, bytes: []),
            .value(contextID: 3, isCommand: false, isLast: true, bytes: Array("d".utf8)),
        ]
        #expect(reading.events == expected)
    }

    @Test("any prefix of a PDU is consumed and asks for more", arguments: SamplePDU.everyKind)
    func prefixes(bytes: [UInt8]) {
        for count in 1..<bytes.count {
            let reading = Reading([Array(bytes.prefix(count))])
            #expect(reading.error == nil)
            #expect(reading.isMidPDU)
            #expect(reading.events.count < Reading([bytes]).events.count)
        }
    }

    @Test("splitting at any byte tells the same") func splits() {
        let whole = Reading([Self.stream])
        for count in 0...Self.stream.count {
            #expect(
                Reading([Array(Self.stream.prefix(count)), Array(Self.stream.dropFirst(count))]) == whole
            )
        }
    }

    @Test("byte by byte tells the same") func byteByByte() {
        #expect(Reading(Self.stream.map { [$0] }) == Reading([Self.stream]))
    }

    @Test("the pieces of a value say where they lie and which is its end") func pieces() throws {
        // P-DATA-TF with one value of 5 bytes: data set, last.
        let bytes = annotated("04 00 0000000B 00000007 05 02 \"HELLO\"")
        var reader = PDUReader(maximumLength: 16384)
        let first = try Array(bytes[..<14]).withRawSpan { bytes throws(PDUError) in
            var offset = 0
            let event = try reader.next(bytes, &offset)
            #expect(try reader.next(bytes, &offset) == nil)
            return event
        }
        let second = try Array(bytes[14...]).withRawSpan { bytes throws(PDUError) in
            var offset = 0
            return try reader.next(bytes, &offset)
        }
        let begin = PDUReader.Fragment(
            contextID: 5,
            isCommand: false,
            endsFragment: false,
            isLast: false,
            range: 12..<14
        )
        let end = PDUReader.Fragment(
            contextID: 5,
            isCommand: false,
            endsFragment: true,
            isLast: true,
            range: 0..<3
        )
        #expect(first == .fragment(begin))
        #expect(second == .fragment(end))
        #expect(!reader.isMidPDU)
    }

    @Test("a value without bytes is told once, without waiting for what follows") func emptyValue() {
        let bytes = annotated("04 00 00000006 00000002 01 03")
        let value = JoinedEvent.value(contextID: 1, isCommand: true, isLast: true, bytes: [])
        #expect(Reading([bytes]).events == [value])
        #expect(Reading(bytes.map { [$0] }).events == [value])
    }

    @Test(
        "a length that does not fit is an error",
        arguments: [
            ("04 00 00000005 00000001 01", "PDU-length"),  // no room for a value
            ("04 00 00000000", "PDU-length"),
            ("04 00 00000008 00000001 01 03 0000", "PDV Item-length"),  // without message control header
            ("04 00 00000008 00000000 01 03 0000", "PDV Item-length"),
            ("04 00 00000008 00000005 01 03 0000", "PDV Item-length"),  // beyond the PDU
            ("04 00 00000008 FFFFFFFF 01 03 0000", "PDV Item-length"),
            ("04 00 00000009 00000003 01 03 00 0000 0000 0000", "PDV Item-length"),  // two bytes left
            ("04 00 00004001", "PDU-length"),  // more than announced
            ("05 00 00000005", "PDU-length"),
            ("06 00 00000003", "PDU-length"),
            ("07 00 FFFFFFFF", "PDU-length"),
            ("03 00 00000000", "PDU-length"),
            ("01 00 00040001", "PDU-length"),  // more than 256 KiB
            ("02 00 FFFFFFFF", "PDU-length"),
            ("01 00 00000000", "PDU-length"),
        ]
    )
    func lengths(hexadecimal: String, field: String) {
        let error = Reading([annotated(hexadecimal)], maximumLength: 16384).error
        guard case .invalid(field, _, _, _) = error else {
            Issue.record("\(hexadecimal): \(String(describing: error))")
            return
        }
    }

    @Test("a P-DATA-TF as long as announced is read, and any length where none is announced")
    func maximumLength() {
        let bytes = annotated("04 00 00000008 00000004 01 02 \"ab\"")
        #expect(Reading([bytes], maximumLength: 8).error == nil)
        #expect(Reading([bytes], maximumLength: 7).error != nil)
        #expect(Reading([annotated("04 00 FFFFFFFF FFFFFFFB 01 02 \"ab\"")]).open == Array("ab".utf8))
    }

    @Test("an unknown type is an error", arguments: [UInt8(0), 8, 0x47, 0xFF])
    func unknownType(type: UInt8) {
        #expect(Reading([[type, 0, 0, 0, 0, 4]]).error == .unrecognizedType(type))
    }

    @Test("after an error every call throws it again") func afterError() throws {
        var reader = PDUReader(maximumLength: 0)
        let bad = annotated("08 00 00000004")
        for bytes in [bad, SamplePDU.releaseRQ] {
            #expect(throws: PDUError.unrecognizedType(8)) {
                try bytes.withRawSpan { bytes throws(PDUError) in
                    var offset = 0
                    _ = try reader.next(bytes, &offset)
                }
            }
        }
    }

    @Test("mutated streams tell the same however they are cut up") func mutated() {
        var random = SplitMix64(3)
        for _ in 0..<4_000 {
            let start = SamplePDU.everyKind.randomElement(using: &random) ?? []
            let bytes = random.mutate(start + SamplePDU.dataTF + SamplePDU.releaseRQ)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let other = Int.random(in: cut...bytes.count, using: &random)
            let pieces = [Array(bytes[..<cut]), Array(bytes[cut..<other]), Array(bytes[other...])]
            #expect(Reading(pieces, maximumLength: 64) == Reading([bytes], maximumLength: 64))
        }
    }

    @Test("noise never crashes the reader") func noise() {
        var random = SplitMix64(4)
        for _ in 0..<4_000 {
            var bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if !bytes.isEmpty { bytes[0] = UInt8.random(in: 0...8, using: &random) }
            _ = Reading([bytes], maximumLength: 1 << 24)
        }
    }
}
