// SPDX-License-Identifier: Apache-2.0
import Admin
import XML

/// What the signature in a list covers, once it is right. Whose it is, is not judged here.
struct WhiteListSignature {
    static let dsig = "http://www.w3.org/2000/09/xmldsig#"
    private static let enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
    private static let filter = "http://www.w3.org/2002/06/xmldsig-filter2"
    private static let algorithms = XMLSignature.Algorithms(
        methods: [.rsaSHA256],
        digests: [.sha256, .sha512]
    )
    /// Some hundred times the list of today.
    static let limits = XMLLimits(maximumBytes: 16 << 20, maximumDepth: 40, maximumElements: 200_000)

    /// ListeBlancheDRIM-M, from the bytes that were digested.
    let content: XMLElement
    let properties: SigningProperties
    let verified: XMLSignature.Verified

    init(_ document: [UInt8]) throws(WhiteListError) {
        let root = try Self.parse(document)
        try WhiteList.checkRoot(root.name)
        let place = try Self.place(in: root)
        try Self.checkIdentifiers(root)
        do throws(XMLError) {
            verified = try XMLSignature.verify(document, allowing: Self.algorithms, limits: Self.limits)
        } catch {
            throw WhiteListError(verifying: error)
        }
        guard verified.canonicalization == .exclusive else {
            throw .canonicalization(found: verified.canonicalization.rawValue)
        }
        content = try Self.content(verified)
        properties = try Self.properties(verified, in: root, signature: place)
    }

    private static func parse(_ bytes: [UInt8]) throws(WhiteListError) -> XMLElement {
        do throws(XMLError) { return try XMLElement(parsing: bytes, limits: limits) } catch {
            throw .document(error)
        }
    }

    /// The index of the signature among the elements in the root.
    private static func place(in root: XMLElement) throws(WhiteListError) -> Int {
        let name = XMLName("Signature", in: dsig)
        let count = root.descendants(name).count
        guard count > 0 else { throw .unsigned }
        guard count == 1 else { throw .signatureCount(found: count) }
        guard let index = root.elements.firstIndex(where: { $0.name == name }) else {
            let holder = root.elements.first { !$0.descendants(name).isEmpty }
            throw .signaturePlace(found: holder?.name.local ?? "another element")
        }
        return index
    }

    /// Refuses a document in which a reference could mean two elements.
    private static func checkIdentifiers(_ root: XMLElement) throws(WhiteListError) {
        var known: Set<String> = []
        var open = [root]
        while let element = open.popLast() {
            for attribute in element.attributes where ["ID", "Id", "id"].contains(attribute.name.local) {
                guard known.insert(attribute.value).inserted else {
                    throw .duplicateIdentifier(attribute.value)
                }
            }
            open += element.elements
        }
    }

    /// The list as it was digested: the one reference to the whole document.
    private static func content(_ verified: XMLSignature.Verified) throws(WhiteListError) -> XMLElement {
        let whole = verified.references.filter { $0.isRoot && $0.uri.isEmpty }
        guard whole.count == 1 else {
            let uris = verified.references.map { "\"\($0.uri.prefix(80))\"" }
            throw .references(found: uris.joined(separator: " "), expected: "\"\", the document, once")
        }
        guard whole[0].transforms.count == 2, [enveloped, filter].contains(whole[0].transforms[0]),
            whole[0].transforms[1] == Canonicalization.exclusive.rawValue
        else { throw .transforms(found: whole[0].transforms, of: "the document") }
        let content = try parse(whole[0].content)
        try WhiteList.checkRoot(content.name)
        return content
    }

    /// The one SignedProperties that is signed, at its place in this signature, and of this signature.
    private static func properties(
        _ verified: XMLSignature.Verified,
        in root: XMLElement,
        signature place: Int
    ) throws(WhiteListError) -> SigningProperties {
        let wanted = "one SignedProperties in the signature"
        let others = verified.references.filter { !($0.isRoot && $0.uri.isEmpty) }
        if let outside = others.first(where: { $0.path.first != place }) {
            throw .references(found: "\(outside.uri.prefix(80)) outside the signature", expected: wanted)
        }
        let signed = others.filter { $0.type == SigningProperties.type }
        guard signed.count == 1 else { throw .signedProperties(found: "\(signed.count)", expected: wanted) }
        let reference = signed[0]
        guard reference.element == XMLName("SignedProperties", in: SigningProperties.namespace),
            reference.path.count == 4, let holder = root.element(at: reference.path.dropLast()),
            holder.name == XMLName("QualifyingProperties", in: SigningProperties.namespace)
        else { throw .signedProperties(found: reference.element.local, expected: wanted) }
        guard !verified.id.isEmpty, holder["Target"] == "#" + verified.id else {
            throw .signedProperties(
                found: "Target \"\(holder["Target"]?.prefix(80) ?? "")\"",
                expected: "\"#\(verified.id.prefix(80))\""
            )
        }
        guard reference.transforms == [Canonicalization.exclusive.rawValue] else {
            throw .transforms(found: reference.transforms, of: "SignedProperties")
        }
        return try SigningProperties(try parse(reference.content))
    }
}

extension WhiteListError {
    fileprivate init(verifying error: XMLError) {
        switch error.kind {
        case .algorithm: self = .algorithm(error)
        case .digestDiffers: self = .altered(reference: error.words.prefix { $0 != ":" }.description)
        case .signatureDiffers: self = .signatureValue
        case .key: self = .key(error)
        case .notWellFormed, .encoding, .documentType, .limit, .failed: self = .document(error)
        case .duplicateID, .missingElement, .signatureCount, .signatureForm: self = .signatureForm(error)
        }
    }
}
