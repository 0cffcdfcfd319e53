// SPDX-License-Identifier: Apache-2.0
import DICOM

/// Where an instance lies in the log, and what tells it from another.
struct RecordLocation: Equatable, Sendable {
    var segment: Int
    /// Of the record, from the start of the segment; a multiple of the page size.
    var offset: Int64
    /// Bytes of the Part 10 file.
    var length: Int64
    var dataSetOffset: Int
    var checksum: UInt64
    var sequence: UInt64
    var transferSyntax: UID

    /// Where the Part 10 file starts.
    var payloadOffset: Int64 { offset + Int64(RecordHeader.size) }
    /// Where the next record starts.
    var end: Int64 { offset + RecordHeader.recordLength(payload: length) }
    var dataSetLength: Int64 { length - Int64(dataSetOffset) }
}

/// One row of the catalogue.
struct CatalogueEntry: Equatable, Sendable {
    var instance: InstanceHeader
    var location: RecordLocation
    /// Milliseconds since 1970.
    var received: Int64
}

/// A border between records: where it is and the sequence of the record before it (0 at the start).
struct LogPosition: Equatable, Sendable {
    static let start = LogPosition(offset: Int64(SegmentHeader.size), sequence: 0)

    var offset: Int64
    var sequence: UInt64
}
