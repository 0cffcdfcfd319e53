// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import SwiftASN1
import X509
import XML

extension WhiteListVerifier {
    static func certificates(in text: String) throws(WhiteListError) -> [Certificate] {
        guard let documents = try? PEMDocument.parseMultiple(pemString: text), !documents.isEmpty else {
            throw .authorities(found: "what is no PEM")
        }
        var certificates: [Certificate] = []
        for document in documents {
            guard document.discriminator == Certificate.defaultPEMDiscriminator,
                let certificate = try? Certificate(pemDocument: document)
            else { throw .authorities(found: "a \(document.discriminator.prefix(40).lowercased())") }
            certificates.append(certificate)
        }
        return certificates
    }

    /// Of KeyInfo, the signer's first.
    static func certificates(_ verified: XMLSignature.Verified) throws(WhiteListError) -> [Certificate] {
        var certificates: [Certificate] = []
        for der in verified.certificates {
            guard let certificate = try? Certificate(derEncoded: der) else {
                throw .key(XMLError(.key, "found a certificate in KeyInfo that is not X.509 in DER"))
            }
            certificates.append(certificate)
        }
        guard !certificates.isEmpty else { throw .key(XMLError(.key, "found no certificate in KeyInfo")) }
        return certificates
    }

    static func checkValidity(_ certificate: Certificate, at time: Timestamp) throws(WhiteListError) {
        let name = "\(certificate.subject)"
        if certificate.notValidBefore > time.date {
            throw .notYetValid(certificate: name, from: Timestamp(certificate.notValidBefore), at: time)
        }
        if certificate.notValidAfter < time.date {
            throw .expired(certificate: name, since: Timestamp(certificate.notValidAfter), at: time)
        }
    }

    /// Common name and organizational unit to the letter, each once.
    func check(subject certificate: Certificate) throws(WhiteListError) {
        var names: [String] = []
        var units: [String] = []
        for attribute in certificate.subject.lazy.flatMap({ $0 }) {
            let text = CertificateName.text(attribute.value)
            if attribute.type == .RDNAttributeType.commonName { names.append(text) }
            if attribute.type == .RDNAttributeType.organizationalUnitName { units.append(text) }
        }
        guard names == [signer.commonName], units == [signer.organizationalUnit] else {
            throw .signer(
                found: "\(certificate.subject)",
                expected: "CN=\(signer.commonName),OU=\(signer.organizationalUnit)"
            )
        }
    }

    /// It must be for signatures, and not an authority's.
    static func checkPurpose(_ certificate: Certificate) throws(WhiteListError) {
        let usage: KeyUsage?
        let constraints: BasicConstraints?
        do {
            usage = try certificate.extensions.keyUsage
            constraints = try certificate.extensions.basicConstraints
        } catch { throw .keyUsage(found: "an extension that cannot be read") }
        if case .isCertificateAuthority? = constraints { throw .authority(found: "\(certificate.subject)") }
        guard let usage else { throw .keyUsage(found: "none") }
        guard usage.digitalSignature || usage.nonRepudiation else { throw .keyUsage(found: "\(usage)") }
    }
}

extension Certificate {
    var der: [UInt8] {
        var serializer = DER.Serializer()
        return (try? serializer.serialize(self)) == nil ? [] : serializer.serializedBytes
    }
}

extension Timestamp {
    init(_ date: Date) { self.init(milliseconds: Int64(date.timeIntervalSince1970 * 1000)) }

    var date: Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }
}
