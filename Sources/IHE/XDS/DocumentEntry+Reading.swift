// SPDX-License-Identifier: Apache-2.0
package import XML

/// Metadata without which a document cannot be told from others.
package struct MetadataError: Error, Equatable, Sendable {
    /// Such as "XDSDocumentEntry.uniqueId".
    package let attribute: String
}

extension DocumentEntry {
    /// Reads an ExtrinsicObject of a registry or an archive; what is absent is empty.
    ///
    /// - Throws: where it has no unique id or no patient.
    package init(reading object: XMLElement) throws(MetadataError) {
        func values(_ slot: String) -> [String] {
            object.elements("Slot").first { $0["name"] == slot }?.first("ValueList")?.elements("Value")
                .map(\.text) ?? []
        }
        func value(_ slot: String) -> String { values(slot).first ?? "" }
        func identifier(_ scheme: String) -> String? {
            object.elements("ExternalIdentifier").first {
                $0["identificationScheme"] == "urn:uuid:\(scheme)"
            }?["value"]
        }
        func classifications(_ scheme: String) -> [XMLElement] {
            object.elements("Classification").filter { $0["classificationScheme"] == "urn:uuid:\(scheme)" }
        }
        func codes(_ scheme: String) -> [Coded] { classifications(scheme).map { Coded(reading: $0) } }
        func code(_ scheme: String) -> Coded { codes(scheme).first ?? Coded("", "", "") }
        guard let unique = identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab"), !unique.isEmpty else {
            throw MetadataError(attribute: "XDSDocumentEntry.uniqueId")
        }
        guard let patient = identifier("58a6f841-87b3-4a3e-92fd-a8ffeff98427"), !patient.isEmpty else {
            throw MetadataError(attribute: "XDSDocumentEntry.patientId")
        }
        self.init(
            id: object["id"] ?? "",
            mimeType: object["mimeType"] ?? "",
            uniqueID: unique,
            patientID: patient,
            creationTime: value("creationTime"),
            submissionTime: value("submissionTime"),
            languageCode: value("languageCode"),
            legalAuthenticator: value("legalAuthenticator"),
            serviceStartTime: value("serviceStartTime"),
            serviceStopTime: value("serviceStopTime"),
            sourcePatientID: value("sourcePatientId"),
            sourcePatientInfo: values("sourcePatientInfo"),
            hash: value("hash"),
            size: Int(value("size")) ?? 0,
            title: object.localized("Name"),
            comments: object.localized("Description"),
            authors: classifications("93606bcf-9494-43ec-9b4e-a7748d1a838d").map { author in
                func value(_ slot: String) -> String {
                    author.elements("Slot").first { $0["name"] == slot }?.first(at: ["ValueList", "Value"])?
                        .text ?? ""
                }
                return Author(person: value("authorPerson"), institution: value("authorInstitution"))
            },
            classCode: code("41a5887f-8865-4c09-adf7-e362475b143a"),
            typeCode: code("f0306f51-975f-434e-a61c-c59651d33983"),
            confidentialityCodes: codes("f4f85eac-e6cb-4883-b524-f2705394840f"),
            formatCode: code("a09d5840-386c-46f2-b5ad-9c3699a4309d"),
            facilityType: code("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1"),
            practiceSetting: code("cccf5598-8b07-4b77-a05e-ae952c785ead"),
            eventCodes: codes("2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4"),
            references: values("urn:ihe:iti:xds:2013:referenceIdList")
        )
    }
}

extension Coded {
    fileprivate init(reading classification: XMLElement) {
        let scheme = classification.elements("Slot").first { $0["name"] == "codingScheme" }
        self.init(
            classification["nodeRepresentation"] ?? "",
            scheme?.first(at: ["ValueList", "Value"])?.text ?? "",
            classification.localized("Name")
        )
    }
}

extension XMLElement {
    fileprivate func localized(_ element: String) -> String {
        first(at: [element, "LocalizedString"])?["value"] ?? ""
    }
}
