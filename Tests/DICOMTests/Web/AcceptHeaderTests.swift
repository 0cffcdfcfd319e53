// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import DICOM

@Suite("RFC 9110 12.5.1 Accept and what it means for WADO-RS") struct AcceptHeaderTests {
    private static let jpegLossless = UID(literal: "1.2.840.10008.1.2.4.70")
    private static let jpegLS = UID(literal: "1.2.840.10008.1.2.4.80")
    private static let explicit = TransferSyntax.explicitVRLittleEndian

    private func acceptance(_ values: String...) throws -> RetrieveAcceptance {
        RetrieveAcceptance(try AcceptHeader.parse(values))
    }

    @Test("the DRIMbox form: joined by commas, boundary=**, trailing comma")
    func drimbox() throws {
        let value =
            "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.4.70;q=0.9;boundary=**,"
            + "multipart/related; type=\"application/dicom\";transfer-syntax=1.2.840.10008.1.2.4.80;q=0.8;boundary=**,"
        let accept = try AcceptHeader.parse([value])
        #expect(accept.ranges.count == 2)
        #expect(accept.ranges[0].type == "multipart/related")
        #expect(accept.ranges[0].quality == 900)
        #expect(accept.ranges[0].values("type") == ["application/dicom"])
        #expect(accept.ranges[0].values("boundary") == ["**"])
        let acceptance = RetrieveAcceptance(accept)
        #expect(acceptance.accepts(transferSyntax: Self.jpegLossless) == 900)
        #expect(acceptance.accepts(transferSyntax: Self.jpegLS) == 800)
        #expect(acceptance.accepts(transferSyntax: Self.explicit) == nil)
        #expect(acceptance.form(isSingleInstance: true) == .multipart)
        #expect(acceptance.acceptsMetadata == nil)
    }

    @Test("the bare form, in one header and in several")
    func bare() throws {
        for acceptance in [
            try acceptance(
                "transfer-syntax=1.2.840.10008.1.2.4.80;q=0.8;boundary=**, transfer-syntax=1.2.840.10008.1.2.1;q=.4"
            ),
            try acceptance(
                "transfer-syntax=1.2.840.10008.1.2.4.80;q=0.8;boundary=**",
                "Transfer-Syntax=\"1.2.840.10008.1.2.1\" ; Q=0.400"
            ),
        ] {
            #expect(acceptance.accepts(transferSyntax: Self.jpegLS) == 800)
            #expect(acceptance.accepts(transferSyntax: Self.explicit) == 400)
            #expect(acceptance.accepts(transferSyntax: Self.jpegLossless) == nil)
            #expect(acceptance.form(isSingleInstance: false) == .multipart)
        }
    }

    @Test(
        "the instance's own syntax is acceptable without transfer-syntax",
        arguments: [
            ("multipart/related; type=application/dicom", 1000),
            ("Multipart/Related;TYPE=\"Application/DICOM\";q=0.5", 500),
            ("multipart/related; type=\"application/dicom\"; transfer-syntax=*", 1000), ("*/*", 1000),
            ("*/*;q=0.1", 100), ("multipart/*", 1000), ("multipart/related", 1000), ("", 1000),
            ("multipart/related; type=\"application/dicom+xml\"", nil), ("text/html", nil),
            ("multipart/related; type=\"application/octet-stream\"", nil), ("application/dicom", nil),
            ("*/*;q=0", nil), ("*/*, multipart/related;type=application/dicom;q=0", nil),
            (
                "*/*;q=0.2, multipart/related;type=application/dicom;transfer-syntax=1.2.840.10008.1.2.4.80;q=0",
                nil
            ),
            ("*/*;q=0.2, multipart/related;type=application/dicom;transfer-syntax=1.2.3;q=0", 200),
        ] as [(String, Int?)]
    )
    func asStored(value: String, quality: Int?) throws {
        let acceptance = try acceptance(value)
        #expect(acceptance.accepts(transferSyntax: Self.jpegLS) == quality)
    }

    @Test("one instance alone can be asked for as application/dicom")
    func single() throws {
        let single = try acceptance("application/dicom; transfer-syntax=1.2.840.10008.1.2.4.80")
        #expect(single.form(isSingleInstance: true) == .single)
        #expect(single.form(isSingleInstance: false) == nil)
        #expect(single.accepts(transferSyntax: Self.jpegLS, as: .single) == 1000)
        #expect(single.accepts(transferSyntax: Self.explicit, as: .single) == nil)
        let both = try acceptance("application/dicom;q=0.4, multipart/related;type=application/dicom;q=0.5")
        #expect(both.form(isSingleInstance: true) == .multipart)
        #expect(try acceptance("*/*").form(isSingleInstance: true) == .multipart)
        #expect(try acceptance("text/html").form(isSingleInstance: true) == nil)
    }

    @Test(
        "metadata in JSON",
        arguments: [
            ("application/dicom+json", 1000), ("application/json;q=0.5", 500), ("*/*;q=0.3", 300), ("", 1000),
            ("application/*", 1000), ("multipart/related; type=\"application/dicom+xml\"", nil),
            ("application/dicom+json;q=0, */*", nil), ("application/dicom+xml, application/json;q=0.1", 100),
        ] as [(String, Int?)]
    )
    func metadata(value: String, quality: Int?) throws {
        #expect(try acceptance(value).acceptsMetadata == quality)
    }

    @Test("separators within quotes do not separate")
    func quotes() throws {
        let accept = try AcceptHeader.parse([#"a/b; x="1,2;\"3\\" ; q=0.25,, ,c/d"#])
        #expect(accept.ranges.map(\.type) == ["a/b", "c/d"])
        #expect(accept.ranges[0].values("x") == [#"1,2;"3\"#])
        #expect(accept.ranges[0].quality == 250)
    }

    @Test(
        "what cannot be read",
        arguments: [
            ("a/b;q=2", .invalidQuality("2")), ("a/b;q=x", .invalidQuality("x")),
            ("a/b;q=", .invalidQuality("")),
            ("a/b;q=1.001", .invalidQuality("1.001")), ("a/b;q=-1", .invalidQuality("-1")),
            ("html", .invalidMediaRange("html")), ("a/b/c", .invalidMediaRange("a/b/c")),
            ("a/b;x", .invalidParameter("x")), ("a/b;x=\"1", .unterminatedQuote),
            (String(repeating: "a", count: 16385), .tooLong(limit: 16384)),
            (String(repeating: "a/b,", count: 65), .tooManyRanges(limit: 64)),
        ] as [(String, AcceptError)]
    )
    func errors(value: String, error: AcceptError) {
        #expect(throws: error) { try AcceptHeader.parse([value]) }
    }

    @Test("mutated headers never crash and keep the limits", .timeLimit(.minutes(10)))
    func fuzz() {
        var random = SplitMix64(11)
        let value = Array(
            "multipart/related; type=\"application/dicom\";transfer-syntax=1.2;q=0.9;boundary=**, */*".utf8
        )
        for _ in 0..<3000 {
            let text = String(decoding: random.mutate(value), as: UTF8.self)
            guard let accept = try? AcceptHeader.parse([text]) else { continue }
            #expect(accept.ranges.allSatisfy { (0...1000).contains($0.quality) })
            let quality = RetrieveAcceptance(accept).accepts(transferSyntax: Self.jpegLS)
            #expect(quality.map { (1...1000).contains($0) } ?? true)
        }
    }
}
