// SPDX-License-Identifier: Apache-2.0
import DICOM
import Linux
import Store
import Transfer

/// The spool as associations see it.
struct SpoolReceiver: InstanceReceiver {
    let spool: Spool
    let arrivals: InstanceArrivals

    func makeWriter(origin: InstanceOrigin) -> any InstanceWriter {
        SpoolInstanceWriter(spool.writer(kind: origin == .pulled ? .pulled : .unsolicited), arrivals)
    }
}

private final class SpoolInstanceWriter: InstanceWriter {
    private let writer: SpoolWriter
    private let arrivals: InstanceArrivals

    init(_ writer: SpoolWriter, _ arrivals: InstanceArrivals) {
        self.writer = writer
        self.arrivals = arrivals
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
