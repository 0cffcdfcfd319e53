// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import DICOM

@Suite("PS3.18 F DICOM JSON model") struct DICOMJSONTests {
    private func write(
        _ bytes: [UInt8],
        _ syntax: UID,
        including: Set<Tag>? = nil,
        extra: [DICOMJSON.Attribute] = []
    ) throws(DataSetError) -> String {
        var output: [UInt8] = []
        try DICOMJSON.write(
            ByteSource(bytes),
            transferSyntax: syntax,
            including: including,
            extra: extra,
            bulkDataURI: { "http://box/bulkdata/\($0)" },
            into: &output
        )
        return String(decoding: output, as: UTF8.self)
    }

    /// The member of one element with this value.
    private func json(
        _ tag: UInt32,
        _ vr: String,
        _ value: [UInt8],
        characterSet: String? = nil,
        form: DataSetBytes.Form = .explicit
    ) throws -> String {
        var set = DataSetBytes(form)
        if let characterSet { set.element(0x0008_0005, "CS", characterSet) }
        set.element(tag, vr, value)
        let text = try write(set.bytes, form.transferSyntax, including: [Tag(rawValue: tag)])
        let start = #"{"\#(Tag(rawValue: tag).hexadecimal)":{"vr":"\#(vr)""#
        #expect(text.hasPrefix(start) && text.hasSuffix("}}"))
        return String(text.dropFirst(start.count).dropLast(2))
    }

    @Test(
        "text values",
        arguments: [
            ("CS", "CT ", #","Value":["CT"]"#), ("LO", " a\\ b ", #","Value":["a","b"]"#),
            ("LO", "a\\\\b", #","Value":["a",null,"b"]"#), ("LO", "", ""), ("LO", "  ", ""),
            ("LO", "\\", #","Value":[null,null]"#), ("UI", "1.2\0", #","Value":["1.2"]"#),
            ("LT", " a\\b ", #","Value":[" a\\b"]"#), ("ST", "\"\n\u{1}<", #","Value":["\"\n\u0001\u003c"]"#),
            ("UR", "http://a?b&c", #","Value":["http://a?b\u0026c"]"#),
            ("DA", "20240101", #","Value":["20240101"]"#),
            ("PN", "A^B", #","Value":[{"Alphabetic":"A^B"}]"#),
            (
                "PN", "A=B=C\\=D",
                #","Value":[{"Alphabetic":"A","Ideographic":"B","Phonetic":"C"},{"Ideographic":"D"}]"#
            ),
            ("PN", "A\\\\", #","Value":[{"Alphabetic":"A"},null,null]"#),
            ("IS", "+12\\-3\\007", #","Value":[12,-3,7]"#), ("IS", "1A", #","Value":["1A"]"#),
            (
                "DS", "1.50\\.5\\1.\\-1E5\\1e999\\0x10\\inf",
                #","Value":[1.50,0.5,1.0,-1E5,"1e999","0x10","inf"]"#
            ),
            ("DS", "12345678901234567890", #","Value":[12345678901234567890]"#),
        ]
    )
    func text(vr: String, value: String, expected: String) throws {
        #expect(try json(0x0040_0001, vr, Array(value.utf8)) == expected)
    }

    @Test("binary numbers in both byte orders", arguments: [DataSetBytes.Form.explicit, .bigEndian])
    func numbers(form: DataSetBytes.Form) throws {
        let set = DataSetBytes(form)
        let table: [(String, [UInt8], String)] = [
            ("US", set.integer(UInt16(65535)) + set.integer(UInt16(1)), "65535,1"),
            ("SS", set.integer(Int16(-2)), "-2"),
            ("UL", set.integer(UInt32.max), "4294967295"),
            ("SL", set.integer(Int32.min), "-2147483648"),
            ("SV", set.integer(Int64(-5)) + set.integer(Int64.min), "-5,\"-9223372036854775808\""),
            ("UV", set.integer(UInt64.max), "\"18446744073709551615\""),
            ("FL", set.integer(Float(0.1).bitPattern) + set.integer(Float.nan.bitPattern), "0.1,\"NaN\""),
            (
                "FD", set.integer(1e300.bitPattern) + set.integer((-Double.infinity).bitPattern),
                "1e+300,\"-inf\""
            ),
            ("AT", set.integer(UInt16(0x7FE0)) + set.integer(UInt16(0x10)), "\"7FE00010\""),
            // Three bytes are one number and a rest.
            ("US", set.integer(UInt16(7)) + [9], "7"),
        ]
        for (vr, value, expected) in table {
            #expect(try json(0x0040_0001, vr, value, form: form) == ",\"Value\":[\(expected)]", "\(vr)")
        }
    }

    @Test("binary values: inline up to 1 KiB, little endian, then a URI")
    func binary() throws {
        for count in 1...4 {
            let value = (1...UInt8(count)).map { $0 }
            #expect(
                try json(0x0042_0011, "OB", value)
                    == ",\"InlineBinary\":\"\(Data(value).base64EncodedString())\""
            )
        }
        #expect(
            try json(0x0042_0011, "OW", [0, 1, 2, 3], form: .bigEndian) == ",\"InlineBinary\":\"AQADAg==\""
        )
        #expect(
            try json(0x0042_0011, "UN", [UInt8](repeating: 1, count: 1024)).hasPrefix(",\"InlineBinary\"")
        )
        let long = [UInt8](repeating: 1, count: 1026)
        #expect(try json(0x0042_0011, "OB", long) == ",\"BulkDataURI\":\"http://box/bulkdata/00420011\"")
        #expect(try json(0x7FE0_0010, "OW", [0, 0]) == ",\"BulkDataURI\":\"http://box/bulkdata/7FE00010\"")
        #expect(try json(0x7FE0_0008, "OF", []) == ",\"BulkDataURI\":\"http://box/bulkdata/7FE00008\"")
    }

    @Test("the output is UTF-8 and says so; a sequence item may have its own character set")
    func characterSets() throws {
        var inner = DataSetBytes(.explicit)
        inner.element(0x0008_0005, "CS", "ISO_IR 144")
        inner.element(0x0008_0104, "LO", [0xBB])
        var set = DataSetBytes(.explicit)
        set.element(0x0008_0005, "CS", "ISO_IR 100")
        set.element(0x0008_1030, "LO", [0xE9])
        set.element(
            0x0008_1032,
            "SQ",
            [0xFE, 0xFF, 0x00, 0xE0, UInt8(inner.bytes.count), 0, 0, 0] + inner.bytes
        )
        set.element(0x0010_0010, "PN", [0xE9])
        #expect(
            try write(set.bytes, TransferSyntax.explicitVRLittleEndian)
                == #"{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00081030":{"vr":"LO","Value":["é"]},"#
                + #""00081032":{"vr":"SQ","Value":[{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"#
                + #""00080104":{"vr":"LO","Value":["Л"]}}]},"00100010":{"vr":"PN","Value":[{"Alphabetic":"é"}]}}"#
        )
        // 5CH as the second byte of a character is no backslash.
        #expect(try json(0x0010_4000, "LO", [0x95, 0x5C], characterSet: "GBK") == ",\"Value\":[\"昞\"]")
    }

    @Test("sequences of both kinds, UN of undefined length, paths of nested bulk data")
    func sequences() throws {
        for form in DataSetBytes.Form.allCases {
            var set = DataSetBytes(form)
            set.element(0x5400_0100, "SQ", [], length: .max)
            set.item(0xFFFE_E000, 0)
            set.item(0xFFFE_E000, .max)
            set.element(0x5400_1010, "OW", [UInt8](repeating: 0, count: 2000))
            set.item(0xFFFE_E00D, 0)
            set.item(0xFFFE_E0DD, 0)
            set.element(0x5400_0102, "SQ", [])
            #expect(
                try write(set.bytes, form.transferSyntax)
                    == #"{"54000100":{"vr":"SQ","Value":[{},{"54001010":"#
                    + #"{"vr":"OW","BulkDataURI":"http://box/bulkdata/54000100/2/54001010"}}]},"#
                    + (form == .implicit
                        ? #""54000102":{"vr":"UN"}}"# : #""54000102":{"vr":"SQ"}}"#)
            )
        }
        var set = DataSetBytes(.bigEndian)
        set.unknownSequence(0x0009_1002)
        #expect(
            try write(set.bytes, TransferSyntax.explicitVRBigEndian)
                == #"{"00091002":{"vr":"SQ","Value":[{"00091003":{"vr":"UN","InlineBinary":"YWJjZA=="}}]}}"#
        )
    }

    @Test("encapsulated pixel data ends the object, an icon's is passed over")
    func encapsulated() throws {
        var set = DataSetBytes(.explicit)
        set.element(0x0088_0200, "SQ", [], length: .max)
        set.item(0xFFFE_E000, .max)
        set.encapsulatedPixelData()
        set.element(0x7FE1_0010, "LO", "x")
        set.item(0xFFFE_E00D, 0)
        set.item(0xFFFE_E0DD, 0)
        set.encapsulatedPixelData()
        #expect(
            try write(set.bytes, UID(literal: "1.2.840.10008.1.2.4.80"))
                == #"{"00880200":{"vr":"SQ","Value":[{"7FE00010":{"vr":"OB","#
                + #""BulkDataURI":"http://box/bulkdata/00880200/1/7FE00010"},"7FE10010":{"vr":"LO","Value":["x"]}}]},"#
                + #""7FE00010":{"vr":"OB","BulkDataURI":"http://box/bulkdata/7FE00010"}}"#
        )
    }

    @Test("group lengths and File Meta Information are left out, extra attributes replace and are in order")
    func selection() throws {
        var set = DataSetBytes(.explicit)
        set.element(0x0002_0010, "UI", "1.2")
        set.element(0x0008_0000, "UL", [1, 0, 0, 0])
        set.element(0x0008_0060, "CS", "CT")
        set.element(0x0010_0020, "LO", "P")
        set.element(0x0020_0010, "SH", "S")
        let extra: [DICOMJSON.Attribute] = [
            .init(Tag(0x0020, 0x1208), .is, [.number(3)]), .init(Tag(0x0008, 0x0061), .cs, [.string("CT")]),
            .init(.patientID, .lo, []),
        ]
        let all = try write(set.bytes, TransferSyntax.explicitVRLittleEndian, extra: extra)
        #expect(
            all == #"{"00080060":{"vr":"CS","Value":["CT"]},"00080061":{"vr":"CS","Value":["CT"]},"#
                + #""00100020":{"vr":"LO"},"00200010":{"vr":"SH","Value":["S"]},"00201208":{"vr":"IS","Value":[3]}}"#
        )
        let some = try write(
            set.bytes,
            TransferSyntax.explicitVRLittleEndian,
            including: [.modality],
            extra: [.init(.patientName, .pn, [.string("A=B")])]
        )
        #expect(
            some == #"{"00080060":{"vr":"CS","Value":["CT"]},"#
                + #""00100010":{"vr":"PN","Value":[{"Alphabetic":"A","Ideographic":"B"}]}}"#
        )
        var alone: [UInt8] = []
        DICOMJSON.write(extra, into: &alone)
        #expect(String(decoding: alone, as: UTF8.self).hasPrefix(#"{"00080061":"#))
    }

    @Test("what is broken throws and leaves the output as it was; short pixel data does not matter")
    func broken() throws {
        var set = DataSetBytes(.explicit)
        set.element(0x0010_0020, "LO", Array("abcd".utf8), length: 10)
        var output: [UInt8] = [0x5B]
        #expect(throws: DataSetError.truncated(.patientID, offset: 12)) {
            try DICOMJSON.write(
                ByteSource(set.bytes),
                transferSyntax: TransferSyntax.explicitVRLittleEndian,
                bulkDataURI: { $0 },
                into: &output
            )
        }
        #expect(output == [0x5B])
        var image = DataSetBytes(.explicit)
        image.element(0x7FE0_0010, "OW", [1, 2], length: 100)
        #expect(try write(image.bytes, TransferSyntax.explicitVRLittleEndian).contains("BulkDataURI"))
    }

    @Test("mutated data sets give valid JSON or an error", .timeLimit(.minutes(10)))
    func fuzz() throws {
        var random = SplitMix64(99)
        var written = 0
        for round in 0..<1500 {
            let form = DataSetBytes.Form.allCases[round % 3]
            var sample = DataSetBytes(form)
            sample.bytes = DataSetBytes.sample(form, opaque: false)
            sample.element(0x0040_0001, "DS", "1.5\\2")
            sample.element(0x0040_0002, "FD", sample.integer(1.5.bitPattern))
            sample.element(0x0040_A123, "PN", "A^B=C")
            sample.encapsulatedPixelData()
            guard let text = try? write(random.mutate(sample.bytes), form.transferSyntax) else { continue }
            written += 1
            #expect(throws: Never.self, "round \(round)") {
                try JSONSerialization.jsonObject(with: Data(text.utf8))
            }
        }
        #expect(written > 300)
    }
}

extension DataSetBytes {
    /// Basic offset table, one fragment, delimiter (PS3.5 A.4).
    mutating func encapsulatedPixelData() {
        element(0x7FE0_0010, "OB", [], length: .max)
        item(0xFFFE_E000, 0)
        item(0xFFFE_E000, 4)
        bytes += [1, 2, 3, 4]
        item(0xFFFE_E0DD, 0)
    }
}
