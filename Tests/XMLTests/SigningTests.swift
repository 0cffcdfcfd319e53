// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import XML

@Suite("Signing", .enabled(if: TestKeys.shared != nil, "needs openssl"))
struct SigningTests {
    private let keys: TestKeys

    init() throws { keys = try #require(TestKeys.shared) }

    static let certificate = "<ds:X509Certificate>"

    @Test("every method and digest", arguments: XMLSignature.Method.allCases, DigestAlgorithm.allCases)
    func methods(method: XMLSignature.Method, digest: DigestAlgorithm) throws {
        let isEC = [.ecdsaSHA256, .ecdsaSHA384, .ecdsaSHA512].contains(method)
        let key = try keys.signingKey(isEC ? keys.ec : keys.rsa)
        let reference = Templates.reference("#_a1", digest: digest.rawValue)
        let template = Templates.envelope(Templates.signature([reference], method: method.rawValue))
        let signed = try XMLSignature.sign(Array(template.utf8), key: key)
        let verified = try XMLSignature.verify(signed, allowing: .withSHA1)
        #expect(verified.method == method)
        #expect(verified.certificates == key.chain)
        #expect(verified.references.map(\.digest) == [digest])
        let usesSHA1 = method == .rsaSHA1 || digest == .sha1
        let strict = failure { () throws(XMLError) in _ = try XMLSignature.verify(signed) }
        #expect(strict?.kind == (usesSHA1 ? .algorithm : nil))
        // A key of the other kind.
        let other = try keys.signingKey(isEC ? keys.rsa : keys.ec)
        #expect(
            failure { () throws(XMLError) in _ = try XMLSignature.sign(Array(template.utf8), key: other) }?
                .kind == .key
        )
    }

    @Test("canonical forms in every place", arguments: Canonicalization.allCases) func forms(
        form: Canonicalization
    ) throws {
        let transforms = [[Templates.enveloped], [Templates.enveloped, form.rawValue]]
        for (uri, list) in ["", "#_a1"].flatMap({ uri in transforms.map { (uri, $0) } }) {
            let template = Templates.envelope(
                Templates.signature([Templates.reference(uri, list)], canonicalization: form.rawValue)
            )
            let signed = try XMLSignature.sign(Array(template.utf8), key: try keys.signingKey(keys.rsa))
            let verified = try XMLSignature.verify(signed)
            #expect(verified.canonicalization == form)
            #expect(verified.references[0].transforms == list)
            #expect(verified.references[0].isRoot == uri.isEmpty)
            #expect(verified.references[0].path == (uri.isEmpty ? [] : [0, 0, 0]))
        }
    }

    @Test("an assertion: what is covered, what is kept") func assertion() throws {
        let template = Templates.envelope()
        let key = try keys.signingKey(keys.rsa)
        let signed = try XMLSignature.sign(Array(template.utf8), key: key)
        let verified = try XMLSignature.verify(signed)
        let reference = verified.references[0]
        #expect(verified.id == "")
        #expect(verified.rootReference == nil)
        #expect(reference.uri == "#_a1")
        #expect(reference.element == XMLName("Assertion", in: "urn:oasis:names:tc:SAML:2.0:assertion"))
        let document = try XMLElement(parsing: signed)
        var covered = try #require(document.element(at: reference.path))
        #expect(covered["ID"] == "_a1")
        covered.children.removeAll {
            if case .element(let child) = $0 { child.name.local == "Signature" } else { false }
        }
        #expect(try XMLElement(parsing: reference.content) == covered)
        // Nothing else has changed.
        let text = String(decoding: signed, as: UTF8.self)
        #expect(text.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope"))
        #expect(text.contains("<a>é &amp; b</a>"))
        #expect(text.components(separatedBy: Self.certificate).count == 3)
        let filled = try parse(template).firstDescendant(XMLName("SignatureValue", in: Templates.dsig))
        #expect(filled?.text == "")
        #expect(
            document.firstDescendant(XMLName("SignatureValue", in: Templates.dsig))?.text.utf8.count == 344
        )
        // Signing again gives the same: RSASSA-PKCS1-v1_5 is deterministic, and old values are dropped.
        #expect(try XMLSignature.sign(signed, key: key) == signed)
    }

    @Test("a submission set: the manifest stays as it is") func submissionSet() throws {
        let signed = try XMLSignature.sign(
            Array(Templates.submissionSet.utf8),
            key: try keys.signingKey(keys.rsa)
        )
        let verified = try XMLSignature.verify(signed, allowing: .withSHA1)
        #expect(verified.id == "s")
        #expect(verified.references.map(\.uri) == ["#manifest", "#p"])
        #expect(
            verified.references.map(\.type) == [
                Templates.dsig + "Manifest", "http://uri.etsi.org/01903#SignedProperties",
            ]
        )
        #expect(verified.references.map(\.path) == [[4, 0], [3, 0, 0]])
        let manifest = try XMLElement(parsing: verified.references[0].content)
        #expect(manifest.firstDescendant(XMLName("DigestValue", in: Templates.dsig))?.text == "qrvM3e7/")
        #expect(failure { () throws(XMLError) in _ = try XMLSignature.verify(signed) }?.kind == .algorithm)
        // The digest a caller needs for XAdES and manifests is the one that signing writes.
        let value = try XMLElement(parsing: signed).descendants(XMLName("DigestValue", in: Templates.dsig))[1]
            .text
        let properties = try Canonicalization.exclusive.canonicalize(signed, id: "p")
        #expect(try DigestAlgorithm.sha256.digest(properties) == Array(Data(base64Encoded: value) ?? Data()))
    }

    @Test("one of several signatures, by its Id") func several() throws {
        let second = Templates.signature(
            [Templates.reference("#b", [Canonicalization.exclusive.rawValue])],
            id: "two"
        )
        let template =
            "<r><a ID='a'/><b ID='b'/>"
            + Templates.signature(
                [Templates.reference("#a", [Canonicalization.exclusive.rawValue])],
                id: "one"
            )
            + second + "</r>"
        let key = try keys.signingKey(keys.rsa)
        let ecKey = try keys.signingKey(keys.ec)
        func kind(_ id: String?) -> XMLError.Kind? {
            failure { () throws(XMLError) in
                _ = try XMLSignature.sign(Array(template.utf8), key: key, signature: id)
            }?.kind
        }
        #expect(kind(nil) == .signatureCount)
        #expect(kind("a") == .signatureCount)
        #expect(kind("three") == .signatureCount)
        let once = try XMLSignature.sign(Array(template.utf8), key: key, signature: "one")
        let twice = try XMLSignature.sign(once, key: key, signature: "two")
        #expect(try XMLSignature.verify(twice, signature: "one").references.map(\.path) == [[0]])
        #expect(try XMLSignature.verify(twice, signature: "two").references.map(\.path) == [[1]])
        #expect(
            failure { () throws(XMLError) in _ = try XMLSignature.verify(twice) }?.kind == .signatureCount
        )
        #expect(throws: XMLError.self) { try XMLSignature.verify(once, signature: "two") }
        #expect(throws: XMLError.self) {
            try XMLSignature.sign(Array(template.utf8), key: ecKey, signature: "one")
        }
    }

    @Test("KeyInfo: where certificates go") func keyInfo() throws {
        let key = try keys.signingKey(keys.rsa)
        func certificates(_ keyInfo: String) throws -> Int {
            let template = Templates.envelope(
                Templates.signature([Templates.reference("#_a1")], keyInfo: keyInfo)
            )
            let signed = try XMLSignature.sign(Array(template.utf8), key: key)
            return String(decoding: signed, as: UTF8.self).components(separatedBy: Self.certificate).count - 1
        }
        let serial =
            "<ds:X509IssuerSerial><ds:X509IssuerName>CN=a</ds:X509IssuerName><ds:X509SerialNumber>1"
            + "</ds:X509SerialNumber></ds:X509IssuerSerial>"
        #expect(try certificates("<ds:KeyInfo><ds:X509Data/></ds:KeyInfo>") == 2)
        #expect(try certificates("<ds:KeyInfo><ds:X509Data> </ds:X509Data></ds:KeyInfo>") == 2)
        #expect(
            try certificates(
                "<ds:KeyInfo><ds:X509Data>\(serial)<ds:X509Certificate/></ds:X509Data></ds:KeyInfo>"
            ) == 2
        )
        #expect(try certificates("<ds:KeyInfo><ds:X509Data>\(serial)</ds:X509Data></ds:KeyInfo>") == 0)
        #expect(
            try certificates(
                "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>QQ==</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            ) == 1
        )
        #expect(try certificates("") == 0)
        // KeyInfo can be signed itself.
        let template = Templates.envelope(
            Templates.signature(
                [
                    Templates.reference("#_a1"),
                    Templates.reference("#k", [Canonicalization.exclusive.rawValue]),
                ],
                keyInfo: "<ds:KeyInfo Id=\"k\"><ds:X509Data/></ds:KeyInfo>"
            )
        )
        let verified = try XMLSignature.verify(try XMLSignature.sign(Array(template.utf8), key: key))
        let content = String(decoding: verified.references[1].content, as: UTF8.self)
        #expect(content.components(separatedBy: Self.certificate).count == 3)
    }

    @Test("other encodings become UTF-8") func encoding() throws {
        let template = "<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?>" + Templates.envelope()
        let latin = template.unicodeScalars.map { $0 == "é" ? 0xE9 : UInt8(truncatingIfNeeded: $0.value) }
        let signed = try XMLSignature.sign(latin, key: try keys.signingKey(keys.rsa))
        #expect(String(decoding: signed, as: UTF8.self).contains("<a>é &amp; b</a>"))
        #expect(try XMLSignature.verify(signed).references.count == 1)
    }

    @Test("many threads with one key") func threads() async throws {
        let key = try keys.signingKey(keys.rsa)
        let ecKey = try keys.signingKey(keys.ec)
        let template = Templates.envelope()
        let ecTemplate = template.replacingOccurrences(
            of: XMLSignature.Method.rsaSHA256.rawValue,
            with: XMLSignature.Method.ecdsaSHA256.rawValue
        )
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<32 {
                group.addTask {
                    let isEC = index.isMultiple(of: 2)
                    let text = (isEC ? ecTemplate : template).replacingOccurrences(
                        of: "899700367909",
                        with: "\(index)"
                    )
                    guard let signed = try? XMLSignature.sign(Array(text.utf8), key: isEC ? ecKey : key),
                        let verified = try? XMLSignature.verify(signed),
                        let content = try? XMLElement(parsing: verified.references[0].content)
                    else { return false }
                    return content.text == "CN=drimbox.example\(index)"
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test("a document of 20 MiB in the envelope", .timeLimit(.minutes(2))) func large() throws {
        let body = String(repeating: "QUJD", count: 5 << 20)
        let template = Templates.envelope(Templates.signature([Templates.reference("")]))
            .replacingOccurrences(of: "é &amp; b", with: body)
        let signed = try XMLSignature.sign(Array(template.utf8), key: try keys.signingKey(keys.rsa))
        let verified = try XMLSignature.verify(signed)
        #expect(verified.rootReference.map { $0.content.count > body.utf8.count } == true)
    }
}

@Suite("Signing keys", .enabled(if: TestKeys.shared != nil, "needs openssl"))
struct SigningKeyTests {
    private let keys: TestKeys

    init() throws { keys = try #require(TestKeys.shared) }

    private func words(_ key: [UInt8], _ chain: [UInt8]) -> String? {
        let error = failure { () throws(XMLError) in
            _ = try SigningKey(privateKeyPEM: key, certificateChainPEM: chain)
        }
        #expect(error == nil || error?.kind == .key)
        return error?.words
    }

    @Test("names and number of the certificate") func names() throws {
        let key = try keys.signingKey(keys.rsa)
        #expect(
            key.certificate.subject
                == "CN=drimbox.example, OU=318751275100020, O=Hôpital de Test\\, Rennes, ST=Ille-et-Vilaine (35), C=FR"
        )
        #expect(key.certificate.issuer == "CN=Authority,O=Test,C=FR")
        // 0x1234567890ABCDEF12
        #expect(key.certificate.serialNumber == "335812727627494321938")
        #expect(key.chain.count == 2)
        #expect(key.chain[0] == key.certificate.der)
        let authority = try SigningCertificate(der: key.chain[1])
        #expect(authority.subject == "CN=Authority, O=Test, C=FR")
        #expect(authority.issuer == "CN=Authority,O=Test,C=FR")
    }

    @Test("the key's own certificate comes first, wherever it is") func order() throws {
        let key = try SigningKey(
            privateKeyPEM: keys.ec.privateKey,
            certificateChainPEM: keys.authority.certificate + Array("text\n".utf8) + keys.rsa.certificate
                + keys.ec.certificate
        )
        #expect(key.chain.count == 3)
        #expect(try SigningCertificate(der: key.chain[0]).subject.hasPrefix("CN=drimbox.example"))
        #expect(key.chain[0] == (try keys.signingKey(keys.ec).certificate.der))
    }

    @Test("what is refused") func refused() {
        let certificate = keys.rsa.certificate
        #expect(words(keys.rsa.privateKey, certificate) == nil)
        #expect(words([], certificate) == "found no private key in PEM, or an encrypted one")
        #expect(words(certificate, certificate) == "found no private key in PEM, or an encrypted one")
        #expect(words(keys.encryptedKey, certificate) == "found no private key in PEM, or an encrypted one")
        #expect(words(keys.rsa.privateKey, []) == "found no certificates in PEM, or more than 10")
        #expect(
            words(keys.rsa.privateKey, keys.rsa.privateKey) == "found no certificates in PEM, or more than 10"
        )
        let cut = certificate + keys.ec.certificate.dropLast(300)
        #expect(words(keys.rsa.privateKey, cut) == "found no certificates in PEM, or more than 10")
        let many = (0..<11).flatMap { _ in certificate }
        #expect(words(keys.rsa.privateKey, many) == "found no certificates in PEM, or more than 10")
        #expect(
            words(keys.rsa.privateKey, keys.stranger.certificate)
                == "found the private key of another certificate"
        )
        for pair in [keys.weak, keys.ed25519] {
            #expect(
                words(pair.privateKey, pair.certificate)
                    == "found a key other than RSA of 2048 to 8192 bits, P-256, P-384 or P-521"
            )
        }
    }

    @Test("bytes that are no certificate") func notCertificates() throws {
        let der = try keys.signingKey(keys.rsa).certificate.der
        for bytes in [[], [0x30], Array(der.dropLast()), der + [0], Array("text".utf8)] {
            #expect(failure { () throws(XMLError) in _ = try SigningCertificate(der: bytes) }?.kind == .key)
        }
    }

    @Test("mutated certificates never crash", .timeLimit(.minutes(2))) func fuzz() throws {
        let der = try keys.signingKey(keys.rsa).certificate.der
        var random = SplitMix64(21)
        var read = 0
        for _ in 0..<3000 where (try? SigningCertificate(der: random.mutate(der))) != nil {
            read += 1
        }
        #expect(read > 0)
    }
}
