// SPDX-License-Identifier: Apache-2.0
import CXML

/// A private key and its certificate, as PEM.
package struct SigningKey: Sendable {
    private let privateKey: [UInt8]
    /// Leaf first.
    private let certificates: [UInt8]
    /// "CN=…, OU=…, O=…, ST=…, C=FR"
    package let subject: String
    /// RFC 2253
    package let issuer: String
    /// Decimal
    package let serialNumber: String
    package let der: [UInt8]

    /// - Throws: kind `key`: no certificate, no private key without a pass phrase, or two that do not belong together.
    package init(privateKeyPEM: [UInt8], certificateChainPEM: [UInt8]) throws(XMLError) {
        privateKey = privateKeyPEM
        certificates = certificateChainPEM
        subject = String(decoding: try Self.part(CXML_SUBJECT, of: certificateChainPEM), as: UTF8.self)
        issuer = String(decoding: try Self.part(CXML_ISSUER, of: certificateChainPEM), as: UTF8.self)
        serialNumber = String(decoding: try Self.part(CXML_SERIAL, of: certificateChainPEM), as: UTF8.self)
        der = try Self.part(CXML_DER, of: certificateChainPEM)
        _ = unsafe try callShim { result in
            unsafe privateKeyPEM.withUnsafeBufferPointer { key in
                unsafe certificateChainPEM.withUnsafeBufferPointer { certificates in
                    unsafe cxml_check_key(
                        key.baseAddress,
                        key.count,
                        certificates.baseAddress,
                        certificates.count,
                        &result
                    )
                }
            }
        }
    }

    private static func part(_ part: Int, of pem: [UInt8]) throws(XMLError) -> [UInt8] {
        unsafe try callShim { result in
            unsafe pem.withUnsafeBufferPointer { pem in
                unsafe cxml_certificate(pem.baseAddress, pem.count, Int32(part), &result)
            }
        }
    }

    /// Fills the one `ds:Signature` of a document, which names its algorithms and what it refers to (XML Signature 1.1).
    ///
    /// References within the document get their digests; what a `ds:Manifest` refers to is left as it is. An empty
    /// `ds:X509Data` gets the certificate. Refers to elements by their attribute ID, Id or id.
    package func sign(_ document: [UInt8]) throws(XMLError) -> [UInt8] {
        unsafe try callShim { result in
            unsafe document.withUnsafeBufferPointer { document in
                unsafe privateKey.withUnsafeBufferPointer { key in
                    unsafe certificates.withUnsafeBufferPointer { certificates in
                        unsafe cxml_sign(
                            document.baseAddress,
                            document.count,
                            key.baseAddress,
                            key.count,
                            certificates.baseAddress,
                            certificates.count,
                            &result
                        )
                    }
                }
            }
        }
    }
}
