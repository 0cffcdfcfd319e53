// SPDX-License-Identifier: Apache-2.0
package import XML

/// A document as a registry knows it: its metadata, and what the registry adds.
package struct RegisteredDocument: Equatable, Sendable {
    /// availabilityStatus (ITI TF-3 4.2.3.2.2); the record has two of its own.
    package enum Status: String, CaseIterable, Sendable {
        case approved
        /// Replaced by a newer version.
        case deprecated
        case archived
        case deleted

        package init?(urn: String) {
            guard let status = Self.allCases.first(where: { $0.urn == urn }) else { return nil }
            self = status
        }

        package var urn: String {
            switch self {
            case .approved: "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
            case .deprecated: "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated"
            case .archived: "urn:asip:ci-sis:2010:StatusType:Archived"
            case .deleted: "urn:asip:ci-sis:2010:StatusType:Deleted"
            }
        }
    }

    package var entry: DocumentEntry
    package var entryUUID: String
    package var status: Status
    /// OID; empty where the registry does not say.
    package var repositoryUniqueID: String
    /// urn:oid:…
    package var homeCommunityID: String?
    /// Where a Document Responder has it (ITI-68); nil: in the registry's repository.
    package var location: String?

    package init(
        entry: DocumentEntry,
        entryUUID: String,
        status: Status,
        repositoryUniqueID: String,
        homeCommunityID: String? = nil,
        location: String? = nil
    ) {
        self.entry = entry
        self.entryUUID = entryUUID
        self.status = status
        self.repositoryUniqueID = repositoryUniqueID
        self.homeCommunityID = homeCommunityID
        self.location = location
    }

    /// Reads an ExtrinsicObject.
    ///
    /// - Throws: where it has no id, no unique id, no patient, or no status that is known.
    package init(reading object: XMLElement) throws(MetadataError) {
        guard let id = object["id"], !id.isEmpty else {
            throw MetadataError(attribute: "XDSDocumentEntry.entryUUID")
        }
        guard let status = object["status"].flatMap(Status.init(urn:)) else {
            throw MetadataError(attribute: "XDSDocumentEntry.availabilityStatus")
        }
        let repository = object.elements("Slot").first { $0["name"] == "repositoryUniqueId" }
        self.init(
            entry: try DocumentEntry(reading: object),
            entryUUID: id,
            status: status,
            repositoryUniqueID: (repository?.first(at: ["ValueList", "Value"])?.text ?? "").trimmed,
            homeCommunityID: object["home"].flatMap { $0.isEmpty ? nil : $0 }
        )
    }
}

// MARK: - What its codes say

extension RegisteredDocument {
    /// What the images of an exam are listed in.
    package enum ManifestForm: String, CaseIterable, Sendable {
        /// A Key Object Selection as the national record has it.
        case french
        /// MADO's.
        case mado
        /// MADO's as FHIR resources.
        case fhir
    }

    /// In the code system 1.3.6.1.4.1.19376.1.2.7.1.
    private static let fhirFormat = "urn:ihe:rad:MADO:fhir-manifest:2026"

    /// Of the images of an exam.
    package var isManifest: Bool {
        ["1.2.840.10008.5.1.4.1.1.88.59", Self.fhirFormat].contains(entry.formatCode.value)
            || entry.typeCode.value == "IMG-KOS"
    }

    package static let madoComments = "KOS MADO"

    /// Nil of what is no manifest. That a Key Object Selection is MADO's, codes do not say: a DRIMbox's comment does.
    package var manifestForm: ManifestForm? {
        guard isManifest else { return nil }
        if entry.formatCode.value == Self.fhirFormat { return .fhir }
        return entry.comments == Self.madoComments ? .mado : .french
    }

    package var isMaskedFromProfessionals: Bool { isConfidential("MASQUE_PS") }
    package var isInvisibleToPatient: Bool { isConfidential("INVISIBLE_PATIENT") }
    package var isInvisibleToLegalRepresentatives: Bool { isConfidential("INVISIBLE_REPRESENTANTS_LEGAUX") }

    private func isConfidential(_ code: String) -> Bool {
        entry.confidentialityCodes.contains { $0.value == code }
    }

    /// Put into the record by the patient.
    package var isOfPatient: Bool { entry.classCode.value == "90" }

    /// CT, MR… (1.2.250.1.213.1.1.5.618)
    package var modalities: [String] {
        entry.eventCodes.filter { $0.scheme == "1.2.250.1.213.1.1.5.618" }.map(\.value)
    }

    /// Parts of the body (1.2.250.1.213.1.1.5.695).
    package var regions: [Coded] {
        entry.eventCodes.filter { $0.scheme == "1.2.250.1.213.1.1.5.695" }
    }
}

// MARK: - What it refers to

extension RegisteredDocument {
    package struct Accession: Hashable, Sendable {
        package var value: String
        /// OID; empty where the reference has none.
        package var authority: String

        package init(value: String, authority: String) {
            self.value = value
            self.authority = authority
        }
    }

    package var accessions: [Accession] {
        references(ManifestSubmission.accession).map { components in
            let authority = components[3].split(separator: "&", omittingEmptySubsequences: false)
            return Accession(
                value: String(components[0]),
                authority: authority.count > 1 ? String(authority[1]) : ""
            )
        }
    }

    package var accessionNumbers: [String] { accessions.map(\.value) }

    package var studyInstanceUIDs: [String] {
        references(ManifestSubmission.studyInstanceUID).map { String($0[0]) }
    }

    /// The components, five at least, of the CXi of a kind: `value^^^&oid&ISO^kind` (ITI TF-3 4.2.3.1.7).
    private func references(_ kind: String) -> [[Substring]] {
        entry.references.map { $0.trimmed.split(separator: "^", omittingEmptySubsequences: false) }
            .filter { $0.count >= 5 && $0[4] == kind && !$0[0].isEmpty }
    }
}

// MARK: - Its bytes

/// A document that is not the one of its metadata.
package struct DocumentMismatch: Error, Equatable, Sendable, CustomStringConvertible {
    package enum What: String, Sendable {
        case size
        case hash
    }

    package let what: What
    /// Bytes, or SHA-1 in hexadecimal.
    package let found: String
    package let expected: String

    package var description: String { "document: found \(what.rawValue) \(found), expected \(expected)" }
}

extension RegisteredDocument {
    /// - Throws: where the bytes are not those that were registered, or the entry does not say which were.
    package func check(_ bytes: [UInt8]) throws(DocumentMismatch) {
        guard bytes.count == entry.size else {
            throw DocumentMismatch(what: .size, found: "\(bytes.count)", expected: "\(entry.size)")
        }
        let (found, expected) = (Digest.xdsHash(bytes), entry.hash.trimmed.lowercased())
        guard found == expected else {
            let isHash = expected.utf8.count == 40 && expected.allSatisfy { $0.isASCII && $0.isHexDigit }
            throw DocumentMismatch(
                what: .hash,
                found: found,
                expected: isHash ? expected : "a SHA-1 in the metadata, which has none"
            )
        }
    }
}

extension String {
    /// Without the white space around it, which an indented answer has.
    var trimmed: String {
        let scalars = unicodeScalars
        func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(scalars[first...last])
    }
}
