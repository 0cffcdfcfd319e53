// SPDX-License-Identifier: Apache-2.0

/// A data set that cannot be read. Offsets are bytes from the start of the data set (inflated, where deflated),
/// or from the start of the file for File Meta Information.
package enum DataSetError: Error, Equatable {
    case missing(Tag)
    case invalidUID(Tag)
    /// The bytes end inside the element, or inside a sequence or an element's header where the tag is unknown.
    case truncated(Tag?, offset: Int)
    case unexpectedTag(Tag, offset: Int)
    case invalidVR(Tag, found: UInt16, offset: Int)
    case undefinedLength(Tag, offset: Int)
    case nestingTooDeep(Tag, offset: Int)
    case tooManyElements(limit: Int)
    /// An element reaches beyond the bytes that may be searched for the header.
    case headerTooLong(Tag, end: Int, limit: Int)
    /// No DICM prefix and no group 0002 where a Part 10 file has them (PS3.10 7.1).
    case notPart10
    /// The deflate stream is broken (zlib's result code).
    case notDeflated(code: Int32, offset: Int)
    case inflatedTooLong(limit: Int)
    case outputTooLong(limit: Int)
    /// The source has fewer bytes than it said or cannot be read.
    case unreadable(offset: Int, reason: String)
    /// Its bytes cannot be cut and pieced together with others: big endian or deflated.
    case cannotBePieced(transferSyntax: UID)
    /// The data set's character set has not the text that is to be written.
    case notEncodable(Tag)
}

extension DataSetError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let tag):
            "data set: \(tag): found nothing, expected a value"
        case .invalidUID(let tag):
            "data set: \(tag): found no UID, expected 1 to 64 digits and dots"
        case .truncated(let tag?, let offset):
            "data set: \(tag): found its end at byte \(offset), expected more bytes"
        case .truncated(nil, let offset):
            "data set: found its end at byte \(offset), expected more bytes"
        case .unexpectedTag(let tag, let offset):
            "data set: at byte \(offset): found \(tag), expected another element"
        case .invalidVR(let tag, let found, let offset):
            "data set: \(tag) at byte \(offset): found VR \(String(found, radix: 16)), expected two letters"
        case .undefinedLength(let tag, let offset):
            "data set: \(tag) at byte \(offset): found undefined length, expected a length"
        case .nestingTooDeep(let tag, let offset):
            "data set: \(tag) at byte \(offset): found more nesting, expected at most \(DataSetLimits.nesting)"
        case .tooManyElements(let limit):
            "data set: found more elements, expected at most \(limit)"
        case .headerTooLong(let tag, let end, let limit):
            "data set: \(tag): found its end at byte \(end), expected at most \(limit)"
        case .notPart10:
            "file: at byte 128: found no DICM prefix, expected a Part 10 file"
        case .notDeflated(let code, let offset):
            "deflated data set: at byte \(offset): found zlib result \(code), expected a deflate stream"
        case .inflatedTooLong(let limit):
            "deflated data set: found more bytes, expected at most \(limit) inflated"
        case .outputTooLong(let limit):
            "data set: found more text, expected at most \(limit) bytes of DICOM JSON"
        case .unreadable(let offset, let reason):
            "data set: at byte \(offset): found \(reason), expected bytes"
        case .cannotBePieced(let syntax):
            "data set: found transfer syntax \(syntax), expected Little Endian that is not deflated"
        case .notEncodable(let tag):
            "data set: \(tag): found characters that its character set has not, expected others"
        }
    }
}

/// What a data set may ask of its reader.
package enum DataSetLimits {
    /// Sequences and items within one another, counted in levels.
    package static let nesting = 16
    /// Data elements, nested ones that are walked included.
    package static let elements = 100_000
    /// Those of a manifest, which has some 26 for an instance: more than `DataSet.maximumLength` holds.
    package static let manifestElements = 800_000
    /// Bytes from the start of the data set in which the header must end; for a deflated one, inflated.
    package static let headerBytes = 64 << 20
    /// Bytes of DICOM JSON that one data set may become.
    package static let jsonBytes = 64 << 20
}
