// SPDX-License-Identifier: Apache-2.0
internal import CXML

/// XML Signature 1.1 over elements of one document, with X.509 certificates.
///
/// References go to the document itself (`URI=""`) or to an element in it (`URI="#id"`, an attribute called ID, Id or
/// id in any namespace), which no other element may have. Transforms are `enveloped-signature`, the canonical
/// forms of `Canonicalization`, and XPath Filter 2.0 where it subtracts `/descendant::ds:Signature` and nothing else
/// and there is one signature in the document. References in a ds:Manifest are neither made nor looked at.
package enum XMLSignature {
    /// Signature methods by their identifiers (XML Signature 1.1, 6.4), in the order of the C shim.
    package enum Method: String, CaseIterable, Sendable {
        case rsaSHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
        case rsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        case rsaSHA384 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
        case rsaSHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
        case ecdsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
        case ecdsaSHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
        case ecdsaSHA512 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"
    }

    /// What a verifier accepts.
    package struct Algorithms: Equatable, Sendable {
        package var methods: Set<Method>
        package var digests: Set<DigestAlgorithm>

        package init(methods: Set<Method>, digests: Set<DigestAlgorithm>) {
            self.methods = methods
            self.digests = digests
        }

        /// All but SHA-1.
        package static let current = Algorithms(
            methods: Set(Method.allCases).subtracting([.rsaSHA1]),
            digests: Set(DigestAlgorithm.allCases).subtracting([.sha1])
        )
        /// SHA-1 as well, which VIHF assertions and submission set signatures still have.
        package static let withSHA1 = Algorithms(
            methods: Set(Method.allCases),
            digests: Set(DigestAlgorithm.allCases)
        )

        fileprivate var shim: cxml_algorithms {
            cxml_algorithms(
                signatures: Method.allCases.enumerated().reduce(0) {
                    $0 | (methods.contains($1.element) ? 1 << UInt32($1.offset) : 0)
                },
                digests: DigestAlgorithm.allCases.enumerated().reduce(0) {
                    $0 | (digests.contains($1.element) ? 1 << UInt32($1.offset) : 0)
                }
            )
        }
    }

    /// Signs a document that has a template: a ds:Signature that names its algorithms, with empty DigestValue and
    /// SignatureValue, which are filled. An X509Data in its KeyInfo without elements, or with an empty
    /// X509Certificate, gets the certificates of the key.
    ///
    /// - Parameters:
    ///   - document: in any encoding that `XMLElement(parsing:)` reads.
    ///   - key: of the kind that the SignatureMethod wants.
    ///   - id: of the ds:Signature; nil for the only one in the document.
    ///   - includingChain: whether KeyInfo gets all certificates, or the key's own only.
    ///   - limits: of the document.
    /// - Returns: the document in UTF-8, as it was but for that.
    /// - Throws: what parsing throws; `signatureCount`, `signatureForm`, `algorithm`, `duplicateID`; `key` where the
    ///   method wants another kind of key.
    package static func sign(
        _ document: [UInt8],
        key: SigningKey,
        signature id: String? = nil,
        includingChain: Bool = true,
        limits: XMLLimits = XMLLimits()
    ) throws(XMLError) -> [UInt8] {
        try limits.check(document.count)
        let text = try TextEncoding.utf8(document)
        return try unsafe key.withKey { (key) throws(XMLError) in
            try unsafe Shim.call(
                text,
                limits: limits,
                { unsafe cxml_sign($0, $1, limits.shim, id ?? "", key, includingChain ? 1 : 0, &$2) },
                { (signed) throws(XMLError) in Array(signed) }
            )
        }
    }

    /// Verifies a signature with the key of a certificate in its KeyInfo: the first that no other there names as its
    /// issuer, or the first of all. Whether that certificate is to be trusted, and whether what is signed is what the
    /// caller reads, is the caller's to judge by the answer.
    ///
    /// - Parameters:
    ///   - document: in any encoding that `XMLElement(parsing:)` reads.
    ///   - id: of the ds:Signature; nil for the only one in the document.
    ///   - algorithms: the signature and digest methods that are accepted.
    ///   - limits: of the document. What all references cover is held in memory: their count times the document's
    ///     bytes is at most 256 MiB.
    /// - Returns: what the signature says and covers.
    /// - Throws: what parsing throws; `signatureCount`, `signatureForm`, `algorithm`, `duplicateID`, `key`;
    ///   `digestDiffers` and `signatureDiffers` where the document or the signature was changed.
    package static func verify(
        _ document: [UInt8],
        signature id: String? = nil,
        allowing algorithms: Algorithms = .current,
        limits: XMLLimits = XMLLimits()
    ) throws(XMLError) -> Verified {
        try limits.check(document.count)
        return try unsafe Shim.call(
            try TextEncoding.utf8(document),
            limits: limits,
            { unsafe cxml_verify($0, $1, limits.shim, id ?? "", algorithms.shim, &$2) },
            { (tape) throws(XMLError) in try Verified(tape) }
        )
    }
}
