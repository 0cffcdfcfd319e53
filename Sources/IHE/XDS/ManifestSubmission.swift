// SPDX-License-Identifier: Apache-2.0

/// What the metadata of a manifest and of its signature are made of, with the codes that the national record wants.
package struct ManifestSubmission: Sendable {
    package struct Visibility: Equatable, Sendable {
        package var isMaskedFromProfessionals: Bool
        package var isInvisibleToPatient: Bool
        package var isInvisibleToLegalRepresentatives: Bool

        package init(
            isMaskedFromProfessionals: Bool,
            isInvisibleToPatient: Bool,
            isInvisibleToLegalRepresentatives: Bool
        ) {
            self.isMaskedFromProfessionals = isMaskedFromProfessionals
            self.isInvisibleToPatient = isInvisibleToPatient
            self.isInvisibleToLegalRepresentatives = isInvisibleToLegalRepresentatives
        }

        var codes: [Coded] {
            let scheme = "1.2.250.1.213.1.1.4.13"
            var codes = [Coded("N", "2.16.840.1.113883.5.25", "Normal")]
            if isMaskedFromProfessionals {
                codes.append(Coded("MASQUE_PS", scheme, "Masqué aux professionnels de santé"))
            }
            if isInvisibleToPatient {
                codes.append(Coded("INVISIBLE_PATIENT", scheme, "Non visible par le patient"))
            }
            if isInvisibleToLegalRepresentatives {
                codes.append(
                    Coded(
                        "INVISIBLE_REPRESENTANTS_LEGAUX",
                        scheme,
                        "Non visible par les représentants légaux"
                    )
                )
            }
            return codes
        }
    }

    /// How the manifest is written. Class, type and format codes are the same: XDS-I.b's and MADO's (6.X.2.2) format is the
    /// SOP class, and the record takes KOS as IMG-KOS alone. Title, comments and the format's name tell them apart.
    package enum Form: Sendable {
        case french
        case mado

        var title: String {
            switch self {
            case .french: "Reference d'Objets d'un Examen d'Imagerie"
            case .mado: "Reference d'Objets d'un Examen d'Imagerie (MADO)"
            }
        }

        package var comments: String {
            switch self {
            case .french: "KOS"
            case .mado: RegisteredDocument.madoComments
            }
        }

        var formatName: String {
            switch self {
            case .french: "Document de Références d'objets d'imagerie selon profil IHE RAD XDS-I"
            case .mado: "MADO DICOM KOS-Based Imaging Study Manifest"
            }
        }
    }

    package var form = Form.french
    package var submissionSetUniqueID: String
    package var signatureUniqueID: String
    package var manifestUniqueID: String
    package var sourceID: String
    /// YYYYMMDDhhmmss, UTC
    package var submissionTime: String
    package var manifestCreationTime: String
    /// CX of the national identifier (NH).
    package var patientID: String
    /// CX of the site's own (PI), or the national one where there is none.
    package var sourcePatientID: String
    /// Family and given name at birth, YYYYMMDD, M, F or O.
    package var patientFamilyName: String
    package var patientGivenName: String
    package var patientBirthDate: String
    package var patientSex: String
    package var author: Author
    /// XCN of who answers for the report.
    package var legalAuthenticator: String
    package var serviceStartTime: String
    package var serviceStopTime: String
    package var facilityType: Coded
    package var practiceSetting: Coded
    /// Acts, modalities and regions.
    package var eventCodes: [Coded]
    package var references: [String]
    package var visibility: Visibility
    package var replaces: String?

    package init(
        submissionSetUniqueID: String,
        signatureUniqueID: String,
        manifestUniqueID: String,
        sourceID: String,
        submissionTime: String,
        manifestCreationTime: String,
        patientID: String,
        sourcePatientID: String,
        patientFamilyName: String,
        patientGivenName: String,
        patientBirthDate: String,
        patientSex: String,
        author: Author,
        legalAuthenticator: String,
        serviceStartTime: String,
        serviceStopTime: String,
        facilityType: Coded,
        practiceSetting: Coded,
        eventCodes: [Coded],
        references: [String],
        visibility: Visibility,
        replaces: String? = nil
    ) {
        self.submissionSetUniqueID = submissionSetUniqueID
        self.signatureUniqueID = signatureUniqueID
        self.manifestUniqueID = manifestUniqueID
        self.sourceID = sourceID
        self.submissionTime = submissionTime
        self.manifestCreationTime = manifestCreationTime
        self.patientID = patientID
        self.sourcePatientID = sourcePatientID
        self.patientFamilyName = patientFamilyName
        self.patientGivenName = patientGivenName
        self.patientBirthDate = patientBirthDate
        self.patientSex = patientSex
        self.author = author
        self.legalAuthenticator = legalAuthenticator
        self.serviceStartTime = serviceStartTime
        self.serviceStopTime = serviceStopTime
        self.facilityType = facilityType
        self.practiceSetting = practiceSetting
        self.eventCodes = eventCodes
        self.references = references
        self.visibility = visibility
        self.replaces = replaces
    }

    package static let accession = "urn:ihe:iti:xds:2013:accession"
    package static let studyInstanceUID = "urn:ihe:iti:xds:2016:studyInstanceUID"
    package static let order = "urn:ihe:iti:xds:2013:order"

    /// The submission set alone, as a withdrawal needs it.
    package var submissionSet: SubmissionSet {
        SubmissionSet(
            uniqueID: submissionSetUniqueID,
            sourceID: sourceID,
            patientID: patientID,
            submissionTime: submissionTime,
            author: author,
            contentType: Coded("04", "1.2.250.1.213.2.2", "Hospitalisation de jour"),
            title: "Examen d'imagerie",
            comments: "Manifeste d'un examen d'imagerie"
        )
    }

    package func request(manifest: [UInt8], signature: [UInt8]) -> ProvideAndRegister {
        var entry = DocumentEntry(
            id: "DocumentKOS",
            mimeType: "application/dicom",
            uniqueID: manifestUniqueID,
            patientID: patientID,
            creationTime: manifestCreationTime,
            submissionTime: submissionTime,
            languageCode: "fr-FR",
            legalAuthenticator: legalAuthenticator,
            serviceStartTime: serviceStartTime,
            serviceStopTime: serviceStopTime,
            sourcePatientID: sourcePatientID,
            sourcePatientInfo: [
                "PID-5|\(DataTypes.clean(patientFamilyName))^\(DataTypes.clean(patientGivenName))^^^^^L",
                "PID-7|\(patientBirthDate)", "PID-8|\(patientSex)",
            ],
            hash: Digest.xdsHash(manifest),
            size: manifest.count,
            title: form.title,
            comments: form.comments,
            authors: [author],
            classCode: Coded("31", "1.2.250.1.213.1.1.4.1", "Imagerie médicale"),
            typeCode: Coded("IMG-KOS", "1.2.250.1.213.1.1.4.12", "Reference d'objets d'un examen d'imagerie"),
            confidentialityCodes: visibility.codes,
            formatCode: Coded(
                "1.2.840.10008.5.1.4.1.1.88.59",
                "1.2.840.10008.2.6.1",
                form.formatName
            ),
            facilityType: facilityType,
            practiceSetting: practiceSetting,
            eventCodes: eventCodes,
            references: references
        )
        let manifestEntry = entry
        entry.id = "Signature01"
        entry.mimeType = "text/xml"
        entry.uniqueID = signatureUniqueID
        entry.creationTime = submissionTime
        entry.serviceStartTime = submissionTime
        entry.serviceStopTime = submissionTime
        entry.languageCode = "art"
        entry.sourcePatientInfo = []
        entry.hash = Digest.xdsHash(signature)
        entry.size = signature.count
        entry.title = "Source"
        entry.comments = ""
        entry.classCode = Coded("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN", "Digital Signature")
        entry.typeCode = Coded("E1762", "ASTM", "Full Document")
        entry.confidentialityCodes =
            Visibility(
                isMaskedFromProfessionals: true,
                isInvisibleToPatient: true,
                isInvisibleToLegalRepresentatives: false
            ).codes
        entry.formatCode = Coded("http://www.w3.org/2000/09/xmldsig#", "URN", "Default Signature Style")
        entry.eventCodes = [Coded("1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12", "Source")]
        return ProvideAndRegister(
            submissionSet: submissionSet,
            manifest: manifestEntry,
            signature: entry,
            replaces: replaces
        )
    }
}
