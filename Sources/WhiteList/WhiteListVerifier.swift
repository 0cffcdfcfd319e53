// SPDX-License-Identifier: Apache-2.0
package import Admin
import FoundationEssentials
@_spi(FixedExpiryValidationTime) import X509
import XML

/// Decides whether a white list is the national agency's, and whether it may take the place of the last one.
///
/// The signer is pinned by name and authorities, not by certificate: that is renewed every three years.
package struct WhiteListVerifier: Sendable {
    /// The values that the signer's subject must have, each once.
    package struct Signer: Equatable, Sendable {
        package let commonName: String
        package let organizationalUnit: String

        package init(commonName: String, organizationalUnit: String) {
            self.commonName = commonName
            self.organizationalUnit = organizationalUnit
        }

        /// Of a distinguished name with one CN and one OU; what else it says is not looked at.
        package init?(_ text: String) {
            guard let values = CertificateName.values(in: text) else { return nil }
            let names = values.filter { $0.type == "2.5.4.3" }
            let units = values.filter { $0.type == "2.5.4.11" }
            guard names.count == 1, units.count == 1 else { return nil }
            self.init(commonName: names[0].value, organizationalUnit: units[0].value)
        }

        /// The agency's.
        package static let agency = Signer(
            commonName: "Liste Blanche DRIM-M",
            organizationalUnit: "318751275100020"
        )
    }

    package enum Revocation: Equatable, Sendable {
        case good
        case revoked(by: String)
        /// Nothing was found out, and why.
        case unknown(String)
    }

    /// Answers for a certificate and that of its issuer, both in DER, at a time.
    package typealias RevocationCheck =
        @Sendable (_ certificate: [UInt8], _ issuer: [UInt8], Timestamp) async -> Revocation

    /// The signer's clock may be ahead by so much: milliseconds.
    private static let signingTolerance: Int64 = 10 * 60_000
    /// DateDeGeneration has been written in local time, and by hand: milliseconds.
    private static let generationTolerance: Int64 = 24 * 3_600_000

    private let authorities: [Certificate]
    let signer: Signer
    private let revocation: RevocationCheck?

    /// - Parameters:
    ///   - authorities: certificates in PEM, root or intermediate, each of which is trusted as it is.
    ///   - signer: the name that the signer's certificate must have.
    ///   - revocation: nil where revocation is not looked at, which the answer then says.
    /// - Throws: `authorities` where there is none, or something else.
    package init(
        authorities: [String],
        signer: Signer = .agency,
        revocation: RevocationCheck? = nil
    ) throws(WhiteListError) {
        var certificates: [Certificate] = []
        for text in authorities { certificates += try Self.certificates(in: text) }
        guard !certificates.isEmpty else { throw .authorities(found: "none") }
        self.authorities = certificates
        self.signer = signer
        self.revocation = revocation
    }

    /// Verifies a list.
    ///
    /// - Parameters:
    ///   - document: the file.
    ///   - time: at which its certificates must be valid: now, unless the past is asked about.
    ///   - accepted: DateDeGeneration of the last accepted list; this one must not be older.
    /// - Returns: the list, with what vouches for it.
    /// - Throws: the first reason against it: of the document, the signature, the signer, the times.
    package func verify(
        _ document: [UInt8],
        at time: Timestamp,
        notOlderThan accepted: Timestamp? = nil
    ) async throws(WhiteListError) -> SignedWhiteList {
        let signature = try WhiteListSignature(document)
        let chain = try Self.certificates(signature.verified)
        let leaf = chain[0]
        try signature.properties.check(leaf, der: signature.verified.certificates[0])
        try check(subject: leaf)
        try Self.checkPurpose(leaf)
        let path = try await path(from: leaf, through: chain.dropFirst(), at: time)
        let list = try WhiteList(reading: signature.content)
        let signed = signature.properties.signingTime
        guard signed.milliseconds <= time.milliseconds + Self.signingTolerance else {
            throw .signedLater(found: signed, at: time)
        }
        guard list.generated.milliseconds <= time.milliseconds + Self.generationTolerance else {
            throw .generatedLater(found: list.generated, at: time)
        }
        if let accepted, list.generated < accepted {
            throw .older(found: list.generated, accepted: accepted)
        }
        return SignedWhiteList(
            list: list,
            signingTime: signed,
            signer: "\(leaf.subject)",
            issuers: path.dropFirst().map { "\($0.subject)" },
            validUntil: Timestamp(path.map(\.notValidAfter).min() ?? leaf.notValidAfter),
            isRevocationChecked: revocation != nil,
            signature: signature.verified
        )
    }

    private func path(
        from leaf: Certificate,
        through intermediates: ArraySlice<Certificate>,
        at time: Timestamp
    ) async throws(WhiteListError) -> [Certificate] {
        try Self.checkValidity(leaf, at: time)
        var verifier = Verifier(rootCertificates: CertificateStore(authorities)) {
            RFC5280Policy(fixedExpiryValidationTime: time.date)
        }
        let result = await verifier.validate(leaf: leaf, intermediates: CertificateStore(intermediates))
        switch result {
        case .validCertificate(let chain):
            let path = Array(chain)
            try await checkRevocation(path, at: time)
            return path
        case .couldNotValidate(let failures):
            // An authority of the right name that is out of time is a reason of its own.
            for failure in failures {
                for certificate in failure.chain { try Self.checkValidity(certificate, at: time) }
            }
            throw .untrusted(
                issuer: "\(leaf.issuer)",
                authorities: authorities.count,
                reason: failures.first.map { "\($0.policyFailureReason)" } ?? "none of them has signed it"
            )
        }
    }

    private func checkRevocation(_ path: [Certificate], at time: Timestamp) async throws(WhiteListError) {
        guard let revocation else { return }
        for (certificate, issuer) in zip(path, path.dropFirst()) {
            let name = "\(certificate.subject)"
            switch await revocation(certificate.der, issuer.der, time) {
            case .good: continue
            case .revoked(let source): throw .revoked(certificate: name, by: source)
            case .unknown(let reason): throw .revocationUnknown(certificate: name, reason: reason)
            }
        }
    }
}
