// SPDX-License-Identifier: Apache-2.0

/// The patient whom a contextual call is about, as the caller knows them. Never changes: another patient is another call.
package struct PatientContext: Equatable, Sendable {
    /// The national identifier (matricule INS) and the OID of its nature.
    package struct NationalIdentifier: Hashable, Sendable {
        package let value: String
        package let authority: String
    }

    /// Who gave the local identifier: HD, of which a caller may fill in a part only.
    package struct Issuer: Equatable, Sendable {
        package let namespace: String
        package let universalID: String?
        package let universalIDType: String?
    }

    package enum Sex: String, Sendable {
        case male = "M"
        case female = "F"
        case other = "O"
        case unknown = "U"
    }

    package let nationalIdentifier: NationalIdentifier
    package let birthFamilyName: String
    /// The first is the first given name; the others where the caller knows them.
    package let birthGivenNames: [String]
    package let usedFamilyName: String?
    package let usedGivenName: String?
    package let sex: Sex
    /// YYYYMMDD
    package let birthDate: String
    /// The INSEE code of the place of birth.
    package let birthPlace: String
    /// The patient was told of the consultation and agrees to it.
    package let hasConsent: Bool
    /// IPP
    package let localIdentifier: String
    package let localIssuer: Issuer
    /// The structure in which the professional works; nil where they are to be asked.
    package let situation: String?

    /// Birth name and first given name, as DICOM writes names.
    package var dicomName: String { "\(birthFamilyName)^\(firstGivenName)" }

    /// Nil where the day or the month is not known, which DICOM cannot say.
    package var dicomBirthDate: String? {
        birthDate.dropFirst(4).prefix(2) == "00" || birthDate.suffix(2) == "00" ? nil : birthDate
    }

    /// Nil where it is not known.
    package var dicomSex: String? { sex == .unknown ? nil : sex.rawValue }

    package var firstGivenName: String { birthGivenNames.first ?? "" }
}
