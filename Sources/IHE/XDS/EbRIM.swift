// SPDX-License-Identifier: Apache-2.0
import XML

/// Metadata in ebRIM 3.0 (ITI TF-3 4.2.3.1), in the order that its schema wants.
enum EbRIM {
    static let rim = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
    static let lcm = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
    static let rs = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
    static let query = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
    static let xds = "urn:ihe:iti:xds-b:2007"
    private static let xml = "http://www.w3.org/XML/1998/namespace"

    static func slot(_ name: String, _ values: [String]) -> XMLElement {
        .make(
            "Slot",
            in: rim,
            ["name": name],
            [
                .make("ValueList", in: rim, values.map { .make("Value", in: rim, text: $0) })
            ]
        )
    }

    static func localized(_ element: String, _ text: String) -> XMLElement {
        var string = XMLElement.make("LocalizedString", in: rim, ["charset": "UTF8", "value": text])
        string.attributes.append(.init(name: XMLName("lang", in: xml), value: "FR"))
        return .make(element, in: rim, [string])
    }

    static func classification(_ scheme: String, of object: String, _ code: Coded, id: String) -> XMLElement {
        .make(
            "Classification",
            in: rim,
            [
                "classificationScheme": "urn:uuid:\(scheme)", "classifiedObject": object, "id": id,
                "nodeRepresentation": code.value,
            ],
            [slot("codingScheme", [code.scheme]), localized("Name", code.meaning)]
        )
    }

    static func author(_ scheme: String, of object: String, _ author: Author, id: String) -> XMLElement {
        .make(
            "Classification",
            in: rim,
            [
                "classificationScheme": "urn:uuid:\(scheme)", "classifiedObject": object, "id": id,
                "nodeRepresentation": "",
            ],
            [slot("authorPerson", [author.person]), slot("authorInstitution", [author.institution])]
        )
    }

    static func identifier(
        _ scheme: String,
        of object: String,
        _ name: String,
        _ value: String,
        id: String
    ) -> XMLElement {
        .make(
            "ExternalIdentifier",
            in: rim,
            [
                "id": id, "identificationScheme": "urn:uuid:\(scheme)", "registryObject": object,
                "value": value,
            ],
            [localized("Name", name)]
        )
    }

    static func association(
        _ type: String,
        from source: String,
        to target: String,
        id: String,
        _ slots: [XMLElement] = []
    ) -> XMLElement {
        .make(
            "Association",
            in: rim,
            ["associationType": type, "id": id, "sourceObject": source, "targetObject": target],
            slots
        )
    }
}

extension SubmissionSet {
    /// As RegistryPackage `id`.
    func element(id: String) -> XMLElement {
        .make(
            "RegistryPackage",
            in: EbRIM.rim,
            ["id": id],
            [
                EbRIM.slot("submissionTime", [submissionTime]), EbRIM.localized("Name", title),
                EbRIM.localized("Description", comments),
                EbRIM.author("a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", of: id, author, id: "\(id)-author"),
                EbRIM.classification(
                    "aa543740-bdda-424e-8c96-df4873be8500",
                    of: id,
                    contentType,
                    id: "\(id)-type"
                ),
                .make(
                    "Classification",
                    in: EbRIM.rim,
                    [
                        "classificationNode": "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd",
                        "classifiedObject": id,
                        "id": "\(id)-node",
                    ]
                ),
                EbRIM.identifier(
                    "6b5aea1a-874d-4603-a4bc-96a0a7b38446",
                    of: id,
                    "XDSSubmissionSet.patientId",
                    patientID,
                    id: "\(id)-patient"
                ),
                EbRIM.identifier(
                    "554ac39e-e3fe-47fe-b233-965d2a147832",
                    of: id,
                    "XDSSubmissionSet.sourceId",
                    sourceID,
                    id: "\(id)-source"
                ),
                EbRIM.identifier(
                    "96fdda7c-d067-4183-912e-bf5ee74998a8",
                    of: id,
                    "XDSSubmissionSet.uniqueId",
                    uniqueID,
                    id: "\(id)-unique"
                ),
            ]
        )
    }
}

extension DocumentEntry {
    /// As ExtrinsicObject.
    var element: XMLElement {
        var children = [
            EbRIM.slot("creationTime", [creationTime]), EbRIM.slot("submissionTime", [submissionTime]),
            EbRIM.slot("languageCode", [languageCode]),
            EbRIM.slot("legalAuthenticator", [legalAuthenticator]),
            EbRIM.slot("serviceStartTime", [serviceStartTime]),
            EbRIM.slot("serviceStopTime", [serviceStopTime]),
            EbRIM.slot("sourcePatientId", [sourcePatientID]), EbRIM.slot("hash", [hash]),
            EbRIM.slot("size", ["\(size)"]),
        ]
        if !sourcePatientInfo.isEmpty { children.append(EbRIM.slot("sourcePatientInfo", sourcePatientInfo)) }
        if !references.isEmpty {
            children.append(EbRIM.slot("urn:ihe:iti:xds:2013:referenceIdList", references))
        }
        children += [EbRIM.localized("Name", title), EbRIM.localized("Description", comments)]
        for (index, author) in authors.enumerated() {
            children.append(
                EbRIM.author(
                    "93606bcf-9494-43ec-9b4e-a7748d1a838d",
                    of: id,
                    author,
                    id: "\(id)-author\(index)"
                )
            )
        }
        var count = 0
        func add(_ scheme: String, _ codes: [Coded]) {
            for code in codes {
                count += 1
                children.append(EbRIM.classification(scheme, of: id, code, id: "\(id)-code\(count)"))
            }
        }
        add("41a5887f-8865-4c09-adf7-e362475b143a", [classCode])
        add("f0306f51-975f-434e-a61c-c59651d33983", [typeCode])
        add("f4f85eac-e6cb-4883-b524-f2705394840f", confidentialityCodes)
        add("a09d5840-386c-46f2-b5ad-9c3699a4309d", [formatCode])
        add("f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1", [facilityType])
        add("cccf5598-8b07-4b77-a05e-ae952c785ead", [practiceSetting])
        add("2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", eventCodes)
        children += [
            EbRIM.identifier(
                "58a6f841-87b3-4a3e-92fd-a8ffeff98427",
                of: id,
                "XDSDocumentEntry.patientId",
                patientID,
                id: "\(id)-patient"
            ),
            EbRIM.identifier(
                "2e82c1f6-a085-4c72-9da3-8640a32e42ab",
                of: id,
                "XDSDocumentEntry.uniqueId",
                uniqueID,
                id: "\(id)-unique"
            ),
        ]
        return .make(
            "ExtrinsicObject",
            in: EbRIM.rim,
            ["id": id, "mimeType": mimeType, "objectType": "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"],
            children
        )
    }
}
