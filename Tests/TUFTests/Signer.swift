// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras

@testable import TUF

/// A private key of a test repository.
struct Signer {
    enum Kind: CaseIterable { case ed25519, ecdsa, rsa }

    let keyid: String
    let key: JSON
    let sign: ([UInt8]) throws -> [UInt8]

    init(_ keyid: String, _ kind: Kind = .ed25519) throws {
        self.keyid = keyid
        switch kind {
        case .ed25519:
            let key = Curve25519.Signing.PrivateKey()
            let digits = HexDigits.text(of: key.publicKey.rawRepresentation)
            self.key = ["keytype": "ed25519", "scheme": "ed25519", "keyval": ["public": .string(digits)]]
            sign = { Array(try key.signature(for: $0)) }
        case .ecdsa:
            let key = P256.Signing.PrivateKey()
            self.key = [
                "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256",
                "keyval": ["public": .string(key.publicKey.pemRepresentation)],
            ]
            sign = { Array(try key.signature(for: SHA256.hash(data: $0)).derRepresentation) }
        case .rsa:
            let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            self.key = [
                "keytype": "rsa", "scheme": "rsassa-pss-sha256",
                "keyval": ["public": .string(key.publicKey.pemRepresentation)],
            ]
            sign = { Array(try key.signature(for: SHA256.hash(data: $0), padding: .PSS).rawRepresentation) }
        }
    }

    private init(_ keyid: String, like other: Signer) {
        self.keyid = keyid
        key = other.key
        sign = other.sign
    }

    /// The same key under another keyid.
    func renamed(_ keyid: String) -> Signer { Signer(keyid, like: self) }
}
