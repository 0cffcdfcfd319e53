// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import XML

@Suite("Encodings") struct EncodingTests {
    /// Encoding, its name in the declaration, and the bytes of "é€œ".
    static let names: [(String, [UInt8])] = [
        ("UTF-8", Array("é€œ".utf8)), ("utf-8", Array("é€œ".utf8)), ("ISO-8859-15", [0xE9, 0xA4, 0xBD]),
        ("iso-8859-15", [0xE9, 0xA4, 0xBD]), ("windows-1252", [0xE9, 0x80, 0x9C]),
        ("Windows-1252", [0xE9, 0x80, 0x9C]),
    ]

    @Test("as declared", arguments: names) func declared(name: String, text: [UInt8]) throws {
        for quote in ["'", "\""] {
            let head = "<?xml version=\(quote)1.0\(quote)\n encoding = \(quote)\(name)\(quote) ?><a b='"
            let bytes = Array(head.utf8) + text + Array("'>".utf8) + text + Array("</a>".utf8)
            let element = try XMLElement(parsing: bytes)
            #expect(element["b"] == "é€œ")
            #expect(element.text == "é€œ")
        }
    }

    @Test("ISO-8859-1 and -15 differ in eight characters") func latin() throws {
        let upper = Array(UInt8(0xA0)...0xFF)
        func text(_ name: String) throws -> String {
            let head = Array("<?xml version='1.0' encoding='\(name)'?><a>".utf8)
            return try XMLElement(parsing: head + upper + Array("</a>".utf8)).text
        }
        let first = try text("ISO-8859-1")
        let ninth = try text("ISO-8859-15")
        #expect(first == String(String.UnicodeScalarView(upper.map { Unicode.Scalar($0) })))
        let different = zip(first.unicodeScalars, ninth.unicodeScalars).filter { $0 != $1 }.map(\.1)
        #expect(String(String.UnicodeScalarView(different)) == "€ŠšŽžŒœŸ")
    }

    @Test("every byte of windows-1252 is what the Foundation says", arguments: UInt8(0x80)...0xFF)
    func windows(byte: UInt8) {
        let bytes =
            Array("<?xml version='1.0' encoding='windows-1252'?><a>".utf8) + [byte] + Array("</a>".utf8)
        let undefined: Set<UInt8> = [0x81, 0x8D, 0x8F, 0x90, 0x9D]
        if undefined.contains(byte) {
            #expect(failure { () throws(XMLError) in _ = try XMLElement(parsing: bytes) }?.kind == .encoding)
        } else {
            let expected = String(data: Data([byte]), encoding: .windowsCP1252)
            #expect((try? XMLElement(parsing: bytes))?.text == expected)
        }
    }

    static func utf16(_ text: String, isBigEndian: Bool, hasMark: Bool) -> [UInt8] {
        ((hasMark ? "\u{FEFF}" : "") + text).utf16.flatMap {
            isBigEndian ? [UInt8($0 >> 8), UInt8($0 & 0xFF)] : [UInt8($0 & 0xFF), UInt8($0 >> 8)]
        }
    }

    @Test("UTF-16 in both orders", arguments: [true, false], [true, false])
    func bothOrders(isBigEndian: Bool, hasMark: Bool) throws {
        for encoding in ["", " encoding='UTF-16'", " encoding='UTF-16\(isBigEndian ? "BE" : "LE")'"] {
            let text = "<?xml version='1.0'\(encoding)?><a>é€😀</a>"
            let bytes = Self.utf16(text, isBigEndian: isBigEndian, hasMark: hasMark)
            #expect(try XMLElement(parsing: bytes).text == "é€😀")
        }
        if hasMark {
            let bytes = Self.utf16("<a>é</a>", isBigEndian: isBigEndian, hasMark: true)
            #expect(try XMLElement(parsing: bytes).text == "é")
        }
    }

    @Test("a UTF-8 byte order mark") func mark() throws {
        #expect(try XMLElement(parsing: [0xEF, 0xBB, 0xBF] + Array("<a>é</a>".utf8)).text == "é")
        let declared = Array("<?xml version='1.0' encoding='UTF-8'?><a>é</a>".utf8)
        #expect(try XMLElement(parsing: [0xEF, 0xBB, 0xBF] + declared).text == "é")
    }

    static let wrong: [(String, [UInt8])] = [
        ("a byte of ISO-8859-1 in UTF-8", Array("<a>".utf8) + [0xE9] + Array("</a>".utf8)),
        ("an overlong form", Array("<a>".utf8) + [0xC0, 0xBC] + Array("</a>".utf8)),
        ("a surrogate", Array("<a>".utf8) + [0xED, 0xA0, 0x80] + Array("</a>".utf8)),
        ("beyond U+10FFFF", Array("<a>".utf8) + [0xF4, 0x90, 0x80, 0x80] + Array("</a>".utf8)),
        ("half a character", Array("<a>".utf8) + [0xE2, 0x82] + Array("</a>".utf8)),
        ("in an attribute", Array("<a b='".utf8) + [0xE9, 0x41] + Array("'/>".utf8)),
        ("in a name", Array("<a".utf8) + [0xE9] + Array("/>".utf8)),
        ("not ASCII", Array("<?xml version='1.0' encoding='US-ASCII'?><a>é</a>".utf8)),
        ("unknown", Array("<?xml version='1.0' encoding='UTF-7'?><a/>".utf8)),
        ("EBCDIC", [0x4C, 0x6F, 0xA7, 0x94, 0x93, 0x40]),
        ("UCS-4", [0x00, 0x00, 0x00, 0x3C, 0x00, 0x00, 0x00, 0x61]),
        ("UTF-16 that is not", Array("<?xml version='1.0' encoding='UTF-16'?><a/>".utf8)),
        (
            "UTF-8 that is UTF-16",
            utf16("<?xml version='1.0' encoding='UTF-8'?><a/>", isBigEndian: true, hasMark: true)
        ),
        (
            "mark and other declaration",
            [0xEF, 0xBB, 0xBF] + Array("<?xml version='1.0' encoding='ISO-8859-1'?><a/>".utf8)
        ),
        ("half a unit", utf16("<a/>", isBigEndian: false, hasMark: true) + [0x20]),
        (
            "a lone surrogate",
            utf16("<a>", isBigEndian: true, hasMark: true) + [0xD8, 0x00]
                + utf16("</a>", isBigEndian: true, hasMark: false)
        ),
    ]

    @Test("what is refused", arguments: wrong) func refused(name: String, bytes: [UInt8]) {
        let error = failure { () throws(XMLError) in _ = try XMLElement(parsing: bytes) }
        #expect(error?.kind == .encoding || error?.kind == .notWellFormed, "\(String(describing: error))")
    }
}
