// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import XML

@Suite("Limits and bombs") struct LimitTests {
    private func kind(_ source: String, _ limits: XMLLimits = XMLLimits()) -> XMLError.Kind? {
        failure { () throws(XMLError) in _ = try parse(source, limits: limits) }?.kind
    }

    @Test("bytes") func bytes() {
        #expect(kind("<a>12</a>", XMLLimits(maximumBytes: 9)) == nil)
        #expect(kind("<a>123</a>", XMLLimits(maximumBytes: 9)) == .limit)
        // Nine bytes of 8 bits become more in UTF-8.
        let head = Array("<?xml version='1.0' encoding='ISO-8859-1'?><a>".utf8)
        let latin = head + [UInt8](repeating: 0xE9, count: 10) + Array("</a>".utf8)
        let error = failure { () throws(XMLError) in
            _ = try XMLElement(parsing: latin, limits: XMLLimits(maximumBytes: latin.count))
        }
        #expect(error?.kind == .limit)
    }

    @Test("depth") func depth() {
        func nested(_ depth: Int) -> String {
            String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth)
        }
        #expect(kind(nested(100)) == nil)
        #expect(kind(nested(101)) == .limit)
        #expect(kind(nested(1_000_000)) == .limit)
        #expect(kind(String(repeating: "<a>", count: 1_000_000)) == .limit)
        #expect(kind(nested(99).replacing("<a></a>", with: "<a><b/><b/></a>")) == nil)
        #expect(kind(nested(100).replacing("<a></a>", with: "<a><b/><b/></a>")) == .limit)
        #expect(kind(nested(3), XMLLimits(maximumDepth: 2)) == .limit)
        #expect(kind(nested(1000), XMLLimits(maximumDepth: .max)) == nil)
        #expect(kind(nested(1001), XMLLimits(maximumDepth: .max)) == .limit)
        // Comments and sections hold no elements.
        #expect(
            kind("<a><!-- <b><c> --><![CDATA[<b><c>]]><?p <b><c>?></a>", XMLLimits(maximumDepth: 1)) == nil
        )
        #expect(kind("<a b='<'/>") == .notWellFormed)
        #expect(kind("<a b='>>'><b c=\"/>\"/></a>", XMLLimits(maximumDepth: 1)) == .limit)
    }

    @Test("at the greatest depth everything works") func deepest() throws {
        let source =
            String(repeating: "<a b='c'>", count: 1000) + "t" + String(repeating: "</a>", count: 1000)
        let limits = XMLLimits(maximumDepth: 1000)
        let root = try parse(source, limits: limits)
        #expect(root.text == "t")
        #expect(root.descendants(XMLName("a")).count == 1000)
        let bytes = root.serialized()
        #expect(try XMLElement(parsing: bytes, limits: limits) == root)
        #expect(
            try Canonicalization.exclusive.canonicalize(bytes, limits: limits)
                == Array(source.replacing("'", with: "\"").utf8)
        )
    }

    @Test("elements") func elements() {
        let limits = XMLLimits(maximumElements: 3)
        #expect(kind("<a><b/><c></c></a>", limits) == nil)
        #expect(kind("<a><b/><c></c><d/></a>", limits) == .limit)
    }

    @Test("attributes") func attributes() {
        func tag(_ count: Int) -> String { "<a" + (0..<count).map { " b\($0)='='" }.joined() + "/>" }
        #expect(kind(tag(200)) == nil)
        #expect(kind(tag(201)) == .limit)
        #expect(kind(tag(100_000)) == .limit)
        // Behind an error nothing is read: neither quickly nor slowly.
        #expect(kind("<a><b c=\"<\"/><d e=\"" + tag(100_000) + "</a>") == .notWellFormed)
        #expect(kind("<a>&<!--" + tag(100_000) + "--></a>") == .notWellFormed)
    }

    @Test("namespace declarations in scope") func namespaces() {
        func tag(_ count: Int) -> String {
            "<a" + (0..<count).map { "\n xmlns:b\($0)='u\($0)'" }.joined() + ">"
        }
        #expect(kind(tag(100) + "</a>") == nil)
        #expect(kind(tag(101) + "</a>") == .limit)
        #expect(kind("<r>" + tag(60) + "</a>" + tag(60) + "</a></r>") == nil)
        #expect(kind("<r>" + tag(60) + tag(41) + "</a></a></r>") == .limit)
    }

    @Test("attributes and namespaces that a canonical form would have to sort") func work() {
        let attributes = (0..<190).map { " a\($0)=''" }.joined()
        let source = "<r>" + String(repeating: "<b\(attributes)/>", count: 3000) + "</r>"
        #expect(kind(source) == nil)
        let error = failure { () throws(XMLError) in
            _ = try Canonicalization.inclusive.canonicalize(Array(source.utf8))
        }
        #expect(error?.kind == .limit)
    }

    static let bombs: [(String, String)] = [
        (
            "billion laughs",
            "<!DOCTYPE l [<!ENTITY a 'ha'>"
                + zip("bcdefghi", "abcdefgh").map {
                    "<!ENTITY \($0) '" + String(repeating: "&\($1);", count: 10) + "'>"
                }.joined() + "]><l>&i;</l>"
        ),
        (
            "quadratic",
            "<!DOCTYPE l [<!ENTITY a '\(String(repeating: "A", count: 50_000))'>]><l>"
                + String(repeating: "&a;", count: 50_000) + "</l>"
        ),
        ("external entity", "<!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><l>&a;</l>"),
        ("parameter entity", "<!DOCTYPE l [<!ENTITY % a SYSTEM 'http://localhost/a'> %a;]><l/>"),
        ("external subset", "<!DOCTYPE l PUBLIC 'x' 'http://localhost/a.dtd'><l/>"),
        ("default attributes", "<!DOCTYPE l [<!ATTLIST l a CDATA 'x'>]><l/>"),
        ("recursive", "<!DOCTYPE l [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><l>&a;</l>"),
    ]

    @Test("bombs are refused at the DOCTYPE", arguments: bombs) func bomb(name: String, source: String) {
        #expect(kind(source) == .documentType)
        #expect(kind("<?xml version='1.0'?><!-- c -->" + source) == .documentType)
    }

    @Test("XInclude stays an element like others") func include() throws {
        let source =
            "<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/hostname' parse='text'/></a>"
        let root = try parse(source)
        #expect(root.elements.count == 1)
        #expect(root.text.isEmpty)
    }

    @Test("a text of 63 MiB, and one of 20 MiB in a section and in a value", .timeLimit(.minutes(5)))
    func hugeText() throws {
        let parts = [("<a>", 63, "</a>"), ("<a><![CDATA[", 20, "]]></a>"), ("<a b='", 20, "'/>")]
        for (head, size, tail) in parts {
            let text = [UInt8](repeating: UInt8(ascii: "Q"), count: size << 20)
            let root = try XMLElement(parsing: Array(head.utf8) + text + Array(tail.utf8))
            #expect((root["b"] ?? root.text).utf8.count == text.count)
            #expect(root.serialized(declaration: false).count - text.count < 16)
        }
    }

    /// What costs the parser most for each byte.
    static let heavy: [(String, @Sendable (Int) -> String)] = [
        ("elements", { "<a>" + String(repeating: "<b/>", count: $0 / 4) + "</a>" }),
        ("lines", { "<a>" + String(repeating: "\r\n", count: $0 / 2) + "</a>" }),
        ("references", { "<a>" + String(repeating: "&lt;", count: $0 / 4) + "</a>" }),
        ("references in a value", { "<a b='" + String(repeating: "&lt;", count: $0 / 4) + "'/>" }),
        ("sections", { "<a>" + String(repeating: "<![CDATA[]]>", count: $0 / 12) + "</a>" }),
        ("brackets", { "<a>" + String(repeating: "]]", count: $0 / 2) + "</a>" }),
        ("comments", { "<a>" + String(repeating: "<!---->", count: $0 / 7) + "</a>" }),
        ("one comment", { "<a><!--" + String(repeating: "- ", count: $0 / 2) + "--></a>" }),
        ("one instruction", { "<a><?p " + String(repeating: "? ", count: $0 / 2) + "?></a>" }),
        ("a name", { "<a" + String(repeating: "b", count: $0) + "/>" }),
        ("accents", { "<a>" + String(repeating: "é", count: $0 / 2) + "</a>" }),
        (
            "attributes",
            {
                "<a>"
                    + String(
                        repeating: "<b " + (0..<190).map { "a\($0)=''" }.joined(separator: " ") + "/>",
                        count: $0 / 1500
                    ) + "</a>"
            }
        ),
        (
            "prefixes",
            {
                "<a" + (0..<99).map { " xmlns:n\($0)='u\($0)'" }.joined() + ">"
                    + String(repeating: "<n0:b n0:c='' n0:d='' n0:e=''/>", count: $0 / 30) + "</a>"
            }
        ),
    ]

    @Test(
        "eight times the bytes take about eight times as long",
        .timeLimit(.minutes(5)),
        arguments: heavy.indices
    )
    func linear(index: Int) throws {
        let (name, source) = Self.heavy[index]
        let clock = ContinuousClock()
        func seconds(_ size: Int) throws -> Double {
            let bytes = Array(source(size).utf8)
            let times = try (0..<2).map { _ in
                try clock.measure { _ = try XMLElement(parsing: bytes) } / .seconds(1)
            }
            return times.min() ?? 0
        }
        let small = try seconds(100_000)
        let large = try seconds(800_000)
        // Quadratic would be 64.
        #expect(large < 30 * small + 0.05, "\(name): \(small) s and \(large) s")
    }
}
