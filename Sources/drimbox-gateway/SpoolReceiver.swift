// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import Linux
import Store
import Synchronization
import Transfer

/// The spool as associations see it.
final class SpoolReceiver: InstanceReceiver {
    /// Bytes of a key object document that are read at most.
    private static let keyObjectLimit = 32 << 20

    let spool: Spool
    let arrivals: InstanceArrivals
    private let listener = Mutex<(@Sendable (KeyObjectSelection) throws -> Void)?>(nil)
    private let journal: GatewayJournal

    init(spool: Spool, arrivals: InstanceArrivals, journal: GatewayJournal) {
        self.spool = spool
        self.arrivals = arrivals
        self.journal = journal
    }

    /// Who is told of key object documents, whether somebody sent them or we asked for them, before they are
    /// acknowledged. Where it throws, the document is not: its sender sends it again.
    func onKeyObject(_ listener: @escaping @Sendable (KeyObjectSelection) throws -> Void) {
        self.listener.withLock { $0 = listener }
    }

    func makeWriter(origin: InstanceOrigin) -> any InstanceWriter {
        SpoolInstanceWriter(spool.writer(kind: origin == .pulled ? .pulled : .unsolicited), arrivals) {
            (header) throws(InstanceWriterError) in
            guard header.sopClassUID == SOPClass.keyObjectSelectionDocument else { return }
            try self.tell(header)
        }
    }

    private func tell(_ header: InstanceHeader) throws(InstanceWriterError) {
        guard let listener = listener.withLock({ $0 }) else { return }
        let document: KeyObjectSelection
        do {
            document = try keyObject(header)
        } catch {
            // Kept as it is; whatever it asks for, nobody here understands it.
            journal.record(
                "key-object.unreadable",
                .warning,
                "a key object document is kept and not understood: \(error)",
                ["sopInstanceUID": "\(header.sopInstanceUID)"]
            )
            return
        }
        do {
            try listener(document)
        } catch {
            throw .outOfResources("the key object document cannot be applied")
        }
    }

    private func keyObject(_ header: InstanceHeader) throws -> KeyObjectSelection {
        let kept = try spool.instances(
            study: header.studyInstanceUID,
            series: header.seriesInstanceUID,
            instance: header.sopInstanceUID
        )
        guard let instance = kept.first else { throw KeyObjectUnread("it is not in the spool") }
        guard instance.extent.length <= Self.keyObjectLimit else {
            throw KeyObjectUnread(
                "found \(instance.extent.length) bytes, expected \(Self.keyObjectLimit) at most"
            )
        }
        let bytes = try instance.extent.read(at: 0, count: Int(instance.extent.length))
        return try KeyObjectSelection(file: bytes)
    }
}

private struct KeyObjectUnread: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

private final class SpoolInstanceWriter: InstanceWriter {
    private let writer: SpoolWriter
    private let arrivals: InstanceArrivals
    private let onCommit: (InstanceHeader) throws(InstanceWriterError) -> Void

    init(
        _ writer: SpoolWriter,
        _ arrivals: InstanceArrivals,
        onCommit: @escaping (InstanceHeader) throws(InstanceWriterError) -> Void
    ) {
        self.writer = writer
        self.arrivals = arrivals
        self.onCommit = onCommit
    }

    func begin(fileMetaInformation: [UInt8]) throws(InstanceWriterError) {
        do { try writer.begin(fileMeta: fileMetaInformation) } catch { throw InstanceWriterError(error) }
    }

    func append(_ bytes: RawSpan, _ ranges: [Range<Int>]) throws(InstanceWriterError) {
        do { try writer.append(bytes, ranges) } catch { throw InstanceWriterError(error) }
    }

    func commit(_ header: InstanceHeader, transferSyntax: UID) throws(InstanceWriterError) {
        do { _ = try writer.commit(header, transferSyntax: transferSyntax) } catch {
            throw InstanceWriterError(error)
        }
        arrivals.announce(header)
        try onCommit(header)
    }

    func flush() throws(InstanceWriterError) {
        do { try writer.flush() } catch { throw InstanceWriterError(error) }
    }

    func abandon() {
        writer.abandon()
    }

    func close() {
        writer.close()
    }
}

extension InstanceWriterError {
    /// What the peer may know of it: an Error Comment has 64 characters and goes to another site.
    fileprivate init(_ error: StoreError) {
        switch error {
        case .spoolFull: self = .outOfResources("spool full: nothing may be evicted")
        case .system(let failure):
            self = .outOfResources("spool disk: \(failure.call) failed (errno \(failure.errno))")
        default: self = .failed("spool cannot keep the instance")
        }
    }
}
