// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import XML

@Suite("XML documents as values") struct XMLElementTests {
    @Test("namespaces, attributes, text and CDATA are read; prefixes, comments and instructions are not")
    func reads()
        throws
    {
        let root = try parse(
            """
            <?xml version="1.0"?><?style x?><a:r xmlns:a="urn:a" xmlns="urn:b" k="1 &amp; 2" a:k="3"><!-- no -->
            <c><![CDATA[<x>]]>&lt;é</c><a:d/></a:r>
            """
        )
        #expect(root.name == XMLName("r", in: "urn:a"))
        #expect(root["k"] == "1 & 2")
        #expect(root["k", in: "urn:a"] == "3")
        #expect(root.first("c", in: "urn:b")?.text == "<x><é")
        #expect(root.elements("d").count == 1)
        #expect(root.firstDescendant(XMLName("d", in: "urn:a")) != nil)
    }

    @Test("what is written reads back as the same value") func roundTrip() throws {
        let instance = "http://www.w3.org/2001/XMLSchema-instance"
        var element = XMLElement.make(
            "a",
            in: "urn:a",
            ["k": "\"<>&\n\t é"],
            text: " x\r<&>]]> ",
            [
                .make("b", in: "urn:b", ["z": ""], [.make("c", in: "urn:b"), .make("d")])
            ]
        )
        element.attributes.append(.init(name: XMLName("type", in: instance), value: "CE"))
        element.attributes.append(.init(name: XMLName("o", in: "urn:o"), value: "1"))
        #expect(try XMLElement(parsing: element.serialized()) == element)
        #expect(try XMLElement(parsing: element.serialized(declaration: false)) == element)
    }

    @Test(
        "encodings are read as declared",
        arguments: [
            ("UTF-8", Array("é€".utf8), "é€"), ("ISO-8859-1", [0xE9, 0xA4], "é¤"),
            ("iso-8859-15", [0xE9, 0xA4], "é€"),
            ("windows-1252", [0xE9, 0x80], "é€"),
        ] as [(String, [UInt8], String)]
    )
    func encodings(name: String, bytes: [UInt8], text: String) throws {
        let document = Array("<?xml version='1.0' encoding='\(name)'?><a>".utf8) + bytes + Array("</a>".utf8)
        #expect(try XMLElement(parsing: document).text == text)
    }

    @Test("what may not be read is refused, with its kind and place")
    func refused() {
        let deep = String(repeating: "<a>", count: 101) + String(repeating: "</a>", count: 101)
        let attributes = "<a " + (0..<300).map { "k\($0)='1'" }.joined(separator: " ") + "/>"
        let bomb = """
            <!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;</a>
            """
        let cases: [(String, XMLError.Kind)] = [
            ("<a><b></a>", .notWellFormed), ("", .notWellFormed), ("<a/><b/>", .notWellFormed),
            ("<a>&unknown;</a>", .notWellFormed), ("<a k='1' k='2'/>", .notWellFormed),
            ("<p:a/>", .notWellFormed),
            (bomb, .documentType), ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", .documentType),
            (deep, .limit), (attributes, .limit), ("<?xml version='1.0' encoding='EBCDIC'?><a/>", .encoding),
        ]
        for (text, kind) in cases {
            let error = #expect(throws: XMLError.self, "\(text.prefix(40))") { try parse(text) }
            #expect(error?.kind == kind, "\(text.prefix(40)): \(error.map { "\($0)" } ?? "")")
        }
        #expect(throws: XMLError.self) {
            try XMLElement(parsing: Array("<a>".utf8) + [0xFF, 0xFE] + Array("</a>".utf8))
        }
    }

    @Test("a text of many megabytes is read at once") func large() throws {
        let text = String(repeating: "QUJD", count: 5 << 20)
        #expect(try parse("<a><t>\(text)</t></a>").first("t")?.text.utf8.count == text.utf8.count)
    }

    @Test("damaged documents end in a value or an error") func damaged() throws {
        let document = Array(
            "<a xmlns='urn:a' x:k='1' xmlns:x='urn:x'><b>text &amp; <![CDATA[c]]></b><!-- c --><c/></a>".utf8
        )
        var random = SystemRandomNumberGenerator()
        let end = ContinuousClock.now + .seconds(2)
        while ContinuousClock.now < end {
            var changed = document
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let position = Int.random(in: 0..<changed.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: changed[position] = UInt8.random(in: 0...255, using: &random)
                case 1: changed.remove(at: position)
                default: changed.insert(UInt8.random(in: 0x20...0x7E, using: &random), at: position)
                }
                if changed.isEmpty { changed = document }
            }
            if let element = try? XMLElement(parsing: changed) {
                #expect(try XMLElement(parsing: element.serialized()) == element)
            }
        }
    }
}
