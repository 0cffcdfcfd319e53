// SPDX-License-Identifier: Apache-2.0
package import XML

/// Provide and Register Document Set-b (ITI-41; TD2.1a, and TD2.1b where it replaces).
package struct ProvideAndRegister: Equatable, Sendable {
    package static let action = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"

    package var submissionSet: SubmissionSet
    package var manifest: DocumentEntry
    package var signature: DocumentEntry
    /// The entryUUID whose place the manifest takes.
    package var replaces: String?

    package init(
        submissionSet: SubmissionSet,
        manifest: DocumentEntry,
        signature: DocumentEntry,
        replaces: String? = nil
    ) {
        self.submissionSet = submissionSet
        self.manifest = manifest
        self.signature = signature
        self.replaces = replaces
    }

    /// The body; documents are included by Content-ID (XOP).
    package func body(manifestPart: String, signaturePart: String) -> XMLElement {
        let set = "SubmissionSet01"
        let original = EbRIM.slot("SubmissionSetStatus", ["Original"])
        let member = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
        var objects = [
            submissionSet.element(id: set), manifest.element, signature.element,
            EbRIM.association(member, from: set, to: manifest.id, id: "Association01", [original]),
            EbRIM.association(member, from: set, to: signature.id, id: "Association02", [original]),
            EbRIM.association(
                "urn:ihe:iti:2007:AssociationType:signs",
                from: signature.id,
                to: set,
                id: "Association03",
                [original]
            ),
        ]
        if let replaces {
            objects.append(
                EbRIM.association(
                    "urn:ihe:iti:2007:AssociationType:RPLC",
                    from: manifest.id,
                    to: replaces,
                    id: "Association04"
                )
            )
        }
        func document(_ id: String, _ part: String) -> XMLElement {
            .make(
                "Document",
                in: EbRIM.xds,
                ["id": id],
                [
                    .make("Include", in: "http://www.w3.org/2004/08/xop/include", ["href": "cid:\(part)"])
                ]
            )
        }
        return .make(
            "ProvideAndRegisterDocumentSetRequest",
            in: EbRIM.xds,
            [
                .make(
                    "SubmitObjectsRequest",
                    in: EbRIM.lcm,
                    [.make("RegistryObjectList", in: EbRIM.rim, objects)]
                ),
                document(manifest.id, manifestPart), document(signature.id, signaturePart),
            ]
        )
    }
}

/// Takes a document out of the record (TD3.3c, ITI-57 as the DMP has it).
package struct AvailabilityUpdate: Equatable, Sendable {
    package static let action = "urn:ihe:iti:2010:UpdateDocumentSet"

    package var submissionSet: SubmissionSet
    package var entryUUID: String

    package init(submissionSet: SubmissionSet, entryUUID: String) {
        self.submissionSet = submissionSet
        self.entryUUID = entryUUID
    }

    package var body: XMLElement {
        let set = "SubmissionSet01"
        return .make(
            "SubmitObjectsRequest",
            in: EbRIM.lcm,
            [
                .make(
                    "RegistryObjectList",
                    in: EbRIM.rim,
                    [
                        submissionSet.element(id: set),
                        EbRIM.association(
                            "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus",
                            from: set,
                            to: entryUUID,
                            id: "Association01",
                            [
                                EbRIM.slot(
                                    "OriginalStatus",
                                    ["urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"]
                                ),
                                EbRIM.slot("NewStatus", ["urn:asip:ci-sis:2010:StatusType:Deleted"]),
                            ]
                        ),
                    ]
                )
            ]
        )
    }
}

/// Registry Stored Query (ITI-18): GetDocuments by unique id.
package struct GetDocuments: Equatable, Sendable {
    package static let action = "urn:ihe:iti:2007:RegistryStoredQuery"

    package var uniqueID: String

    package init(uniqueID: String) {
        self.uniqueID = uniqueID
    }

    package var body: XMLElement {
        .make(
            "AdhocQueryRequest",
            in: EbRIM.query,
            [
                .make(
                    "ResponseOption",
                    in: EbRIM.query,
                    ["returnComposedObjects": "true", "returnType": "LeafClass"]
                ),
                .make(
                    "AdhocQuery",
                    in: EbRIM.rim,
                    ["id": "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"],
                    [
                        EbRIM.slot("$XDSDocumentEntryUniqueId", ["('\(uniqueID.filter { $0 != "'" })')"])
                    ]
                ),
            ]
        )
    }

    /// An entry that the registry found.
    package struct Found: Equatable, Sendable {
        package let entryUUID: String
        package let uniqueID: String?
        package let status: String
    }

    /// The entries of an answer.
    package static func entries(_ body: XMLElement) -> [Found] {
        body.descendants(XMLName("ExtrinsicObject", in: EbRIM.rim)).compactMap { object in
            guard let id = object["id"], let status = object["status"] else { return nil }
            let unique = object.elements("ExternalIdentifier").first {
                $0["identificationScheme"] == "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"
            }
            return Found(entryUUID: id, uniqueID: unique?["value"], status: status)
        }
    }
}
