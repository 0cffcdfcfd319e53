// SPDX-License-Identifier: Apache-2.0
internal import CXML

/// Digests by the identifiers of XML Signature 1.1 (6.2) and XML Encryption 1.1 (5.8), in the order of the C shim.
package enum DigestAlgorithm: String, CaseIterable, Sendable {
    case sha1 = "http://www.w3.org/2000/09/xmldsig#sha1"
    case sha256 = "http://www.w3.org/2001/04/xmlenc#sha256"
    case sha384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
    case sha512 = "http://www.w3.org/2001/04/xmlenc#sha512"

    /// 20 to 64 bytes.
    package func digest(_ bytes: [UInt8]) throws(XMLError) -> [UInt8] {
        try unsafe Shim.call(
            bytes,
            { unsafe cxml_digest($0, $1, Int32(index), &$2) },
            { (digest) throws(XMLError) in Array(digest) }
        )
    }

    private var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
