// SPDX-License-Identifier: Apache-2.0
import Admin
import Crypto
import FoundationEssentials
import Linux
import SwiftASN1
import X509
import XML

/// What XAdES has signed beside the list (ETSI TS 101 903 and EN 319 132-1): when, and with which certificate.
struct SigningProperties {
    static let type = "http://uri.etsi.org/01903#SignedProperties"
    static let namespace = "http://uri.etsi.org/01903/v1.3.2#"
    private static let dsig = "http://www.w3.org/2000/09/xmldsig#"

    let signingTime: Timestamp
    private let certificate: XMLElement
    private let isVersion2: Bool

    /// Reads the element SignedProperties.
    init(_ element: XMLElement) throws(WhiteListError) {
        let properties = element.elements("SignedSignatureProperties")
        guard properties.count == 1 else {
            throw .signedProperties(
                found: "\(properties.count) SignedSignatureProperties",
                expected: "one"
            )
        }
        let times = properties[0].elements("SigningTime").map(\.trimmedText)
        guard times.count == 1, let time = Timestamp(times[0]) else {
            throw .signedProperties(
                found: "SigningTime \(times)",
                expected: "one date and time with its zone"
            )
        }
        signingTime = time
        let second = properties[0].elements("SigningCertificateV2")
        let first = properties[0].elements("SigningCertificate")
        guard first.count + second.count == 1, let named = (second + first).first,
            let certificate = named.first("Cert")
        else {
            throw .signedProperties(
                found: "\(first.count) SigningCertificate and \(second.count) SigningCertificateV2",
                expected: "one of both, with a Cert"
            )
        }
        // The first Cert is that of the signer; others would be those above it.
        self.certificate = certificate
        isVersion2 = !second.isEmpty
    }

    /// Whether the certificate that was signed with the list is this one.
    func check(_ leaf: Certificate, der: [UInt8]) throws(WhiteListError) {
        let digest = certificate.first("CertDigest")
        let method = digest?.first("DigestMethod", in: Self.dsig)?["Algorithm"] ?? ""
        let value = digest?.first("DigestValue", in: Self.dsig)?.trimmedText ?? ""
        let actual: [UInt8]
        switch DigestAlgorithm(rawValue: method) {
        case .sha256: actual = Array(SHA256.hash(data: der))
        case .sha384: actual = Array(SHA384.hash(data: der))
        case .sha512: actual = Array(SHA512.hash(data: der))
        default:
            throw .signingCertificate(
                found: "digest method \"\(method)\"",
                expected: "SHA-256, SHA-384 or SHA-512"
            )
        }
        guard let wanted = Data(base64Encoded: value.filter { !$0.isWhitespace }), Array(wanted) == actual
        else {
            throw .signingCertificate(
                found: "digest \(value.prefix(100))",
                expected: "\(Data(actual).base64EncodedString()), that of the certificate in KeyInfo"
            )
        }
        if isVersion2 { try checkIssuerSerial2(leaf) } else { try checkIssuerSerial(leaf, der) }
    }

    /// Version 1 names issuer and number as XML Signature does.
    private func checkIssuerSerial(_ leaf: Certificate, _ der: [UInt8]) throws(WhiteListError) {
        guard let element = certificate.first("IssuerSerial") else {
            throw .signingCertificate(found: "no IssuerSerial", expected: "issuer and serial number")
        }
        let name = element.first("X509IssuerName", in: Self.dsig)?.trimmedText ?? ""
        let number = element.first("X509SerialNumber", in: Self.dsig)?.trimmedText ?? ""
        let own: String
        do throws(XMLError) { own = try SigningCertificate(der: der).serialNumber } catch {
            throw .key(error)
        }
        guard number == own, let issuer = CertificateName(name), issuer == CertificateName(leaf.issuer) else {
            throw .signingCertificate(
                found: "\(number) of \(name)",
                expected: "\(own) of \(leaf.issuer), as the certificate in KeyInfo has it"
            )
        }
    }

    /// Version 2 may have an IssuerSerial of RFC 5035 5.4.1 in DER.
    private func checkIssuerSerial2(_ leaf: Certificate) throws(WhiteListError) {
        guard let text = certificate.first("IssuerSerialV2")?.trimmedText else { return }
        guard let bytes = Data(base64Encoded: text.filter { !$0.isWhitespace }),
            let (issuer, number) = Self.issuerSerial(Array(bytes))
        else {
            throw .signingCertificate(
                found: "an IssuerSerialV2 that cannot be read",
                expected: "one name and number"
            )
        }
        guard CertificateName(issuer) == CertificateName(leaf.issuer),
            Certificate.SerialNumber(bytes: number) == leaf.serialNumber
        else {
            throw .signingCertificate(
                found: "\(number.hexadecimal) of \(issuer)",
                expected:
                    "\(leaf.serialNumber.bytes.hexadecimal) of \(leaf.issuer), as the certificate in KeyInfo has it"
            )
        }
    }

    private static func issuerSerial(_ der: [UInt8]) -> (DistinguishedName, [UInt8])? {
        try? DER.sequence(try DER.parse(der), identifier: .sequence) { fields in
            let names = try DER.sequence(of: GeneralName.self, identifier: .sequence, nodes: &fields)
            guard names.count == 1, case .directoryName(let name) = names[0] else {
                throw ASN1Error.invalidASN1Object(reason: "one directoryName is expected")
            }
            return (name, Array(try ArraySlice<UInt8>(derEncoded: &fields)))
        }
    }
}
