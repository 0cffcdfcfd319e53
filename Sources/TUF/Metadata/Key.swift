// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras

/// A public key of a role (TUF 4.2, KEY).
package struct Key: Sendable {
    private enum Scheme: Sendable {
        case ed25519(Curve25519.Signing.PublicKey)
        case ecdsaP256(P256.Signing.PublicKey)
        case rsaPSS(_RSA.Signing.PublicKey)
        /// Kept because a root may hold keys for others; no signature of it is valid.
        case unsupported
    }

    private let scheme: Scheme
    /// The same for two keys exactly if a signature by one is a signature by the other.
    let material: [UInt8]

    /// A key type, a scheme or a public value not known here makes a key that verifies nothing.
    init(_ fields: Fields) throws(FormatError) {
        let type = try fields.string("keytype")
        let schemeName = try fields.string("scheme")
        let value = try fields.fields("keyval")
        let text: String = if case .string(let text)? = value.members["public"] { text } else { "" }
        switch (type, schemeName) {
        case ("ed25519", "ed25519"):
            scheme = Self.ed25519(text)
        case ("ecdsa", "ecdsa-sha2-nistp256"), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"):
            scheme = (try? .ecdsaP256(P256.Signing.PublicKey(pemRepresentation: text))) ?? .unsupported
        case ("rsa", "rsassa-pss-sha256"):
            scheme = (try? .rsaPSS(_RSA.Signing.PublicKey(pemRepresentation: text))) ?? .unsupported
        default:
            scheme = .unsupported
        }
        material =
            switch scheme {
            case .ed25519(let key): [1] + key.rawRepresentation
            case .ecdsaP256(let key): [2] + key.x963Representation
            case .rsaPSS(let key): [3] + key.derRepresentation
            case .unsupported: [0] + text.utf8
            }
    }

    private static func ed25519(_ digits: String) -> Scheme {
        guard let bytes = HexDigits.bytes(of: digits) else { return .unsupported }
        return (try? .ed25519(Curve25519.Signing.PublicKey(rawRepresentation: bytes))) ?? .unsupported
    }

    func isValid(signature: [UInt8], of message: [UInt8]) -> Bool {
        switch scheme {
        case .ed25519(let key): return key.isValidSignature(signature, for: message)
        case .ecdsaP256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else {
                return false
            }
            return key.isValidSignature(signature, for: SHA256.hash(data: message))
        case .rsaPSS(let key):
            let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
            return key.isValidSignature(signature, for: SHA256.hash(data: message), padding: .PSS)
        case .unsupported: return false
        }
    }
}

extension Key: Equatable {
    package static func == (left: Key, right: Key) -> Bool { left.material == right.material }
}
