// SPDX-License-Identifier: Apache-2.0

/// A study as its archive describes it in answers to C-FIND, as far as a manifest needs it.
package struct ManifestStudy: Equatable, Sendable {
    package struct Instance: Equatable, Sendable {
        package var sopClassUID: UID
        package var sopInstanceUID: UID
        package var number: Int?
        package var numberOfFrames: Int?
        /// Of a Key Object Selection: why its objects were selected.
        package var documentTitle: ManifestCode?
        package var documentDescription: String?

        package init(
            sopClassUID: UID,
            sopInstanceUID: UID,
            number: Int? = nil,
            numberOfFrames: Int? = nil,
            documentTitle: ManifestCode? = nil,
            documentDescription: String? = nil
        ) {
            self.sopClassUID = sopClassUID
            self.sopInstanceUID = sopInstanceUID
            self.number = number
            self.numberOfFrames = numberOfFrames
            self.documentTitle = documentTitle
            self.documentDescription = documentDescription
        }
    }

    package struct Series: Equatable, Sendable {
        package var seriesInstanceUID: UID
        package var number: Int?
        package var modality: String
        package var description: String
        /// YYYYMMDD, empty where the archive does not say.
        package var date = ""
        package var time = ""
        /// What was examined, finer than the study's regions: a code, or words where there is none.
        package var targetRegion: ManifestCode?
        package var targetRegionText: String?
        package var laterality: ManifestCode?
        /// Where it is, unless where the context says: what `/studies/…` comes after.
        package var retrieveURL: String?
        package var retrieveLocationUID: UID?
        package var instances: [Instance]

        package init(
            seriesInstanceUID: UID,
            number: Int? = nil,
            modality: String,
            description: String = "",
            instances: [Instance]
        ) {
            self.seriesInstanceUID = seriesInstanceUID
            self.number = number
            self.modality = modality
            self.description = description
            self.instances = instances
        }
    }

    package var studyInstanceUID: UID
    /// YYYYMMDD, empty where the archive does not say.
    package var date = ""
    package var time = ""
    package var description = ""
    package var studyID = ""
    package var referringPhysicianName = ""
    package var accessionNumber: String?
    package var patientID: String?
    package var series: [Series] = []

    package init(studyInstanceUID: UID) {
        self.studyInstanceUID = studyInstanceUID
    }

    package var instanceCount: Int { series.reduce(0) { $0 + $1.instances.count } }

    /// What is left without some instances; series that become empty go. In the order of their numbers.
    package func listed(without rejected: Set<UID>) -> ManifestStudy {
        var result = self
        result.series = series.compactMap { series in
            var series = series
            series.instances = series.instances.filter { !rejected.contains($0.sopInstanceUID) }
                .sorted {
                    ($0.number ?? .max, $0.sopInstanceUID.string) < (
                        $1.number ?? .max, $1.sopInstanceUID.string
                    )
                }
            return series.instances.isEmpty ? nil : series
        }
        .sorted {
            ($0.number ?? .max, $0.seriesInstanceUID.string) < (
                $1.number ?? .max, $1.seriesInstanceUID.string
            )
        }
        return result
    }
}

/// A code of a manifest's content (PS3.3 8): value, scheme such as "SCT", meaning.
package struct ManifestCode: Hashable, Sendable {
    package var value: String
    package var scheme: String
    package var meaning: String

    package init(_ value: String, _ scheme: String, _ meaning: String) {
        self.value = value
        self.scheme = scheme
        self.meaning = meaning
    }
}

/// What a manifest says besides the study: whose it is, which request it answers, where its images are.
package struct ManifestContext: Equatable, Sendable {
    /// An identifier and the OID of who gave it.
    package struct Identifier: Equatable, Sendable {
        package var value: String
        package var authority: String

        package init(value: String, authority: String) {
            self.value = value
            self.authority = authority
        }
    }

    /// An imaging procedure that was requested, and the order that it is part of.
    package struct Request: Equatable, Sendable {
        package var accessionNumber: Identifier
        package var order: Identifier?

        package init(accessionNumber: Identifier, order: Identifier? = nil) {
            self.accessionNumber = accessionNumber
            self.order = order
        }
    }

    /// The national identifier of the patient (INS).
    package var patientID: Identifier
    /// Birth name and first birth given name, as DICOM writes names: "PAT-TROIS^DOMINIQUE".
    package var patientName: String
    /// Used name and given name; nil where they are not known.
    package var otherPatientName: String?
    /// YYYYMMDD
    package var patientBirthDate: String
    /// M, F or O
    package var patientSex: String
    /// INSEE code of the place of birth.
    package var birthplace: String?
    package var accessionNumber: Identifier
    package var order: Identifier?
    package var manufacturer: String
    package var institutionName: String
    /// 1 and FINESS, 3 and SIRET, 4 and RPPS-rank.
    package var institutionIdentifier: String
    /// In words, of the act or the region: line "Acte" of the description.
    package var procedure: String
    /// What `/studies/…` comes after.
    package var retrieveURL: String
    package var retrieveLocationUID: UID?
    /// Such as "+0100".
    package var timezoneOffset: String
    /// The label of the patient identifier's authority; where nil, it is that of the INS.
    package var patientIDIssuer: String?
    /// The OID of who gave the institution its identifier.
    package var institutionAuthority: String?
    /// The study's, as coarse as CID IHE-MADO1 has them.
    package var targetRegions: [ManifestCode] = []
    /// Opens the study in a viewer of its own.
    package var displayURI: String?
    /// Where the study answers more than one request.
    package var furtherRequests: [Request] = []

    package var requests: [Request] {
        [Request(accessionNumber: accessionNumber, order: order)] + furtherRequests
    }

    package init(
        patientID: Identifier,
        patientName: String,
        otherPatientName: String? = nil,
        patientBirthDate: String,
        patientSex: String,
        birthplace: String? = nil,
        accessionNumber: Identifier,
        order: Identifier? = nil,
        manufacturer: String,
        institutionName: String,
        institutionIdentifier: String,
        procedure: String,
        retrieveURL: String,
        retrieveLocationUID: UID? = nil,
        timezoneOffset: String
    ) {
        self.patientID = patientID
        self.patientName = patientName
        self.otherPatientName = otherPatientName
        self.patientBirthDate = patientBirthDate
        self.patientSex = patientSex
        self.birthplace = birthplace
        self.accessionNumber = accessionNumber
        self.order = order
        self.manufacturer = manufacturer
        self.institutionName = institutionName
        self.institutionIdentifier = institutionIdentifier
        self.procedure = procedure
        self.retrieveURL = retrieveURL
        self.retrieveLocationUID = retrieveLocationUID
        self.timezoneOffset = timezoneOffset
    }
}
