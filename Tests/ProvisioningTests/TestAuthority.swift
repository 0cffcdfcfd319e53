// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import SwiftASN1
import X509

/// A certification authority for tests, and what it signs.
struct TestAuthority {
    let name: DistinguishedName
    let key: P256.Signing.PrivateKey
    let certificate: Certificate

    var pem: String { (try? certificate.serializeAsPEM().pemString) ?? "" }

    init(
        _ name: String = "Root",
        signedBy issuer: TestAuthority? = nil,
        days: ClosedRange<Double> = -30...3650
    ) throws {
        self.name = try DistinguishedName { CommonName(name) }
        key = P256.Signing.PrivateKey()
        certificate = try Self.certificate(
            self.name,
            .init(key.publicKey),
            by: issuer?.key ?? key,
            issuer?.name ?? self.name,
            days,
            try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            }
        )
    }

    func issue(
        _ name: String = "DRX-0042",
        for publicKey: P256.Signing.PublicKey,
        days: ClosedRange<Double> = -1...365,
        usage: ExtendedKeyUsage.Usage = .clientAuth
    ) throws -> Certificate {
        try Self.certificate(
            try DistinguishedName { CommonName(name) },
            .init(publicKey),
            by: key,
            self.name,
            days,
            try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                try ExtendedKeyUsage([usage])
            }
        )
    }

    private static func certificate(
        _ subject: DistinguishedName,
        _ publicKey: Certificate.PublicKey,
        by issuerKey: P256.Signing.PrivateKey,
        _ issuer: DistinguishedName,
        _ days: ClosedRange<Double>,
        _ extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: publicKey,
            notValidBefore: Date().addingTimeInterval(days.lowerBound * 86_400),
            notValidAfter: Date().addingTimeInterval(days.upperBound * 86_400),
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: extensions,
            issuerPrivateKey: .init(issuerKey)
        )
    }
}

func pem(_ certificates: Certificate...) throws -> String {
    try certificates.map { try $0.serializeAsPEM().pemString + "\n" }.joined()
}
