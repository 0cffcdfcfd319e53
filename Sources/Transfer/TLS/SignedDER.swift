// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import X509

/// SIGNED (RFC 5280 4.1.1): what is signed, with what algorithm, and the signature.
struct SignedDER {
    let content: ArraySlice<UInt8>
    private let algorithm: ArraySlice<UInt8>
    private let signature: ArraySlice<UInt8>

    /// Reads the three elements; more may follow (OCSP).
    init(_ reader: inout DERReader) throws(DERReader.Malformed) {
        content = try reader.next(DERReader.Tag.sequence, "what is signed").whole
        var identifier = try reader.next(DERReader.Tag.sequence, "a signature algorithm").reader
        algorithm = try identifier.next(DERReader.Tag.objectIdentifier, "an algorithm's OID").content
        signature = try reader.next(DERReader.Tag.bitString, "a signature").bits()
    }

    /// False also for algorithms that are not accepted: SHA-1, RSASSA-PSS.
    func isSigned(by key: Certificate.PublicKey) -> Bool {
        guard let algorithm = Self.algorithms[Array(algorithm)] else { return false }
        return key.isValidSignature(signature, for: content, signatureAlgorithm: algorithm)
    }

    /// By the OID's content octets (RFC 8017 C, RFC 5758 3.2, RFC 8410 3).
    private static let algorithms: [[UInt8]: Certificate.SignatureAlgorithm] = [
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B]: .sha256WithRSAEncryption,
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C]: .sha384WithRSAEncryption,
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D]: .sha512WithRSAEncryption,
        [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02]: .ecdsaWithSHA256,
        [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03]: .ecdsaWithSHA384,
        [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04]: .ecdsaWithSHA512,
        [0x2B, 0x65, 0x70]: .ed25519,
    ]
}
