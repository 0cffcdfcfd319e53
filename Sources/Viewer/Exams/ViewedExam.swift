// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// An exam as the viewer shows it, and what of it may be shown.
package struct ViewedExam: Equatable, Sendable {
    package var studyInstanceUID: UID
    /// Whatever else is kept of the study is as if it were not there.
    package var sopInstanceUIDs: Set<UID>
    package var description: String
    /// YYYYMMDD
    package var date: String
    package var modalities: [String]
    package var accessionNumber: String
    /// Where it was made.
    package var origin: String
    package var patient: ViewedPatient
    /// The link is one of an earlier version of the report.
    package var isReplaced: Bool
    /// More images are on their way.
    package var isArriving: Bool
    /// Images are missing, and do not come.
    package var isIncomplete: Bool

    package init(
        studyInstanceUID: UID,
        sopInstanceUIDs: Set<UID>,
        description: String,
        date: String,
        modalities: [String],
        accessionNumber: String,
        origin: String,
        patient: ViewedPatient,
        isReplaced: Bool = false,
        isArriving: Bool = false,
        isIncomplete: Bool = false
    ) {
        self.studyInstanceUID = studyInstanceUID
        self.sopInstanceUIDs = sopInstanceUIDs
        self.description = description
        self.date = date
        self.modalities = modalities
        self.accessionNumber = accessionNumber
        self.origin = origin
        self.patient = patient
        self.isReplaced = isReplaced
        self.isArriving = isArriving
        self.isIncomplete = isIncomplete
    }
}

/// The ten traits of the national identity (INS/va1.36), as far as they are known, and the site's own identifier.
package struct ViewedPatient: Equatable, Sendable {
    package var birthName: String
    package var firstGivenName: String
    package var givenNames: [String]
    package var usedName: String?
    package var usedGivenName: String?
    /// YYYYMMDD
    package var birthDate: String
    package var sex: String
    /// INSEE code
    package var birthPlace: String?
    package var nationalIdentifier: String
    /// The OID of its nature.
    package var nationalAuthority: String
    package var localIdentifier: String?

    package init(
        birthName: String,
        firstGivenName: String,
        givenNames: [String],
        usedName: String? = nil,
        usedGivenName: String? = nil,
        birthDate: String,
        sex: String,
        birthPlace: String? = nil,
        nationalIdentifier: String,
        nationalAuthority: String,
        localIdentifier: String? = nil
    ) {
        self.birthName = birthName
        self.firstGivenName = firstGivenName
        self.givenNames = givenNames
        self.usedName = usedName
        self.usedGivenName = usedGivenName
        self.birthDate = birthDate
        self.sex = sex
        self.birthPlace = birthPlace
        self.nationalIdentifier = nationalIdentifier
        self.nationalAuthority = nationalAuthority
        self.localIdentifier = localIdentifier
    }
}
