// SPDX-License-Identifier: Apache-2.0
import DICOM
import Testing

@Suite("Which transfer syntax is sent") struct TranscodingTests {
    private let prefix = "1.2.840.10008.1.2.4."

    /// What DRIMbox clients send when they export, and when they show (CI-SIS).
    private func quality(lossless: Bool) -> [String: Int] {
        lossless
            ? ["70": 900, "80": 800, "91": 600, "50": 500, "51": 500, "100": 500, "102": 500]
            : ["70": 600, "80": 500, "91": 500, "50": 900, "51": 900, "100": 500, "102": 500]
    }

    private func choice(_ stored: UID, _ quality: [String: Int], native: Int? = 400) -> UID? {
        Transcoding.choice(stored: stored) { syntax in
            if syntax == TransferSyntax.explicitVRLittleEndian { return native }
            return syntax.string.hasPrefix(prefix)
                ? quality[String(syntax.string.dropFirst(prefix.count))] : nil
        }
    }

    @Test(
        "what is stored is sent as it is, however low its quality value",
        arguments: ["70", "80", "91", "50", "51", "100"]
    )
    func asStored(syntax: String) throws {
        let stored = try #require(UID(prefix + syntax))
        for lossless in [true, false] { #expect(choice(stored, quality(lossless: lossless)) == stored) }
    }

    @Test("lossless pixel data becomes the best of what is accepted, and never lossy") func lossless() {
        for stored in [
            TransferSyntax.rleLossless, TransferSyntax.explicitVRBigEndian, TransferSyntax.jpeg2000Lossless,
        ] {
            #expect(choice(stored, quality(lossless: true)) == TransferSyntax.jpegLosslessSV1)
            #expect(choice(stored, quality(lossless: false)) == TransferSyntax.jpegLosslessSV1)
            #expect(choice(stored, [:]) == TransferSyntax.explicitVRLittleEndian)
            #expect(choice(stored, ["50": 1000, "100": 900], native: nil) == nil)
            // On equal quality: the least work.
            #expect(choice(stored, ["70": 400, "80": 400]) == TransferSyntax.explicitVRLittleEndian)
        }
    }

    @Test("what has been lossy is decoded, and not compressed again") func lossy() {
        for stored in [
            TransferSyntax.jpegBaseline8Bit, TransferSyntax.jpegExtended12Bit, TransferSyntax.jpeg2000,
            TransferSyntax.jpegLSNearLossless,
        ] {
            #expect(choice(stored, ["70": 900, "80": 800]) == TransferSyntax.explicitVRLittleEndian)
            #expect(choice(stored, ["70": 900, "80": 800, "90": 700], native: nil) == nil)
        }
    }

    @Test("video and what nobody knows stay as they are", arguments: ["1.2.840.10008.1.2.4.102", "1.2.3.4"])
    func others(syntax: String) throws {
        #expect(Transcoding.targets(from: try #require(UID(syntax))).isEmpty)
        #expect(choice(try #require(UID(syntax)), ["70": 900]) == nil)
    }
}

@Suite("The query of rendered resources") struct RenderedQueryTests {
    @Test("window, viewport, quality and accept are read as PS3.18 8.3.5 writes them") func good() throws {
        let query = try RenderedQuery.parse(
            "window=40,350.5,linear-exact&viewport=512,256,10,20,100,50&quality=70&accept=image%2Fpng&annotation=patient"
        )
        #expect(query.rendering.window == .init(center: 40, width: 350.5, function: .linearExact))
        #expect(
            query.rendering.viewport
                == .init(width: 512, height: 256, region: .init(left: 10, top: 20, width: 100, height: 50))
        )
        #expect(query.rendering.quality == 70)
        #expect(query.accept == ["image/png"])
        #expect(query.ignored == ["annotation"])
        let least = try RenderedQuery.parse("viewport=30,40")
        #expect(least.rendering.viewport == .init(width: 30, height: 40))
        #expect(least.rendering.window == nil)
    }

    @Test(
        "another form is an error that names the parameter",
        arguments: [
            "window=1", "window=a,2", "window=1,0.5", "window=1,2,cubic", "window=nan,3", "viewport=0,1",
            "viewport=1,2,3", "viewport=9000,1", "viewport=1,1,-1,0,1,1", "quality=0", "quality=101",
            "quality=x",
            "quality=%zz",
        ]
    )
    func bad(query: String) {
        #expect(throws: RenderedQueryError.self) { _ = try RenderedQuery.parse(query) }
    }

    @Test("the format is the one of the highest quality value; several images need parts") func formats()
        throws
    {
        func form(_ accept: String..., isSingle: Bool = true) throws -> RenderedAcceptance.Form? {
            RenderedAcceptance(try AcceptHeader.parse(accept)).form(isSingle: isSingle)
        }
        #expect(try form() == .init(format: .jpeg, isMultipart: false))
        #expect(try form("image/png;q=0.5, image/jpeg;q=0.4") == .init(format: .png, isMultipart: false))
        #expect(try form("image/gif, image/*;q=0.1") == .init(format: .jpeg, isMultipart: false))
        #expect(try form("image/gif") == nil)
        #expect(try form("image/png;q=0") == nil)
        let multipart = "multipart/related; type=\"image/png\""
        #expect(try form(multipart, isSingle: false) == .init(format: .png, isMultipart: true))
        #expect(try form("image/png", isSingle: false) == .init(format: .png, isMultipart: true))
        #expect(try form("multipart/related; type=\"application/dicom\"") == nil)
    }
}
