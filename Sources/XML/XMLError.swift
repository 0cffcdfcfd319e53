// SPDX-License-Identifier: Apache-2.0
internal import CXML

/// Why a document, a signature or a key is refused. Nothing of the document's content is in it.
package struct XMLError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        case notWellFormed
        /// Bytes that are not of the declared encoding, or an encoding that is not read.
        case encoding
        /// There is a document type declaration.
        case documentType
        case limit
        /// Two elements have the wanted ID.
        case duplicateID
        /// No element has the wanted ID.
        case missingElement
        /// No signature, or more than one where one is wanted.
        case signatureCount
        /// A signature that is built as none here may be.
        case signatureForm
        /// An algorithm that is not allowed.
        case algorithm
        /// What a reference covers is not what was signed.
        case digestDiffers
        /// SignedInfo is not what was signed, or not with this key.
        case signatureDiffers
        /// A private key or a certificate that cannot be read or used.
        case key
        /// Memory ran out, or a library refused what it should not.
        case failed
    }

    package let kind: Kind
    /// From 1; nil where unknown.
    package let line: Int?
    /// In bytes of UTF-8 from 1; nil where unknown.
    package let column: Int?
    package let words: String

    package init(_ kind: Kind, line: Int? = nil, column: Int? = nil, _ words: String) {
        self.kind = kind
        self.line = line
        self.column = column
        self.words = words
    }

    package var description: String {
        switch (line, column) {
        case (let line?, let column?): "XML, line \(line), column \(column): \(words)"
        case (let line?, nil): "XML, line \(line): \(words)"
        default: "XML: \(words)"
        }
    }
}

// MARK: - From the shim

extension XMLError {
    init(_ failure: cxml_failure, limits: XMLLimits) {
        let kind: Kind
        let words: String
        switch Int(failure.kind) {
        case CXML_NOT_WELL_FORMED:
            (kind, words) = (.notWellFormed, Self.wellFormedness(failure.detail))
        case CXML_ENCODING:
            (kind, words) = (.encoding, "found bytes that are not UTF-8")
        case CXML_DOCUMENT_TYPE:
            (kind, words) = (.documentType, "found a document type declaration, expected none")
        case CXML_LIMIT:
            (kind, words) = (.limit, Self.limit(failure.detail, limits))
        case CXML_DUPLICATE_ID:
            (kind, words) = (.duplicateID, "found two elements with the wanted ID")
        case CXML_NO_ELEMENT:
            (kind, words) = (.missingElement, "found no element with the wanted ID")
        case CXML_SIGNATURE_COUNT:
            (kind, words) = (.signatureCount, Self.signatureCount(failure.detail))
        case CXML_SIGNATURE_FORM:
            (kind, words) = (.signatureForm, Self.form(failure.detail))
        case CXML_ALGORITHM:
            (kind, words) = (.algorithm, Self.algorithm(failure.detail))
        case CXML_DIGEST_DIFFERS:
            let place = "reference \(failure.detail)"
            (kind, words) = (.digestDiffers, "\(place): found another digest than the signed one")
        case CXML_SIGNATURE_DIFFERS:
            (kind, words) = (
                .signatureDiffers, "found a SignatureValue that is not of SignedInfo and this key"
            )
        case CXML_KEY:
            (kind, words) = (.key, Self.key(failure.detail))
        default:
            (kind, words) = (.failed, "a library failed")
        }
        self.init(
            kind,
            line: failure.line > 0 ? Int(failure.line) : nil,
            column: failure.line > 0 && failure.column > 0 ? Int(failure.column) : nil,
            words
        )
    }

    private static func limit(_ detail: Int32, _ limits: XMLLimits) -> String {
        switch Int(detail) {
        case CXML_LIMIT_DEPTH:
            "found elements deeper than \(min(limits.maximumDepth, Int(CXML_MAXIMUM_DEPTH)))"
        case CXML_LIMIT_ELEMENTS: "found more than \(limits.maximumElements) elements"
        case CXML_LIMIT_ATTRIBUTES:
            "found an element with more than \(limits.maximumAttributeCount) attributes"
        case CXML_LIMIT_WORK: "found too many attributes and namespace declarations for a canonical form"
        default: "found more than \(CXML_MAXIMUM_NAMESPACES) namespace declarations in scope"
        }
    }

    private static func signatureCount(_ detail: Int32) -> String {
        detail > 1 ? "found \(detail) signatures, expected one" : "found no such signature"
    }

    private static func form(_ detail: Int32) -> String {
        switch Int(detail) {
        case CXML_FORM_ELEMENT: "signature: found an element that is missing or may not be there"
        case CXML_FORM_URI: "signature: found a reference, expected one to this document or an ID in it"
        case CXML_FORM_TARGET: "signature: found no element with the ID of a reference"
        case CXML_FORM_TRANSFORM:
            "signature: found a transform, or a parameter of one, that is not allowed"
        case CXML_FORM_FILTER: "signature: found an XPath filter that is not allowed"
        case CXML_FORM_COUNT:
            "signature: found too many references, transforms or certificates, or too much covered"
        default: "signature: refused by xmlsec"
        }
    }

    private static func algorithm(_ detail: Int32) -> String {
        switch Int(detail) {
        case CXML_ALGORITHM_CANONICALIZATION: "found a CanonicalizationMethod that is not allowed"
        case CXML_ALGORITHM_SIGNATURE: "found a SignatureMethod that is not allowed"
        default: "found a DigestMethod that is not allowed"
        }
    }

    private static func key(_ detail: Int32) -> String {
        switch Int(detail) {
        case CXML_KEY_PRIVATE: "found no private key in PEM, or an encrypted one"
        case CXML_KEY_CERTIFICATES: "found no certificates in PEM, or more than \(CXML_MAXIMUM_CERTIFICATES)"
        case CXML_KEY_PAIR: "found the private key of another certificate"
        case CXML_KEY_KIND: "found a key other than RSA of 2048 to 8192 bits, P-256, P-384 or P-521"
        case CXML_KEY_METHOD: "found a SignatureMethod for another kind of key"
        case CXML_KEY_ABSENT: "found no X509Certificate in KeyInfo"
        default: "found a certificate that cannot be read"
        }
    }

    /// By the codes of xmlParserErrors: libxml2's own words repeat what is in the document.
    private static func wellFormedness(_ code: Int32) -> String {
        switch code {
        case 4: "found no document"
        case 5: "found content behind the root element"
        case 6, 7, 8: "found a character reference that is not one"
        case 9: "found a character that XML does not have"
        case 22, 23, 24: "found an entity reference that does not end"
        case 26, 27: "found an entity other than the five predefined ones"
        case 38: "found < in an attribute's value"
        case 39: "found an attribute without quotes"
        case 40: "found an attribute's value that does not end"
        case 41: "found an attribute without a value"
        case 42: "found an attribute twice in one element"
        case 45, 80: "found a comment that is wrong or does not end"
        case 46, 47, 64: "found a processing instruction that is wrong or does not end"
        case 56, 57, 96: "found an XML declaration that is wrong"
        case 62: "found ]]> in text"
        case 63: "found a CDATA section that does not end"
        case 65: "found no space between attributes"
        case 68: "found no name where one is due"
        case 73, 74, 77: "found an element that does not end"
        case 76: "found an end tag that does not match its start tag"
        case 200: "found a namespace declaration that is wrong"
        case 201: "found a prefix that is not declared"
        case 202: "found a name that is not a qualified name"
        case 203: "found an attribute twice in one element"
        case 204, 205: "found a name with a colon where none may be"
        default: "not well-formed, libxml2 code \(code)"
        }
    }
}
