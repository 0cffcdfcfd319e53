// SPDX-License-Identifier: Apache-2.0
import Crypto
import FoundationEssentials

/// Ed25519 (RFC 8032) of a whole file, kept beside it.
package enum DetachedSignature {
    /// SubjectPublicKeyInfo of Ed25519 up to the key's 32 bytes (RFC 8410, 4).
    private static let prefix: [UInt8] = [
        0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00,
    ]

    /// The fingerprint of the key that signed. The signature is 64 bytes, or their base64; each public key is PEM, base64,
    /// or 32 bytes of it, and one of them must have signed.
    package static func verify(_ content: [UInt8], signature: [UInt8], publicKeys: [String])
        throws(ProvisioningError) -> String
    {
        let keys = try publicKeys.enumerated().map { (index, text) throws(ProvisioningError) in
            try key(text, index)
        }
        guard !keys.isEmpty else {
            throw ProvisioningError(
                .answerKey,
                at: "the keys",
                found: "none that is trusted",
                expected: "--verify-key, or provisioning.answerKeys in the box's document"
            )
        }
        let bytes = signature.count == 64 ? signature : base64(signature) ?? []
        guard bytes.count == 64 else {
            throw ProvisioningError(
                .answerSignature,
                at: "the signature",
                found: "\(signature.count) bytes",
                expected: "64 bytes, or base64 of them"
            )
        }
        for key in keys where key.isValidSignature(bytes, for: content) {
            return CertificateChain.fingerprint(Array(key.rawRepresentation))
        }
        throw ProvisioningError(
            .answerSignature,
            at: "the signature",
            found: "another key's, or of another content",
            expected:
                "one by \(keys.map { CertificateChain.fingerprint(Array($0.rawRepresentation)) }.joined(separator: " or "))"
        )
    }

    private static func key(_ text: String, _ index: Int) throws(ProvisioningError)
        -> Curve25519.Signing.PublicKey
    {
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }
        let bytes = base64(Array(lines.joined().utf8)) ?? []
        let raw = bytes.starts(with: prefix) ? Array(bytes.dropFirst(prefix.count)) : bytes
        guard raw.count == 32, let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw) else {
            throw ProvisioningError(
                .answerKey,
                at: "key \(index + 1)",
                found: "no Ed25519 key",
                expected: "PEM, or base64 of 32 bytes"
            )
        }
        return key
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8]? {
        let text = String(decoding: bytes.filter { !$0.isSpace }, as: UTF8.self)
        return Data(base64Encoded: text).map { Array($0) }
    }
}

extension UInt8 {
    fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
