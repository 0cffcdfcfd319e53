// SPDX-License-Identifier: Apache-2.0

@testable import XML

/// Documents with a ds:Signature to be filled.
enum Templates {
    static let dsig = "http://www.w3.org/2000/09/xmldsig#"
    static let enveloped = dsig + "enveloped-signature"

    static func transforms(_ algorithms: [String]) -> String {
        let list = algorithms.map { "<ds:Transform Algorithm=\"\($0)\"/>" }.joined()
        return algorithms.isEmpty ? "" : "<ds:Transforms>\(list)</ds:Transforms>"
    }

    static func reference(
        _ uri: String?,
        _ algorithms: [String] = [enveloped, Canonicalization.exclusive.rawValue],
        digest: String = DigestAlgorithm.sha256.rawValue,
        type: String = ""
    ) -> String {
        let attributes = (uri.map { " URI=\"\($0)\"" } ?? "") + (type.isEmpty ? "" : " Type=\"\(type)\"")
        return "<ds:Reference\(attributes)>" + transforms(algorithms)
            + "<ds:DigestMethod Algorithm=\"\(digest)\"/><ds:DigestValue/></ds:Reference>"
    }

    static func signature(
        _ references: [String],
        method: String = XMLSignature.Method.rsaSHA256.rawValue,
        canonicalization: String = Canonicalization.exclusive.rawValue,
        keyInfo: String = "<ds:KeyInfo><ds:X509Data/></ds:KeyInfo>",
        objects: String = "",
        id: String = ""
    ) -> String {
        """
        <ds:Signature xmlns:ds="\(dsig)"\(id.isEmpty ? "" : " Id=\"\(id)\"")><ds:SignedInfo>\
        <ds:CanonicalizationMethod Algorithm="\(canonicalization)"/><ds:SignatureMethod Algorithm="\(method)"/>\
        \(references.joined())</ds:SignedInfo><ds:SignatureValue/>\(keyInfo)\(objects)</ds:Signature>
        """
    }

    /// A SAML assertion in a SOAP header, as a VIHF is sent.
    static func envelope(_ signature: String = signature([reference("#_a1")])) -> String {
        """
        <soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Header><wsse:Security \
        xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">\
        <saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" Version="2.0">\
        <saml2:Issuer>CN=drimbox.example</saml2:Issuer>\(signature)<saml2:Subject><saml2:NameID>899700367909\
        </saml2:NameID></saml2:Subject><saml2:AttributeStatement><saml2:Attribute Name="role"><saml2:AttributeValue>\
        <Role xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" code="10" xsi:type="CE"/>\
        </saml2:AttributeValue></saml2:Attribute></saml2:AttributeStatement></saml2:Assertion></wsse:Security>\
        </soap:Header><soap:Body><a>é &amp; b</a></soap:Body></soap:Envelope>
        """
    }

    /// A detached signature of documents by a manifest, with XAdES properties, as a submission set has one.
    static let submissionSet = """
        <?xml version="1.0" encoding="UTF-8"?>
        <ds:Signature xmlns:ds="\(dsig)" xmlns="\(dsig)" Id="s"><ds:SignedInfo><ds:CanonicalizationMethod \
        Algorithm="\(Canonicalization.inclusiveWithComments.rawValue)"/><ds:SignatureMethod \
        Algorithm="\(XMLSignature.Method.rsaSHA1.rawValue)"/>\
        \(reference("#manifest", [], digest: DigestAlgorithm.sha1.rawValue, type: dsig + "Manifest"))\
        \(reference("#p", [Canonicalization.exclusive.rawValue], type: "http://uri.etsi.org/01903#SignedProperties"))\
        </ds:SignedInfo><ds:SignatureValue Id="v"/><ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data>\
        </ds:KeyInfo><ds:Object><xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.1.1#" \
        Target="#s"><xades:SignedProperties Id="p"><xades:SignedSignatureProperties><xades:SigningTime>\
        2026-01-01T00:00:00Z</xades:SigningTime></xades:SignedSignatureProperties></xades:SignedProperties>\
        </xades:QualifyingProperties></ds:Object><ds:Object><ds:Manifest Id="manifest"><ds:Reference \
        URI="urn:oid:1.2.3"><ds:DigestMethod Algorithm="\(DigestAlgorithm.sha256.rawValue)"/><ds:DigestValue>\
        qrvM3e7/</ds:DigestValue></ds:Reference></ds:Manifest></ds:Object></ds:Signature>
        """
}
