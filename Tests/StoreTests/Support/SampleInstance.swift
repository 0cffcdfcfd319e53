// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import Testing

@testable import Store

/// What a test sends: the spool looks neither into the file meta information nor into the data set.
struct SampleInstance: Equatable {
    static let explicitLittleEndian = UID(literal: "1.2.840.10008.1.2.1")
    static let implicitLittleEndian = UID(literal: "1.2.840.10008.1.2")

    var header: InstanceHeader
    var fileMeta: [UInt8]
    var dataSet: [UInt8]
    var transferSyntax = Self.explicitLittleEndian

    /// Instance `number` of a series of a study, with a data set of `length` bytes that depend on `content`.
    init(
        _ number: Int,
        study: Int = 1,
        series: Int = 1,
        length: Int,
        content: UInt64 = 0,
        meta: Int = 350
    ) throws {
        let prefix = "1.2.250.1.9999.\(study)"
        header = InstanceHeader(
            sopClassUID: UID(literal: "1.2.840.10008.5.1.4.1.1.2"),
            sopInstanceUID: try #require(UID("\(prefix).\(series).\(number)")),
            studyInstanceUID: try #require(UID(prefix)),
            seriesInstanceUID: try #require(UID("\(prefix).\(series)"))
        )
        header.patientID = "P\(study)"
        header.accessionNumber = "A\(study)"
        header.studyDate = "2026010\(study % 10)"
        header.studyTime = "120000"
        header.modality = "CT"
        header.seriesNumber = series
        header.instanceNumber = number
        var random = SplitMix64(seed: UInt64(number) &* 1_000_003 &+ content &* 7919 &+ UInt64(length))
        fileMeta = random.bytes(meta)
        dataSet = random.bytes(length)
    }

    var uid: UID { header.sopInstanceUID }
    var file: [UInt8] { fileMeta + dataSet }
}

extension SpoolWriter {
    /// Sends the instance in pieces that end at `cuts`, several pieces to a call.
    @discardableResult
    func store(_ instance: SampleInstance, cuts: [Int] = []) throws -> Receipt {
        try begin(fileMeta: instance.fileMeta)
        let borders = [0] + cuts.sorted() + [instance.dataSet.count]
        let ranges = zip(borders, borders.dropFirst()).map { $0..<$1 }
        try appendBytes(instance.dataSet, ranges)
        return try commit(instance.header, transferSyntax: instance.transferSyntax)
    }

    func appendBytes(_ bytes: [UInt8], _ ranges: [Range<Int>]) throws(StoreError) {
        try append(bytes.span.bytes, ranges)
    }
}

extension StoredInstance {
    func file() throws(StoreError) -> [UInt8] {
        try bytes(at: 0, count: Int(extent.length))
    }
}
