// SPDX-License-Identifier: Apache-2.0
import Crypto
import FoundationEssentials
import Linux
import XML

/// Which digests and signatures are made: what the samples of the national record have, or what is safe today.
package enum SignatureAlgorithm: Sendable {
    case sha1
    case sha256

    var signature: String {
        switch self {
        case .sha1: "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
        case .sha256: "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
        }
    }

    var digest: String {
        switch self {
        case .sha1: "http://www.w3.org/2000/09/xmldsig#sha1"
        case .sha256: "http://www.w3.org/2001/04/xmlenc#sha256"
        }
    }

    func digest(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .sha1: Array(Insecure.SHA1.hash(data: bytes))
        case .sha256: Array(SHA256.hash(data: bytes))
        }
    }
}

package enum Digest {
    /// SHA-1 in hexadecimal: the hash of XDS metadata (ITI TF-3 4.2.3.2.10).
    package static func xdsHash(_ bytes: [UInt8]) -> String {
        SignatureAlgorithm.sha1.digest(bytes).hexadecimal
    }

    static func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}

enum DSig {
    static let namespace = "http://www.w3.org/2000/09/xmldsig#"

    static func algorithm(_ element: String, _ name: String) -> XMLElement {
        .make(element, in: namespace, ["Algorithm": name])
    }

    /// A reference whose digest is to be filled in; `digest` where it is known.
    static func reference(
        _ attributes: KeyValuePairs<String, String>,
        transforms: [String] = [],
        _ algorithm: SignatureAlgorithm,
        digest: String = ""
    ) -> XMLElement {
        var children: [XMLElement] = []
        if !transforms.isEmpty {
            children.append(
                .make("Transforms", in: namespace, transforms.map { DSig.algorithm("Transform", $0) })
            )
        }
        children.append(DSig.algorithm("DigestMethod", algorithm.digest))
        children.append(.make("DigestValue", in: namespace, text: digest.isEmpty ? nil : digest))
        return .make("Reference", in: namespace, attributes, children)
    }

    static var keyInfo: XMLElement {
        .make("KeyInfo", in: namespace, [.make("X509Data", in: namespace)])
    }
}
