// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import XML

/// The sample of ITI-41: a SOAP envelope in a MIME package.
@Suite(
    "The sample publication",
    .enabled(if: Samples.publication != nil, "needs the sample documents (DRIMBOX_SAMPLES)")
)
struct PublicationTests {
    @Test("its VIHF is of a form that is verified, but its certificate was blackened") func assertion() throws
    {
        let envelope = Array(try #require(Samples.publication).utf8)
        func kind(_ algorithms: XMLSignature.Algorithms) -> XMLError.Kind? {
            failure { () throws(XMLError) in _ = try XMLSignature.verify(envelope, allowing: algorithms) }?
                .kind
        }
        #expect(kind(.current) == .algorithm)
        #expect(kind(.withSHA1) == .key)
        let element = try XMLElement(parsing: envelope)
        #expect(element.name == XMLName("Envelope", in: "http://www.w3.org/2003/05/soap-envelope"))
        #expect(try XMLElement(parsing: element.serialized()) == element)
    }
}

@Suite(
    "The national white list (XAdES-BASELINE-B)",
    .enabled(if: Samples.hasWhiteList, "needs the sample documents (DRIMBOX_SAMPLES)")
)
struct WhiteListTests {
    private func list() throws -> [UInt8] { try Samples.bytes(Samples.whiteList) }

    @Test("verifies, as its verification log says") func verifies() throws {
        let verified = try XMLSignature.verify(try list())
        #expect(verified.id == "id-e44229eaff2c3d139c9771820ab8351a")
        #expect(verified.method == .rsaSHA256)
        #expect(verified.canonicalization == .exclusive)
        #expect(verified.references.count == 2)
        let root = try #require(verified.rootReference)
        #expect(root.uri == "")
        #expect(
            root.transforms == [
                "http://www.w3.org/2002/06/xmldsig-filter2", Canonicalization.exclusive.rawValue,
            ]
        )
        let content = try XMLElement(parsing: root.content)
        let document = try XMLElement(parsing: try list())
        #expect(content.first("ListeDomaines") == document.first("ListeDomaines"))
        #expect(
            content.firstDescendant(XMLName("Signature", in: "http://www.w3.org/2000/09/xmldsig#")) == nil
        )
        let properties = verified.references[1]
        #expect(properties.type == "http://uri.etsi.org/01903#SignedProperties")
        #expect(properties.element == XMLName("SignedProperties", in: "http://uri.etsi.org/01903/v1.3.2#"))
        #expect(document.element(at: properties.path)?["Id"].map { "#" + $0 } == properties.uri)
        let certificate = try SigningCertificate(der: verified.certificates[0])
        #expect(
            certificate.subject
                == "CN=Liste Blanche DRIM-M, OU=318751275100020, O=AGENCE DU NUMERIQUE EN SANTE, ST=Paris (75), C=FR"
        )
    }

    @Test("with a changed byte it does not verify, or is over the same", .timeLimit(.minutes(5)))
    func changed() throws {
        let bytes = try list()
        let verified = try XMLSignature.verify(bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        func offset(_ word: String) throws -> Int {
            text.utf8.distance(from: text.startIndex, to: try #require(text.range(of: word)).lowerBound)
        }
        let signed = [
            try offset("<ListeBlancheDRIM-M")..<(try offset("<ds:Signature ")),
            try offset("<ds:SignedInfo>")..<(try offset("<ds:SignatureValue")),
            try offset("sj6OKMvXU")..<(try offset("</ds:SignatureValue>")),
            try offset("<xades:SignedProperties")..<(try offset("</xades:QualifyingProperties>")),
        ]
        var surviving = 0
        for offset in stride(from: 0, to: bytes.count, by: 2) {
            var changed = bytes
            changed[offset] ^= 0x01
            guard let answer = try? XMLSignature.verify(changed) else { continue }
            surviving += 1
            #expect(!signed.contains { $0.contains(offset) }, "byte \(offset)")
            #expect(answer.references.map(\.content) == verified.references.map(\.content), "byte \(offset)")
        }
        // Identifiers of the signature that nothing signs, and parts of the certificate that are not its key.
        #expect(surviving < bytes.count / 5)
    }

    @Test("nothing hides in a second signature, nor behind another filter") func hidden() throws {
        let text = String(decoding: try list(), as: UTF8.self)
        func kind(_ old: String, _ new: String) -> XMLError.Kind? {
            failure { () throws(XMLError) in
                _ = try XMLSignature.verify(Array(text.replacingOccurrences(of: old, with: new).utf8))
            }?.kind
        }
        let hidden =
            "<ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'><Domaine/></ds:Signature></ListeDomaines>"
        #expect(kind("</ListeDomaines>", hidden) == .signatureCount)
        let more = failure { () throws(XMLError) in
            _ = try XMLSignature.verify(
                Array(text.replacingOccurrences(of: "</ListeDomaines>", with: hidden).utf8),
                signature: "id-e44229eaff2c3d139c9771820ab8351a"
            )
        }
        #expect(more?.kind == .signatureForm)
        for filter in ["/descendant::ds:SignedInfo", "//ds:Signature", "/descendant::*", "/", "id('a')", ""] {
            #expect(kind("/descendant::ds:Signature", filter) == .signatureForm, "\(filter)")
        }
        #expect(kind("Filter=\"subtract\"", "Filter=\"union\"") == .signatureForm)
        #expect(kind("Filter=\"subtract\"", "Filter=\"intersect\"") == .signatureForm)
        #expect(kind("", "") == nil)
    }
}
