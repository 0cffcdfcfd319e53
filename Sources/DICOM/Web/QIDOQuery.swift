// SPDX-License-Identifier: Apache-2.0

/// A search as its query asks for it (QIDO-RS, PS3.18 8.3.4, 10.6.1): a value that an index turns into its own
/// language.
package struct QIDOQuery: Equatable, Sendable {
    /// What one result is.
    package enum Level: Int, Sendable, Comparable {
        case study, series, instance

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// One condition; all of them hold.
    package struct Condition: Equatable, Sendable {
        package let key: Key
        package let match: Match

        package init(_ key: Key, _ match: Match) {
            self.key = key
            self.match = match
        }
    }

    /// How an attribute matches (PS3.4 C.2.2.2).
    package enum Match: Equatable, Sendable {
        /// One of the UIDs.
        case uids([UID])
        /// One of the patterns.
        case text([Pattern])
        /// Between the bounds, both included, in the order of text: YYYYMMDD or HHMMSS.FFFFFF. Nil: unbounded.
        case range(lower: String?, upper: String?)
        case integer(Int)
    }

    package struct Pattern: Equatable, Sendable {
        /// "*": any characters, "?": one; where `hasWildcards`.
        package let text: String
        package let hasWildcards: Bool

        package init(_ text: String) {
            self.text = text
            hasWildcards = text.contains { $0 == "*" || $0 == "?" }
        }
    }

    package enum IncludeField: Equatable, Sendable {
        case all
        case tags(Set<Tag>)
    }

    package let level: Level
    /// In the order of the query. A key without value, or "*" alone, matches everything and is left out.
    package let conditions: [Condition]
    package let limit: Int?
    package let offset: Int
    package let includeField: IncludeField
    /// Asked for; the result may be exact all the same, with a warning (PS3.18 8.3.4.2).
    package let fuzzyMatching: Bool

    /// Bytes.
    package static let maximumLength = 8 << 10
    package static let maximumParameters = 64
    package static let maximumValues = 256

    /// Reads what follows the "?" of a URI, still percent-encoded; nil and empty ask for everything.
    package static func parse(level: Level, _ query: String?) throws(QIDOError) -> QIDOQuery {
        var parser = QIDOQueryParser(level: level)
        try parser.parse(query ?? "")
        return QIDOQuery(
            level: level,
            conditions: parser.conditions,
            limit: parser.limit,
            offset: parser.offset ?? 0,
            includeField: parser.includesAll ? .all : .tags(parser.includedTags),
            fuzzyMatching: parser.fuzzyMatching ?? false
        )
    }
}

extension QIDOQuery {
    /// The attributes that can be searched, by their keyword.
    package enum Key: String, CaseIterable, Sendable {
        case studyInstanceUID = "StudyInstanceUID"
        case seriesInstanceUID = "SeriesInstanceUID"
        case sopInstanceUID = "SOPInstanceUID"
        case sopClassUID = "SOPClassUID"
        case patientID = "PatientID"
        case accessionNumber = "AccessionNumber"
        case studyDate = "StudyDate"
        case studyTime = "StudyTime"
        case modality = "Modality"
        case modalitiesInStudy = "ModalitiesInStudy"
        case seriesNumber = "SeriesNumber"
        case instanceNumber = "InstanceNumber"

        package var tag: Tag {
            switch self {
            case .studyInstanceUID: .studyInstanceUID
            case .seriesInstanceUID: .seriesInstanceUID
            case .sopInstanceUID: .sopInstanceUID
            case .sopClassUID: .sopClassUID
            case .patientID: .patientID
            case .accessionNumber: .accessionNumber
            case .studyDate: .studyDate
            case .studyTime: .studyTime
            case .modality: .modality
            case .modalitiesInStudy: .modalitiesInStudy
            case .seriesNumber: .seriesNumber
            case .instanceNumber: .instanceNumber
            }
        }

        /// A key can be asked for at its level and below (PS3.18 Table 10.6.1-5).
        package var level: Level {
            switch self {
            case .studyInstanceUID, .patientID, .accessionNumber, .studyDate, .studyTime, .modalitiesInStudy:
                .study
            case .seriesInstanceUID, .modality, .seriesNumber: .series
            case .sopInstanceUID, .sopClassUID, .instanceNumber: .instance
            }
        }

        /// By keyword or by tag in eight hexadecimal digits.
        init?(_ name: String) {
            if let key = Key(rawValue: name) {
                self = key
                return
            }
            guard let tag = Tag(hexadecimal: name), let key = Key.allCases.first(where: { $0.tag == tag })
            else {
                return nil
            }
            self = key
        }
    }

    /// Keywords that `includefield` knows besides tags: what the results of the three levels can hold
    /// (PS3.18 Tables 10.6.3-3 to 10.6.3-5).
    static let includableKeywords: [String: Tag] = [
        "SpecificCharacterSet": .specificCharacterSet,
        "InstanceAvailability": Tag(0x0008, 0x0056),
        "RetrieveURL": Tag(0x0008, 0x1190),
        "TimezoneOffsetFromUTC": Tag(0x0008, 0x0201),
        "ReferringPhysicianName": Tag(0x0008, 0x0090),
        "StudyDescription": Tag(0x0008, 0x1030),
        "SeriesDescription": Tag(0x0008, 0x103E),
        "InstitutionName": Tag(0x0008, 0x0080),
        "Manufacturer": Tag(0x0008, 0x0070),
        "PatientName": .patientName,
        "PatientBirthDate": Tag(0x0010, 0x0030),
        "PatientSex": Tag(0x0010, 0x0040),
        "PatientAge": Tag(0x0010, 0x1010),
        "BodyPartExamined": Tag(0x0018, 0x0015),
        "StudyID": Tag(0x0020, 0x0010),
        "NumberOfStudyRelatedSeries": Tag(0x0020, 0x1206),
        "NumberOfStudyRelatedInstances": Tag(0x0020, 0x1208),
        "NumberOfSeriesRelatedInstances": Tag(0x0020, 0x1209),
        "NumberOfFrames": Tag(0x0028, 0x0008),
        "Rows": Tag(0x0028, 0x0010),
        "Columns": Tag(0x0028, 0x0011),
        "BitsAllocated": Tag(0x0028, 0x0100),
        "SeriesDate": Tag(0x0008, 0x0021),
        "SeriesTime": Tag(0x0008, 0x0031),
        "PerformedProcedureStepStartDate": Tag(0x0040, 0x0244),
        "PerformedProcedureStepStartTime": Tag(0x0040, 0x0245),
        "RequestAttributesSequence": Tag(0x0040, 0x0275),
    ]
}

/// A search that cannot be done: 400 (Bad Request).
package enum QIDOError: Error, Equatable, CustomStringConvertible {
    /// The key is unknown, or not searched at this level.
    case unsupportedKey(String)
    case duplicateKey(String)
    case invalidValue(key: String, expected: String)
    case invalidEncoding
    case tooLong(limit: Int)
    case tooManyParameters(limit: Int)

    package var description: String {
        switch self {
        case .unsupportedKey(let key): "query: found key \(key), expected one that is searched at this level"
        case .duplicateKey(let key): "query: \(key): found it twice, expected once"
        case .invalidValue(let key, let expected): "query: \(key): found another value, expected \(expected)"
        case .invalidEncoding:
            "query: found a percent sign, expected two hexadecimal digits of UTF-8 behind it"
        case .tooLong(let limit): "query: found more bytes, expected at most \(limit)"
        case .tooManyParameters(let limit): "query: found more parameters, expected at most \(limit)"
        }
    }
}
