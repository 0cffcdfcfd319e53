// SPDX-License-Identifier: Apache-2.0
import Admin

/// What the Document Responder can do (FHIR R4 3.1.0.8; MHD, ITI-67 and ITI-68).
struct CapabilityStatement {
    let version: String
    /// Whether manifests are given in FHIR too.
    let hasFHIR: Bool

    private static let parameters: [(name: String, type: String, documentation: String)] = [
        ("_id", "token", "The document's id"),
        ("identifier", "token", "The document's SOP Instance UID: urn:ietf:rfc:3986|urn:oid:{uid}"),
        ("patient.identifier", "token", "urn:oid:{authority}|{identifier}; with POST only"),
        (
            "related:identifier", "token",
            "urn:dicom:uid|urn:oid:{study}, or urn:oid:{issuer}|{accession number}"
        ),
        ("related:ServiceRequest.identifier", "token", "urn:oid:{issuer}|{order number}; beside others"),
        ("event", "token", "Modality, region of CID IHE-MADO1, or act"),
        ("date", "date", "When the manifest was made"),
        ("creation", "date", "When the manifest was made"),
        ("period", "date", "When the exam was done"),
        ("type", "token", "http://loinc.org|18748-4"),
        ("category", "token", "Class of the document"),
        ("format", "token", "KOS, or MADO's FHIR form"),
        ("setting", "token", "Practice setting"),
        ("status", "token", "current; nothing else is kept here"),
    ]

    var json: JSONValue {
        .object([
            "resourceType": .string("CapabilityStatement"),
            "status": .string("active"),
            "date": .string("2026-11-28"),
            "kind": .string("instance"),
            "software": .object(["name": .string("DRIMbox"), "version": .string(version)]),
            "implementation": .object([
                "description": .string("Imaging study manifests of this site (IHE MHD Document Responder)")
            ]),
            "fhirVersion": .string("4.0.1"),
            "format": .array([.string("application/fhir+json")]),
            "instantiates": .array([
                .string(
                    "https://profiles.ihe.net/ITI/MHD/CapabilityStatement/IHE.MHD.DocumentResponder"
                )
            ]),
            "rest": .array([
                .object([
                    "mode": .string("server"),
                    "documentation": .string(
                        "A search names a patient, a study, a request or a document. "
                            + "Patients are named in the body of POST DocumentReference/_search."
                    ),
                    "resource": .array([documentReference, binary]),
                ])
            ]),
        ])
    }

    private var documentReference: JSONValue {
        .object([
            "type": .string("DocumentReference"),
            "interaction": Self.interactions(["read", "search-type"]),
            "searchParam": .array(
                Self.parameters.map { name, type, documentation in
                    .object([
                        "name": .string(name), "type": .string(type),
                        "documentation": .string(documentation),
                    ])
                }
            ),
        ])
    }

    private var binary: JSONValue {
        .object([
            "type": .string("Binary"),
            "interaction": Self.interactions(["read"]),
            "documentation": .string(
                hasFHIR
                    ? "A manifest as application/dicom; those in MADO's form as application/fhir+json too"
                    : "A manifest as application/dicom"
            ),
        ])
    }

    private static func interactions(_ codes: [String]) -> JSONValue {
        .array(codes.map { .object(["code": .string($0)]) })
    }
}
