// SPDX-License-Identifier: Apache-2.0

/// What a report says that outlives it: enough to build manifests and submissions of it, years later too. Kept as JSON
/// beside each exam and each manifest.
package struct ReportContext: Codable, Equatable, Sendable {
    /// A code of a coding scheme.
    package struct Code: Codable, Equatable, Sendable {
        package var value: String
        /// An OID.
        package var scheme: String
        package var meaning: String

        package init(value: String, scheme: String, meaning: String) {
            self.value = value
            self.scheme = scheme
            self.meaning = meaning
        }
    }

    /// An identifier and the OID of who gave it.
    package struct Identifier: Codable, Equatable, Sendable {
        package var value: String
        package var authority: String

        package init(value: String, authority: String) {
            self.value = value
            self.authority = authority
        }
    }

    package struct Patient: Codable, Equatable, Sendable {
        /// The INS (matricule, 15 characters) under the OID of its nature.
        package var nationalIdentifier: Identifier
        /// The site's own, which the images carry (IPP).
        package var localIdentifier: Identifier?
        package var birthFamilyName: String
        package var firstBirthGivenName: String
        package var birthGivenNames: [String]
        package var usedFamilyName: String?
        package var usedGivenName: String?
        /// YYYYMMDD
        package var birthDate: String
        /// M, F or O
        package var sex: String
        /// INSEE code
        package var birthplace: String?

        package init(
            nationalIdentifier: Identifier,
            localIdentifier: Identifier?,
            birthFamilyName: String,
            firstBirthGivenName: String,
            birthGivenNames: [String] = [],
            usedFamilyName: String? = nil,
            usedGivenName: String? = nil,
            birthDate: String,
            sex: String,
            birthplace: String? = nil
        ) {
            self.nationalIdentifier = nationalIdentifier
            self.localIdentifier = localIdentifier
            self.birthFamilyName = birthFamilyName
            self.firstBirthGivenName = firstBirthGivenName
            self.birthGivenNames = birthGivenNames
            self.usedFamilyName = usedFamilyName
            self.usedGivenName = usedGivenName
            self.birthDate = birthDate
            self.sex = sex
            self.birthplace = birthplace
        }

        /// Under which manifests of the patient are found.
        package var key: String { "\(nationalIdentifier.authority)|\(nationalIdentifier.value)" }
    }

    package struct Professional: Codable, Equatable, Sendable {
        /// RPPS, with the leading 8 of national person identifiers.
        package var identifier: String
        package var familyName: String
        package var givenName: String
        package var role: Code?
        package var specialty: Code?

        package init(
            identifier: String,
            familyName: String,
            givenName: String,
            role: Code? = nil,
            specialty: Code? = nil
        ) {
            self.identifier = identifier
            self.familyName = familyName
            self.givenName = givenName
            self.role = role
            self.specialty = specialty
        }
    }

    /// A care structure: 1 and FINESS, 3 and SIRET, 4 and RPPS-rank.
    package struct Structure: Codable, Equatable, Sendable {
        package var identifier: String
        package var name: String

        package init(identifier: String, name: String) {
            self.identifier = identifier
            self.name = name
        }
    }

    /// Whom the report is hidden from (1.2.250.1.213.1.1.4.13).
    package struct Visibility: Codable, Equatable, Sendable {
        package var isMaskedFromProfessionals = false
        package var isInvisibleToPatient = false
        package var isInvisibleToLegalRepresentatives = false
        /// Connexion secrète.
        package var isSecret = false

        package init() {}
    }

    /// The report's own id, `root` or `root^extension`.
    package var reportID: String
    /// Of the version that this one takes the place of.
    package var parentID: String?
    package var title: Code
    package var patient: Patient
    package var accessionNumber: Identifier
    package var order: Identifier?
    package var studyInstanceUID: String
    /// Acts (CCAM), then regions; modalities come from the images.
    package var acts: [Code]
    package var regions: [Code]
    /// HL7 timestamps in UTC, YYYYMMDDhhmmss.
    package var serviceStart: String
    package var serviceStop: String
    package var legalAuthenticator: Professional
    package var structure: Structure
    /// Where the exam was made.
    package var institution: Structure?
    package var practiceSetting: Code
    package var facilityType: Code
    package var visibility: Visibility

    package init(
        reportID: String,
        parentID: String? = nil,
        title: Code,
        patient: Patient,
        accessionNumber: Identifier,
        order: Identifier? = nil,
        studyInstanceUID: String,
        acts: [Code] = [],
        regions: [Code] = [],
        serviceStart: String,
        serviceStop: String,
        legalAuthenticator: Professional,
        structure: Structure,
        institution: Structure? = nil,
        practiceSetting: Code,
        facilityType: Code,
        visibility: Visibility = Visibility()
    ) {
        self.reportID = reportID
        self.parentID = parentID
        self.title = title
        self.patient = patient
        self.accessionNumber = accessionNumber
        self.order = order
        self.studyInstanceUID = studyInstanceUID
        self.acts = acts
        self.regions = regions
        self.serviceStart = serviceStart
        self.serviceStop = serviceStop
        self.legalAuthenticator = legalAuthenticator
        self.structure = structure
        self.institution = institution
        self.practiceSetting = practiceSetting
        self.facilityType = facilityType
        self.visibility = visibility
    }
}

/// What is wanted of an exam in the national record.
struct ExamWish: Codable, Equatable, Sendable {
    enum Wish: String, Codable, Sendable {
        case published
        case withdrawn
        /// The report is not for the record (DESTDMP = N, or an identity that is not qualified).
        case undestined
    }

    var wish: Wish
    /// Why it is not published, where it is not.
    var reason: String?
    var context: ReportContext
    /// When the report came, in milliseconds since 1970.
    var asked: Int64
    /// Since when the archive shows nothing of an exam that is published.
    var missingSince: Int64?
    /// The images did not come within the time that was set, and a person was told.
    var isOverdue = false
    /// Looks for late images that were taken since it was published.
    var looks = 0
}
