// SPDX-License-Identifier: Apache-2.0

extension Coercion {
    /// Who the patient is to the archive that takes the instance. What is nil is not known: where it is about
    /// the issuer the former one goes, since it did not issue this Patient ID; a name, date or sex stays as
    /// it was.
    package struct LocalIdentity: Equatable, Sendable {
        package var patientID: String
        /// Issuer of Patient ID (0010,0021).
        package var namespace: String?
        /// In Issuer of Patient ID Qualifiers Sequence (0010,0024).
        package var universalEntityID: String?
        /// "ISO" for an OID; without `universalEntityID` of no use.
        package var universalEntityIDType: String?
        /// As DICOM writes names: "PAT-TROIS^DOMINIQUE".
        package var patientName: String?
        /// YYYYMMDD.
        package var birthDate: String?
        /// M, F or O.
        package var sex: String?

        package init(
            patientID: String,
            namespace: String? = nil,
            universalEntityID: String? = nil,
            universalEntityIDType: String? = "ISO",
            patientName: String? = nil,
            birthDate: String? = nil,
            sex: String? = nil
        ) {
            self.patientID = patientID
            self.namespace = namespace
            self.universalEntityID = universalEntityID
            self.universalEntityIDType = universalEntityIDType
            self.patientName = patientName
            self.birthDate = birthDate
            self.sex = sex
        }

        /// `issuer` is an HL7 hierarchic designator, "namespace&OID&ISO", of which parts may be missing.
        package init(patientID: String, issuer: String) {
            let parts = issuer.split(separator: "&", omittingEmptySubsequences: false)
                .map { $0.isEmpty ? nil : String($0) }
            self.init(
                patientID: patientID,
                namespace: parts.first ?? nil,
                universalEntityID: parts.dropFirst().first ?? nil,
                universalEntityIDType: (parts.dropFirst(2).first ?? nil) ?? "ISO"
            )
        }
    }

    package enum AccessionNumber: Equatable, Sendable {
        case empty
        case keep
        case local(String)
    }

    package enum Institution: Equatable, Sendable {
        case keep
        case set(String)
    }

    /// The box, as an item of Contributing Equipment Sequence, with purpose (109103, DCM, "Modifying
    /// Equipment") (PS3.16 CID 7005).
    package struct ContributingEquipment: Equatable, Sendable {
        package var manufacturer: String
        package var modelName: String
        package var institutionName: String
        package var stationName: String
        package var softwareVersion: String
        /// DT: YYYYMMDDHHMMSS.FFFFFF&ZZXX or its start.
        package var contributionDateTime: String

        package init(
            manufacturer: String,
            modelName: String = "",
            institutionName: String = "",
            stationName: String = "",
            softwareVersion: String = "",
            contributionDateTime: String
        ) {
            self.manufacturer = manufacturer
            self.modelName = modelName
            self.institutionName = institutionName
            self.stationName = stationName
            self.softwareVersion = softwareVersion
            self.contributionDateTime = contributionDateTime
        }

        var values: [(Tag, String)] {
            [
                (.manufacturer, manufacturer), (.institutionName, institutionName),
                (.stationName, stationName), (.manufacturerModelName, modelName),
                (.softwareVersions, softwareVersion), (.contributionDateTime, contributionDateTime),
            ]
        }

        func validate() throws(CoercionError) {
            guard !manufacturer.isEmpty else { throw .invalidValue(Coercion.keyword(of: .manufacturer)) }
            try Coercion.validate(values)
        }
    }

    /// What an item of Original Attributes Sequence says besides the former values (PS3.3 Table C.12-1).
    package struct ModificationRecord: Equatable, Sendable {
        /// DT.
        package var attributeModificationDateTime: String
        package var modifyingSystem: String
        /// The system that the instance came from; may be empty.
        package var sourceOfPreviousValues: String

        package init(
            attributeModificationDateTime: String,
            modifyingSystem: String,
            sourceOfPreviousValues: String = ""
        ) {
            self.attributeModificationDateTime = attributeModificationDateTime
            self.modifyingSystem = modifyingSystem
            self.sourceOfPreviousValues = sourceOfPreviousValues
        }

        var values: [(Tag, String)] {
            [
                (.attributeModificationDateTime, attributeModificationDateTime),
                (.modifyingSystem, modifyingSystem), (.sourceOfPreviousValues, sourceOfPreviousValues),
                (.reasonForTheAttributeModification, "COERCE"),
            ]
        }

        func validate() throws(CoercionError) {
            guard !attributeModificationDateTime.isEmpty, !modifyingSystem.isEmpty else {
                throw .invalidValue(Coercion.keyword(of: .modifyingSystem))
            }
            try Coercion.validate(values)
        }
    }

    fileprivate static func validate(_ values: [(Tag, String)]) throws(CoercionError) {
        for (tag, text) in values { try DataDictionary.vr(of: tag).validate(text, keyword(of: tag)) }
    }

    /// For items of rules, which do not know the data set's character set.
    fileprivate static func validateASCII(_ values: [(Tag, String)]) throws(CoercionError) {
        try validate(values)
        for (tag, text) in values where text.isEmpty || !text.utf8.allSatisfy({ $0 < 0x80 }) {
            throw .invalidValue(keyword(of: tag))
        }
    }
}

extension Coercion {
    /// The table for instances of another hospital that are imported: the local identity, the national
    /// identifier beside it, and nothing of the requests of the other hospital in Accession Number.
    ///
    /// `changing` are rules of the configuration, as in `changing(_:)`.
    package static func importing(
        _ identity: LocalIdentity,
        nationalIdentifier: ManifestContext.Identifier?,
        accessionNumber: AccessionNumber = .empty,
        institution: Institution = .keep,
        equipment: ContributingEquipment,
        record: ModificationRecord,
        changing actions: [String: Action] = [:]
    ) throws(CoercionError) -> Coercion {
        var table = try Coercion(equipment: equipment, record: record)
        guard !identity.patientID.isEmpty else { throw .invalidValue("PatientID") }
        try table.set(.patientID, .replace([identity.patientID]))
        try table.set(.issuerOfPatientID, identity.namespace.map { .replace([$0]) } ?? .remove)
        if let entity = identity.universalEntityID {
            try validateASCII([(.universalEntityID, entity)])
            var issuer = DataSet()
            issuer.set(.universalEntityID, entity)
            if let type = identity.universalEntityIDType {
                try validateASCII([(.universalEntityIDType, type)])
                issuer.set(.universalEntityIDType, type)
            }
            try table.set(.issuerOfPatientIDQualifiersSequence, .items([issuer]))
        } else {
            try table.set(.issuerOfPatientIDQualifiersSequence, .remove)
        }
        if let name = identity.patientName { try table.set(.patientName, .replace([name])) }
        if let date = identity.birthDate { try table.set(.patientBirthDate, .replace([date])) }
        if let sex = identity.sex { try table.set(.patientSex, .replace([sex])) }
        if let nationalIdentifier {
            try validateASCII([
                (.patientID, nationalIdentifier.value), (.universalEntityID, nationalIdentifier.authority),
            ])
            try table.set(
                .otherPatientIDsSequence,
                .append(ManifestBuilder.otherPatientID(nationalIdentifier))
            )
        }
        switch accessionNumber {
        case .keep: break
        case .empty: try table.set(.accessionNumber, .moveToRequest(leaving: ""))
        case .local(let number): try table.set(.accessionNumber, .moveToRequest(leaving: number))
        }
        if case .set(let name) = institution { try table.set(.institutionName, .replace([name])) }
        return try table.changing(actions)
    }
}
