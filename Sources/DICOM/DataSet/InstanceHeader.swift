// SPDX-License-Identifier: Apache-2.0

/// What the box reads of an instance: its identity and the attributes its index is asked for.
package struct InstanceHeader: Equatable, Sendable {
    package var sopClassUID: UID
    package var sopInstanceUID: UID
    package var studyInstanceUID: UID
    package var seriesInstanceUID: UID
    /// Text is decoded with Specific Character Set (0008,0005), without padding; empty when absent.
    package var patientID = ""
    package var accessionNumber = ""
    /// As sent; YYYYMMDD where the sender is conformant.
    package var studyDate = ""
    /// As sent; HHMMSS.FFFFFF or its start where the sender is conformant.
    package var studyTime = ""
    package var modality = ""
    package var seriesNumber: Int?
    package var instanceNumber: Int?

    package init(
        sopClassUID: UID,
        sopInstanceUID: UID,
        studyInstanceUID: UID,
        seriesInstanceUID: UID
    ) {
        self.sopClassUID = sopClassUID
        self.sopInstanceUID = sopInstanceUID
        self.studyInstanceUID = studyInstanceUID
        self.seriesInstanceUID = seriesInstanceUID
    }
}

/// The wanted values as they are met.
struct InstanceHeaderValues: Sendable {
    private var characterSet = SpecificCharacterSet.default
    private var sopClassUID: UID?
    private var sopInstanceUID: UID?
    private var studyInstanceUID: UID?
    private var seriesInstanceUID: UID?
    private var patientID = ""
    private var accessionNumber = ""
    private var studyDate = ""
    private var studyTime = ""
    private var modality = ""
    private var seriesNumber: Int?
    private var instanceNumber: Int?

    @inline(__always)
    static func isWanted(_ tag: Tag) -> Bool {
        switch tag.rawValue {
        case 0x0008_0005, 0x0008_0016, 0x0008_0018, 0x0008_0020, 0x0008_0030, 0x0008_0050, 0x0008_0060,
            0x0010_0020, 0x0020_000D, 0x0020_000E, 0x0020_0011, 0x0020_0013:
            true
        default: false
        }
    }

    /// Bytes kept of a value; text beyond is cut off, a UID so long is refused.
    static let maximumLength = 1024

    mutating func take(_ tag: Tag, _ bytes: RawSpan, _ range: Range<Int>) throws(DataSetError) {
        switch tag.rawValue {
        case 0x0008_0005: characterSet = SpecificCharacterSet(bytes, range)
        case 0x0008_0016: sopClassUID = try Self.uid(tag, bytes, range)
        case 0x0008_0018: sopInstanceUID = try Self.uid(tag, bytes, range)
        case 0x0008_0020: studyDate = bytes.trimmedString(range)
        case 0x0008_0030: studyTime = bytes.trimmedString(range)
        case 0x0008_0050: accessionNumber = characterSet.decode(bytes, range)
        case 0x0008_0060: modality = bytes.trimmedString(range)
        case 0x0010_0020: patientID = characterSet.decode(bytes, range)
        case 0x0020_000D: studyInstanceUID = try Self.uid(tag, bytes, range)
        case 0x0020_000E: seriesInstanceUID = try Self.uid(tag, bytes, range)
        case 0x0020_0011: seriesNumber = Int(bytes.trimmedString(range))
        case 0x0020_0013: instanceNumber = Int(bytes.trimmedString(range))
        default: break
        }
    }

    func header() throws(DataSetError) -> InstanceHeader {
        guard let sopClassUID else { throw .missing(.sopClassUID) }
        guard let sopInstanceUID else { throw .missing(.sopInstanceUID) }
        guard let studyInstanceUID else { throw .missing(.studyInstanceUID) }
        guard let seriesInstanceUID else { throw .missing(.seriesInstanceUID) }
        var header = InstanceHeader(
            sopClassUID: sopClassUID,
            sopInstanceUID: sopInstanceUID,
            studyInstanceUID: studyInstanceUID,
            seriesInstanceUID: seriesInstanceUID
        )
        header.patientID = patientID
        header.accessionNumber = accessionNumber
        header.studyDate = studyDate
        header.studyTime = studyTime
        header.modality = modality
        header.seriesNumber = seriesNumber
        header.instanceNumber = instanceNumber
        return header
    }

    /// Nil where the value is empty: an empty UID counts as missing.
    private static func uid(
        _ tag: Tag,
        _ bytes: RawSpan,
        _ range: Range<Int>
    ) throws(DataSetError) -> UID? {
        if range.isEmpty { return nil }
        guard let uid = UID(bytes, range) else { throw .invalidUID(tag) }
        return uid
    }
}
