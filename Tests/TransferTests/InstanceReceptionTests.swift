// SPDX-License-Identifier: Apache-2.0
import DICOM
import Testing

@testable import Transfer

private let sopClass = UID(literal: "1.2.840.10008.5.1.4.1.1.2")
private let instance = UID(literal: "2.25.1.1.1")

/// Remembers what it was told, and fails where it is told to.
private final class RecordingWriter: InstanceWriter {
    enum Call: Equatable {
        case begin, append([Range<Int>]), commit(UID), flush, abandon, close
    }

    var calls: [Call] = []
    var payload: [UInt8] = []
    var appendFailure: InstanceWriterError?
    var flushFailure: InstanceWriterError?

    func begin(fileMetaInformation: [UInt8]) throws(InstanceWriterError) { calls.append(.begin) }

    func append(_ bytes: RawSpan, _ ranges: [Range<Int>]) throws(InstanceWriterError) {
        calls.append(.append(ranges))
        if let appendFailure { throw appendFailure }
        for index in ranges.joined() {
            payload.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
    }

    func commit(_ header: InstanceHeader, transferSyntax: UID) throws(InstanceWriterError) {
        calls.append(.commit(header.sopInstanceUID))
    }

    func flush() throws(InstanceWriterError) {
        calls.append(.flush)
        if let flushFailure { throw flushFailure }
    }

    func abandon() { calls.append(.abandon) }
    func close() { calls.append(.close) }
}

private struct RecordingReceiver: InstanceReceiver {
    nonisolated(unsafe) let writer: RecordingWriter

    func makeWriter(origin: InstanceOrigin) -> any InstanceWriter { writer }
}

/// A data element in Explicit VR Little Endian, short form (PS3.5 7.1.2).
private func element(_ group: UInt16, _ number: UInt16, _ vr: String, _ value: String) -> [UInt8] {
    let padded = Array(value.utf8) + (value.utf8.count % 2 == 1 ? [vr == "UI" ? 0 : 0x20] : [])
    return [UInt8(group & 0xFF), UInt8(group >> 8), UInt8(number & 0xFF), UInt8(number >> 8)] + Array(vr.utf8)
        + [UInt8(padded.count & 0xFF), UInt8(padded.count >> 8)] + padded
}

private func dataSet(sopClass: UID = sopClass, instance: UID = instance, study: String? = "2.25.1") -> [UInt8]
{
    element(0x0008, 0x0016, "UI", sopClass.string) + element(0x0008, 0x0018, "UI", instance.string)
        + (study.map { element(0x0020, 0x000D, "UI", $0) } ?? []) + element(0x0020, 0x000E, "UI", "2.25.1.1")
        + element(0x0028, 0x0010, "US", "\u{1}\u{0}") + [UInt8](repeating: 7, count: 500)
}

@Suite("C-STORE: from slices to instances") struct InstanceReceptionTests {
    private let writer = RecordingWriter()

    private func reception(_ origin: InstanceOrigin) -> InstanceReception {
        InstanceReception(
            source: AETitle(literal: "PACS"),
            receiver: RecordingReceiver(writer: writer)
        ) { _ in origin }
    }

    private var request: CStoreRQ {
        CStoreRQ(messageID: 1, affectedSOPClassUID: sopClass, affectedSOPInstanceUID: instance)
    }

    /// Feeds one instance in reads of `chunk` bytes, each one slice.
    private func receive(_ bytes: [UInt8], chunk: Int = 100_000, _ reception: inout InstanceReception)
        -> [StoreOutcome]
    {
        reception.begin(request, contextID: 1, transferSyntax: TransferSyntax.explicitVRLittleEndian)
        var outcomes: [StoreOutcome] = []
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            let piece = Array(bytes[start..<min(start + chunk, bytes.count)])
            let isLast = start + chunk >= bytes.count
            reception.dataSet(0..<piece.count, isLast: isLast, in: piece.span.bytes)
            outcomes += reception.endOfRead(piece.span.bytes)
        }
        return outcomes
    }

    @Test("unsolicited: the flush comes before the answer; one write per read", arguments: [100_000, 64, 7])
    func unsolicited(chunk: Int) {
        var reception = reception(.unsolicited)
        let bytes = dataSet()
        let outcomes = receive(bytes, chunk: chunk, &reception)
        #expect(outcomes.map(\.status) == [.success])
        #expect(writer.payload == bytes)
        #expect(writer.calls.suffix(2) == [.commit(instance), .flush])
        let appends = writer.calls.filter { if case .append = $0 { true } else { false } }
        #expect(appends.count == (bytes.count + chunk - 1) / chunk)
    }

    @Test("pulled: answered without a flush, which comes at the association's end") func pulled() {
        var reception = reception(.pulled)
        #expect(receive(dataSet(), &reception).map(\.status) == [.success])
        #expect(!writer.calls.contains(.flush))
        #expect(reception.end() == nil)
        #expect(writer.calls.suffix(2) == [.flush, .close])
    }

    @Test("what contradicts or cannot be understood is refused, and nothing is committed")
    func refusals() {
        let cases: [(bytes: [UInt8], status: DIMSEStatus, comment: String)] = [
            (
                dataSet(sopClass: UID(literal: "1.2.840.10008.5.1.4.1.1.4")), .dataSetDoesNotMatchSOPClass,
                "class"
            ),
            (dataSet(instance: UID(literal: "2.25.9")), .dataSetDoesNotMatchSOPClass, "instance"),
            (dataSet(study: nil), .cannotUnderstand, "(0020,000D)"),
            ([0x02], .cannotUnderstand, "data set"),
        ]
        for (bytes, status, comment) in cases {
            var reception = reception(.unsolicited)
            let outcomes = receive(bytes, &reception)
            #expect(outcomes.map(\.status) == [status])
            #expect(outcomes.first?.errorComment?.contains(comment) == true, "\(outcomes)")
        }
        #expect(!writer.calls.contains(.commit(instance)))
        #expect(!writer.calls.contains(.flush))
    }

    @Test("a full spool is A700 and the rest of the data set is passed over") func full() {
        writer.appendFailure = .outOfResources("spool full")
        var reception = reception(.unsolicited)
        let outcomes = receive(dataSet(), chunk: 100, &reception)
        #expect(outcomes.map(\.status) == [.refusedOutOfResources])
        #expect(outcomes.map(\.errorComment) == ["spool full"])
        #expect(writer.calls == [.begin, .append([0..<100]), .abandon])
    }

    @Test("a disk that does not flush takes the success back") func flushFails() {
        writer.flushFailure = .outOfResources("disk")
        var reception = reception(.unsolicited)
        #expect(receive(dataSet(), &reception).map(\.status) == [.refusedOutOfResources])
    }

    @Test("an association that ends in mid-instance leaves nothing") func cut() {
        var reception = reception(.unsolicited)
        reception.begin(request, contextID: 1, transferSyntax: TransferSyntax.explicitVRLittleEndian)
        let bytes = dataSet()
        reception.dataSet(0..<50, isLast: false, in: bytes.span.bytes)
        #expect(reception.endOfRead(bytes.span.bytes).isEmpty)
        #expect(reception.isReceiving)
        #expect(reception.end() == nil)
        #expect(writer.calls.suffix(2) == [.abandon, .close])
    }

    @Test("several instances in one read share a flush") func sharedFlush() {
        var reception = reception(.unsolicited)
        let bytes = dataSet()
        for _ in 0..<3 {
            reception.begin(request, contextID: 1, transferSyntax: TransferSyntax.explicitVRLittleEndian)
            reception.dataSet(0..<bytes.count, isLast: true, in: bytes.span.bytes)
        }
        #expect(reception.endOfRead(bytes.span.bytes).map(\.status) == [.success, .success, .success])
        #expect(writer.calls.count { $0 == .flush } == 1)
    }
}
