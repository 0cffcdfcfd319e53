// SPDX-License-Identifier: Apache-2.0

/// (0008,0052) of the Study Root information model (PS3.4 C.6.2).
package enum QueryRetrieveLevel: String, Sendable {
    case study = "STUDY"
    case series = "SERIES"
    case image = "IMAGE"
}

/// A C-FIND identifier: the level, the keys to match, the keys to be returned (PS3.4 C.2.2).
package struct QueryIdentifier: Equatable, Sendable {
    package let level: QueryRetrieveLevel
    private var matching: [(tag: Tag, values: [String])] = []
    private var returned: Set<Tag> = []

    package init(level: QueryRetrieveLevel) {
        self.level = level
    }

    package static func == (left: QueryIdentifier, right: QueryIdentifier) -> Bool {
        left.dataSet == right.dataSet
    }

    /// Single value matching; "*" and "?" are wildcards where the VR has them (PS3.4 C.2.2.2.1, C.2.2.2.4).
    package mutating func match(_ tag: Tag, _ value: String) {
        matching.append((tag, [value]))
    }

    /// List of UID matching (PS3.4 C.2.2.2.2).
    package mutating func match(_ tag: Tag, _ uids: [UID]) {
        matching.append((tag, uids.map(\.string)))
    }

    /// Range matching of dates or times, both ends included; nil is open (PS3.4 C.2.2.2.5).
    package mutating func match(_ tag: Tag, from lower: String?, to upper: String?) {
        if lower == nil, upper == nil { return }
        if let lower, lower == upper {
            matching.append((tag, [lower]))
        } else {
            matching.append((tag, ["\(lower ?? "")-\(upper ?? "")"]))
        }
    }

    /// Universal matching: the key is returned whatever its value.
    package mutating func request(_ tags: Tag...) {
        returned.formUnion(tags)
    }

    package var dataSet: DataSet {
        var identifier = DataSet()
        identifier.declareCharacterSet(for: matching.flatMap(\.values))
        identifier.set(.queryRetrieveLevel, level.rawValue)
        for tag in returned { identifier.setEmpty(tag) }
        for key in matching { identifier.set(key.tag, texts: key.values) }
        return identifier
    }
}

/// What a C-MOVE or C-GET names: a study, series or instances of it (PS3.4 C.4.2.1.4).
package struct RetrieveIdentifier: Hashable, Sendable {
    package let studyInstanceUID: UID
    package let seriesInstanceUID: UID?
    /// None: the whole series, or study.
    package let sopInstanceUIDs: [UID]

    package init(study: UID, series: UID? = nil, instances: [UID] = []) {
        studyInstanceUID = study
        seriesInstanceUID = series
        sopInstanceUIDs = instances
    }

    package var level: QueryRetrieveLevel {
        if seriesInstanceUID == nil { return .study }
        return sopInstanceUIDs.isEmpty ? .series : .image
    }

    package var dataSet: DataSet {
        var identifier = DataSet()
        identifier.set(.queryRetrieveLevel, level.rawValue)
        identifier.set(.studyInstanceUID, uids: [studyInstanceUID])
        if let seriesInstanceUID { identifier.set(.seriesInstanceUID, uids: [seriesInstanceUID]) }
        if level == .image { identifier.set(.sopInstanceUID, uids: sopInstanceUIDs) }
        return identifier
    }
}
