// SPDX-License-Identifier: Apache-2.0
internal import CXML

/// A private key and its certificates. The key stays in OpenSSL's memory, which is overwritten when the last copy
/// of this value goes; the caller's bytes are the caller's to overwrite.
package struct SigningKey: Sendable {
    package let certificate: SigningCertificate
    /// In DER: the certificate of the key first, and the others in their order.
    package let chain: [[UInt8]]
    private let handle: Handle

    @safe
    private final class Handle: Sendable {
        /// Of the shim, which does not change what it points to.
        nonisolated(unsafe) let key: OpaquePointer

        init(_ key: OpaquePointer) { unsafe self.key = key }
        deinit { unsafe cxml_key_close(key) }
    }

    /// Takes RSA keys of 2048 to 8192 bits and keys on P-256, P-384 and P-521, not encrypted (PKCS #8, or PKCS #1 and
    /// SEC 1), and at most ten certificates, one of which is the key's.
    ///
    /// - Throws: `key`.
    package init(privateKeyPEM: [UInt8], certificateChainPEM: [UInt8]) throws(XMLError) {
        var pointer: OpaquePointer?
        defer { unsafe cxml_key_close(pointer) }
        let chain = try unsafe Shim.call(
            privateKeyPEM,
            { bytes, count, result in
                unsafe certificateChainPEM.withUnsafeBufferPointer { chain in
                    unsafe pointer = cxml_key_open(bytes, count, chain.baseAddress, chain.count, &result)
                }
            },
            { (tape) throws(XMLError) in
                var reader = TapeReader()
                var chain: [[UInt8]] = []
                while !reader.isAtEnd(tape) { chain.append(try reader.bytes(tape)) }
                return chain
            }
        )
        guard let key = unsafe pointer, let own = chain.first else {
            throw XMLError(.failed, "the shim gave no key")
        }
        self.chain = chain
        certificate = try SigningCertificate(der: own)
        handle = unsafe Handle(key)
        unsafe pointer = nil
    }

    func withKey<Answer>(_ body: (OpaquePointer) throws(XMLError) -> Answer) throws(XMLError) -> Answer {
        let handle = handle
        defer { withExtendedLifetime(handle) {} }
        return try unsafe body(handle.key)
    }
}

extension SigningKey {
    /// Of its certificate, as `SigningCertificate` says it.
    package var subject: String { certificate.subject }
    package var issuer: String { certificate.issuer }
    package var serialNumber: String { certificate.serialNumber }
    package var der: [UInt8] { certificate.der }

    /// Fills the one signature of a document, with the key's own certificate in KeyInfo: see `XMLSignature.sign`.
    package func sign(_ document: [UInt8]) throws(XMLError) -> [UInt8] {
        try XMLSignature.sign(document, key: self, includingChain: false)
    }
}

/// What signatures and assertions say of an X.509 certificate.
package struct SigningCertificate: Equatable, Sendable {
    package let der: [UInt8]
    /// The innermost name first: `CN=…, OU=…, O=…, ST=…, C=FR`.
    package let subject: String
    /// RFC 2253, as XML Signature 1.1 (4.5.4.1) wants it in X509IssuerName.
    package let issuer: String
    /// Decimal.
    package let serialNumber: String

    /// - Throws: `key` where this is no certificate.
    package init(der: [UInt8]) throws(XMLError) {
        self.der = der
        (subject, issuer, serialNumber) = try unsafe Shim.call(
            der,
            { unsafe cxml_describe_certificate($0, $1, &$2) },
            { (tape) throws(XMLError) in
                var reader = TapeReader()
                return (try reader.string(tape), try reader.string(tape), try reader.string(tape))
            }
        )
    }
}
