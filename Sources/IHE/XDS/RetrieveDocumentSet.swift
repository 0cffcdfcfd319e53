// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
package import XML

/// Retrieve Document Set (ITI-43, ITI TF-2 3.43; TD3.2), of one document.
package struct RetrieveDocumentSet: Equatable, Sendable {
    package static let action = "urn:ihe:iti:2007:RetrieveDocumentSet"

    package var repositoryUniqueID: String
    package var documentUniqueID: String
    /// urn:oid:…
    package var homeCommunityID: String?

    package init(repositoryUniqueID: String, documentUniqueID: String, homeCommunityID: String? = nil) {
        self.repositoryUniqueID = repositoryUniqueID
        self.documentUniqueID = documentUniqueID
        self.homeCommunityID = homeCommunityID
    }

    package var body: XMLElement {
        func element(_ name: String, _ text: String) -> XMLElement {
            .make(name, in: EbRIM.xds, text: text)
        }
        let home = homeCommunityID.map { [element("HomeCommunityId", $0)] } ?? []
        let request = XMLElement.make(
            "DocumentRequest",
            in: EbRIM.xds,
            home + [
                element("RepositoryUniqueId", repositoryUniqueID),
                element("DocumentUniqueId", documentUniqueID),
            ]
        )
        return .make("RetrieveDocumentSetRequest", in: EbRIM.xds, [request])
    }

    // MARK: The answer

    package struct Document: Equatable, Sendable {
        package var mimeType: String
        package var bytes: [UInt8]

        package init(mimeType: String, bytes: [UInt8]) {
            self.mimeType = mimeType
            self.bytes = bytes
        }
    }

    /// The document of a RetrieveDocumentSetResponse, included from one of the parts (XOP) or in base64.
    ///
    /// - Throws: what the repository says, and where the answer is not of this document alone.
    package func document(
        in body: XMLElement,
        parts: [MTOM.Part]
    ) throws(RetrieveError) -> Document {
        guard body.name == XMLName("RetrieveDocumentSetResponse", in: EbRIM.xds),
            let response = body.first("RegistryResponse", in: EbRIM.rs)
        else { throw .notAnAnswer }
        do {
            try Envelope.check(response)
        } catch {
            throw .refused(error)
        }
        let documents = body.elements("DocumentResponse")
        guard documents.count == 1, let document = documents.first else {
            throw .documentCount(documents.count)
        }
        guard document.first("DocumentUniqueId")?.text.trimmed == documentUniqueID else {
            throw .otherDocument
        }
        guard let content = document.first("Document") else { throw .noContent }
        return Document(
            mimeType: document.first("mimeType")?.text.trimmed ?? "",
            bytes: try Self.bytes(of: content, parts)
        )
    }

    private static func bytes(
        of content: XMLElement,
        _ parts: [MTOM.Part]
    ) throws(RetrieveError) -> [UInt8] {
        let includes = content.elements("Include", in: "http://www.w3.org/2004/08/xop/include")
        guard let include = includes.first else {
            let text = content.text.utf8.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            guard !text.isEmpty else { throw .noContent }
            guard let data = Data(base64Encoded: Data(text)) else { throw .notBase64 }
            return Array(data)
        }
        guard includes.count == 1, let reference = include["href"], reference.lowercased().hasPrefix("cid:")
        else { throw .missingPart }
        // RFC 2392 escapes what stands in a Content-ID; some stacks write the same escapes in both.
        let plain = String(reference.dropFirst("cid:".count))
        for id in [plain, unescaped(plain)].map(withoutBrackets) where !id.isEmpty {
            let found = parts.filter { withoutBrackets($0.id) == id }
            guard found.count <= 1 else { throw .missingPart }
            if let part = found.first { return part.bytes }
        }
        throw .missingPart
    }

    /// What is no escape stays as it is.
    private static func unescaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == UInt8(ascii: "%"), digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
                let value = UInt8(digits, radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func withoutBrackets(_ id: String) -> String {
        let id = id.trimmed
        return id.hasPrefix("<") && id.hasSuffix(">") ? String(id.dropFirst().dropLast()) : id
    }
}

/// Why an answer gives no document.
package enum RetrieveError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another element, or one that does not say how it went.
    case notAnAnswer
    case refused(RegistryFailure)
    /// Other than one.
    case documentCount(Int)
    /// The one that is answered is not the one that was asked for.
    case otherDocument
    case noContent
    case notBase64
    /// The document is included from a part that is not there, or from two.
    case missingPart

    package var description: String {
        switch self {
        case .notAnAnswer: "found no RetrieveDocumentSetResponse with a status"
        case .refused(let failure): failure.description
        case .documentCount(let count): "found \(count) documents, expected one"
        case .otherDocument: "found another document than the one asked for"
        case .noContent: "found a document without content"
        case .notBase64: "found a document that is no base64"
        case .missingPart: "found no part, or no single one, that the document is included from"
        }
    }
}
