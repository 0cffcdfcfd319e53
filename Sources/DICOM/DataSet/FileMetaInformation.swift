// SPDX-License-Identifier: Apache-2.0
import Linux

/// File Meta Information: what a Part 10 file says before its data set (PS3.10 7.1).
package struct FileMetaInformation: Equatable, Sendable {
    /// Preamble and prefix.
    private static let preambleLength = 128
    private static let prefix: [UInt8] = Array("DICM".utf8)
    /// (0002,0000) File Meta Information Group Length, of 4 bytes that `encode` fills in.
    private static let groupLength: [UInt8] = [0x02, 0x00, 0x00, 0x00, 0x55, 0x4C, 0x04, 0x00, 0, 0, 0, 0]
    /// (0002,0001) File Meta Information Version 00\01.
    private static let version: [UInt8] = [
        0x02, 0x00, 0x01, 0x00, 0x4F, 0x42, 0, 0, 0x02, 0, 0, 0, 0x00, 0x01,
    ]
    /// Bytes of group 0002 that are read at most.
    package static let maximumLength = 64 << 10

    /// Bytes of a Part 10 head, preamble included, that the spool takes as it came.
    package static let maximumStoredLength = 3072

    package var mediaStorageSOPClassUID: UID
    package var mediaStorageSOPInstanceUID: UID
    package var transferSyntaxUID: UID
    package var implementationClassUID: UID?
    /// At most 16 characters; empty when absent.
    package var implementationVersionName: String
    /// AE title of the sender; empty when absent.
    package var sourceApplicationEntityTitle: String

    package init(
        mediaStorageSOPClassUID: UID,
        mediaStorageSOPInstanceUID: UID,
        transferSyntaxUID: UID,
        implementationClassUID: UID?,
        implementationVersionName: String = "",
        sourceApplicationEntityTitle: String = ""
    ) {
        self.mediaStorageSOPClassUID = mediaStorageSOPClassUID
        self.mediaStorageSOPInstanceUID = mediaStorageSOPInstanceUID
        self.transferSyntaxUID = transferSyntaxUID
        self.implementationClassUID = implementationClassUID
        self.implementationVersionName = implementationVersionName
        self.sourceApplicationEntityTitle = sourceApplicationEntityTitle
    }

    /// The bytes of a Part 10 file up to its data set.
    package func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.append(contentsOf: repeatElement(0, count: Self.preambleLength))
        bytes.append(contentsOf: Self.prefix)
        bytes.append(contentsOf: Self.groupLength)
        let start = bytes.count
        bytes.append(contentsOf: Self.version)
        Self.append(0x0002, .ui, mediaStorageSOPClassUID.string, &bytes)
        Self.append(0x0003, .ui, mediaStorageSOPInstanceUID.string, &bytes)
        Self.append(0x0010, .ui, transferSyntaxUID.string, &bytes)
        if let implementationClassUID { Self.append(0x0012, .ui, implementationClassUID.string, &bytes) }
        Self.append(0x0013, .sh, implementationVersionName, &bytes)
        Self.append(0x0016, .ae, sourceApplicationEntityTitle, &bytes)
        let length = UInt32(truncatingIfNeeded: bytes.count - start)
        for index in 0..<4 { bytes[start - 4 + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
        return bytes
    }

    /// An element with a 16 bit length, padded to even; left out when empty.
    private static func append(_ element: UInt8, _ vr: VR, _ value: String, _ bytes: inout [UInt8]) {
        let length = min(value.utf8.count, 64)
        guard length > 0 else { return }
        bytes.append(0x02)
        bytes.append(0x00)
        bytes.append(element)
        bytes.append(0x00)
        bytes.append(UInt8(vr.rawValue >> 8))
        bytes.append(UInt8(truncatingIfNeeded: vr.rawValue))
        bytes.append(UInt8(length + length % 2))
        bytes.append(0)
        bytes.append(contentsOf: value.utf8.prefix(length))
        if !length.isMultiple(of: 2) { bytes.append(vr == .ui ? 0 : 0x20) }
    }
}

extension FileMetaInformation {
    /// Reads the start of a Part 10 file, which `bytes` must hold up to the data set; returns where that starts.
    /// The preamble, the prefix and the group length may be missing, unknown elements are passed over.
    package static func decode(
        _ bytes: RawSpan
    ) throws(DataSetError) -> (meta: FileMetaInformation, dataSetOffset: Int) {
        var position = try start(bytes)
        let first = position
        var end: Int?
        var values = Values()
        while position < end ?? bytes.byteCount {
            guard let header = try next(bytes, position) else { break }
            let value = position + header.size..<position + header.size + header.length
            guard value.upperBound - first <= maximumLength else {
                throw .headerTooLong(header.tag, end: value.upperBound, limit: first + maximumLength)
            }
            guard value.upperBound <= bytes.byteCount else {
                throw .truncated(header.tag, offset: bytes.byteCount)
            }
            if header.tag == Tag(0x0002, 0x0000), header.length == 4 {
                let length = Int(bytes.littleEndian(UInt32.self, at: value.lowerBound))
                end = length <= maximumLength ? value.upperBound + length : nil
            }
            try values.take(header.tag, bytes, value)
            position = value.upperBound
        }
        return (try values.meta(), position)
    }

    /// Offset of the first element of group 0002.
    private static func start(_ bytes: RawSpan) throws(DataSetError) -> Int {
        for offset in [preambleLength, 0] where bytes.byteCount >= offset + 4 {
            if bytes.array(offset..<offset + 4) == prefix { return offset + 4 }
        }
        guard bytes.byteCount >= 8, bytes.littleEndian(UInt16.self, at: 0) == 0x0002 else { throw .notPart10 }
        return 0
    }

    /// Nil where another group begins.
    private static func next(_ bytes: RawSpan, _ position: Int) throws(DataSetError) -> ElementHeader? {
        guard bytes.byteCount - position >= 4 else { throw .truncated(nil, offset: bytes.byteCount) }
        let tag = ElementEncoding.explicitLittleEndian.tag(bytes, at: position)
        guard tag.group == 0x0002 else { return nil }
        guard let header = try ElementHeader.read(bytes, at: position, base: 0, .explicitLittleEndian) else {
            throw .truncated(tag, offset: bytes.byteCount)
        }
        guard !header.hasUndefinedLength else { throw .undefinedLength(tag, offset: position) }
        return header
    }

    private struct Values {
        var uids: [UInt16: UID] = [:]
        var implementationVersionName = ""
        var sourceApplicationEntityTitle = ""

        mutating func take(_ tag: Tag, _ bytes: RawSpan, _ range: Range<Int>) throws(DataSetError) {
            switch tag.element {
            case 0x0002, 0x0003, 0x0010, 0x0012:
                if range.isEmpty { return }
                guard let uid = UID(bytes, range) else { throw .invalidUID(tag) }
                uids[tag.element] = uid
            case 0x0013: implementationVersionName = bytes.trimmedString(range)
            case 0x0016: sourceApplicationEntityTitle = bytes.trimmedString(range)
            default: break
            }
        }

        func meta() throws(DataSetError) -> FileMetaInformation {
            FileMetaInformation(
                mediaStorageSOPClassUID: try uid(0x0002),
                mediaStorageSOPInstanceUID: try uid(0x0003),
                transferSyntaxUID: try uid(0x0010),
                implementationClassUID: uids[0x0012],
                implementationVersionName: implementationVersionName,
                sourceApplicationEntityTitle: sourceApplicationEntityTitle
            )
        }

        private func uid(_ element: UInt16) throws(DataSetError) -> UID {
            guard let uid = uids[element] else { throw .missing(Tag(0x0002, element)) }
            return uid
        }
    }
}
