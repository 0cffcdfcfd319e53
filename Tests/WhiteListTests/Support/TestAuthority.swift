// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras
import Foundation
import SwiftASN1
import X509
import XML

/// Who vouches for a signer: root, intermediate, and what they issue. Keys are made once for all tests.
struct TestAuthority: Sendable {
    static let shared = Result { try TestAuthority() }
    /// When everything is valid: a day in 2026.
    static let now = Date(timeIntervalSince1970: 1_780_000_000)

    let root: Certificate
    let intermediate: Certificate
    let signer: Issued
    /// Of the same name, by an authority of the same name with another key.
    let impostor: Issued
    let impostorRoot: Certificate
    private let keys: [_RSA.Signing.PrivateKey]

    struct Issued: Sendable {
        let certificate: Certificate
        let key: _RSA.Signing.PrivateKey

        func signingKey(with chain: [Certificate] = []) throws -> SigningKey {
            let pem = try ([certificate] + chain).map { try $0.serializeAsPEM().pemString }.joined(
                separator: "\n"
            )
            return try SigningKey(
                privateKeyPEM: Array(key.pemRepresentation.utf8),
                certificateChainPEM: Array(pem.utf8)
            )
        }
    }

    private init() throws {
        keys = try (0..<4).map { _ in try _RSA.Signing.PrivateKey(keySize: .bits2048) }
        let rootName = try DistinguishedName {
            CountryName("FR")
            CommonName("Test Root")
        }
        let name = try DistinguishedName {
            CountryName("FR")
            CommonName("Test Authority")
        }
        let years = -1000.0...3000.0
        root = try Self.certificate(rootName, keys[0], by: keys[0], rootName, years, Self.authority)
        intermediate = try Self.certificate(name, keys[1], by: keys[0], rootName, years, Self.authority)
        signer = Issued(
            certificate: try Self.certificate(
                Self.agency(),
                keys[2],
                by: keys[1],
                name,
                -10...365,
                Self.leaf()
            ),
            key: keys[2]
        )
        impostorRoot = try Self.certificate(name, keys[3], by: keys[3], name, years, Self.authority)
        impostor = Issued(
            certificate: try Self.certificate(
                Self.agency(),
                keys[3],
                by: keys[3],
                name,
                -10...365,
                Self.leaf()
            ),
            key: keys[3]
        )
    }

    static func agency(
        _ commonName: String = "Liste Blanche DRIM-M",
        unit: String = "318751275100020"
    ) throws -> DistinguishedName {
        try DistinguishedName {
            CountryName("FR")
            StateOrProvinceName("Paris (75)")
            OrganizationName("AGENCE DU NUMERIQUE EN SANTE")
            OrganizationalUnitName(unit)
            CommonName(commonName)
        }
    }

    /// A certificate for the signer's key by the intermediate authority.
    func issue(
        _ subject: DistinguishedName? = nil,
        days: ClosedRange<Double> = -10...365,
        extensions: Certificate.Extensions? = nil
    ) throws -> Issued {
        let certificate = try Self.certificate(
            try subject ?? Self.agency(),
            keys[2],
            by: keys[1],
            intermediate.subject,
            days,
            try extensions ?? Self.leaf()
        )
        return Issued(certificate: certificate, key: keys[2])
    }

    static func leaf(_ usage: KeyUsage? = KeyUsage(digitalSignature: true, nonRepudiation: true)) throws
        -> Certificate.Extensions
    {
        try Certificate.Extensions {
            Critical(BasicConstraints.notCertificateAuthority)
            if let usage { Critical(usage) }
        }
    }

    static var authority: Certificate.Extensions {
        get throws {
            try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            }
        }
    }

    private static func certificate(
        _ subject: DistinguishedName,
        _ key: _RSA.Signing.PrivateKey,
        by issuerKey: _RSA.Signing.PrivateKey,
        _ issuer: DistinguishedName,
        _ days: ClosedRange<Double>,
        _ extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: .init(key.publicKey),
            notValidBefore: now.addingTimeInterval(days.lowerBound * 86_400),
            notValidAfter: now.addingTimeInterval(days.upperBound * 86_400),
            issuer: issuer,
            subject: subject,
            signatureAlgorithm: .sha256WithRSAEncryption,
            extensions: extensions,
            issuerPrivateKey: .init(issuerKey)
        )
    }
}

extension Certificate {
    var pem: String { get throws { try serializeAsPEM().pemString } }

    var bytes: [UInt8] {
        get throws {
            var serializer = DER.Serializer()
            try serializer.serialize(self)
            return serializer.serializedBytes
        }
    }
}
