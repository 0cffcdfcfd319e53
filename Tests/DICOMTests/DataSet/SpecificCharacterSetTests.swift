// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("PS3.5 6.1 character repertoires") struct SpecificCharacterSetTests {
    static func decode(_ terms: String, _ bytes: [UInt8], isPersonName: Bool = false) -> String {
        let term = Array(terms.utf8)
        let set = SpecificCharacterSet(term.span.bytes, 0..<term.count)
        return set.decodeAll(bytes.span.bytes, 0..<bytes.count, isPersonName: isPersonName)
    }

    @Test(
        "each single character set gives its letter for the same kind of byte",
        arguments: [
            ("ISO_IR 100", [0xE9], "é"), ("ISO_IR 101", [0xB1], "ą"), ("ISO_IR 109", [0xA6], "Ĥ"),
            ("ISO_IR 110", [0xE0], "ā"), ("ISO_IR 144", [0xBB], "Л"), ("ISO_IR 127", [0xE2], "ق"),
            ("ISO_IR 126", [0xC4], "Δ"), ("ISO_IR 138", [0xF9], "ש"), ("ISO_IR 148", [0xDD], "İ"),
            ("ISO_IR 203", [0xA4], "€"), ("ISO_IR 166", [0xA1], "ก"), ("ISO_IR 13", [0xD4], "ﾔ"),
            ("ISO_IR 192", [0xC5, 0x82], "ł"), ("GB18030", [0xCD, 0xF5], "王"), ("GBK", [0xCD, 0xF5], "王"),
            ("GB18030", [0x81, 0x30, 0x81, 0x30], "\u{80}"), ("ISO 2022 IR 100", [0xE9], "é"),
            ("iso_ir 100 ", [0xE9], "é"), ("ISO-IR 100", [0xE9], "é"),
            ("ISO_IR 100\\ISO 2022 IR 87", [0xE9], "é"),
        ] as [(String, [UInt8], String)]
    )
    func singleSets(terms: String, bytes: [UInt8], expected: String) {
        #expect(Self.decode(terms, [0x41] + bytes + [0x5A]) == "A\(expected)Z")
    }

    @Test("PS3.5 H.3.1: kanji and hiragana in the first and the second half of a name")
    func japanese() {
        let name: [UInt8] =
            Array("Yamada^Tarou=".utf8)
            + [0x1B, 0x24, 0x42, 0x3B, 0x33, 0x45, 0x44, 0x1B, 0x28, 0x42, 0x5E]  // ESC $ B 山田 ESC ( B ^
            + [0x1B, 0x24, 0x42, 0x42, 0x40, 0x4F, 0x3A, 0x1B, 0x28, 0x42, 0x3D]  // ESC $ B 太郎 ESC ( B =
            + [0x1B, 0x24, 0x42, 0x24, 0x64, 0x24, 0x5E, 0x24, 0x40, 0x1B, 0x28, 0x42, 0x5E]  // やまだ ^
            + [0x1B, 0x24, 0x42, 0x24, 0x3F, 0x24, 0x6D, 0x24, 0x26, 0x1B, 0x28, 0x42]  // たろう
        let text = Self.decode("\\ISO 2022 IR 87", name, isPersonName: true)
        #expect(text == "Yamada^Tarou=山田^太郎=やまだ^たろう")
    }

    @Test("PS3.5 H.3.2: katakana in G1 with kanji and romaji in G0")
    func katakana() {
        let name: [UInt8] =
            [0xD4, 0xCF, 0xC0, 0xDE, 0x5E, 0xC0, 0xDB, 0xB3, 0x3D]  // ﾔﾏﾀﾞ^ﾀﾛｳ=
            + [0x1B, 0x24, 0x42, 0x3B, 0x33, 0x45, 0x44, 0x1B, 0x28, 0x4A, 0x5E]  // ESC $ B 山田 ESC ( J ^
        let text = Self.decode("ISO 2022 IR 13\\ISO 2022 IR 87", name, isPersonName: true)
        #expect(text == "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^")
    }

    @Test("PS3.5 I.2: Korean needs its escape sequence again behind each delimiter")
    func korean() {
        let name: [UInt8] =
            Array("Hong^Gildong=".utf8)
            + [0x1B, 0x24, 0x29, 0x43, 0xFB, 0xF3, 0x5E]  // ESC $ ) C 洪 ^
            + [0x1B, 0x24, 0x29, 0x43, 0xD1, 0xCE, 0xD4, 0xD7, 0x3D]  // ESC $ ) C 吉洞 =
            + [0x1B, 0x24, 0x29, 0x43, 0xC8, 0xAB, 0x5E]  // ESC $ ) C 홍 ^
            + [0x1B, 0x24, 0x29, 0x43, 0xB1, 0xE6, 0xB5, 0xBF]  // ESC $ ) C 길동
        #expect(
            Self.decode("\\ISO 2022 IR 149", name, isPersonName: true) == "Hong^Gildong=洪^吉洞=홍^길동"
        )
        // Without the second one, the default repertoire has no such byte.
        let bare: [UInt8] = [0x1B, 0x24, 0x29, 0x43, 0xC8, 0xAB, 0x5E, 0xC8]
        #expect(Self.decode("\\ISO 2022 IR 149", bare, isPersonName: true) == "홍^\u{FFFD}")
    }

    @Test("other designations and resets")
    func designations() {
        // ESC - L is Cyrillic until the backslash, which brings Latin-1 back.
        #expect(Self.decode("ISO 2022 IR 100", [0xE9, 0x1B, 0x2D, 0x4C, 0xBB, 0x5C, 0xE9]) == "éЛ\\é")
        // A caret is no delimiter outside a person name.
        #expect(Self.decode("ISO 2022 IR 100", [0x1B, 0x2D, 0x4C, 0x5E, 0xBB]) == "^Л")
        // ESC $ ) A is GB 2312, ESC $ ( D is JIS X 0212.
        #expect(Self.decode("\\ISO 2022 IR 58", [0x1B, 0x24, 0x29, 0x41, 0xCD, 0xF5]) == "王")
        #expect(Self.decode("\\ISO 2022 IR 159", [0x1B, 0x24, 0x28, 0x44, 0x30, 0x21]) == "丂")
        // The second byte of a kanji may be 5CH.
        #expect(Self.decode("\\ISO 2022 IR 87", [0x1B, 0x24, 0x42, 0x30, 0x5C, 0x1B, 0x28, 0x42]) == "移")
    }

    @Test(
        "bytes that are no character become U+FFFD",
        arguments: [
            ("", [0x41, 0xE9, 0x42], "A\u{FFFD}B"), ("ISO_IR 192", [0x41, 0xFF, 0x42], "A\u{FFFD}B"),
            ("ISO_IR 166", [0x41, 0xFF, 0x42], "A\u{FFFD}B"), ("GB18030", [0x41, 0xCD], "A\u{FFFD}"),
            ("\\ISO 2022 IR 87", [0x1B, 0x24, 0x42, 0x30], "\u{FFFD}"),
            ("", [0x1B, 0x5A, 0x41], "\u{FFFD}ZA"),
        ] as [(String, [UInt8], String)]
    )
    func invalid(terms: String, bytes: [UInt8], expected: String) {
        #expect(Self.decode(terms, bytes) == expected)
    }

    @Test("any bytes in any character set give text", .timeLimit(.minutes(10)))
    func fuzz() {
        var random = SplitMix64(5)
        let terms = [
            "", "ISO_IR 100", "ISO_IR 13", "ISO_IR 192", "GB18030", "GBK", "\\ISO 2022 IR 87",
            "\\ISO 2022 IR 149",
            "ISO 2022 IR 13\\ISO 2022 IR 159", "ISO_IR 166", "ISO_IR 144", "\\ISO 2022 IR 58", "x\\",
            "ISO_IR 99999999",
        ]
        let escapes: [[UInt8]] = [
            [0x24, 0x42], [0x24, 0x28, 0x44], [0x24, 0x29, 0x43], [0x28, 0x4A], [0x2D, 0x46],
        ]
        for round in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...30, using: &random) {
                if Int.random(in: 0..<5, using: &random) == 0 {
                    bytes += [0x1B] + (escapes.randomElement(using: &random) ?? [])
                } else {
                    bytes.append(UInt8.random(in: 0...255, using: &random))
                }
            }
            let text = Self.decode(terms[round % terms.count], bytes, isPersonName: round % 2 == 0)
            #expect(text.utf8.count <= 4 * bytes.count + 4)
        }
    }
}

@Suite("PS3.6 6 data dictionary") struct DataDictionaryTests {
    @Test(
        "VR of a tag",
        arguments: [
            (0x0008_0005, .cs), (0x0010_0010, .pn), (0x0020_0013, .is), (0x0028_0010, .us),
            (0x7FE0_0010, .ow),
            (0x0040_0275, .sq), (0x6000_3000, .ow), (0x6002_0010, .us), (0x0008_0000, .ul),
            (0x0009_0010, .lo),
            (0x0009_1001, .un), (0x0028_0106, .us), (0xFFFA_FFFA, .sq), (0x0004_1130, .cs),
            (0x0008_FFFE, .un),
        ] as [(UInt32, VR)]
    )
    func vr(tag: UInt32, vr: VR) {
        #expect(DataDictionary.vr(of: Tag(rawValue: tag)) == vr)
    }

    @Test("US or SS follows Pixel Representation")
    func signed() {
        #expect(DataDictionary.vr(of: Tag(0x0028, 0x0106), isSigned: true) == .ss)
    }

    @Test("a tag is written and read in hexadecimal")
    func tags() {
        #expect(Tag(0x0008, 0x0018).description == "(0008,0018)")
        #expect(Tag(hexadecimal: "7fe00010") == .pixelData)
        #expect(Tag.pixelData.hexadecimal == "7FE00010")
        for text in ["", "7FE0001", "+7FE0010", "7FE00010 ", "GFE00010"] {
            #expect(Tag(hexadecimal: text) == nil)
        }
    }
}
