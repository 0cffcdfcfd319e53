// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Linux
import SwiftASN1
import Synchronization
import X509

/// Why a peer's certificate is not accepted, in words for the journal.
struct PeerRefusal: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Decides whether a peer's certificate chain is to be trusted: path (RFC 5280 6), purpose, name, revocation.
final class PeerVerifier: Sendable {
    enum Purpose: Sendable, Equatable {
        case client
        /// The name or address that the certificate must have.
        case server(name: String)
    }

    struct Acceptance: Sendable {
        let certificate: PeerCertificate
        /// Set when nothing could be found out about revocation, and that is allowed.
        let unknownRevocation: String?
    }

    /// Certificates in a peer's chain.
    static let maximumChain = 10

    let authorities: [Certificate]
    private let purpose: Purpose
    private let revocation: RevocationChecker?
    private let intermediates: SeenIntermediates

    init(
        authorities: [Certificate],
        purpose: Purpose,
        revocation: RevocationChecker?,
        intermediates: SeenIntermediates
    ) {
        self.authorities = authorities
        self.purpose = purpose
        self.revocation = revocation
        self.intermediates = intermediates
    }

    /// `presented`: DER, the leaf first. A resumed session presents its leaf alone (RFC 8446 2.2); what stood
    /// above it at the time of the full handshake is remembered.
    func verify(_ presented: [[UInt8]]) async -> Result<Acceptance, PeerRefusal> {
        guard let first = presented.first else { return .failure(PeerRefusal("no certificate")) }
        guard presented.count <= Self.maximumChain else { return .failure(PeerRefusal("chain too long")) }
        guard let leaf = try? Certificate(derEncoded: first) else {
            return .failure(PeerRefusal("certificate cannot be read"))
        }
        var others = presented.dropFirst().compactMap { try? Certificate(derEncoded: $0) }
        if others.isEmpty { others = intermediates.above(first) }
        if let refusal = unsuitable(leaf) { return .failure(refusal) }
        let store = CertificateStore(others)
        let result: CertificateValidationResult
        switch purpose {
        case .client:
            var verifier = Verifier(rootCertificates: CertificateStore(authorities)) { RFC5280Policy() }
            result = await verifier.validate(leaf: leaf, intermediates: store)
        case .server(let name):
            let isAddress = name.contains(":") || name.allSatisfy { $0.isNumber || $0 == "." }
            var verifier = Verifier(rootCertificates: CertificateStore(authorities)) {
                RFC5280Policy()
                ServerIdentityPolicy(serverHostname: isAddress ? nil : name, serverIP: isAddress ? name : nil)
            }
            result = await verifier.validate(leaf: leaf, intermediates: store)
        }
        switch result {
        case .couldNotValidate(let failures):
            guard let failure = failures.last else { return .failure(PeerRefusal("unknown CA")) }
            return .failure(PeerRefusal("certificate not valid: \(failure.policyFailureReason)"))
        case .validCertificate(let chain):
            if !others.isEmpty { intermediates.remember(others, above: first) }
            return await checkRevocation(leaf, PeerCertificate(leaf, der: first), Array(chain))
        }
    }

    private func checkRevocation(
        _ leaf: Certificate,
        _ certificate: PeerCertificate,
        _ chain: [Certificate]
    ) async -> Result<Acceptance, PeerRefusal> {
        guard let revocation, chain.count > 1 else {
            return .success(Acceptance(certificate: certificate, unknownRevocation: nil))
        }
        switch await revocation.status(of: leaf, issuer: chain[1]) {
        case .good: return .success(Acceptance(certificate: certificate, unknownRevocation: nil))
        case .revoked(let source): return .failure(PeerRefusal("certificate revoked (\(source))"))
        case .unknown(let reason):
            if revocation.isRequired { return .failure(PeerRefusal("revocation unknown: \(reason)")) }
            return .success(Acceptance(certificate: certificate, unknownRevocation: reason))
        }
    }

    /// What can be said of the leaf alone.
    private func unsuitable(_ leaf: Certificate) -> PeerRefusal? {
        let now = Date(timeIntervalSince1970: Double(WallClock.milliseconds()) / 1000)
        if leaf.notValidAfter < now { return PeerRefusal("certificate expired") }
        if leaf.notValidBefore > now { return PeerRefusal("certificate not valid yet") }
        if leaf.signatureAlgorithm == .sha1WithRSAEncryption {
            return PeerRefusal("certificate signed with SHA-1")
        }
        guard let usages = try? leaf.extensions.extendedKeyUsage, !usages.isEmpty else { return nil }
        let wanted: ExtendedKeyUsage.Usage = purpose == .client ? .clientAuth : .serverAuth
        if usages.contains(wanted) || usages.contains(.any) { return nil }
        return PeerRefusal("certificate is not for a TLS \(purpose == .client ? "client" : "server")")
    }
}

/// The certificates that stood above a leaf in a full handshake, for when the session is resumed.
final class SeenIntermediates: Sendable {
    static let limit = 1024

    private let byLeaf = Mutex<[[UInt8]: [Certificate]]>([:])

    func above(_ leaf: [UInt8]) -> [Certificate] {
        byLeaf.withLock { $0[leaf] ?? [] }
    }

    func remember(_ certificates: [Certificate], above leaf: [UInt8]) {
        byLeaf.withLock {
            if $0.count >= Self.limit { $0 = [:] }
            $0[leaf] = certificates
        }
    }
}
