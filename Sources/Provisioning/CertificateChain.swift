// SPDX-License-Identifier: Apache-2.0
package import Admin
import Crypto
import FoundationEssentials
import Linux
import SwiftASN1
@_spi(FixedExpiryValidationTime) import X509

/// The box's certificate with what stands above it, the leaf first.
package struct CertificateChain: Sendable {
    /// Certificates in a file.
    package static let maximumCount = 10
    /// Bytes of a file.
    package static let maximumLength = 256 << 10

    let certificates: [Certificate]
    /// PEM of these certificates, and nothing else that stood in the file.
    package let pem: String

    /// Reads PEM. What is no certificate is refused: a private key does not belong into such a file.
    package init(pem text: String) throws(ProvisioningError) {
        certificates = try Self.read(text, name: "certificate", maximumCount: Self.maximumCount)
        pem = certificates.compactMap { try? $0.serializeAsPEM().pemString }.joined(separator: "\n") + "\n"
    }

    static func read(_ text: String, name: String, maximumCount: Int) throws(ProvisioningError)
        -> [Certificate]
    {
        func refusal(_ place: String, _ found: String, _ expected: String) -> ProvisioningError {
            ProvisioningError(.certificatePEM, at: place, found: found, expected: expected)
        }
        guard text.utf8.count <= maximumLength else {
            throw refusal("the file", "\(text.utf8.count) bytes", "at most \(maximumLength)")
        }
        guard let documents = try? PEMDocument.parseMultiple(pemString: text) else {
            throw refusal("the file", "what is no PEM", "certificates in PEM")
        }
        guard (1...maximumCount).contains(documents.count) else {
            throw refusal("the file", "\(documents.count) certificates", "1 to \(maximumCount)")
        }
        var certificates: [Certificate] = []
        for (index, document) in documents.enumerated() {
            let place = "\(name) \(index + 1)"
            guard document.discriminator == Certificate.defaultPEMDiscriminator else {
                throw refusal(place, document.discriminator.prefix(40).lowercased(), "a certificate")
            }
            guard let certificate = try? Certificate(pemDocument: document) else {
                throw refusal(place, "what cannot be read", "X.509 in DER")
            }
            certificates.append(certificate)
        }
        return certificates
    }

    /// Whether this is the box's chain: its key, in time, in order, up to an authority that is required.
    ///
    /// `publicKey` is the SubjectPublicKeyInfo in DER of the box's identity; the chain must end at, or below, one of the
    /// `authorities` (PEM). What the chain says of the box, or the first thing that is wrong (RFC 5280, 6).
    @discardableResult
    package func check(publicKey: [UInt8], authorities: String, now: Timestamp)
        async throws(ProvisioningError)
        -> CertificateSummary
    {
        let roots = try Self.read(authorities, name: "authority", maximumCount: 64)
        try checkLeaf(publicKey)
        try checkOrder()
        for (index, certificate) in certificates.enumerated() {
            try Self.checkValidity(certificate, "certificate \(index + 1)", now)
        }
        var verifier = Verifier(rootCertificates: CertificateStore(roots)) {
            RFC5280Policy(fixedExpiryValidationTime: now.date)
        }
        let result = await verifier.validate(
            leaf: certificates[0],
            intermediates: CertificateStore(certificates.dropFirst())
        )
        guard case .validCertificate = result else {
            throw ProvisioningError(
                .certificateAnchor,
                at: "certificate \(certificates.count)",
                found: "no way to a required authority",
                expected: "one of \(roots.count) required authorities"
            )
        }
        return summary
    }

    private func checkLeaf(_ publicKey: [UInt8]) throws(ProvisioningError) {
        let leaf = certificates[0]
        let found = Self.information(leaf.publicKey)
        guard let expected = Self.canonical(publicKey) else {
            throw ProvisioningError(
                .certificateKey,
                at: "the box's key",
                found: "what cannot be read",
                expected: "SubjectPublicKeyInfo"
            )
        }
        guard found == expected else {
            throw ProvisioningError(
                .certificateKey,
                at: "certificate 1",
                found: "the key \(Self.fingerprint(found))",
                expected: "the box's key \(Self.fingerprint(expected))"
            )
        }
        let constraints: BasicConstraints?
        let usages: ExtendedKeyUsage?
        do {
            constraints = try leaf.extensions.basicConstraints
            usages = try leaf.extensions.extendedKeyUsage
        } catch {
            throw ProvisioningError(
                .certificatePurpose,
                at: "certificate 1",
                found: "an extension that cannot be read",
                expected: "basic constraints and key usages as RFC 5280 has them"
            )
        }
        if case .isCertificateAuthority? = constraints {
            throw ProvisioningError(
                .certificatePurpose,
                at: "certificate 1",
                found: "an authority",
                expected: "the box's own certificate first"
            )
        }
        guard let usages, !usages.isEmpty else { return }
        let isForTLS = usages.contains(.clientAuth) || usages.contains(.serverAuth) || usages.contains(.any)
        guard isForTLS else {
            throw ProvisioningError(
                .certificatePurpose,
                at: "certificate 1",
                found: "an extended key usage without TLS",
                expected: "client or server authentication"
            )
        }
    }

    private func checkOrder() throws(ProvisioningError) {
        for (index, pair) in zip(certificates, certificates.dropFirst()).enumerated() {
            guard pair.0.issuer == pair.1.subject else {
                throw ProvisioningError(
                    .certificateOrder,
                    at: "certificate \(index + 2)",
                    found: "another name than the issuer's",
                    expected: "the issuer of certificate \(index + 1)"
                )
            }
            guard pair.1.publicKey.isValidSignature(pair.0.signature, for: pair.0) else {
                throw ProvisioningError(
                    .certificateOrder,
                    at: "certificate \(index + 1)",
                    found: "a signature that does not verify",
                    expected: "one by certificate \(index + 2)"
                )
            }
        }
    }

    private static func checkValidity(_ certificate: Certificate, _ place: String, _ now: Timestamp)
        throws(ProvisioningError)
    {
        if certificate.notValidBefore > now.date {
            throw ProvisioningError(
                .certificateValidity,
                at: place,
                found: "valid from \(Timestamp(certificate.notValidBefore))",
                expected: "valid at \(now); look at the clock too"
            )
        }
        if certificate.notValidAfter < now.date {
            throw ProvisioningError(
                .certificateValidity,
                at: place,
                found: "expired at \(Timestamp(certificate.notValidAfter))",
                expected: "valid at \(now)"
            )
        }
    }

    package var summary: CertificateSummary {
        let leaf = certificates[0]
        let last = certificates.map(\.notValidAfter).min() ?? leaf.notValidAfter
        return CertificateSummary(
            subject: "\(leaf.subject)",
            issuer: "\(leaf.issuer)",
            serial: leaf.serialNumber.bytes.hexadecimal,
            notBefore: Timestamp(leaf.notValidBefore),
            notAfter: Timestamp(last),
            certificates: certificates.count
        )
    }

    /// SubjectPublicKeyInfo of the leaf, DER.
    package var publicKey: [UInt8] { Self.information(certificates[0].publicKey) }

    static func information(_ key: Certificate.PublicKey) -> [UInt8] {
        var serializer = DER.Serializer()
        return (try? serializer.serialize(key)) == nil ? [] : serializer.serializedBytes
    }

    private static func canonical(_ publicKey: [UInt8]) -> [UInt8]? {
        (try? Certificate.PublicKey(derEncoded: publicKey)).map { information($0) }
    }

    /// Of a private key in PEM, without a pass phrase: its SubjectPublicKeyInfo.
    package static func publicKey(ofPrivateKey pem: String) throws(ProvisioningError) -> [UInt8] {
        guard pem.utf8.count <= 64 << 10, let key = try? Certificate.PrivateKey(pemEncoded: pem) else {
            throw ProvisioningError(
                .certificateKey,
                at: "the key file",
                found: "no usable private key",
                expected: "a private key in PEM without a pass phrase"
            )
        }
        return information(key.publicKey)
    }

    /// Of a certificate request in PEM: the SubjectPublicKeyInfo that it asks a certificate for.
    package static func publicKey(ofRequest pem: String) -> [UInt8]? {
        (try? CertificateSigningRequest(pemEncoded: pem)).map { information($0.publicKey) }
    }

    /// The first 16 digits of the SHA-256: enough to compare by eye.
    package static func fingerprint(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).prefix(8).hexadecimal
    }

    /// All 64 digits.
    package static func fullFingerprint(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).hexadecimal
    }
}

extension Timestamp {
    init(_ date: Date) {
        self.init(milliseconds: Int64(date.timeIntervalSince1970 * 1000))
    }

    var date: Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }
}
