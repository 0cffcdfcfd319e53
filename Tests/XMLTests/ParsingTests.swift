// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import XML

func parse(_ text: String, limits: XMLLimits = XMLLimits()) throws(XMLError) -> XMLElement {
    try XMLElement(parsing: Array(text.utf8), limits: limits)
}

func failure(_ body: () throws(XMLError) -> Void) -> XMLError? {
    do {
        try body()
        return nil
    } catch {
        return error
    }
}

@Suite("Parsing: XML 1.0 and Namespaces in XML 1.0") struct ParsingTests {
    @Test("elements, attributes, text") func tree() throws {
        let element = try parse(
            "<?xml version='1.0'?>\n<a b='1' c=\"&lt;2&gt;\"> x <d/>y<e>z</e><!-- n --></a>\n<!-- end -->"
        )
        let expected = XMLElement(
            XMLName("a"),
            attributes: [.init("b", "1"), .init("c", "<2>")],
            children: [
                .text(" x "), .element(XMLElement(XMLName("d"))), .text("y"),
                .element(XMLElement(XMLName("e"), children: [.text("z")])),
            ]
        )
        #expect(element == expected)
    }

    static let texts: [(String, String)] = [
        ("a<!-- - -->b", "ab"), ("a<?pi some?>b", "ab"), ("a<![CDATA[<&]]]>b", "a<&]b"),
        ("<![CDATA[]]>", ""), ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"), ("&#65;&#x20AC;&#x1F600;", "A€😀"),
        ("a\r\nb\rc", "a\nb\nc"), ("&#13;&#10;", "\r\n"), ("]]&gt; ]] >", "]]> ]] >"),
        ("\t é 日本 😀", "\t é 日本 😀"),
        ("<![CDATA[a]]><![CDATA[b]]>", "ab"),
    ]

    @Test("texts", arguments: texts) func text(source: String, expected: String) throws {
        let element = try parse("<a>\(source)</a>")
        #expect(element.text == expected)
        #expect(element.children.count == (expected.isEmpty ? 0 : 1))
    }

    @Test("attribute values are normalized (XML 1.0, 3.3.3)") func attributeValues() throws {
        let element = try parse("<a b=' x\n y\tz&#10;&#9;&#13;\r\n' c='\"' d=\"'&amp;\" e=''/>")
        #expect(element["b"] == " x  y z\n\t\r ")
        #expect(element["c"] == "\"")
        #expect(element["d"] == "'&")
        #expect(element["e"] == "")
        #expect(element["f"] == nil)
    }

    static let malformed: [(String, XMLError.Kind)] = [
        ("", .notWellFormed), (" ", .notWellFormed), ("text", .notWellFormed), ("<a>", .notWellFormed),
        ("<a", .notWellFormed), ("<a/", .notWellFormed), ("<a b", .notWellFormed), ("<a b=", .notWellFormed),
        ("<a b='", .notWellFormed), ("<a b='1'c='2'/>", .notWellFormed), ("<a b=1/>", .notWellFormed),
        ("<a b/>", .notWellFormed), ("<a></b>", .notWellFormed), ("<a><b></a></b>", .notWellFormed),
        ("<a/><b/>", .notWellFormed), ("<a/>text", .notWellFormed), ("text<a/>", .notWellFormed),
        ("<a/>&#32;", .notWellFormed), ("<a><</a>", .notWellFormed), ("<a>&</a>", .notWellFormed),
        ("<a>& </a>", .notWellFormed), ("<a>&amp</a>", .notWellFormed), ("<a>&nbsp;</a>", .notWellFormed),
        ("<a>&e;</a>", .notWellFormed), ("<a b='&e;'/>", .notWellFormed), ("<a>&#0;</a>", .notWellFormed),
        ("<a>&#xFFFF;</a>", .notWellFormed), ("<a>&#xD800;</a>", .notWellFormed),
        ("<a>&#;</a>", .notWellFormed),
        ("<a>&#x110000;</a>", .notWellFormed), ("<a>&#x1;</a>", .notWellFormed),
        ("<a>\u{1}</a>", .notWellFormed),
        ("<a>\u{0}</a>", .notWellFormed), ("<a>\u{FFFE}</a>", .notWellFormed),
        ("<a b='\u{B}'/>", .notWellFormed),
        ("<a>]]></a>", .notWellFormed), ("<a b='<'/>", .notWellFormed), ("<a b='1' b='2'/>", .notWellFormed),
        ("<a><!-- -- --></a>", .notWellFormed), ("<a><!-- </a>", .notWellFormed),
        ("<a><![CDATA[</a>", .notWellFormed),
        ("<a><?pi </a>", .notWellFormed), ("<a><?XML a?></a>", .notWellFormed),
        (" <?xml version='1.0'?><a/>", .notWellFormed), ("<?xml?><a/>", .notWellFormed),
        ("<?xml version='1.0' encoding='UTF-8' more='1'?><a/>", .notWellFormed), ("<1a/>", .notWellFormed),
        ("< a/>", .notWellFormed), ("<a/ >", .notWellFormed), ("<a><b c='</a>", .notWellFormed),
        ("<a:b/>", .notWellFormed), ("<b a:c=''/>", .notWellFormed), ("<a xmlns:='u'/>", .notWellFormed),
        ("<a xmlns:b=''/>", .notWellFormed), ("<a:b:c xmlns:a='u'/>", .notWellFormed),
        ("<:a/>", .notWellFormed),
        ("<a xmlns:b='u' xmlns:c='u' b:d='' c:d=''/>", .notWellFormed),
        ("<a xmlns='u' xmlns='u'/>", .notWellFormed),
        ("<a xmlns:xmlns='u'/>", .notWellFormed), ("<a xmlns:xml='u'/>", .notWellFormed),
        ("<a xmlns='http://www.w3.org/2000/xmlns/'/>", .notWellFormed),
        ("<a xmlns:b='http://www.w3.org/XML/1998/namespace'/>", .notWellFormed),
        ("<!DOCTYPE a><a/>", .documentType), ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", .documentType),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", .documentType),
        ("<a><!DOCTYPE a></a>", .documentType),
        ("<!ENTITY e 'x'><a/>", .notWellFormed), ("<a><!ELEMENT b></a>", .notWellFormed),
        ("\u{FEFF}\u{FEFF}<a/>", .notWellFormed), ("<a>\u{FFFF}", .notWellFormed),
    ]

    @Test("what is not well-formed", arguments: malformed) func refused(source: String, kind: XMLError.Kind) {
        let error = failure { () throws(XMLError) in _ = try parse(source) }
        #expect(error?.kind == kind)
    }

    @Test("an error tells where, and nothing of the content") func place() {
        let error = failure { () throws(XMLError) in _ = try parse("<a>\n <DUPONT>\n </MARTIN></a>") }
        #expect(error?.line == 3)
        #expect(error?.column != nil)
        #expect(
            error?.description.hasSuffix("found an end tag that does not match its start tag") == true,
            "\(error.debugDescription)"
        )
        let type = failure { () throws(XMLError) in
            _ = try parse("<?xml version='1.0'?>\n\n  <!DOCTYPE a><a/>")
        }
        #expect(
            type?.description == "XML, line 3, column 3: found a document type declaration, expected none"
        )
    }

    @Test("namespaces: default, prefixed, redeclared, undeclared, xml") func namespaces() throws {
        let root = try parse(
            """
            <a xmlns="u" xmlns:p="v" b="1" p:b="2" xml:lang="fr"><p:c/><d xmlns="" xmlns:p="w" p:e=""><p:f/></d><g/></a>
            """
        )
        #expect(root.name == XMLName("a", in: "u"))
        #expect(root["b"] == "1")
        #expect(root["b", in: "v"] == "2")
        #expect(root["lang", in: XMLName.xmlNamespace] == "fr")
        #expect(root.attributes.count == 3)
        #expect(root.elements.map(\.name) == [XMLName("c", in: "v"), XMLName("d"), XMLName("g", in: "u")])
        let inner = try #require(root.first("d", in: ""))
        #expect(inner["e", in: "w"] == "")
        #expect(inner.elements.first?.name == XMLName("f", in: "w"))
    }

    @Test("many different names") func manyNames() throws {
        let source = (0..<2000).map { "<e\($0) xmlns='u\($0)' a\($0)='\($0)'/>" }.joined()
        let root = try parse("<r>\(source)</r>")
        #expect(root.elements.count == 2000)
        for (index, element) in root.elements.enumerated() {
            #expect(element.name == XMLName("e\(index)", in: "u\(index)"))
            #expect(element["a\(index)"] == "\(index)")
        }
    }

    @Test("many threads at once") func threads() async {
        let sources = (0..<64).map { "<a><b c='\($0)'>\(String(repeating: "t", count: 100 * $0))</b></a>" }
        await withTaskGroup(of: Bool.self) { group in
            for (index, source) in sources.enumerated() {
                group.addTask {
                    (0..<20).allSatisfy { _ in
                        let element = (try? parse(source))?.first("b")
                        let broken = failure { () throws(XMLError) in _ = try parse(source + "x") }
                        return element?["c"] == "\(index)" && element?.text.utf8.count == 100 * index
                            && broken?.kind == .notWellFormed
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test("mutated documents never crash, and what is read comes back as it was", .timeLimit(.minutes(5)))
    func fuzz() throws {
        var random = SplitMix64(5)
        var read = 0
        let sources =
            [
                "<?xml version='1.0' encoding='UTF-8'?><a xmlns='u' xmlns:p='v' p:b='1' c=\"&lt;é\"><!-- n --><p:d/>x<![CDATA[<]]></a>",
                Templates.envelope(), Templates.submissionSet,
            ].map { Array($0.utf8) } + [
                EncodingTests.utf16("<?xml version='1.0'?><a b='é'>€</a>", isBigEndian: true, hasMark: true)
            ]
        for source in sources {
            for round in 0..<1500 {
                guard let element = try? XMLElement(parsing: random.mutate(source)) else { continue }
                read += 1
                let back = try? XMLElement(parsing: element.serialized())
                #expect(back == element, "round \(round)")
            }
        }
        #expect(read > 200)
    }
}
