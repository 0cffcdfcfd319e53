// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Linux
import NIOSSL
import SwiftASN1
import X509

/// What we show to peers, read from its files and checked.
struct TLSCredentials: Sendable {
    static let maximumFile = 1 << 20

    let chain: [NIOSSLCertificateSource]
    let key: NIOSSLPrivateKey
    let subject: String
    /// Seconds since 1970.
    let notValidAfter: Int64

    init(_ files: TLSCredentialFiles) throws(TLSFileError) {
        let certificates = try Self.certificates(files.certificate)
        let keyBytes = try Self.content(files.privateKey, "a private key")
        do { key = try NIOSSLPrivateKey(bytes: keyBytes, format: .pem) } catch {
            throw TLSFileError(
                path: files.privateKey,
                found: "no usable private key",
                expected: "a private key in PEM without a pass phrase"
            )
        }
        let leaf = certificates[0]
        guard let der = try? leaf.toDERBytes(), let certificate = try? Certificate(derEncoded: der) else {
            throw TLSFileError(
                path: files.certificate,
                found: "a certificate that cannot be read",
                expected: "X.509"
            )
        }
        subject = "\(certificate.subject)"
        notValidAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
        chain = certificates.map { .certificate($0) }
        // One that has expired is used all the same, and told of: a box with a wrong clock must come up.
        try checkPair(files)
    }

    /// BoringSSL compares the public keys when a context takes both.
    private func checkPair(_ files: TLSCredentialFiles) throws(TLSFileError) {
        do {
            let configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(key)
            )
            _ = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSFileError(
                path: files.privateKey,
                found: "another key than the certificate's",
                expected: "the key of \(files.certificate)"
            )
        }
    }

    /// At least one, the leaf first.
    static func certificates(_ path: String) throws(TLSFileError) -> [NIOSSLCertificate] {
        let bytes = try content(path, "certificates")
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw TLSFileError(path: path, found: "no certificate", expected: "certificates in PEM")
        }
        return certificates
    }

    private static func content(_ path: String, _ expected: String) throws(TLSFileError) -> [UInt8] {
        do throws(SystemCallError) { return try readFile(path, limit: maximumFile) } catch {
            throw TLSFileError(path: path, found: "\(error)", expected: "\(expected) in PEM")
        }
    }
}

/// The authorities of a PEM file: for the context's list of names, and for the verifier.
struct TLSAuthorities: Sendable {
    let certificates: [NIOSSLCertificate]
    let parsed: [Certificate]

    init(file path: String) throws(TLSFileError) {
        certificates = try TLSCredentials.certificates(path)
        do { parsed = try certificates.map { try Certificate(derEncoded: try $0.toDERBytes()) } } catch {
            throw TLSFileError(path: path, found: "a certificate that cannot be read", expected: "X.509")
        }
    }
}
