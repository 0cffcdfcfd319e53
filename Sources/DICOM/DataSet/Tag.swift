// SPDX-License-Identifier: Apache-2.0

/// A data element tag (PS3.5 7.1.1): group and element number, ordered as in a data set.
package struct Tag: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Group in the upper half, element in the lower.
    package let rawValue: UInt32

    @inlinable
    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package init(_ group: UInt16, _ element: UInt16) {
        rawValue = UInt32(group) << 16 | UInt32(element)
    }

    /// The tag in eight hexadecimal digits, as in DICOM JSON and in a query (PS3.18 F.2.2, 8.3.4).
    package init?(hexadecimal text: some StringProtocol) {
        guard text.utf8.count == 8,
            text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let value = UInt32(text, radix: 16)
        else { return nil }
        rawValue = value
    }

    package var group: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 16) }
    package var element: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

    /// Eight upper case hexadecimal digits: "00080018".
    package var hexadecimal: String {
        let digits = String(rawValue, radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }

    /// "(0008,0018)"
    package var description: String {
        let digits = hexadecimal
        return "(\(digits.prefix(4)),\(digits.suffix(4)))"
    }

    @inlinable
    package static func < (left: Tag, right: Tag) -> Bool { left.rawValue < right.rawValue }
}

extension Tag {
    package static let specificCharacterSet = Tag(0x0008, 0x0005)
    package static let sopClassUID = Tag(0x0008, 0x0016)
    package static let sopInstanceUID = Tag(0x0008, 0x0018)
    package static let queryRetrieveLevel = Tag(0x0008, 0x0052)
    package static let retrieveAETitle = Tag(0x0008, 0x0054)
    package static let studyDescription = Tag(0x0008, 0x1030)
    package static let seriesDescription = Tag(0x0008, 0x103E)
    package static let referencedSOPClassUID = Tag(0x0008, 0x1150)
    package static let referencedSOPInstanceUID = Tag(0x0008, 0x1155)
    package static let transactionUID = Tag(0x0008, 0x1195)
    package static let retrieveURL = Tag(0x0008, 0x1190)
    package static let failureReason = Tag(0x0008, 0x1197)
    package static let failedSOPSequence = Tag(0x0008, 0x1198)
    package static let referencedSOPSequence = Tag(0x0008, 0x1199)
    package static let numberOfSeriesRelatedInstances = Tag(0x0020, 0x1209)
    package static let numberOfStudyRelatedInstances = Tag(0x0020, 0x1208)
    package static let studyDate = Tag(0x0008, 0x0020)
    package static let studyTime = Tag(0x0008, 0x0030)
    package static let accessionNumber = Tag(0x0008, 0x0050)
    package static let modality = Tag(0x0008, 0x0060)
    package static let modalitiesInStudy = Tag(0x0008, 0x0061)
    package static let patientName = Tag(0x0010, 0x0010)
    package static let patientID = Tag(0x0010, 0x0020)
    package static let otherPatientIDsSequence = Tag(0x0010, 0x1002)
    package static let studyInstanceUID = Tag(0x0020, 0x000D)
    package static let seriesInstanceUID = Tag(0x0020, 0x000E)
    package static let seriesNumber = Tag(0x0020, 0x0011)
    package static let instanceNumber = Tag(0x0020, 0x0013)
    static let pixelRepresentation = Tag(0x0028, 0x0103)
    package static let floatPixelData = Tag(0x7FE0, 0x0008)
    package static let doubleFloatPixelData = Tag(0x7FE0, 0x0009)
    package static let pixelData = Tag(0x7FE0, 0x0010)
    static let item = Tag(0xFFFE, 0xE000)
    static let itemDelimitationItem = Tag(0xFFFE, 0xE00D)
    static let sequenceDelimitationItem = Tag(0xFFFE, 0xE0DD)
}
