// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import Testing

@testable import Store

@Suite("writing and reading back")
struct SpoolWriterTests {
    private let directory: TemporaryDirectory
    private let spool: Spool

    init() throws {
        directory = try TemporaryDirectory()
        spool = try Spool(
            directory: directory.path,
            options: SpoolOptions(capacityBytes: 64 << 20, segmentBytes: 1 << 20)
        )
    }

    /// Around the ends of the first page's payload (3072 bytes less 350 of file meta information) and of pages.
    private static let lengths = [
        0, 1, 2, 2721, 2722, 2723, 3071, 3072, 3073, 4095, 4096, 4097, 6817, 6818, 6819, 8191, 8192, 8193,
        65_536,
        1_048_575, 1_048_576, 1_048_577,
    ]

    @Test("an instance of any length comes back byte for byte", arguments: lengths)
    func identity(length: Int) throws {
        let writer = spool.writer(kind: .unsolicited)
        let before = try SampleInstance(1, length: 100)
        let instance = try SampleInstance(2, length: length)
        let after = try SampleInstance(3, length: 100)
        for instance in [before, instance, after] { #expect(try writer.store(instance) == .stored) }
        for instance in [before, instance, after] {
            let stored = try #require(try spool.instance(instance.uid))
            #expect(try stored.file() == instance.file)
            #expect(stored.dataSetOffset == 350)
            #expect(stored.transferSyntax == instance.transferSyntax)
        }
    }

    @Test("how the data set is cut into pieces and calls does not matter", arguments: 0..<60)
    func pieces(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let writer = spool.writer(kind: .pulled)
        for number in 1...4 {
            let length = random.below([100, 5000, 40_000, 300_000][random.below(4)])
            let instance = try SampleInstance(number, length: length, content: seed, meta: random.below(3073))
            try writer.begin(fileMeta: instance.fileMeta)
            var sent = 0
            while sent < length {
                let window = min(length - sent, 1 + random.below([3, 100, 9000, 131_072][random.below(4)]))
                // The window with gaps, as PDV headers leave them, and the ranges around the gaps.
                var bytes: [UInt8] = []
                var ranges: [Range<Int>] = []
                var end = sent + window
                while sent < end {
                    let piece = min(end - sent, 1 + random.below(20_000))
                    bytes += random.bytes(random.below(13))
                    ranges.append(bytes.count..<bytes.count + piece)
                    bytes += instance.dataSet[sent..<sent + piece]
                    sent += piece
                    if ranges.count > 3000 { end = sent }
                }
                try writer.appendBytes(bytes, ranges)
            }
            #expect(try writer.commit(instance.header, transferSyntax: instance.transferSyntax) == .stored)
            #expect(try spool.instance(instance.uid)?.file() == instance.file)
        }
    }

    @Test("more pieces than one gathered write takes (1024)")
    func manyPieces() throws {
        let instance = try SampleInstance(1, length: 5000 * 3)
        let ranges = (0..<5000).map { $0 * 3..<$0 * 3 + 3 }
        let writer = spool.writer(kind: .pulled)
        try writer.begin(fileMeta: instance.fileMeta)
        try writer.appendBytes(instance.dataSet, ranges)
        _ = try writer.commit(instance.header, transferSyntax: instance.transferSyntax)
        #expect(try spool.instance(instance.uid)?.file() == instance.file)
    }

    @Test("an instance longer than a segment is in one piece")
    func oversize() throws {
        let writer = spool.writer(kind: .pulled)
        let instances = try (1...4).map { try SampleInstance($0, length: 5 << 20) }
        for instance in instances { try writer.store(instance, cuts: [131_072, 262_144, 4_000_000]) }
        for instance in instances { #expect(try spool.instance(instance.uid)?.file() == instance.file) }
        #expect(spool.statistics.segments == 4)
    }

    @Test("an abandoned instance leaves no trace and its space is used again")
    func abandon() throws {
        let writer = spool.writer(kind: .pulled)
        let abandoned = try SampleInstance(1, length: 200_000)
        for _ in 0..<100 {
            try writer.begin(fileMeta: abandoned.fileMeta)
            try writer.appendBytes(abandoned.dataSet, [0..<200_000])
            writer.abandon()
        }
        let instance = try SampleInstance(2, length: 10_000)
        try writer.store(instance)
        #expect(try spool.instance(abandoned.uid) == nil)
        #expect(try spool.instance(instance.uid)?.extent.offset == 4096 + 1024)
        #expect(spool.statistics.segments == 1)
    }

    @Test("begin abandons what was begun before")
    func beginAgain() throws {
        let writer = spool.writer(kind: .pulled)
        let instance = try SampleInstance(2, length: 10_000)
        try writer.begin(fileMeta: [1, 2, 3])
        try writer.appendBytes(instance.dataSet, [0..<10_000])
        try writer.store(instance)
        #expect(try spool.instance(instance.uid)?.file() == instance.file)
    }

    @Test("calls out of order are refused and harm nothing")
    func misuse() throws {
        let writer = spool.writer(kind: .pulled)
        let instance = try SampleInstance(1, length: 10)
        #expect(throws: StoreError.self) { try writer.appendBytes([1], [0..<1]) }
        #expect(throws: StoreError.self) {
            try writer.commit(instance.header, transferSyntax: instance.transferSyntax)
        }
        #expect(throws: StoreError.self) { try writer.begin(fileMeta: [UInt8](repeating: 0, count: 3073)) }
        try writer.begin(fileMeta: instance.fileMeta)
        #expect(throws: StoreError.self) { try writer.appendBytes([1, 2], [1..<3]) }
        #expect(throws: StoreError.self) {
            try writer.commit(instance.header, transferSyntax: instance.transferSyntax)
        }
        try writer.store(instance)
        #expect(try spool.instance(instance.uid)?.file() == instance.file)
    }

    @Test("the next writer continues the segment that the one before left")
    func segmentIsShared() throws {
        for number in 1...20 {
            let writer = spool.writer(kind: .unsolicited)
            try writer.store(try SampleInstance(number, length: 1000))
            try writer.flush()
            writer.close()
        }
        let statistics = spool.statistics
        #expect(statistics.segments == 1)
        #expect(statistics.openSegments == 0)
        #expect(statistics.instances == 20)
        #expect(statistics.flushes == 20)
    }

    @Test("kinds and writers do not share a segment at a time")
    func segmentsOfWriters() throws {
        let writers = [
            spool.writer(kind: .unsolicited), spool.writer(kind: .pulled), spool.writer(kind: .pulled),
        ]
        for (number, writer) in writers.enumerated() {
            try writer.store(try SampleInstance(number, length: 1000))
        }
        #expect(spool.statistics.openSegments == 3)
    }

    @Test("long texts are cut on a character border")
    func longTexts() throws {
        var instance = try SampleInstance(1, length: 10)
        instance.header.patientID = String(repeating: "é", count: 400)
        instance.header.modality = String(repeating: "x", count: 5000)
        let writer = spool.writer(kind: .pulled)
        try writer.store(instance)
        writer.close()
        let match = try #require(try spool.search(SearchQuery(level: .series)).first)
        #expect(match.patientID == String(repeating: "é", count: 80))
        #expect(match.modality == String(repeating: "x", count: 32))
    }

    @Test("a second opener is refused until the first has closed")
    func lock() throws {
        #expect(throws: StoreError.alreadyOpen(directory: directory.path)) {
            try Spool(directory: directory.path)
        }
        spool.close()
        let again = try Spool(directory: directory.path)
        #expect(again.statistics.instances == 0)
        #expect(throws: StoreError.self) { try spool.writer(kind: .pulled).begin(fileMeta: []) }
    }

    @Test("sizes that make no sense are refused")
    func options() throws {
        #expect(throws: StoreError.self) {
            try SpoolOptions(capacityBytes: 1 << 20, segmentBytes: 1 << 20).checked()
        }
        #expect(throws: StoreError.self) {
            try SpoolOptions(capacityBytes: 1 << 20, segmentBytes: 4096).checked()
        }
        #expect(try SpoolOptions(capacityBytes: 1 << 20, segmentBytes: 8193).checked().segmentBytes == 12_288)
    }
}
