// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import NIOCore
import Synchronization
import Testing

@testable import Transfer

private let sopClass = UID(literal: "1.2.840.10008.5.1.4.1.1.2")
private let sopInstance = UID(literal: "2.25.1.1.1")

private func stored(
    _ dataSet: [UInt8],
    head: Int = 0,
    syntax: UID = TransferSyntax.explicitVRLittleEndian,
    coercion: Coercion? = nil
) throws -> StorableInstance {
    let file = try OpenFile.unnamed(in: "/tmp")
    // The extent begins inside the file, as in a segment of the spool.
    try file.append([UInt8](repeating: 0xEE, count: 13 + head) + dataSet + [0xEE])
    return StorableInstance(
        sopClassUID: sopClass,
        sopInstanceUID: sopInstance,
        transferSyntax: syntax,
        file: FileExtent(file: file, offset: 13, length: Int64(head + dataSet.count)),
        dataSetOffset: Int64(head),
        coercion: coercion
    )
}

private func numbers(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
}

@Suite("C-STORE of instances with edits") struct CoercedSendingTests {
    private struct Sent {
        var dataSet: [UInt8] = []
        var largestBuffer = 0
        var writes = 0
        var fragments: [Int] = []
    }

    /// Takes apart what the sender writes, PDU by PDU.
    private func send(_ instance: StorableInstance, _ edits: [DataSetEdit], pdu: Int) throws -> Sent {
        var sender = StoreSender(peerMaximumPDULength: pdu)
        let request = CStoreRQ(
            messageID: 1,
            affectedSOPClassUID: sopClass,
            affectedSOPInstanceUID: sopInstance
        )
        _ = sender.begin(request, instance, edits, contextID: 5)
        var sent = Sent()
        while sender.isSending {
            var buffer = try sender.next(head: nil, allocator: ByteBufferAllocator())
            sent.writes += 1
            sent.largestBuffer = max(sent.largestBuffer, buffer.readableBytes)
            sender.recycle(buffer)
            while buffer.readableBytes > 0 {
                #expect(buffer.readInteger(as: UInt16.self) == 0x0400)
                let length = Int(buffer.readInteger(as: UInt32.self) ?? 0)
                #expect(buffer.readInteger(as: UInt32.self).map(Int.init) == length - 4)
                #expect(buffer.readInteger(as: UInt8.self) == 5)
                let control = buffer.readInteger(as: UInt8.self)
                let fragment = buffer.readBytes(length: length - 6) ?? []
                #expect(pdu == 0 || length <= max(pdu, 8))
                sent.dataSet += fragment
                sent.fragments.append(fragment.count)
                let isLast = !sender.isSending && buffer.readableBytes == 0
                #expect(control == (isLast ? 2 : 0))
            }
        }
        #expect(sent.fragments.allSatisfy { $0.isMultiple(of: 2) && $0 > 0 })
        return sent
    }

    @Test(
        "the bytes are those of the edited data set, whatever the size of the PDUs",
        arguments: [1, 8, 9, 14, 126, 1000, 4096, 16_384, 131_072, 0]
    )
    func sizes(pdu: Int) throws {
        let dataSet = numbers(pdu != 0 && pdu < 1000 ? 6000 : 300_000)
        let edits = [
            DataSetEdit(range: 0..<0, bytes: numbers(6)),
            DataSetEdit(range: 100..<200, bytes: []),
            DataSetEdit(range: 300..<302, bytes: numbers(5000)),
            // More than is read at once with tiny PDUs.
            DataSetEdit(range: 3300..<5900, bytes: [1, 2]),
            DataSetEdit(range: dataSet.count - 10..<dataSet.count, bytes: [9, 9]),
        ]
        let instance = try stored(dataSet, head: 357)
        for count in 0...edits.count {
            let edits = Array(edits.prefix(count))
            let sent = try send(instance, edits, pdu: pdu)
            #expect(sent.dataSet == edits.applied(to: dataSet))
        }
    }

    @Test("edits on, before and behind the boundaries of chunks and fragments", arguments: [16_384, 131_072])
    func boundaries(pdu: Int) throws {
        let room = pdu - 6
        let chunk = (StoreSender.chunk / room + 1) * room
        let dataSet = numbers(2 * chunk + 5000)
        let instance = try stored(dataSet)
        for boundary in [room, chunk, 2 * chunk] {
            for distance in [-4, -2, 0, 2] {
                for (removed, added) in [
                    (0, 2), (0, 4), (4, 0), (2, 2), (0, room), (2, chunk + 2), (chunk / 4 * 2, 2),
                ] {
                    let start = boundary + distance
                    guard start + removed <= dataSet.count else { continue }
                    let edits = [DataSetEdit(range: start..<start + removed, bytes: numbers(added))]
                    let sent = try send(instance, edits, pdu: pdu)
                    #expect(
                        sent.dataSet == edits.applied(to: dataSet),
                        "\(boundary) \(distance) \(removed) \(added)"
                    )
                }
            }
        }
    }

    @Test("random edits", arguments: [UInt64](1...40)) func random(seed: UInt64) throws {
        var generator = Numbers(state: seed)
        let dataSet = numbers(2 * Int.random(in: 1...40_000, using: &generator))
        var edits: [DataSetEdit] = []
        var position = 0
        while position < dataSet.count, edits.count < 12 {
            let start = position + 2 * Int.random(in: 0...4000, using: &generator)
            let end = start + 2 * Int.random(in: 0...300, using: &generator)
            guard end <= dataSet.count else { break }
            let added = numbers(2 * Int.random(in: 0...600, using: &generator))
            edits.append(DataSetEdit(range: start..<end, bytes: added))
            position = end + 2
        }
        guard edits.applied(to: dataSet).count > 0 else { return }
        let instance = try stored(dataSet, head: Int.random(in: 0...400, using: &generator))
        for pdu in [200, 4098, 16_384, 131_072] {
            #expect(try send(instance, edits, pdu: pdu).dataSet == edits.applied(to: dataSet), "seed \(seed)")
        }
    }

    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }

    @Test("edits change neither the number of writes nor the size of buffers") func memory() throws {
        let dataSet = numbers(12 << 20)
        let instance = try stored(dataSet)
        let edits = [
            DataSetEdit(range: 10..<20, bytes: numbers(600)), DataSetEdit(range: 700..<700, bytes: [1, 2]),
        ]
        let (plain, edited) = (try send(instance, [], pdu: 131_072), try send(instance, edits, pdu: 131_072))
        #expect(edited.writes <= plain.writes + 1)
        #expect(edited.largestBuffer == plain.largestBuffer)
        #expect(edited.dataSet == edits.applied(to: dataSet))
    }

    @Test("a file that has become shorter is an error") func shortened() throws {
        let file = try OpenFile.unnamed(in: "/tmp")
        try file.append(numbers(100))
        let extent = FileExtent(file: file, offset: 0, length: 200)
        let pieces = DataSetPieces(extent, 0, [DataSetEdit(range: 0..<2, bytes: [1, 2])])
        #expect(throws: SystemCallError.self) { try pieces.read(at: 0, count: 200) }
    }
}

@Suite("Coercion on its way to an archive") struct CoercedStoreTests {
    /// Keeps what an association brought.
    private final class Archive: InstanceReceiver {
        let dataSets = Mutex<[[UInt8]]>([])

        func makeWriter(origin: InstanceOrigin) -> any InstanceWriter { Writer(self) }
    }

    private final class Writer: InstanceWriter {
        private let archive: Archive
        private var dataSet: [UInt8] = []

        init(_ archive: Archive) { self.archive = archive }

        func begin(fileMetaInformation: [UInt8]) { dataSet = [] }

        func append(_ bytes: RawSpan, _ ranges: [Range<Int>]) {
            for index in ranges.joined() {
                dataSet.append(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
            }
        }

        func commit(_ header: InstanceHeader, transferSyntax: UID) {
            archive.dataSets.withLock { $0.append(dataSet) }
        }

        func flush() {}
        func abandon() {}
        func close() {}
    }

    /// Gives the same data set whatever is asked for.
    private struct Codec: PixelCodec {
        let dataSet: [UInt8]

        func transcode(_ file: FileExtent, to syntax: UID, frame: Int?, priority: TransferPriority)
            async
            throws(PixelDataError) -> TranscodedFile
        {
            do {
                let stored = try stored(dataSet, head: 40, syntax: syntax)
                return TranscodedFile(extent: stored.file, dataSetOffset: stored.dataSetOffset)
            } catch { throw .unreadable }
        }

        func render(_ file: FileExtent, _ rendering: Rendering, priority: TransferPriority)
            async
            throws(PixelDataError) -> FileExtent
        { file }
    }

    private final class Outcomes: Sendable {
        let list = Mutex<[StoreResult.Outcome]>([])
    }

    private func store(_ instance: StorableInstance, codec: (any PixelCodec)? = nil) async throws
        -> ([[UInt8]], [StoreResult.Outcome])
    {
        let archive = Archive()
        let journal = TransferJournal()
        let title = AETitle(literal: "ARCHIVE")
        let listener = try StorageListener(
            on: [("127.0.0.1", 0)],
            configuration: StorageListenerConfiguration(
                policy: AcceptorPolicy(calledAETitle: title, acceptUnknownPeers: true),
                maximumAssociations: 4
            ),
            receiver: archive,
            journal: journal
        )
        let client = DIMSEClient(
            aeTitle: AETitle(literal: "BOX"),
            receiver: archive,
            commitments: CommitmentTable(),
            moves: ActiveMoves(),
            journal: journal
        )
        let outcomes = Outcomes()
        try await client.store(
            DICOMPeer(aeTitle: title, host: "127.0.0.1", port: listener.addresses[0].port),
            [instance],
            codec: codec
        ) { result in outcomes.list.withLock { $0.append(result.outcome) } }
        await client.shutdown()
        await listener.shutdown(grace: .seconds(1))
        return (archive.dataSets.withLock { $0 }, outcomes.list.withLock { $0 })
    }

    private func image() -> DataSet {
        var image = DataSet()
        image.set(.sopClassUID, uids: [sopClass])
        image.set(.sopInstanceUID, uids: [sopInstance])
        image.set(.accessionNumber, "ACN1")
        image.set(.patientID, "FAR1")
        image.set(.studyInstanceUID, uids: [UID(literal: "1.2.3")])
        image.set(.seriesInstanceUID, uids: [UID(literal: "1.2.3.4")])
        image.set(.pixelData, .ow, .bytes(numbers(5 << 18)))
        return image
    }

    private func coercion() throws -> Coercion {
        try Coercion.importing(
            Coercion.LocalIdentity(patientID: "IPP1", issuer: "HOSP&1.2.250.1.9&ISO"),
            nationalIdentifier: nil,
            equipment: .init(manufacturer: "DRIMbox", contributionDateTime: "20260101120000"),
            record: .init(attributeModificationDateTime: "20260101120000", modifyingSystem: "DRIMBOX")
        )
    }

    @Test("the archive gets the local identity, and every pixel") func coerced() async throws {
        let bytes = image().encode()
        let head = try coercion().head(
            of: ByteSource(bytes),
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        #expect(head.isChanged)
        let (dataSets, outcomes) = try await store(try stored(bytes, head: 300, coercion: coercion()))
        #expect(outcomes == [.stored(.success)])
        #expect(dataSets.count == 1)
        #expect(dataSets.first == head.edits.applied(to: bytes))
    }

    @Test("without coercion the bytes are those of the file") func plain() async throws {
        let bytes = image().encode()
        let (dataSets, outcomes) = try await store(try stored(bytes, head: 300))
        #expect(outcomes == [.stored(.success)])
        #expect(dataSets == [bytes])
    }

    @Test("what cannot be coerced fails by name and is not sent") func damaged() async throws {
        // The elements of another data set in front: not in ascending order.
        var other = DataSet()
        other.set(.seriesInstanceUID, uids: [UID(literal: "1.2.3.4")])
        let bytes = other.encode() + image().encode()
        let (dataSets, outcomes) = try await store(try stored(bytes, coercion: coercion()))
        #expect(dataSets.isEmpty)
        #expect(outcomes.count == 1)
        guard case .failed(.notCoerced(let error)) = outcomes.first else {
            Issue.record("\(outcomes)")
            return
        }
        #expect("\(error)".hasPrefix("data set: "))
    }

    @Test("big endian is transcoded first, and fails by name where nothing does that") func bigEndian()
        async throws
    {
        let native = image().encode()
        let instance = try stored(
            [8, 0, 8, 0],
            syntax: TransferSyntax.explicitVRBigEndian,
            coercion: coercion()
        )
        let (none, refused) = try await store(instance)
        #expect(none.isEmpty)
        #expect(
            refused
                == [
                    .failed(
                        .notCoerced(.cannotBePieced(transferSyntax: TransferSyntax.explicitVRBigEndian))
                    )
                ]
        )
        let (dataSets, outcomes) = try await store(instance, codec: Codec(dataSet: native))
        #expect(outcomes == [.stored(.success)])
        let head = try coercion().head(
            of: ByteSource(native),
            transferSyntax: TransferSyntax.explicitVRLittleEndian
        )
        #expect(dataSets == [head.edits.applied(to: native)])
    }
}
