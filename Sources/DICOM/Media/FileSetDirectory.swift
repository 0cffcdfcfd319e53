// SPDX-License-Identifier: Apache-2.0
import Linux

/// The DICOMDIR of a file-set (PS3.3 F): patients, studies, series and instances, each once, with where its file is.
package struct FileSetDirectory: Sendable {
    /// Media Storage Directory Storage.
    private static let sopClassUID = UID("1.2.840.10008.1.3.10")

    /// An instance in the file-set.
    package struct File: Sendable {
        /// Components of its path: at most eight of at most eight characters A to Z, 0 to 9 and _ (PS3.10 8.2).
        package let path: [String]
        package let sopInstanceUID: UID
        package let transferSyntax: UID
        /// What `attributes` names, as far as the instance has it.
        package let keys: DataSet

        package init(path: [String], sopInstanceUID: UID, transferSyntax: UID, keys: DataSet) {
            self.path = path
            self.sopInstanceUID = sopInstanceUID
            self.transferSyntax = transferSyntax
            self.keys = keys
        }
    }

    /// What the records of an instance are made of.
    package static let attributes = Set(
        [.specificCharacterSet, sopClass] + patientKeys + studyKeys + seriesKeys + instanceKeys
    )

    private static let sopClass = Tag(0x0008, 0x0016)
    private static let patientKeys = [Tag(0x0010, 0x0010), Tag(0x0010, 0x0020)]
    private static let studyKeys = [
        Tag(0x0008, 0x0020), Tag(0x0008, 0x0030), Tag(0x0008, 0x0050), Tag(0x0008, 0x1030),
        Tag(0x0020, 0x000D),
        Tag(0x0020, 0x0010),
    ]
    private static let seriesKeys = [
        Tag(0x0008, 0x0060), Tag(0x0008, 0x103E), Tag(0x0020, 0x000E), Tag(0x0020, 0x0011),
    ]
    /// Of all kinds of records together (PS3.3 F.5): which of them a record has, its instance says.
    private static let instanceKeys = [
        // ContentDate, ContentTime, InstanceNumber
        Tag(0x0008, 0x0023), Tag(0x0008, 0x0033), Tag(0x0020, 0x0013),
        // Presentation states: labels, creation, creator
        Tag(0x0070, 0x0080), Tag(0x0070, 0x0081), Tag(0x0070, 0x0082), Tag(0x0070, 0x0083),
        Tag(0x0070, 0x0084),
        // Structured reports: completion, verification, title
        Tag(0x0040, 0xA491), Tag(0x0040, 0xA493), Tag(0x0040, 0xA043),
        // Encapsulated documents: title, media type
        Tag(0x0042, 0x0010), Tag(0x0042, 0x0012),
        // Radiotherapy: structure sets, doses, plans
        Tag(0x3006, 0x0002), Tag(0x3006, 0x0008), Tag(0x3006, 0x0009), Tag(0x3004, 0x000A),
        Tag(0x300A, 0x0002),
        Tag(0x300A, 0x0006), Tag(0x300A, 0x0007),
    ]

    private enum Level: Int {
        case patient
        case study
        case series
        case instance
    }

    private final class Record {
        let level: Level
        let keys: DataSet
        let file: File?
        var lower: [Record] = []

        init(_ level: Level, _ keys: DataSet, _ file: File? = nil) {
            self.level = level
            self.keys = keys
            self.file = file
        }
    }

    private let files: [File]

    package init(_ files: [File]) {
        self.files = files
    }

    /// The Part 10 file. `identifier` names the file-set, at most 16 characters.
    package func encode(sopInstanceUID: UID, identifier: String) -> [UInt8] {
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: Self.sopClassUID ?? sopInstanceUID,
            mediaStorageSOPInstanceUID: sopInstanceUID,
            transferSyntaxUID: TransferSyntax.explicitVRLittleEndian,
            implementationClassUID: Implementation.classUID,
            implementationVersionName: Implementation.versionName
        ).encode()
        let roots = records()
        let flat = Self.flattened(roots)
        // Offsets have four bytes whatever they are: a first writing tells where each record will be.
        var offsets = [UInt32](repeating: 0, count: flat.count)
        let places = Dictionary(
            flat.enumerated().map { (ObjectIdentifier($1), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        func header(_ last: UInt32, _ first: UInt32) -> DataSet {
            var set = DataSet()
            set.set(Tag(0x0004, 0x1130), .cs, .bytes(Array(identifier.utf8).padded))
            set.set(Tag(0x0004, 0x1200), .ul, .bytes(Self.bytes(first)))
            set.set(Tag(0x0004, 0x1202), .ul, .bytes(Self.bytes(last)))
            set.set(Tag(0x0004, 0x1212), .us, .bytes([0, 0]))
            return set
        }
        func offset(_ record: Record?) -> UInt32 {
            record.flatMap { places[ObjectIdentifier($0)] }.map { offsets[$0] } ?? 0
        }
        func items() -> [DataSet] {
            var items: [DataSet] = []
            func append(_ siblings: [Record]) {
                for (index, record) in siblings.enumerated() {
                    let next = index + 1 < siblings.count ? siblings[index + 1] : nil
                    items.append(Self.item(record, next: offset(next), lower: offset(record.lower.first)))
                    append(record.lower)
                }
            }
            append(roots)
            return items
        }
        // The sequence's own header: tag, VR, two bytes that are zero, length.
        var position = UInt32(meta.count + header(0, 0).encode().count + 12)
        for (index, item) in items().enumerated() {
            offsets[index] = position
            position += UInt32(8 + item.encode().count)
        }
        var directory = header(offset(roots.last), offset(roots.first))
        directory.set(Tag(0x0004, 0x1220), items: items())
        return meta + directory.encode()
    }

    // MARK: Records

    private func records() -> [Record] {
        var patients: [Record] = []
        var known: [String: Record] = [:]
        func record(_ level: Level, _ name: String, _ file: File, in list: inout [Record]) -> Record {
            if let found = known[name] { return found }
            let made = Record(level, file.keys)
            known[name] = made
            list.append(made)
            return made
        }
        for file in files {
            let keys = file.keys
            // A study under two patient identifiers is one below each.
            var name = "\(keys.text(.patientID) ?? "")"
            let patient = record(.patient, name, file, in: &patients)
            name += "/\(keys.text(.studyInstanceUID) ?? "")"
            let study = record(.study, name, file, in: &patient.lower)
            name += "/\(keys.text(.seriesInstanceUID) ?? "")"
            let series = record(.series, name, file, in: &study.lower)
            series.lower.append(Record(.instance, keys, file))
        }
        return patients
    }

    private static func flattened(_ records: [Record]) -> [Record] {
        records.flatMap { [$0] + flattened($0.lower) }
    }

    private static func item(_ record: Record, next: UInt32, lower: UInt32) -> DataSet {
        var item = DataSet()
        item.set(Tag(0x0004, 0x1400), .ul, .bytes(bytes(next)))
        item.set(Tag(0x0004, 0x1410), .us, .bytes([0xFF, 0xFF]))
        item.set(Tag(0x0004, 0x1420), .ul, .bytes(bytes(lower)))
        let wanted: [Tag]
        switch record.level {
        case .patient: wanted = patientKeys
        case .study: wanted = studyKeys
        case .series: wanted = seriesKeys
        case .instance: wanted = instanceKeys
        }
        item.set(Tag(0x0004, 0x1430), kind(record))
        if let file = record.file {
            item.set(Tag(0x0004, 0x1500), texts: file.path)
            item.set(Tag(0x0004, 0x1510), uids: [record.keys.uid(sopClass)].compactMap { $0 })
            item.set(Tag(0x0004, 0x1511), uids: [file.sopInstanceUID])
            item.set(Tag(0x0004, 0x1512), uids: [file.transferSyntax])
        }
        for tag in [.specificCharacterSet] + wanted {
            if let element = record.keys[tag] { item.set(tag, element.vr, element.value) }
        }
        for (tag, value) in substitutes(record.level) where item.text(tag) == nil { item.set(tag, value) }
        return item
    }

    /// Values that a directory has to have (PS3.3 F.5, Type 1) where the instance has none: they say so, or are the least
    /// that there is.
    private static func substitutes(_ level: Level) -> [(tag: Tag, value: String)] {
        switch level {
        case .patient: [(Tag(0x0010, 0x0020), "NO PATIENT ID")]
        case .study:
            [
                (Tag(0x0008, 0x0020), "19000101"), (Tag(0x0008, 0x0030), "000000"),
                (Tag(0x0020, 0x0010), "NO STUDY ID"),
            ]
        case .series: [(Tag(0x0008, 0x0060), "OT"), (Tag(0x0020, 0x0011), "0")]
        case .instance: [(Tag(0x0020, 0x0013), "0")]
        }
    }

    /// DirectoryRecordType (PS3.3 F.4, F.5).
    private static func kind(_ record: Record) -> String {
        switch record.level {
        case .patient: return "PATIENT"
        case .study: return "STUDY"
        case .series: return "SERIES"
        case .instance: break
        }
        let storage = "1.2.840.10008.5.1.4.1.1."
        let name = record.keys.uid(sopClass)?.string ?? ""
        guard name.hasPrefix(storage) else { return "IMAGE" }
        let number = name.dropFirst(storage.count)
        switch number.split(separator: ".").first {
        case "11": return "PRESENTATION"
        case "9": return "WAVEFORM"
        case "88": return number == "88.59" ? "KEY OBJECT DOC" : "SR DOCUMENT"
        case "104": return "ENCAP DOC"
        default: break
        }
        switch number {
        case "4.2": return "SPECTROSCOPY"
        case "66": return "RAW DATA"
        case "66.1", "66.3": return "REGISTRATION"
        case "66.2": return "FIDUCIAL"
        case "66.5": return "SURFACE"
        case "67": return "VALUE MAP"
        case "481.2": return "RT DOSE"
        case "481.3": return "RT STRUCTURE SET"
        case "481.4", "481.6", "481.7", "481.9": return "RT TREAT RECORD"
        case "481.5", "481.8": return "RT PLAN"
        default: return "IMAGE"
        }
    }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}

extension [UInt8] {
    fileprivate var padded: [UInt8] { count.isMultiple(of: 2) ? self : self + [0x20] }
}
