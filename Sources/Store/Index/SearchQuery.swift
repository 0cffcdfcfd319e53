// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// What to look for in the index (PS3.18 10.6, PS3.4 C.2.2.2). Empty lists and nil match everything.
package struct SearchQuery: Equatable, Sendable {
    package enum Level: Equatable, Sendable {
        case study, series, instance
    }

    package var level: Level
    package var studyInstanceUIDs: [UID] = []
    package var seriesInstanceUIDs: [UID] = []
    package var sopInstanceUIDs: [UID] = []
    package var sopClassUIDs: [UID] = []
    /// Exact, or with the wild cards * and ? (PS3.4 C.2.2.2.4).
    package var patientID: String?
    package var accessionNumber: String?
    /// Modality of the series; at study level a study with such a series matches (ModalitiesInStudy).
    package var modality: String?
    /// Ends of a range, both included, as the attributes are written: YYYYMMDD and HHMMSS.
    package var studyDateFrom: String?
    package var studyDateTo: String?
    package var studyTimeFrom: String?
    package var studyTimeTo: String?
    package var seriesNumber: Int?
    package var instanceNumber: Int?
    package var limit = 1000
    package var offset = 0

    package init(level: Level) {
        self.level = level
    }
}

/// One study, series or instance that matches.
package struct SearchMatch: Sendable {
    package let studyInstanceUID: UID
    /// At series and instance level.
    package let seriesInstanceUID: UID?
    /// At instance level.
    package let sopInstanceUID: UID?
    package let patientID: String
    package let accessionNumber: String
    package let studyDate: String
    package let studyTime: String
    /// At series and instance level.
    package let modality: String?
    package let seriesNumber: Int?
    /// At instance level.
    package let instanceNumber: Int?
    /// At study level.
    package let modalitiesInStudy: [String]
    /// At study level, else 0.
    package let numberOfStudyRelatedSeries: Int
    /// At study level, else 0.
    package let numberOfStudyRelatedInstances: Int
    /// At series level, else 0.
    package let numberOfSeriesRelatedInstances: Int
    /// An instance of it, for what else is asked of it.
    package let representative: StoredInstance
}

/// A match whose representative is not pinned yet.
struct SearchRow: Sendable {
    var representative: CatalogueEntry
    var modalitiesInStudy: [String] = []
    var seriesOfStudy = 0
    var instancesOfStudy = 0
    var instancesOfSeries = 0
}
