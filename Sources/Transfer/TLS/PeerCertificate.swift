// SPDX-License-Identifier: Apache-2.0
import Crypto
import X509
import Linux

/// The certificate with which a peer proved who it is.
package struct PeerCertificate: Sendable, Hashable {
    /// Distinguished name as text (RFC 4514).
    package let subject: String
    /// SHA-256 of `der`, lower-case hexadecimal.
    package let fingerprint: String
    package let der: [UInt8]

    init(_ certificate: Certificate, der: [UInt8]) {
        subject = "\(certificate.subject)"
        fingerprint = Self.fingerprint(der)
        self.der = der
    }

    static func fingerprint(_ der: [UInt8]) -> String {
        SHA256.hash(data: der).hexadecimal
    }
}
