// SPDX-License-Identifier: Apache-2.0
import DICOM
import Foundation
import Linux
import Store
import Testing
import Transfer

/// Our own DICOM client in the test's process, beside a spool and a Storage SCP of its own.
final class ClientUnderTest {
    let client: DIMSEClient
    let listener: StorageListener
    let spool: Spool
    let journal = TransferJournal()
    let receiver: any InstanceReceiver

    var port: Int { listener.addresses[0].port }

    init(in directory: TemporaryDirectory) throws {
        spool = try Spool(
            directory: directory.appending("client").path,
            options: SpoolOptions(capacityBytes: 1 << 30, segmentBytes: 32 << 20)
        )
        receiver = TestReceiver(spool: spool)
        let (moves, commitments) = (ActiveMoves(), CommitmentTable())
        client = DIMSEClient(
            aeTitle: AETitle(literal: "CLIENT"),
            receiver: receiver,
            commitments: commitments,
            moves: moves,
            journal: journal
        )
        listener = try StorageListener(
            on: [("127.0.0.1", 0)],
            configuration: StorageListenerConfiguration(
                policy: AcceptorPolicy(calledAETitle: AETitle(literal: "CLIENT"), acceptUnknownPeers: true),
                maximumAssociations: 16,
                moves: moves,
                commitments: commitments
            ),
            receiver: receiver,
            journal: journal
        )
    }

    func end() async {
        await client.shutdown()
        await listener.shutdown(grace: .seconds(1))
        spool.close()
    }

    /// The files of `directory` as instances to be sent.
    static func instances(in directory: URL) throws -> [StorableInstance] {
        try Bench.files(in: directory).map { url in
            let head = try FileHandle(forReadingFrom: url).read(upToCount: 64 << 10) ?? Data()
            let (meta, offset) = try Array(head).withRawSpan { bytes in try FileMetaInformation.decode(bytes)
            }
            let file = try TestFile(url)
            return StorableInstance(
                sopClassUID: meta.mediaStorageSOPClassUID,
                sopInstanceUID: meta.mediaStorageSOPInstanceUID,
                transferSyntax: meta.transferSyntaxUID,
                file: FileExtent(file: file, offset: 0, length: file.size),
                dataSetOffset: Int64(offset)
            )
        }
    }

    static func peer(_ aeTitle: String, _ port: Int) throws -> DICOMPeer {
        DICOMPeer(aeTitle: try #require(AETitle(aeTitle)), host: "127.0.0.1", port: port)
    }

    /// Writes the kept instances of `study` to files in `output`.
    func export(_ study: UID, to output: URL) throws {
        for instance in try spool.instances(study: study) {
            let bytes = try instance.bytes(at: 0, count: Int(instance.extent.length))
            try Data(bytes).write(to: output.appending(path: instance.sopInstanceUID.string))
        }
    }
}

/// Collects results that come on other threads.
final class Results: Sendable {
    private let list = Locked<[StoreResult]>([])

    func append(_ result: StoreResult) { list.change { $0.append(result) } }

    var all: [StoreResult] { list.value }
    var stored: Int { all.filter(\.isStored).count }
}

final class Locked<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var content: Value

    init(_ content: Value) { self.content = content }

    var value: Value { lock.withLock { content } }

    func change(_ body: (inout Value) -> Void) { lock.withLock { body(&content) } }
}

private final class TestFile: SharedFile {
    private let handle: Descriptor
    let size: Int64

    init(_ url: URL) throws {
        handle = try Descriptor(opening: url.path, O_RDONLY)
        size = try handle.extent(of: url.path).size
    }

    var descriptor: Int32 { handle.rawValue }
}

private struct TestReceiver: InstanceReceiver {
    let spool: Spool

    func makeWriter(origin: InstanceOrigin) -> any InstanceWriter {
        TestWriter(spool.writer(kind: origin == .pulled ? .pulled : .unsolicited))
    }
}

private final class TestWriter: InstanceWriter {
    private let writer: SpoolWriter

    init(_ writer: SpoolWriter) { self.writer = writer }

    private func run(_ body: () throws -> Void) throws(InstanceWriterError) {
        do { try body() } catch { throw .failed("\(error)") }
    }

    func begin(fileMetaInformation: [UInt8]) throws(InstanceWriterError) {
        try run { try writer.begin(fileMeta: fileMetaInformation) }
    }

    func append(_ bytes: RawSpan, _ ranges: [Range<Int>]) throws(InstanceWriterError) {
        do { try writer.append(bytes, ranges) } catch { throw .failed("\(error)") }
    }

    func commit(_ header: InstanceHeader, transferSyntax: UID) throws(InstanceWriterError) {
        try run { _ = try writer.commit(header, transferSyntax: transferSyntax) }
    }

    func flush() throws(InstanceWriterError) { try run { try writer.flush() } }
    func abandon() { writer.abandon() }
    func close() { writer.close() }
}
