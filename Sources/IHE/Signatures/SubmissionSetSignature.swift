// SPDX-License-Identifier: Apache-2.0
package import XML

/// The signature over a submission set (ITI TF-3 5.5 DSG with XAdES 1.1.1, as the samples of the national record have it).
package struct SubmissionSetSignature: Sendable {
    private static let xades = "http://uri.etsi.org/01903/v1.1.1#"
    private static let withComments = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"

    /// Of the signature's own document.
    package var uniqueID: String
    package var submissionSetUniqueID: String
    package var documentUniqueID: String
    package var document: [UInt8]
    /// Such as 2024-01-01T08:00:00Z
    package var signingTime: String
    package var algorithm: SignatureAlgorithm

    package init(
        uniqueID: String,
        submissionSetUniqueID: String,
        documentUniqueID: String,
        document: [UInt8],
        signingTime: String,
        algorithm: SignatureAlgorithm
    ) {
        self.uniqueID = uniqueID
        self.submissionSetUniqueID = submissionSetUniqueID
        self.documentUniqueID = documentUniqueID
        self.document = document
        self.signingTime = signingTime
        self.algorithm = algorithm
    }

    package func signed(with key: SigningKey) throws(XMLError) -> [UInt8] {
        try key.sign(template(key).serialized())
    }

    private func template(_ key: SigningKey) -> XMLElement {
        let dsig = DSig.namespace
        let signedInfo = XMLElement.make(
            "SignedInfo",
            in: dsig,
            [
                DSig.algorithm("CanonicalizationMethod", Self.withComments),
                DSig.algorithm("SignatureMethod", algorithm.signature),
                DSig.reference(["Type": "\(dsig)Manifest", "URI": "#IHEManifest"], algorithm),
                DSig.reference(
                    ["Type": "\(Self.xades)SignedProperties", "URI": "#S0-SignedProperties"],
                    algorithm
                ),
            ]
        )
        let purpose = XMLElement.make(
            "Object",
            in: dsig,
            [
                .make(
                    "SignatureProperties",
                    in: dsig,
                    [
                        .make(
                            "SignatureProperty",
                            in: dsig,
                            ["Id": "purposeOfSignature", "Target": "#\(uniqueID)"],
                            text: "1.2.840.10065.1.12.1.14"
                        )
                    ]
                )
            ]
        )
        // A submission set has no bytes of its own: what takes the place of its digest is the profile's.
        let manifest = XMLElement.make(
            "Object",
            in: dsig,
            [
                .make(
                    "Manifest",
                    in: dsig,
                    ["Id": "IHEManifest"],
                    [
                        DSig.reference(
                            ["URI": "urn:oid:\(submissionSetUniqueID)"],
                            algorithm,
                            digest: "AA=="
                        ),
                        DSig.reference(
                            ["URI": "urn:oid:\(documentUniqueID)"],
                            algorithm,
                            digest: Digest.base64(algorithm.digest(document))
                        ),
                    ]
                )
            ]
        )
        return .make(
            "Signature",
            in: dsig,
            ["Id": uniqueID],
            [
                signedInfo, .make("SignatureValue", in: dsig), DSig.keyInfo, purpose, manifest,
                .make("Object", in: dsig, [properties(key)]),
            ]
        )
    }

    private func properties(_ key: SigningKey) -> XMLElement {
        let (xades, dsig) = (Self.xades, DSig.namespace)
        let certificate = XMLElement.make(
            "SigningCertificate",
            in: xades,
            [
                .make(
                    "Cert",
                    in: xades,
                    [
                        .make(
                            "CertDigest",
                            in: xades,
                            [
                                .make("DigestMethod", in: xades, ["Algorithm": algorithm.digest]),
                                .make(
                                    "DigestValue",
                                    in: xades,
                                    text: Digest.base64(algorithm.digest(key.der))
                                ),
                            ]
                        ),
                        .make(
                            "IssuerSerial",
                            in: xades,
                            [
                                .make("X509IssuerName", in: dsig, text: key.issuer),
                                .make("X509SerialNumber", in: dsig, text: key.serialNumber),
                            ]
                        ),
                    ]
                )
            ]
        )
        return .make(
            "QualifyingProperties",
            in: xades,
            ["Target": "#\(uniqueID)"],
            [
                .make(
                    "SignedProperties",
                    in: xades,
                    ["Id": "S0-SignedProperties"],
                    [
                        .make(
                            "SignedSignatureProperties",
                            in: xades,
                            [
                                .make("SigningTime", in: xades, text: signingTime), certificate,
                                .make(
                                    "SignaturePolicyIdentifier",
                                    in: xades,
                                    [.make("SignaturePolicyImplied", in: xades)]
                                ),
                            ]
                        ),
                        .make("SignedDataObjectProperties", in: xades),
                    ]
                )
            ]
        )
    }
}
