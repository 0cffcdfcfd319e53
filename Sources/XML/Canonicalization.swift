// SPDX-License-Identifier: Apache-2.0
internal import CXML

/// The canonical forms, by their algorithm identifiers.
package enum Canonicalization: String, CaseIterable, Sendable {
    /// Canonical XML 1.0.
    case inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    case inclusiveWithComments = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
    /// Canonical XML 1.1.
    case inclusive11 = "http://www.w3.org/2006/12/xml-c14n11"
    case inclusive11WithComments = "http://www.w3.org/2006/12/xml-c14n11#WithComments"
    /// Exclusive XML Canonicalization 1.0.
    case exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
    case exclusiveWithComments = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"

    /// The canonical form of a document, or of one element in it.
    ///
    /// - Parameters:
    ///   - document: in any encoding that `XMLElement(parsing:)` reads.
    ///   - id: the value of the element's attribute ID, Id or id; the whole document where it is nil.
    ///   - prefixes: of InclusiveNamespaces, for the exclusive forms (Exclusive XML Canonicalization 1.0, 4).
    ///   - limits: of the document.
    /// - Returns: bytes of UTF-8.
    /// - Throws: what parsing throws; `duplicateID` and `missingElement` where there is an `id`.
    package func canonicalize(
        _ document: [UInt8],
        id: String? = nil,
        prefixes: [String] = [],
        limits: XMLLimits = XMLLimits()
    ) throws(XMLError) -> [UInt8] {
        try limits.check(document.count)
        let list = prefixes.joined(separator: " ")
        return try unsafe Shim.call(
            try TextEncoding.utf8(document),
            limits: limits,
            {
                unsafe cxml_canonicalize(
                    $0,
                    $1,
                    limits.shim,
                    mode,
                    hasComments ? 1 : 0,
                    id ?? "",
                    list,
                    &$2
                )
            },
            { (form) throws(XMLError) in Array(form) }
        )
    }

    private var mode: Int32 {
        switch self {
        case .inclusive, .inclusiveWithComments: Int32(CXML_C14N)
        case .inclusive11, .inclusive11WithComments: Int32(CXML_C14N_11)
        case .exclusive, .exclusiveWithComments: Int32(CXML_C14N_EXCLUSIVE)
        }
    }

    private var hasComments: Bool {
        [.inclusiveWithComments, .inclusive11WithComments, .exclusiveWithComments].contains(self)
    }
}
