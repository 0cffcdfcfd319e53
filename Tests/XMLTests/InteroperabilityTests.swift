// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import XML

/// Signatures of other implementations, and ours before them.
@Suite("Signatures and other implementations", .enabled(if: TestKeys.shared != nil, "needs openssl"))
struct InteroperabilityTests {
    private let keys: TestKeys

    init() throws { keys = try #require(TestKeys.shared) }

    static let assertion = "urn:oasis:names:tc:SAML:2.0:assertion"
    static let methods: [XMLSignature.Method] = [
        .rsaSHA1, .rsaSHA256, .rsaSHA512, .ecdsaSHA256, .ecdsaSHA512,
    ]

    private func pair(_ method: XMLSignature.Method) -> TestKeys.Pair {
        method.rawValue.contains("ecdsa") ? keys.ec : keys.rsa
    }

    private func template(_ method: XMLSignature.Method, _ form: Canonicalization, uri: String = "#_a1")
        -> String
    {
        Templates.envelope(
            Templates.signature(
                [Templates.reference(uri, [Templates.enveloped, form.rawValue])],
                method: method.rawValue,
                canonicalization: form.rawValue
            )
        )
    }

    private static let idAttributes = [
        "--id-attr:ID", "\(assertion):Assertion", "--id-attr:Id",
        "http://uri.etsi.org/01903/v1.1.1#:SignedProperties",
    ]

    @Test(
        "xmlsec1 verifies ours",
        .enabled(if: Tool.xmlsec1 != nil, "needs xmlsec1"),
        arguments: methods,
        Canonicalization.allCases
    )
    func toXMLSec(method: XMLSignature.Method, form: Canonicalization) throws {
        let tool = try #require(Tool.xmlsec1)
        let scratch = try Scratch()
        let key = try keys.signingKey(pair(method))
        try scratch.write(keys.authority.certificate, to: "authority.pem")
        for uri in ["#_a1", ""] {
            let signed = try XMLSignature.sign(Array(template(method, form, uri: uri).utf8), key: key)
            let arguments = ["--verify", "--trusted-pem", scratch.path("authority.pem")] + Self.idAttributes
            try scratch.write(signed, to: "signed.xml")
            let answer = try Tool.run(tool, arguments + [scratch.path("signed.xml")], errors: true)
            #expect(answer.status == 0 && answer.text.contains("OK"), "\(answer.text)")
            let text = String(decoding: signed, as: UTF8.self)
            try scratch.write(
                Array(text.replacingOccurrences(of: "36790", with: "36791").utf8),
                to: "changed.xml"
            )
            let changed = try Tool.run(tool, arguments + [scratch.path("changed.xml")], errors: true)
            #expect(changed.status != 0)
        }
    }

    @Test("xmlsec1 verifies our submission set", .enabled(if: Tool.xmlsec1 != nil, "needs xmlsec1"))
    func submissionSet() throws {
        let tool = try #require(Tool.xmlsec1)
        let scratch = try Scratch()
        try scratch.write(keys.authority.certificate, to: "authority.pem")
        let signed = try XMLSignature.sign(
            Array(Templates.submissionSet.utf8),
            key: try keys.signingKey(keys.rsa)
        )
        try scratch.write(signed, to: "signed.xml")
        let arguments = ["--verify", "--ignore-manifests", "--trusted-pem", scratch.path("authority.pem")]
        let answer = try Tool.run(
            tool,
            arguments + Self.idAttributes + [scratch.path("signed.xml")],
            errors: true
        )
        #expect(answer.status == 0 && answer.text.contains("OK"), "\(answer.text)")
    }

    @Test(
        "ours verifies what xmlsec1 signs, value for value",
        .enabled(if: Tool.xmlsec1 != nil, "needs xmlsec1"),
        arguments: methods
    )
    func fromXMLSec(method: XMLSignature.Method) throws {
        let tool = try #require(Tool.xmlsec1)
        let scratch = try Scratch()
        let pair = pair(method)
        try scratch.write(pair.privateKey, to: "private.pem")
        try scratch.write(pair.certificate, to: "certificate.pem")
        try scratch.write(Array(template(method, .exclusive).utf8), to: "template.xml")
        let answer = try Tool.run(
            tool,
            ["--sign", "--privkey-pem", "\(scratch.path("private.pem")),\(scratch.path("certificate.pem"))"]
                + Self.idAttributes + ["--output", scratch.path("signed.xml"), scratch.path("template.xml")],
            errors: true
        )
        #expect(answer.status == 0, "\(answer.text)")
        let signed = try scratch.read("signed.xml")
        let verified = try XMLSignature.verify(signed, allowing: .withSHA1)
        #expect(verified.method == method)
        #expect(verified.references[0].path == [0, 0, 0])
        guard pair.privateKey == keys.rsa.privateKey else { return }
        let own = try XMLSignature.sign(
            Array(template(method, .exclusive).utf8),
            key: try keys.signingKey(pair)
        )
        func value(_ bytes: [UInt8]) throws -> String? {
            try XMLElement(parsing: bytes).firstDescendant(XMLName("SignatureValue", in: Templates.dsig))?
                .text
                .filter { !$0.isWhitespace }
        }
        #expect(try value(signed) == value(own))
    }

    private static let verifyingScript = """
        import sys, signxml
        from signxml.verifier import SignatureConfiguration
        certificate, document = sys.argv[1:]
        answer = signxml.XMLVerifier().verify(
            open(document, 'rb').read(), x509_cert=open(certificate).read(), id_attribute='ID',
            expect_config=SignatureConfiguration(require_x509=True))
        sys.stdout.buffer.write(answer.signed_data)
        """

    private static let signingScript = """
        import sys, signxml
        from lxml import etree
        key, certificate, method, form = sys.argv[1:]
        root = etree.fromstring('<a ID="x1"><b c="\u{E9}">text</b><c xmlns="u:v"/></a>')
        signer = signxml.XMLSigner(signature_algorithm=method, digest_algorithm='sha256', c14n_algorithm=form)
        signed = signer.sign(root, key=open(key, 'rb').read(), cert=open(certificate, 'r').read(), reference_uri='#x1',
            id_attribute='ID')
        sys.stdout.buffer.write(etree.tostring(signed))
        """

    @Test(
        "signxml verifies ours, and covers the same",
        .enabled(if: Tool.signxml != nil, "needs Python with signxml"),
        arguments: [XMLSignature.Method.rsaSHA256, .rsaSHA512, .ecdsaSHA256, .ecdsaSHA512]
    )
    func toSignXML(method: XMLSignature.Method) throws {
        let python = try #require(Tool.signxml)
        let scratch = try Scratch()
        let certificate = try scratch.write(pair(method).certificate, to: "certificate.pem")
        let key = try keys.signingKey(pair(method))
        let signed = try XMLSignature.sign(Array(template(method, .exclusive).utf8), key: key)
        let document = try scratch.write(signed, to: "signed.xml")
        let answer = try Tool.run(python, ["-c", Self.verifyingScript, certificate, document])
        #expect(answer.status == 0)
        #expect(answer.output == (try XMLSignature.verify(signed).references[0].content))
    }

    @Test(
        "ours verifies what signxml signs",
        .enabled(if: Tool.signxml != nil, "needs Python with signxml"),
        arguments: [
            ("rsa-sha256", false), ("rsa-sha512", false), ("ecdsa-sha256", true), ("ecdsa-sha384", true),
        ],
        [Canonicalization.exclusive, .inclusive, .inclusive11]
    )
    func fromSignXML(method: (name: String, isEC: Bool), form: Canonicalization) throws {
        let python = try #require(Tool.signxml)
        let scratch = try Scratch()
        let pair = method.isEC ? keys.ec : keys.rsa
        let key = try scratch.write(pair.privateKey, to: "private.pem")
        let certificate = try scratch.write(pair.certificate, to: "certificate.pem")
        let answer = try Tool.run(
            python,
            ["-c", Self.signingScript, key, certificate, method.name, form.rawValue]
        )
        try #require(answer.status == 0)
        let verified = try XMLSignature.verify(answer.output)
        #expect(verified.method.rawValue.hasSuffix(method.name))
        #expect(verified.rootReference?.uri == "#x1")
        #expect(verified.certificates == [try keys.signingKey(pair).certificate.der])
    }
}
