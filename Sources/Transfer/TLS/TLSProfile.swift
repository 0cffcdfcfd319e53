// SPDX-License-Identifier: Apache-2.0
import NIOCore
import NIOSSL

/// The BCP 195 TLS profiles of PS3.15 B.9 and B.10: TLS 1.2 with forward secrecy and AEAD, and TLS 1.3.
enum TLSProfile {
    /// For TLS 1.2; those of TLS 1.3 are not a choice.
    private static let cipherSuites = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")

    private static let signatureAlgorithms: [SignatureAlgorithm] = [
        .ecdsaSecp256R1Sha256, .ecdsaSecp384R1Sha384, .ecdsaSecp521R1Sha512, .ed25519,
        .rsaPssRsaeSha256, .rsaPssRsaeSha384, .rsaPssRsaeSha512,
        .rsaPkcs1Sha256, .rsaPkcs1Sha384, .rsaPkcs1Sha512,
    ]

    /// `credentials` is asked anew for every handshake, so that one context, and with it the sessions that may
    /// be resumed, outlives a renewal.
    static func server(
        minimumVersion: TLSMinimumVersion,
        authorities: TLSAuthorities?,
        credentials: @escaping @Sendable () -> TLSCredentials
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [],
            privateKey: .privateKey(credentials().key)
        )
        configuration.privateKey = nil
        apply(minimumVersion, to: &configuration)
        configuration.sslContextCallback = { _, promise in
            let current = credentials()
            var shown = NIOSSLContextConfigurationOverride()
            shown.certificateChain = current.chain
            shown.privateKey = .privateKey(current.key)
            promise.succeed(shown)
        }
        if let authorities {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(authorities.certificates)
            configuration.sendCANameList = true
        }
        return try NIOSSLContext(configuration: configuration)
    }

    static func client(
        minimumVersion: TLSMinimumVersion,
        authorities: TLSAuthorities,
        credentials: TLSCredentials?
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        apply(minimumVersion, to: &configuration)
        // The verifier looks at the name.
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .certificates(authorities.certificates)
        if let credentials {
            configuration.certificateChain = credentials.chain
            configuration.privateKey = .privateKey(credentials.key)
        }
        return try NIOSSLContext(configuration: configuration)
    }

    /// For an HTTP client, which looks at names itself.
    static func http(
        minimumVersion: TLSMinimumVersion,
        authorities: TLSAuthorities,
        credentials: TLSCredentials?
    ) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        apply(minimumVersion, to: &configuration)
        configuration.trustRoots = .certificates(authorities.certificates)
        if let credentials {
            configuration.certificateChain = credentials.chain
            configuration.privateKey = .privateKey(credentials.key)
        }
        return configuration
    }

    private static func apply(_ minimumVersion: TLSMinimumVersion, to configuration: inout TLSConfiguration) {
        configuration.minimumTLSVersion = minimumVersion == .tls13 ? .tlsv13 : .tlsv12
        configuration.cipherSuites = cipherSuites
        configuration.verifySignatureAlgorithms = signatureAlgorithms
        configuration.renegotiationSupport = .none
        configuration.shutdownTimeout = .seconds(2)
    }
}
