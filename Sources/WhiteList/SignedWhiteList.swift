// SPDX-License-Identifier: Apache-2.0
package import Admin
package import XML

/// A list that was verified, and what vouches for it.
package struct SignedWhiteList: Equatable, Sendable {
    package let list: WhiteList
    /// By the signer's own word.
    package let signingTime: Timestamp
    /// Subject of the certificate.
    package let signer: String
    /// Subjects above it, up to the authority that is trusted.
    package let issuers: [String]
    /// Until when all certificates are valid that it rests upon.
    package let validUntil: Timestamp
    /// Whether every certificate below that authority was found not to be revoked.
    package let isRevocationChecked: Bool
    /// Algorithms, transforms and what they cover.
    package let signature: XMLSignature.Verified

    /// The identifier of the signature's algorithm.
    package var method: String { signature.method.rawValue }
    /// The identifiers of what was done to the document before it was digested.
    package var transforms: [String] { signature.rootReference?.transforms ?? [] }
}
