// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux

/// The first 1024 bytes of a record: everything the index knows of an instance, so that the log alone rebuilds
/// it. The payload, a Part 10 file, follows; the record ends with zeros up to the next page.
///
///     0  checksum, seeded with the salt, of bytes 8 to the end of the file meta information
///     8  magic                          32 payload length       56 received, ms since 1970
///     16 header length                  40 data set checksum    64 fields: length (2 bytes) and text each,
///     20 generation                     48 data set offset         then the two numbers
///     24 sequence                       52 segment number
///
/// Integers are little endian.
struct RecordHeader: Equatable, Sendable {
    /// Bytes before the payload.
    static let size = 1024
    static let pageSize = 4096
    /// Payload bytes in the record's first page; the file meta information fits in (PS3.10 7.1: a few hundred
    /// bytes unless it carries private information).
    static let firstPayload = pageSize - size
    static let magic = UInt64(0x3130_4345_5258_4244)  // "DBXREC01"

    var segment: Int
    var generation: UInt32
    /// Increases over the whole spool: the greater one of two records of an instance counts.
    var sequence: UInt64
    /// Bytes of the Part 10 file.
    var length: Int64
    /// XXH3 of the data set, without file meta information: equal for equal instances.
    var checksum: UInt64
    /// Where the data set starts in the Part 10 file.
    var dataSetOffset: Int
    /// Milliseconds since 1970.
    var received: Int64
    var transferSyntax: UID
    var instance: InstanceHeader

    /// Bytes of the record: header, payload and padding.
    var recordLength: Int64 { Self.recordLength(payload: length) }

    static func recordLength(payload: Int64) -> Int64 {
        (Int64(size) + payload + Int64(pageSize - 1)) & ~Int64(pageSize - 1)
    }

    /// Fills the header's bytes of `page`, a record's first page that has its payload already.
    func encode(into page: UnsafeMutableRawBufferPointer, salt: UInt64) {
        var writer = unsafe FieldWriter(UnsafeMutableRawBufferPointer(rebasing: page[..<Self.size]))
        writer.skip(8)
        writer.put(Self.magic)
        writer.put(UInt32(Self.size))
        writer.put(generation)
        writer.put(sequence)
        writer.put(length)
        writer.put(checksum)
        writer.put(UInt32(dataSetOffset))
        writer.put(UInt32(truncatingIfNeeded: segment))
        writer.put(received)
        writer.put(transferSyntax.string)
        writer.put(instance.sopClassUID.string)
        writer.put(instance.sopInstanceUID.string)
        writer.put(instance.studyInstanceUID.string)
        writer.put(instance.seriesInstanceUID.string)
        writer.put(instance.patientID)
        writer.put(instance.accessionNumber)
        writer.put(instance.studyDate)
        writer.put(instance.studyTime)
        writer.put(instance.modality)
        writer.put(instance.seriesNumber)
        writer.put(instance.instanceNumber)
        let checked = unsafe UnsafeRawBufferPointer(page).bytes.extracting(8..<Self.size + dataSetOffset)
        let sum = Checksum.of(checked, seed: salt)
        unsafe page.storeBytes(of: sum.littleEndian, as: UInt64.self)
    }

    /// Nil unless `page` is the first page of a record of this life of this segment.
    init?(page: RawSpan, in segment: SegmentHeader) {
        guard page.byteCount == Self.pageSize, page.littleEndian(UInt64.self, at: 8) == Self.magic,
            page.littleEndian(UInt32.self, at: 16) == Self.size,
            page.littleEndian(UInt32.self, at: 20) == segment.generation
        else { return nil }
        dataSetOffset = Int(page.littleEndian(UInt32.self, at: 48))
        guard dataSetOffset <= Self.firstPayload else { return nil }
        let checked = page.extracting(8..<Self.size + dataSetOffset)
        guard page.littleEndian(UInt64.self, at: 0) == Checksum.of(checked, seed: segment.salt) else {
            return nil
        }
        generation = segment.generation
        sequence = page.littleEndian(UInt64.self, at: 24)
        length = page.littleEndian(Int64.self, at: 32)
        checksum = page.littleEndian(UInt64.self, at: 40)
        self.segment = Int(page.littleEndian(UInt32.self, at: 52))
        received = page.littleEndian(Int64.self, at: 56)
        guard self.segment == segment.number, length >= Int64(dataSetOffset), length < Int64.max / 4,
            sequence <= UInt64(Int64.max)
        else { return nil }
        var reader = FieldReader(position: 64, end: Self.size)
        guard let syntax = reader.uid(page), let sopClass = reader.uid(page), let instance = reader.uid(page),
            let study = reader.uid(page), let series = reader.uid(page)
        else { return nil }
        transferSyntax = syntax
        self.instance = InstanceHeader(
            sopClassUID: sopClass,
            sopInstanceUID: instance,
            studyInstanceUID: study,
            seriesInstanceUID: series
        )
        guard let patientID = reader.text(page), let accessionNumber = reader.text(page),
            let studyDate = reader.text(page),
            let studyTime = reader.text(page), let modality = reader.text(page),
            let seriesNumber = reader.number(page),
            let instanceNumber = reader.number(page)
        else { return nil }
        self.instance.patientID = patientID
        self.instance.accessionNumber = accessionNumber
        self.instance.studyDate = studyDate
        self.instance.studyTime = studyTime
        self.instance.modality = modality
        self.instance.seriesNumber = seriesNumber
        self.instance.instanceNumber = instanceNumber
    }

    init(location: RecordLocation, generation: UInt32, received: Int64, instance: InstanceHeader) {
        segment = location.segment
        self.generation = generation
        sequence = location.sequence
        length = location.length
        checksum = location.checksum
        dataSetOffset = location.dataSetOffset
        self.received = received
        transferSyntax = location.transferSyntax
        self.instance = instance
    }
}

/// Reads fields of a page one after the other up to `end`; nil beyond it.
private struct FieldReader {
    var position: Int
    let end: Int

    mutating func text(_ page: RawSpan) -> String? {
        guard position + 2 <= end else { return nil }
        let start = position + 2
        let count = Int(page.littleEndian(UInt16.self, at: position))
        guard start + count <= end else { return nil }
        position = start + count
        return page.string(start..<start + count)
    }

    mutating func uid(_ page: RawSpan) -> UID? {
        text(page).flatMap { UID($0) }
    }

    mutating func number(_ page: RawSpan) -> Int?? {
        guard position + 9 <= end else { return nil }
        defer { position += 9 }
        return page[position] == 0 ? .some(nil) : Int(page.littleEndian(Int64.self, at: position + 1))
    }
}

extension InstanceHeader {
    /// The header with its texts cut, on a character border, to what a record has room for. The limits are
    /// well above those of the value representations (PS3.5 6.2: LO 64, SH 16, DA 8, TM 14, CS 16 characters).
    var limited: InstanceHeader {
        var header = self
        header.patientID = patientID.prefix(utf8: 160)
        header.accessionNumber = accessionNumber.prefix(utf8: 64)
        header.studyDate = studyDate.prefix(utf8: 32)
        header.studyTime = studyTime.prefix(utf8: 32)
        header.modality = modality.prefix(utf8: 32)
        return header
    }
}

extension String {
    /// As many characters from the start as fit in `limit` bytes of UTF-8.
    fileprivate func prefix(utf8 limit: Int) -> String {
        if utf8.count <= limit { return self }
        var count = 0
        var end = startIndex
        for index in indices {
            count += self[index].utf8.count
            if count > limit { break }
            end = self.index(after: index)
        }
        return String(self[..<end])
    }
}
