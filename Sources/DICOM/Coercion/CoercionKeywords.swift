// SPDX-License-Identifier: Apache-2.0

extension Coercion {
    /// Elements that configurations name by their keyword (PS3.6 6); others are named by their tag. Some only
    /// to be refused by name.
    static let keywords: [String: UInt32] = [
        "SpecificCharacterSet": 0x0008_0005, "InstanceCreationDate": 0x0008_0012,
        "InstanceCreationTime": 0x0008_0013, "InstanceCreatorUID": 0x0008_0014, "SOPClassUID": 0x0008_0016,
        "SOPInstanceUID": 0x0008_0018, "StudyDate": 0x0008_0020, "SeriesDate": 0x0008_0021,
        "AcquisitionDate": 0x0008_0022, "ContentDate": 0x0008_0023, "StudyTime": 0x0008_0030,
        "SeriesTime": 0x0008_0031, "AcquisitionTime": 0x0008_0032, "ContentTime": 0x0008_0033,
        "AccessionNumber": 0x0008_0050, "IssuerOfAccessionNumberSequence": 0x0008_0051,
        "RetrieveAETitle": 0x0008_0054, "Modality": 0x0008_0060, "Manufacturer": 0x0008_0070,
        "InstitutionName": 0x0008_0080, "InstitutionAddress": 0x0008_0081,
        "InstitutionCodeSequence": 0x0008_0082, "ReferringPhysicianName": 0x0008_0090,
        "ReferringPhysicianAddress": 0x0008_0092, "ReferringPhysicianTelephoneNumbers": 0x0008_0094,
        "ReferringPhysicianIdentificationSequence": 0x0008_0096, "TimezoneOffsetFromUTC": 0x0008_0201,
        "StationName": 0x0008_1010, "StudyDescription": 0x0008_1030, "ProcedureCodeSequence": 0x0008_1032,
        "SeriesDescription": 0x0008_103E, "InstitutionalDepartmentName": 0x0008_1040,
        "PhysiciansOfRecord": 0x0008_1048, "PerformingPhysicianName": 0x0008_1050,
        "NameOfPhysiciansReadingStudy": 0x0008_1060, "OperatorsName": 0x0008_1070,
        "AdmittingDiagnosesDescription": 0x0008_1080, "ManufacturerModelName": 0x0008_1090,
        "ReferencedStudySequence": 0x0008_1110, "ReferencedPerformedProcedureStepSequence": 0x0008_1111,
        "ReferencedPatientSequence": 0x0008_1120, "PatientName": 0x0010_0010, "PatientID": 0x0010_0020,
        "IssuerOfPatientID": 0x0010_0021, "TypeOfPatientID": 0x0010_0022,
        "IssuerOfPatientIDQualifiersSequence": 0x0010_0024, "PatientBirthDate": 0x0010_0030,
        "PatientBirthTime": 0x0010_0032, "PatientSex": 0x0010_0040,
        "PatientInsurancePlanCodeSequence": 0x0010_0050, "OtherPatientIDs": 0x0010_1000,
        "OtherPatientNames": 0x0010_1001, "OtherPatientIDsSequence": 0x0010_1002,
        "PatientBirthName": 0x0010_1005, "PatientAge": 0x0010_1010, "PatientSize": 0x0010_1020,
        "PatientWeight": 0x0010_1030, "PatientAddress": 0x0010_1040,
        "PatientMotherBirthName": 0x0010_1060, "MedicalRecordLocator": 0x0010_1090,
        "MedicalAlerts": 0x0010_2000, "Allergies": 0x0010_2110, "CountryOfResidence": 0x0010_2150,
        "RegionOfResidence": 0x0010_2152, "PatientTelephoneNumbers": 0x0010_2154,
        "EthnicGroup": 0x0010_2160, "Occupation": 0x0010_2180, "AdditionalPatientHistory": 0x0010_21B0,
        "PatientReligiousPreference": 0x0010_21F0, "ResponsiblePerson": 0x0010_2297,
        "PatientComments": 0x0010_4000, "DeviceSerialNumber": 0x0018_1000,
        "SoftwareVersions": 0x0018_1020, "ProtocolName": 0x0018_1030,
        "ContributingEquipmentSequence": 0x0018_A001, "StudyInstanceUID": 0x0020_000D,
        "SeriesInstanceUID": 0x0020_000E, "StudyID": 0x0020_0010, "FrameOfReferenceUID": 0x0020_0052,
        "ImageComments": 0x0020_4000, "ReasonForStudy": 0x0032_1030, "RequestingPhysician": 0x0032_1032,
        "RequestingService": 0x0032_1033, "RequestedProcedureDescription": 0x0032_1060,
        "RequestedProcedureCodeSequence": 0x0032_1064, "StudyComments": 0x0032_4000,
        "AdmissionID": 0x0038_0010, "IssuerOfAdmissionIDSequence": 0x0038_0014,
        "RouteOfAdmissions": 0x0038_0016, "AdmittingDate": 0x0038_0020, "SpecialNeeds": 0x0038_0050,
        "ServiceEpisodeID": 0x0038_0060, "IssuerOfServiceEpisodeIDSequence": 0x0038_0064,
        "ServiceEpisodeDescription": 0x0038_0062, "CurrentPatientLocation": 0x0038_0300,
        "PatientInstitutionResidence": 0x0038_0400, "PatientState": 0x0038_0500,
        "VisitComments": 0x0038_4000, "PerformedStationAETitle": 0x0040_0241,
        "PerformedStationName": 0x0040_0242, "PerformedLocation": 0x0040_0243,
        "PerformedProcedureStepStartDate": 0x0040_0244, "PerformedProcedureStepStartTime": 0x0040_0245,
        "PerformedProcedureStepID": 0x0040_0253, "PerformedProcedureStepDescription": 0x0040_0254,
        "PerformedProtocolCodeSequence": 0x0040_0260, "RequestAttributesSequence": 0x0040_0275,
        "CommentsOnThePerformedProcedureStep": 0x0040_0280, "RequestedProcedureID": 0x0040_1001,
        "PlacerOrderNumberImagingServiceRequest": 0x0040_2016,
        "FillerOrderNumberImagingServiceRequest": 0x0040_2017, "ReferencedRequestSequence": 0x0040_A370,
        "OriginalAttributesSequence": 0x0400_0561, "PixelData": 0x7FE0_0010,
        "FloatPixelData": 0x7FE0_0008, "DoubleFloatPixelData": 0x7FE0_0009,
        "DigitalSignaturesSequence": 0xFFFA_FFFA, "MACParametersSequence": 0x4FFE_0001,
    ]

    /// The element with this keyword, or with this tag in eight hexadecimal digits.
    static func tag(_ keyword: String) throws(CoercionError) -> Tag {
        if let value = keywords[keyword] { return Tag(rawValue: value) }
        guard let tag = Tag(hexadecimal: keyword) else { throw .unknownKeyword(keyword) }
        if refusal(of: tag) == nil, DataDictionary.vr(of: tag) == .un { throw .unknownKeyword(keyword) }
        return tag
    }

    /// The tag in eight hexadecimal digits where there is no keyword.
    static func keyword(of tag: Tag) -> String {
        keywords.first { $0.value == tag.rawValue }?.key ?? tag.hexadecimal
    }

    /// Why no rule may name the element; nil where one may.
    static func refusal(of tag: Tag) -> CoercionError.Reason? {
        switch tag {
        case .specificCharacterSet: return .characterSet
        case .contributingEquipmentSequence, .originalAttributesSequence, .macParametersSequence,
            .digitalSignaturesSequence:
            return .provenance
        default: break
        }
        if tag.element == 0 || tag.group < 0x0008 || tag.group > 0xFFFA { return .fileMetaInformation }
        if !tag.group.isMultiple(of: 2) { return .privateElement }
        // Image Pixel and all that follows the record of changes: overlays, waveforms, spectra, pixel data.
        if tag.group == 0x0028 || tag > .originalAttributesSequence { return .pixelData }
        return DataDictionary.vr(of: tag) == .ui ? .uid : nil
    }
}

extension VR {
    /// Whether rules can say values of this VR.
    var isText: Bool {
        switch self {
        case .ae, .as, .cs, .da, .ds, .dt, .is, .lo, .lt, .pn, .sh, .st, .tm, .uc, .ur, .ut: true
        default: false
        }
    }

    /// Characters at most, of each component group for names (PS3.5 Table 6.2-1).
    private var maximumCharacters: Int {
        switch self {
        case .as: 4
        case .da: 8
        case .is: 12
        case .tm: 14
        case .ae, .cs, .ds, .sh: 16
        case .dt: 26
        case .lo: 64
        // Three groups and what is between them.
        case .pn: 3 * 64 + 2
        case .st: 1024
        default: 10_240
        }
    }

    /// One value (PS3.5 Table 6.2-1); a backslash would make it two.
    func validate(_ text: String, _ keyword: String) throws(CoercionError) {
        let scalars = text.unicodeScalars
        let isPrintable = scalars.allSatisfy {
            $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) && $0 != "\\"
        }
        guard isPrintable, scalars.count <= maximumCharacters else { throw .invalidValue(keyword) }
        let isValid =
            switch self {
            case .cs:
                scalars.allSatisfy {
                    ("A"..."Z").contains($0) || ("0"..."9").contains($0) || $0 == " " || $0 == "_"
                }
            case .da: scalars.isEmpty || scalars.count == 8 && scalars.allSatisfy { ("0"..."9").contains($0) }
            case .dt, .tm:
                scalars.allSatisfy { ("0"..."9").contains($0) || $0 == "." || $0 == "+" || $0 == "-" }
            case .pn:
                text.split(separator: "=", omittingEmptySubsequences: false).allSatisfy {
                    $0.unicodeScalars.count <= 64
                }
            default: true
            }
        guard isValid else { throw .invalidValue(keyword) }
    }
}

/// Attributes that coercion reads or writes (PS3.6 6).
extension Tag {
    static let lengthToEnd = Tag(0x0008, 0x0001)
    static let stationName = Tag(0x0008, 0x1010)
    static let manufacturerModelName = Tag(0x0008, 0x1090)
    static let softwareVersions = Tag(0x0018, 0x1020)
    static let contributingEquipmentSequence = Tag(0x0018, 0xA001)
    static let contributionDateTime = Tag(0x0018, 0xA002)
    static let requestAttributesSequence = Tag(0x0040, 0x0275)
    static let purposeOfReferenceCodeSequence = Tag(0x0040, 0xA170)
    static let modifiedAttributesSequence = Tag(0x0400, 0x0550)
    static let originalAttributesSequence = Tag(0x0400, 0x0561)
    static let attributeModificationDateTime = Tag(0x0400, 0x0562)
    static let modifyingSystem = Tag(0x0400, 0x0563)
    static let sourceOfPreviousValues = Tag(0x0400, 0x0564)
    static let reasonForTheAttributeModification = Tag(0x0400, 0x0565)
    static let macParametersSequence = Tag(0x4FFE, 0x0001)
    static let digitalSignaturesSequence = Tag(0xFFFA, 0xFFFA)
}
