// SPDX-License-Identifier: Apache-2.0

extension XMLSignature {
    /// A signature that is right, and what it is over. Only what `references` cover is signed: read that, by its
    /// `content` or by its `path`, and nothing else of the document.
    package struct Verified: Equatable, Sendable {
        /// Its Id attribute; empty where it has none.
        package let id: String
        package let canonicalization: Canonicalization
        package let method: Method
        package let references: [Reference]
        /// All X509Certificates of KeyInfo in DER; the first is the one whose key signed. Their chain is not judged.
        package let certificates: [[UInt8]]

        /// The reference that covers the root element, and so the document, but for what its transforms take out.
        package var rootReference: Reference? { references.first(where: \.isRoot) }
    }

    /// A ds:Reference of SignedInfo, whose digest is right.
    package struct Reference: Equatable, Sendable {
        /// Empty where it has none.
        package let id: String
        /// Empty for the document, or `#` and an ID.
        package let uri: String
        /// Empty where it has none.
        package let type: String
        package let digest: DigestAlgorithm
        /// Algorithm identifiers, in their order. Each is a canonical form, or takes the signature out.
        package let transforms: [String]
        /// The covered element: the root where the URI is empty.
        package let element: XMLName
        /// The steps from the root to the covered element: at each, the index among the child elements.
        package let path: [Int]
        /// The bytes that were digested: the covered element in canonical form, without what the transforms take out.
        package let content: [UInt8]

        package var isRoot: Bool { path.isEmpty }
    }
}

extension XMLSignature.Verified {
    init(_ tape: borrowing Span<UInt8>) throws(XMLError) {
        var reader = TapeReader()
        id = try reader.string(tape)
        guard
            let canonicalization = Canonicalization(rawValue: try reader.string(tape)),
            let method = XMLSignature.Method(rawValue: try reader.string(tape))
        else { throw XMLError(.failed, "the shim's answer names an unknown algorithm") }
        self.canonicalization = canonicalization
        self.method = method
        var references: [XMLSignature.Reference] = []
        for _ in 0..<(try reader.number(tape)) {
            references.append(try XMLSignature.Reference(&reader, tape))
        }
        var certificates: [[UInt8]] = []
        for _ in 0..<(try reader.number(tape)) { certificates.append(try reader.bytes(tape)) }
        self.references = references
        self.certificates = certificates
    }
}

extension XMLSignature.Reference {
    fileprivate init(_ reader: inout TapeReader, _ tape: borrowing Span<UInt8>) throws(XMLError) {
        id = try reader.string(tape)
        uri = try reader.string(tape)
        type = try reader.string(tape)
        guard let digest = DigestAlgorithm(rawValue: try reader.string(tape)) else {
            throw XMLError(.failed, "the shim's answer names an unknown algorithm")
        }
        self.digest = digest
        var transforms: [String] = []
        for _ in 0..<(try reader.number(tape)) { transforms.append(try reader.string(tape)) }
        self.transforms = transforms
        let namespace = try reader.string(tape)
        element = XMLName(try reader.string(tape), in: namespace)
        var path: [Int] = []
        for _ in 0..<(try reader.number(tape)) { path.append(try reader.number(tape)) }
        self.path = path
        content = try reader.bytes(tape)
    }
}

extension XMLElement {
    /// The element at the end of a path: at each step the index among the child elements. Nil where there is none.
    package func element(at path: [Int]) -> XMLElement? {
        var element = self
        for index in path {
            let children = element.elements
            guard children.indices.contains(index) else { return nil }
            element = children[index]
        }
        return element
    }
}
