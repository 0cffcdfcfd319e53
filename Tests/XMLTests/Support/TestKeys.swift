// SPDX-License-Identifier: Apache-2.0
import Foundation

@testable import XML

/// Keys and certificates that the openssl command makes, once for all tests.
struct TestKeys: Sendable {
    struct Pair: Sendable {
        let privateKey: [UInt8]
        /// In PEM.
        let certificate: [UInt8]
    }

    let authority: Pair
    /// RSA of 2048 bits, signed by the authority.
    let rsa: Pair
    /// P-256, signed by the authority.
    let ec: Pair
    /// RSA of 2048 bits, signed by itself, with the subject of `rsa`.
    let stranger: Pair
    let weak: Pair
    let ed25519: Pair
    let encryptedKey: [UInt8]

    static let shared: TestKeys? = try? TestKeys()

    static let subject =
        "/C=FR/ST=Ille-et-Vilaine (35)/O=Hôpital de Test, Rennes/OU=318751275100020/CN=drimbox.example"

    private init() throws {
        guard let openssl = Tool.openssl else { throw CocoaError(.fileNoSuchFile) }
        let scratch = try Scratch()
        func run(_ arguments: String...) throws {
            let answer = try Tool.run(openssl, arguments, errors: true)
            guard answer.status == 0 else { throw CocoaError(.featureUnsupported) }
        }
        func pair(_ name: String) throws -> Pair {
            Pair(privateKey: try scratch.read("\(name).key"), certificate: try scratch.read("\(name).pem"))
        }
        func request(_ name: String, _ subject: String, _ kind: [String], issuer: String?) throws {
            let key = scratch.path("\(name).key")
            let certificate = scratch.path("\(name).pem")
            let signer =
                issuer.map { ["-CA", scratch.path("\($0).pem"), "-CAkey", scratch.path("\($0).key")] } ?? []
            let answer = try Tool.run(
                openssl,
                [
                    "req", "-x509", "-utf8", "-nodes", "-days", "3650", "-subj", subject, "-out", certificate,
                    "-keyout", key,
                ]
                    + kind + signer,
                errors: true
            )
            guard answer.status == 0 else { throw CocoaError(.featureUnsupported) }
        }
        let rsa = ["-newkey", "rsa:2048"]
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        let noAuthority = [
            "-addext", "basicConstraints=critical,CA:FALSE", "-set_serial", "0x1234567890ABCDEF12",
        ]
        try request("authority", "/C=FR/O=Test/CN=Authority", rsa, issuer: nil)
        try request("rsa", Self.subject, rsa + noAuthority, issuer: "authority")
        try request("ec", Self.subject, ec + noAuthority, issuer: "authority")
        try request("stranger", Self.subject, rsa, issuer: nil)
        try request("weak", "/CN=weak", ["-newkey", "rsa:1024"], issuer: nil)
        try request("ed25519", "/CN=ed25519", ["-newkey", "ed25519"], issuer: nil)
        try run(
            "pkey",
            "-in",
            scratch.path("rsa.key"),
            "-aes128",
            "-passout",
            "pass:secret",
            "-out",
            scratch.path("encrypted.key")
        )
        authority = try pair("authority")
        self.rsa = try pair("rsa")
        self.ec = try pair("ec")
        stranger = try pair("stranger")
        weak = try pair("weak")
        ed25519 = try pair("ed25519")
        encryptedKey = try scratch.read("encrypted.key")
    }

    func signingKey(_ pair: Pair) throws -> SigningKey {
        try SigningKey(
            privateKeyPEM: pair.privateKey,
            certificateChainPEM: pair.certificate + authority.certificate
        )
    }
}
