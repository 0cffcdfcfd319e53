// SPDX-License-Identifier: Apache-2.0

/// A certificate with its chain, leaf first, and its private key: paths of PEM files.
package struct TLSCredentialFiles: Sendable, Equatable {
    package var certificate: String
    package var privateKey: String

    package init(certificate: String, privateKey: String) {
        self.certificate = certificate
        self.privateKey = privateKey
    }
}

package enum TLSMinimumVersion: Sendable {
    case tls12
    case tls13
}

/// Where a peer's revocation is found out (RFC 5280 5, RFC 6960).
package struct RevocationSettings: Sendable, Equatable {
    /// Paths of lists, PEM or DER.
    package var crls: [String]
    /// The responder that the certificate names is asked.
    package var ocsp: Bool
    /// A list or an answer counts for so long after its nextUpdate.
    package var graceSeconds: Int64
    /// A certificate of which nothing can be found out is refused.
    package var isRequired: Bool

    package init(crls: [String] = [], ocsp: Bool = false, graceSeconds: Int64 = 0, isRequired: Bool = true) {
        self.crls = crls
        self.ocsp = ocsp
        self.graceSeconds = graceSeconds
        self.isRequired = isRequired
    }
}

package struct TLSServerSettings: Sendable, Equatable {
    package var credentials: TLSCredentialFiles
    /// PEM file of the authorities of whom a client certificate is demanded; none is asked for without it.
    package var clientAuthorities: String?
    package var minimumVersion: TLSMinimumVersion
    package var revocation: RevocationSettings?
    /// Server names (RFC 6066 3) under which no client certificate is asked for, with what is shown there. Every
    /// other name, and none, gets the strict policy.
    package var openNames: [String: TLSCredentialFiles]

    package init(
        credentials: TLSCredentialFiles,
        clientAuthorities: String? = nil,
        minimumVersion: TLSMinimumVersion = .tls12,
        revocation: RevocationSettings? = nil,
        openNames: [String: TLSCredentialFiles] = [:]
    ) {
        self.credentials = credentials
        self.clientAuthorities = clientAuthorities
        self.minimumVersion = minimumVersion
        self.revocation = revocation
        self.openNames = openNames
    }
}

package struct TLSClientSettings: Sendable, Equatable {
    /// PEM file of the authorities that may have signed the server's certificate.
    package var authorities: String
    /// What is shown when the server asks for a certificate.
    package var credentials: TLSCredentialFiles?
    /// The DNS name or address that the server's certificate must have.
    package var serverName: String
    package var minimumVersion: TLSMinimumVersion
    package var revocation: RevocationSettings?

    package init(
        authorities: String,
        credentials: TLSCredentialFiles? = nil,
        serverName: String,
        minimumVersion: TLSMinimumVersion = .tls12,
        revocation: RevocationSettings? = nil
    ) {
        self.authorities = authorities
        self.credentials = credentials
        self.serverName = serverName
        self.minimumVersion = minimumVersion
        self.revocation = revocation
    }
}

/// A TLS file that cannot be used: which, and why.
package struct TLSFileError: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let found: String
    package let expected: String

    package var description: String { "\(path): found \(found), expected \(expected)" }
}
