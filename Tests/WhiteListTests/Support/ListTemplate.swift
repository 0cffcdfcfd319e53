// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import X509
import XML

/// A list with a XAdES signature to be filled, in each of the forms that the national agency has used.
struct ListTemplate {
    static let dsig = "http://www.w3.org/2000/09/xmldsig#"
    static let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
    static let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256"
    static let sha512 = "http://www.w3.org/2001/04/xmlenc#sha512"

    enum Removal { case filter, enveloped }
    enum Named { case version1, version2 }

    var namespace = "https://listeblanche.mesimagesmedicales.fr/schema"
    var version = "1.0.0"
    var generated = "2026-05-20T11:08:12Z"
    var signingTime = "2026-05-21T05:37:19Z"
    var removal = Removal.filter
    var named = Named.version2
    var certificateDigest = sha512
    var digest = sha256
    var method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    var canonicalization = exclusive
    /// The signer's certificate that XAdES names; the real one where it is nil.
    var namedCertificate: Certificate?
    var target = "#sig-1"
    var domains = [
        domain("1", "db1.111", "CN=db1.111.test.example,OU=31598513500187,O=editeur,ST=Paris (75),C=FR"),
        domain("2", "db1.345", "CN=db1.345.test.example,OU=49188397100039,O=editeur,ST=Marseille (13),C=FR"),
    ]
    /// References besides the two.
    var more = ""

    static func domain(_ identifier: String, _ host: String, _ name: String) -> String {
        """
        <Domaine><Identifiant>\(identifier)</Identifiant><db>\(host).test.example</db>
        <vi>\(host.replacingOccurrences(of: "db", with: "vi")).test.example</vi><Denomination>Op \(identifier)</Denomination>
        <DNCertificatOperateur>\(name)</DNCertificatOperateur><SupportContact>a@b.example</SupportContact>
        <DateMAJ>2026-05-20T09:00:00Z</DateMAJ></Domaine>
        """
    }

    func text(_ certificate: Certificate) throws -> String {
        """
        <?xml version="1.0" encoding="UTF-8"?><ListeBlancheDRIM-M xmlns="\(namespace)" versionFormat="\(version)">
        <DateDeGeneration>\(generated)</DateDeGeneration><ListeDomaines>\(domains.joined(separator: "\n"))</ListeDomaines>
        \(try signature(certificate))</ListeBlancheDRIM-M>
        """
    }

    private func signature(_ certificate: Certificate) throws -> String {
        let filter = "http://www.w3.org/2002/06/xmldsig-filter2"
        let taken =
            switch removal {
            case .enveloped: "<ds:Transform Algorithm=\"\(Self.dsig)enveloped-signature\"/>"
            case .filter:
                "<ds:Transform Algorithm=\"\(filter)\"><f:XPath xmlns:f=\"\(filter)\" Filter=\"subtract\">"
                    + "/descendant::ds:Signature</f:XPath></ds:Transform>"
            }
        let form = "<ds:Transform Algorithm=\"\(Self.exclusive)\"/>"
        let empty = "<ds:DigestMethod Algorithm=\"\(digest)\"/><ds:DigestValue/></ds:Reference>"
        return """
            <ds:Signature xmlns:ds="\(Self.dsig)" Id="sig-1"><ds:SignedInfo>\
            <ds:CanonicalizationMethod Algorithm="\(canonicalization)"/><ds:SignatureMethod Algorithm="\(method)"/>\
            <ds:Reference Id="r-1" URI=""><ds:Transforms>\(taken)\(form)</ds:Transforms>\(empty)\
            <ds:Reference Type="http://uri.etsi.org/01903#SignedProperties" URI="#props-1"><ds:Transforms>\(form)\
            </ds:Transforms>\(empty)\(more)</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo>\
            <ds:Object><xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" \
            Target="\(target)"><xades:SignedProperties Id="props-1"><xades:SignedSignatureProperties>\
            <xades:SigningTime>\(signingTime)</xades:SigningTime>\(try signingCertificate(certificate))\
            </xades:SignedSignatureProperties></xades:SignedProperties></xades:QualifyingProperties></ds:Object>\
            </ds:Signature>
            """
    }

    private func signingCertificate(_ own: Certificate) throws -> String {
        let der = try (namedCertificate ?? own).bytes
        let value =
            certificateDigest == Self.sha512 ? Data(SHA512.hash(data: der)) : Data(SHA256.hash(data: der))
        let digest = """
            <xades:CertDigest><ds:DigestMethod Algorithm="\(certificateDigest)"/>\
            <ds:DigestValue>\(value.base64EncodedString())</ds:DigestValue></xades:CertDigest>
            """
        switch named {
        case .version2:
            return
                "<xades:SigningCertificateV2><xades:Cert>\(digest)</xades:Cert></xades:SigningCertificateV2>"
        case .version1:
            let words = try SigningCertificate(der: der)
            return """
                <xades:SigningCertificate><xades:Cert>\(digest)<xades:IssuerSerial>\
                <ds:X509IssuerName>\(words.issuer)</ds:X509IssuerName>\
                <ds:X509SerialNumber>\(words.serialNumber)</ds:X509SerialNumber>\
                </xades:IssuerSerial></xades:Cert></xades:SigningCertificate>
                """
        }
    }

    func signed(by issued: TestAuthority.Issued, with chain: [Certificate] = []) throws -> String {
        let key = try issued.signingKey(with: chain)
        let document = Array(try text(issued.certificate).utf8)
        return String(decoding: try XMLSignature.sign(document, key: key), as: UTF8.self)
    }
}
