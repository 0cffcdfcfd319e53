// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import XML

@Suite("Canonicalization") struct CanonicalizationTests {
    private func canonical(
        _ source: String,
        _ form: Canonicalization = .inclusive,
        id: String? = nil,
        prefixes: [String] = []
    ) throws -> String {
        String(decoding: try form.canonicalize(Array(source.utf8), id: id, prefixes: prefixes), as: UTF8.self)
    }

    /// The examples of Canonical XML 1.0, 3.1 to 3.4 and 3.6, without their document type declarations.
    static let examples: [(String, String, String)] = [
        (
            "3.1 PIs, comments, and outside of document element",
            """
            <?xml version="1.0"?>

            <?xml-stylesheet   href="doc.xsl"
               type="text/xsl"   ?>

            <doc>Hello, world!<!-- Comment 1 --></doc>

            <?pi-without-data     ?>

            <!-- Comment 2 -->

            <!-- Comment 3 -->

            """,
            """
            <?xml-stylesheet href="doc.xsl"
               type="text/xsl"   ?>
            <doc>Hello, world!</doc>
            <?pi-without-data?>
            """
        ),
        (
            "3.2 whitespace in document content",
            """
            <doc>
               <clean>   </clean>
               <dirty>   A   B   </dirty>
               <mixed>
                  A
                  <clean>   </clean>
               </mixed>
            </doc>
            """,
            """
            <doc>
               <clean>   </clean>
               <dirty>   A   B   </dirty>
               <mixed>
                  A
                  <clean>   </clean>
               </mixed>
            </doc>
            """
        ),
        (
            "3.3 start and end tags",
            """
            <doc>
               <e1   />
               <e2   ></e2>
               <e3   name = "elem3"   id="elem3"   />
               <e4   name="elem4"   id="elem4"   ></e4>
               <e5 a:attr="out" b:attr="sorted" attr2="all" attr="I'm"
                  xmlns:b="http://www.ietf.org"
                  xmlns:a="http://www.w3.org"
                  xmlns="http://example.org"/>
               <e6 xmlns="" xmlns:a="http://www.w3.org">
                  <e7 xmlns="http://www.ietf.org">
                     <e8 xmlns="" xmlns:a="http://www.w3.org">
                        <e9 xmlns="" xmlns:a="http://www.ietf.org"/>
                     </e8>
                  </e7>
               </e6>
            </doc>
            """,
            """
            <doc>
               <e1></e1>
               <e2></e2>
               <e3 id="elem3" name="elem3"></e3>
               <e4 id="elem4" name="elem4"></e4>
               <e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" \
            attr="I'm" attr2="all" b:attr="sorted" a:attr="out"></e5>
               <e6 xmlns:a="http://www.w3.org">
                  <e7 xmlns="http://www.ietf.org">
                     <e8 xmlns="">
                        <e9 xmlns:a="http://www.ietf.org"></e9>
                     </e8>
                  </e7>
               </e6>
            </doc>
            """
        ),
        (
            "3.4 character modifications and character references",
            """
            <doc>
               <text>First line&#x0d;&#10;Second line</text>
               <value>&#x32;</value>
               <compute><![CDATA[value>"0" && value<"10" ?"valid":"error"]]></compute>
               <compute expr='value>"0" &amp;&amp; value&lt;"10" ?"valid":"error"'>valid</compute>
               <norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/>
            </doc>
            """,
            """
            <doc>
               <text>First line&#xD;
            Second line</text>
               <value>2</value>
               <compute>value&gt;"0" &amp;&amp; value&lt;"10" ?"valid":"error"</compute>
               <compute expr="value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;">\
            valid</compute>
               <norm attr=" '    &#xD;&#xA;&#x9;   ' "></norm>
            </doc>
            """
        ),
        ("3.6 UTF-8 encoding", "<doc>&#169;</doc>", "<doc>©</doc>"),
    ]

    @Test("examples of Canonical XML 1.0", arguments: examples)
    func example(name: String, source: String, expected: String) throws {
        #expect(try canonical(source) == expected)
        #expect(try canonical(source, .inclusive11) == expected)
    }

    @Test("comments") func comments() throws {
        let source = "<!-- a --><b><!-- c --></b><!-- d -->"
        #expect(try canonical(source) == "<b></b>")
        #expect(try canonical(source, .inclusiveWithComments) == "<!-- a -->\n<b><!-- c --></b>\n<!-- d -->")
        #expect(try canonical(source, .exclusiveWithComments) == "<!-- a -->\n<b><!-- c --></b>\n<!-- d -->")
    }

    private let nested = """
        <n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org" xml:lang="fr">\
        <n1:elem2 xmlns:n1="http://example.net" ID="e">\
        <n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>
        """

    @Test("an element of a document (Exclusive XML Canonicalization 1.0, 2.2)") func element() throws {
        #expect(
            try canonical(nested, .exclusive, id: "e")
                == "<n1:elem2 xmlns:n1=\"http://example.net\" ID=\"e\"><n3:stuff xmlns:n3=\"ftp://example.org\">"
                + "</n3:stuff></n1:elem2>"
        )
        #expect(
            try canonical(nested, .inclusive, id: "e")
                == "<n1:elem2 xmlns:n0=\"foo:bar\" xmlns:n1=\"http://example.net\" xmlns:n3=\"ftp://example.org\" "
                + "ID=\"e\" xml:lang=\"fr\"><n3:stuff></n3:stuff></n1:elem2>"
        )
        #expect(
            try canonical(nested, .exclusive, id: "e", prefixes: ["n0", "n9"])
                == "<n1:elem2 xmlns:n0=\"foo:bar\" xmlns:n1=\"http://example.net\" ID=\"e\">"
                + "<n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>"
        )
    }

    @Test("IDs that are not there or twice") func ids() {
        func kind(_ source: String, _ id: String) -> XMLError.Kind? {
            failure { () throws(XMLError) in
                _ = try Canonicalization.exclusive.canonicalize(Array(source.utf8), id: id)
            }?
            .kind
        }
        #expect(kind("<a id='x'/>", "y") == .missingElement)
        #expect(kind("<a id='x'/>", "x") == nil)
        #expect(kind("<a><b Id='x'/><c ID='x'/></a>", "x") == .duplicateID)
        #expect(kind("<a><b xml:id='x'/><c ID='x'/></a>", "x") == .duplicateID)
        #expect(kind("<a><b id='y'/><c id='y'/><d id='x'/></a>", "x") == nil)
        #expect(kind("<a><b id='&#120;'/><c ID='x'/></a>", "x") == .duplicateID)
        #expect(kind("<a><b xml:id='x'/><c xml:id='x'/></a>", "x") == .duplicateID)
        #expect(kind("<a ID='x' Id='x' xml:id='x'/>", "x") == nil)
        #expect(kind("<a iD='x' name='x'/>", "x") == .missingElement)
        #expect(kind("<a xmlns:w='u:v' w:Id='x'/>", "x") == nil)
    }

    @Test("what a serializer wrote has the canonical form of its source", .timeLimit(.minutes(2)))
    func ofSerialized() throws {
        let source = """
            <a xmlns="u:v" xmlns:xsi="\(XMLName.schemaInstanceNamespace)" b="&#9;&lt;'&quot;&#13;" xsi:type="CE">
            &amp;&#13;<c xmlns="" d=""><e/></c> é€😀 ]]&gt;</a>
            """
        let element = try parse(source)
        for form in Canonicalization.allCases {
            let own = try form.canonicalize(element.serialized())
            #expect(own == (try form.canonicalize(Array(source.utf8))))
            #expect(own == (try form.canonicalize(own)))
        }
    }

    @Test("digests (FIPS 180-4)") func digests() throws {
        func hexadecimal(_ algorithm: DigestAlgorithm, _ text: String) throws -> String {
            try algorithm.digest(Array(text.utf8)).map { String(format: "%02x", $0) }.joined()
        }
        #expect(try hexadecimal(.sha1, "abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(
            try hexadecimal(.sha256, "abc")
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        #expect(
            try hexadecimal(.sha256, "") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        #expect(
            try hexadecimal(.sha384, "abc")
                == "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                + "8086072ba1e7cc2358baeca134c825a7"
        )
        #expect(
            try hexadecimal(.sha512, "abc")
                == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        )
    }

    @Test(
        "xmllint has the same forms of the samples, as they are and as they are written again",
        .enabled(if: !Samples.documents.isEmpty, "needs the sample documents (DRIMBOX_SAMPLES)"),
        .enabled(if: Tool.xmllint != nil, "needs xmllint")
    )
    func xmllint() throws {
        let tool = try #require(Tool.xmllint)
        let scratch = try Scratch()
        var count = 0
        for file in Samples.documents where file.pathExtension.lowercased() == "xml" {
            let bytes = try Samples.bytes(file)
            guard bytes.count < 400_000, let element = try? XMLElement(parsing: bytes) else { continue }
            let written = element.serialized()
            for (form, option) in [
                (Canonicalization.inclusiveWithComments, "--c14n"),
                (.exclusiveWithComments, "--exc-c14n"), (.inclusive11WithComments, "--c14n11"),
            ] {
                for bytes in [bytes, written] {
                    try scratch.write(bytes, to: "document.xml")
                    let answer = try Tool.run(tool, ["--nonet", option, scratch.path("document.xml")])
                    guard answer.status == 0 else { continue }
                    #expect(
                        try form.canonicalize(bytes) == answer.output,
                        "\(file.lastPathComponent) \(option)"
                    )
                    count += 1
                }
            }
        }
        #expect(count > 60)
    }
}
