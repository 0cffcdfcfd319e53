// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import XML

@Suite("Verification", .enabled(if: TestKeys.shared != nil, "needs openssl"))
struct VerificationTests {
    private let keys: TestKeys

    init() throws { keys = try #require(TestKeys.shared) }

    private func sign(_ template: String, _ pair: TestKeys.Pair? = nil) throws -> String {
        let key = try keys.signingKey(pair ?? keys.rsa)
        return String(decoding: try XMLSignature.sign(Array(template.utf8), key: key), as: UTF8.self)
    }

    private func kind(_ document: String, _ algorithms: XMLSignature.Algorithms = .withSHA1) -> XMLError.Kind?
    {
        failure { () throws(XMLError) in
            _ = try XMLSignature.verify(Array(document.utf8), allowing: algorithms)
        }?.kind
    }

    // MARK: - Tampering

    static let edits: [(String, String, XMLError.Kind)] = [
        ("899700367909", "899700367908", .digestDiffers),
        ("<saml2:NameID>", "<saml2:NameID >x", .digestDiffers),
        ("Version=\"2.0\"", "Version=\"1.0\"", .digestDiffers),
        ("Version=\"2.0\"", "", .digestDiffers),
        ("Version=\"2.0\"", "Version=\"2.0\" More=\"\"", .digestDiffers),
        ("urn:hl7-org:v3", "urn:hl7-org:v4", .digestDiffers),
        ("code=\"10\"", "code=\"21\"", .digestDiffers),
        ("</saml2:Subject>", "</saml2:Subject><saml2:Subject/>", .digestDiffers),
        ("</saml2:Subject>", "</saml2:Subject> ", .digestDiffers),
        ("<saml2:Subject>", "<saml2:Subject><?pi?>", .digestDiffers),
        ("<ds:DigestValue>", "<ds:DigestValue>AAAA", .digestDiffers),
        ("ID=\"_a1\"", "ID=\"_a2\"", .signatureForm),
        ("URI=\"#_a1\"", "URI=\"\"", .digestDiffers),
        ("URI=\"#_a1\"", "URI=\"#_a1\" Id=\"x\"", .signatureDiffers),
        ("<ds:SignatureValue>", "<ds:SignatureValue>AAAA", .signatureDiffers),
        ("<ds:SignedInfo>", "<ds:SignedInfo Id=\"x\">", .signatureDiffers),
        ("<ds:SignedInfo>", "<ds:SignedInfo> ", .signatureDiffers),
        ("#rsa-sha256", "#rsa-sha512", .signatureDiffers),
        (
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\"/>",
            .signatureDiffers
        ),
    ]

    @Test("each part", arguments: edits) func edited(old: String, new: String, expected: XMLError.Kind) throws
    {
        let signed = try sign(Templates.envelope())
        #expect(kind(signed) == nil)
        let changed = signed.replacingOccurrences(of: old, with: new)
        #expect(changed != signed)
        #expect(kind(changed) == expected)
    }

    @Test("what the canonical form leaves out is no change, and neither is what is not covered")
    func harmless() throws {
        let signed = try sign(Templates.envelope())
        for (old, new) in [
            ("<saml2:Subject>", "<saml2:Subject><!-- c -->"), ("Version=\"2.0\"", "Version = '2.0' "),
            ("<a>é &amp; b</a>", "<b/>"), ("<saml2:NameID>", "<saml2:NameID  >"),
            ("</saml2:NameID>", "<![CDATA[]]></saml2:NameID>"),
            ("<soap:Header>", "<soap:Header xmlns:unused='urn:x'>"),
        ] {
            let changed = signed.replacingOccurrences(of: old, with: new)
            #expect(changed != signed)
            #expect(kind(changed) == nil, "\(old)")
        }
        // A comment does not cut a text in two for its reader.
        let cut = signed.replacingOccurrences(of: "899700367909", with: "8997<!-- -->00367909")
        let content = try XMLSignature.verify(Array(cut.utf8)).references[0].content
        #expect(try XMLElement(parsing: content).text.hasSuffix("899700367909"))
    }

    @Test("another key") func otherKey() throws {
        let signed = try sign(Templates.envelope())
        func certificate(_ pair: TestKeys.Pair) throws -> String {
            try SigningKey(privateKeyPEM: pair.privateKey, certificateChainPEM: pair.certificate).certificate
                .der
                .withUnsafeBytes { Data($0).base64EncodedString() }
        }
        let own = try certificate(keys.rsa)
        #expect(signed.contains(own))
        #expect(
            kind(signed.replacingOccurrences(of: own, with: try certificate(keys.stranger)))
                == .signatureDiffers
        )
        #expect(kind(signed.replacingOccurrences(of: own, with: try certificate(keys.ec))) == .key)
        #expect(kind(signed.replacingOccurrences(of: own, with: "AAAA")) == .key)
        #expect(kind(signed.replacingOccurrences(of: own, with: "")) == .key)
        // Without its certificate the authority's key is tried, and does not fit.
        let ownElement = "<ds:X509Certificate>\(own)</ds:X509Certificate>"
        #expect(kind(signed.replacingOccurrences(of: ownElement, with: "")) == .signatureDiffers)
        // A key that KeyInfo gives in another way is not looked at.
        let value =
            "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent>"
            + "</ds:RSAKeyValue></ds:KeyValue>"
        let start = try #require(signed.range(of: "<ds:X509Data>"))
        let end = try #require(signed.range(of: "</ds:X509Data>"))
        #expect(kind(signed.replacingCharacters(in: start.lowerBound..<end.upperBound, with: value)) == .key)
        #expect(kind(signed.replacingOccurrences(of: "<ds:X509Data>", with: value + "<ds:X509Data>")) == nil)
    }

    @Test("the leaf is found in any order of certificates") func leaf() throws {
        let authorityFirst = try sign(Templates.envelope()).replacingOccurrences(
            of:
                "(<ds:X509Certificate>[^<]*</ds:X509Certificate>)(<ds:X509Certificate>[^<]*</ds:X509Certificate>)",
            with: "$2<!-- -->$1",
            options: .regularExpression
        )
        #expect(authorityFirst.contains("<!-- -->"))
        let verified = try XMLSignature.verify(Array(authorityFirst.utf8))
        #expect(verified.certificates == (try keys.signingKey(keys.rsa).chain))
    }

    // MARK: - Wrapping

    @Test("a signed assertion moved elsewhere is not the one in its place") func wrapping() throws {
        let signed = try sign(Templates.envelope())
        let start = try #require(signed.range(of: "<saml2:Assertion "))
        let end = try #require(signed.range(of: "</saml2:Assertion>"))
        let original = String(signed[start.lowerBound..<end.upperBound])
        let forged = original.replacingOccurrences(of: "899700367909", with: "899700367900")
        let unsigned = forged.replacingOccurrences(
            of: "<ds:Signature .*</ds:Signature>",
            with: "",
            options: .regularExpression
        )
        // Two with one ID.
        for pair in [original + unsigned, unsigned + original, "<x>\(original)</x>" + unsigned] {
            #expect(kind(signed.replacingOccurrences(of: original, with: pair)) == .duplicateID)
        }
        // Another ID: the answer says which element is covered.
        let renamed = unsigned.replacingOccurrences(of: "_a1", with: "_a2")
        let wrapped = signed.replacingOccurrences(of: original, with: renamed + "<x>\(original)</x>")
        let reference = try XMLSignature.verify(Array(wrapped.utf8)).references[0]
        #expect(reference.path == [0, 0, 1, 0])
        let document = try XMLElement(parsing: Array(wrapped.utf8))
        #expect(document.element(at: reference.path)?["ID"] == "_a1")
        #expect(document.element(at: [0, 0, 0])?.text.hasSuffix("899700367900") == true)
        #expect(try XMLElement(parsing: reference.content).text.hasSuffix("899700367909"))
        // The signature stays in the forged one and refers to the original in an Object of itself.
        let object =
            "<ds:Object>\(original.replacingOccurrences(of: "<ds:Signature .*</ds:Signature>", with: "", options: .regularExpression))</ds:Object></ds:Signature>"
        let inside = signed.replacingOccurrences(of: "ID=\"_a1\"", with: "ID=\"_a3\"")
            .replacingOccurrences(of: "</ds:Signature>", with: object)
        #expect(kind(inside) == .digestDiffers)
    }

    // MARK: - Forms

    /// References that no signature here may have.
    static let references: [(String, String, XMLError.Kind)] = [
        ("no URI", Templates.reference(nil), .signatureForm),
        ("a file", Templates.reference("file:///etc/hostname"), .signatureForm),
        ("an address", Templates.reference("http://localhost/a.xml"), .signatureForm),
        ("a path", Templates.reference("a.xml#_a1"), .signatureForm),
        ("no ID", Templates.reference("#"), .signatureForm),
        ("an ID that is not there", Templates.reference("#_a9"), .signatureForm),
        ("a pointer", Templates.reference("#xpointer(/)"), .signatureForm),
        ("an ID pointer", Templates.reference("#xpointer(id('_a1'))"), .signatureForm),
        ("a quote", Templates.reference("#_a1')"), .signatureForm),
        ("a space", Templates.reference("#_a1 _a2"), .signatureForm),
        (
            "XPath", Templates.reference("#_a1", ["http://www.w3.org/TR/1999/REC-xpath-19991116"]),
            .signatureForm
        ),
        (
            "XSLT", Templates.reference("#_a1", ["http://www.w3.org/TR/1999/REC-xslt-19991116"]),
            .signatureForm
        ),
        ("base64", Templates.reference("#_a1", ["http://www.w3.org/2000/09/xmldsig#base64"]), .signatureForm),
        (
            "XPointer", Templates.reference("#_a1", ["http://www.w3.org/2001/04/xmldsig-more/xptr"]),
            .signatureForm
        ),
        (
            "filter without XPath", Templates.reference("", ["http://www.w3.org/2002/06/xmldsig-filter2"]),
            .signatureForm
        ),
        ("no algorithm", Templates.reference("#_a1", [""]), .signatureForm),
        (
            "behind a canonical form",
            Templates.reference("#_a1", [Canonicalization.exclusive.rawValue, Templates.enveloped]),
            .signatureForm
        ),
        (
            "nine transforms",
            Templates.reference("#_a1", [String](repeating: Templates.enveloped, count: 9)), .signatureForm
        ),
        (
            "MD5", Templates.reference("#_a1", digest: "http://www.w3.org/2001/04/xmldsig-more#md5"),
            .algorithm
        ),
        ("seventeen", String(repeating: Templates.reference("#_a1"), count: 17), .signatureForm),
        ("none", "", .signatureForm),
        ("another element", Templates.reference("#_a1") + "<ds:Object/>", .signatureForm),
        (
            "a parameter",
            Templates.reference("#_a1").replacingOccurrences(
                of: "xml-exc-c14n#\"/>",
                with: "xml-exc-c14n#\"><x/></ds:Transform>"
            ), .signatureForm
        ),
        (
            "text in a transform",
            Templates.reference("#_a1").replacingOccurrences(
                of: "enveloped-signature\"/>",
                with: "enveloped-signature\">x</ds:Transform>"
            ), .signatureForm
        ),
        (
            "two digests",
            Templates.reference("#_a1").replacingOccurrences(
                of: "<ds:DigestValue/>",
                with: "<ds:DigestValue/><ds:DigestValue/>"
            ), .signatureForm
        ),
    ]

    @Test("references that may not be", arguments: references)
    func reference(name: String, reference: String, expected: XMLError.Kind) throws {
        let template = Templates.envelope(Templates.signature([reference]))
        let key = try keys.signingKey(keys.rsa)
        #expect(
            failure { () throws(XMLError) in _ = try XMLSignature.sign(Array(template.utf8), key: key) }?.kind
                == expected
        )
        let certificate = Data(key.certificate.der).base64EncodedString()
        let filled = template.replacingOccurrences(
            of: "<ds:X509Data/>",
            with: "<ds:X509Data><ds:X509Certificate>\(certificate)</ds:X509Certificate></ds:X509Data>"
        )
        #expect(kind(filled) == expected)
    }

    static let signatures: [(String, String, XMLError.Kind)] = [
        (
            "HMAC", Templates.signature([Templates.reference("#_a1")], method: Templates.dsig + "hmac-sha1"),
            .algorithm
        ),
        (
            "DSA", Templates.signature([Templates.reference("#_a1")], method: Templates.dsig + "dsa-sha1"),
            .algorithm
        ),
        (
            "MD5",
            Templates.signature(
                [Templates.reference("#_a1")],
                method: "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"
            ), .algorithm
        ),
        ("no method", Templates.signature([Templates.reference("#_a1")], method: ""), .algorithm),
        (
            "XSLT as canonicalization",
            Templates.signature(
                [Templates.reference("#_a1")],
                canonicalization: "http://www.w3.org/TR/1999/REC-xslt-19991116"
            ), .algorithm
        ),
        (
            "no canonicalization", Templates.signature([Templates.reference("#_a1")], canonicalization: ""),
            .algorithm
        ),
        ("empty", "<ds:Signature xmlns:ds=\"\(Templates.dsig)\"/>", .signatureForm),
        ("none", "", .signatureCount),
        ("another namespace", "<Signature/>", .signatureCount),
        (
            "two",
            Templates.signature([Templates.reference("#_a1")])
                + Templates.signature([Templates.reference("#_a1")]),
            .signatureCount
        ),
        (
            "HMACOutputLength",
            Templates.signature([Templates.reference("#_a1")]).replacingOccurrences(
                of: "#rsa-sha256\"/>",
                with: "#rsa-sha256\"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>"
            ), .signatureForm
        ),
        (
            "two SignedInfo",
            Templates.signature([Templates.reference("#_a1")]).replacingOccurrences(
                of: "<ds:SignatureValue/>",
                with: "<ds:SignedInfo/><ds:SignatureValue/>"
            ), .signatureForm
        ),
        (
            "another child", Templates.signature([Templates.reference("#_a1")], objects: "<x/>"),
            .signatureForm
        ),
    ]

    @Test("signatures that may not be", arguments: signatures)
    func signature(name: String, signature: String, expected: XMLError.Kind) throws {
        let document = Templates.envelope(signature)
        #expect(kind(document) == expected)
        let key = try keys.signingKey(keys.rsa)
        #expect(
            failure { () throws(XMLError) in _ = try XMLSignature.sign(Array(document.utf8), key: key) }?.kind
                == expected
        )
    }

    @Test("a template, and a signature without a certificate") func unfilled() throws {
        #expect(kind(Templates.envelope()) == .key)
        let signed = try sign(
            Templates.envelope(Templates.signature([Templates.reference("#_a1")], keyInfo: ""))
        )
        #expect(kind(signed) == .key)
    }

    @Test("what is no document, and what is too large") func documents() throws {
        let signed = try sign(Templates.envelope())
        #expect(kind("") == .notWellFormed)
        #expect(kind(signed + "<x/>") == .notWellFormed)
        #expect(kind("<!DOCTYPE a>" + Templates.envelope()) == .documentType)
        let limits = XMLLimits(maximumBytes: signed.utf8.count - 1)
        let error = failure { () throws(XMLError) in
            _ = try XMLSignature.verify(Array(signed.utf8), limits: limits)
        }
        #expect(error?.kind == .limit)
        #expect(
            kind(signed.replacingOccurrences(of: "<b/>", with: String(repeating: "<b>", count: 200))) == nil
        )
        let deep = signed.replacingOccurrences(of: "<a>", with: String(repeating: "<a>", count: 200))
        #expect(kind(deep) == .limit)
    }

    @Test(
        "mutated signatures never crash, and cover what was signed where they verify",
        .timeLimit(.minutes(5))
    )
    func fuzz() throws {
        var random = SplitMix64(31)
        for template in [Templates.envelope(), Templates.submissionSet] {
            let signed = Array(try sign(template).utf8)
            let verified = try XMLSignature.verify(signed, allowing: .withSHA1)
            var refused = 0
            for round in 0..<2000 {
                do {
                    let answer = try XMLSignature.verify(random.mutate(signed), allowing: .withSHA1)
                    #expect(
                        answer.references.map(\.content) == verified.references.map(\.content),
                        "round \(round)"
                    )
                } catch { refused += 1 }
            }
            #expect(refused > 1000)
        }
    }

    @Test("mutated templates never crash", .timeLimit(.minutes(5))) func fuzzSigning() throws {
        var random = SplitMix64(37)
        let key = try keys.signingKey(keys.rsa)
        var signed = 0
        for template in [Templates.envelope(), Templates.submissionSet] {
            for _ in 0..<500
            where (try? XMLSignature.sign(random.mutate(Array(template.utf8)), key: key)) != nil {
                signed += 1
            }
        }
        #expect(signed > 0 && signed < 1000)
    }
}
