// SPDX-License-Identifier: Apache-2.0
import DICOM
import Testing

@testable import Transfer

private final class MemoryWriter: InstanceWriter {
    var files: [[UInt8]] = []
    private var current: [UInt8] = []

    func begin(fileMetaInformation: [UInt8]) throws(InstanceWriterError) { current = fileMetaInformation }

    func append(_ bytes: RawSpan, _ ranges: [Range<Int>]) throws(InstanceWriterError) {
        for index in ranges.joined() {
            current.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
    }

    func commit(_ header: InstanceHeader, transferSyntax: UID) throws(InstanceWriterError) {
        files.append(current)
    }
    func flush() throws(InstanceWriterError) {}
    func abandon() { current = [] }
    func close() {}
}

@Suite("Part 10 files of a multipart body, however it is cut up") struct PartReceptionTests {
    private func file(_ number: Int) -> [UInt8] {
        let (sopClass, instance) = (
            UID(literal: "1.2.840.10008.5.1.4.1.1.2"), UID("2.25.\(number)") ?? .dicomApplicationContextName
        )
        let meta = FileMetaInformation(
            mediaStorageSOPClassUID: sopClass,
            mediaStorageSOPInstanceUID: instance,
            transferSyntaxUID: TransferSyntax.explicitVRLittleEndian,
            implementationClassUID: nil
        )
        var dataSet = DataSet()
        dataSet.set(.sopClassUID, uids: [sopClass])
        dataSet.set(.sopInstanceUID, uids: [instance])
        dataSet.set(.studyInstanceUID, uids: [UID(literal: "2.25.1")])
        dataSet.set(.seriesInstanceUID, uids: [UID(literal: "2.25.2")])
        dataSet.set(.pixelData, .ow, .bytes(Array("\r\n--boundar\r\n--boun".utf8) + [0]))
        return meta.encode() + dataSet.encode()
    }

    /// Feeds the body in pieces that end at `cuts`.
    private func receive(_ body: [UInt8], _ cuts: [Int], _ writer: MemoryWriter) throws -> [PartOutcome] {
        let reader = try #require(MultipartReader(boundary: "boundary"))
        var reception = PartReception(reader: reader, writer: writer)
        var outcomes: [PartOutcome] = []
        var start = 0
        for end in cuts + [body.count] {
            let piece = Array(body[start..<end])
            outcomes += try reception.feed(piece.span.bytes)
            start = end
        }
        try reception.finish()
        return outcomes
    }

    private func body(_ files: [[UInt8]]) -> [UInt8] {
        files.flatMap {
            Array("--boundary\r\nContent-Type: application/dicom\r\n\r\n".utf8) + $0 + Array("\r\n".utf8)
        }
            + Array("--boundary--\r\n".utf8)
    }

    @Test("cut at every place, and into every single byte") func cuts() throws {
        let files = [file(3), file(4)]
        let body = body(files)
        for cut in 1..<body.count {
            let writer = MemoryWriter()
            let outcomes = try receive(body, [cut], writer)
            #expect(outcomes.map(\.failure) == [nil, nil], "\(cut)")
            #expect(writer.files == files, "\(cut)")
        }
        let writer = MemoryWriter()
        _ = try receive(body, Array(1..<body.count), writer)
        #expect(writer.files == files)
    }

    @Test(
        "a part that is no Part 10 file is refused, and the next one kept; a cut body throws and keeps what was whole"
    )
    func refusals() throws {
        let good = file(5)
        let writer = MemoryWriter()
        let outcomes = try receive(
            body([Array("nothing".utf8), [UInt8](repeating: 7, count: 400), good]),
            [],
            writer
        )
        #expect(outcomes.map { $0.failure == nil } == [false, false, true])
        #expect(writer.files == [good])
        let cut = MemoryWriter()
        let whole = body([good, file(6)])
        #expect(throws: MultipartError.truncated) {
            try receive(Array(whole.prefix(whole.count - 60)), [], cut)
        }
        #expect(cut.files == [good])
    }
}
