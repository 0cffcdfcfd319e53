// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import Logging
import Store
import Synchronization
import Transfer

/// The gateway's news: what the wire and the spool report becomes an event and a log line.
final class GatewayJournal: Sendable {
    static let service = "drimbox-gateway"

    let log = EventLog()
    private let logger = Logger(label: GatewayJournal.service)

    func record(_ kind: String, _ severity: Severity, _ message: String, _ attributes: [String: String] = [:])
    {
        log.append {
            Event(
                seq: $0,
                time: Timestamp(milliseconds: WallClock.milliseconds()),
                kind: kind,
                severity: severity,
                service: Self.service,
                message: message,
                attributes: attributes
            )
        }
        let level: Logger.Level = severity == .critical ? .critical : severity == .warning ? .warning : .info
        logger.log(
            level: level,
            "\(kind)",
            metadata: attributes.mapValues { .string($0) }.merging(["message": "\(message)"]) { $1 }
        )
    }

    /// Follows the wire until its stream ends.
    func follow(_ events: AsyncStream<TransferEvent>) async {
        for await event in events { record(event) }
    }

    /// Follows the spool until its stream ends.
    func follow(_ events: AsyncStream<SpoolEvent>) async {
        for await event in events { record(event) }
    }

    private func record(_ event: TransferEvent) {
        switch event {
        case .associationAccepted(
            let id,
            let calling,
            let peer,
            let contexts,
            let implementation,
            let certificate
        ):
            var attributes = [
                "association": "\(id)", "calling": "\(calling)", "peer": peer, "contexts": "\(contexts)",
                "implementation": implementation,
            ]
            attributes["certificate"] = certificate?.fingerprint
            record("association.accepted", .info, "association accepted", attributes)
        case .associationRejected(let peer, let calling, let reason):
            record(
                "association.rejected",
                .warning,
                "association rejected: \(reason)",
                ["peer": peer, "calling": calling]
            )
        case .associationReleased(let id, let calling, let instances, let bytes):
            record(
                "association.released",
                .info,
                "association released",
                [
                    "association": "\(id)", "calling": "\(calling)", "instances": "\(instances)",
                    "bytes": "\(bytes)",
                ]
            )
        case .associationAborted(let id, let peer, let reason, let instances, let unfinished):
            record(
                "association.aborted",
                .warning,
                "association ended without release: \(reason)",
                [
                    "association": "\(id)", "peer": peer, "instances": "\(instances)",
                    "unfinishedInstance": "\(unfinished)",
                ]
            )
        case .instanceRefused(let id, let status, let sopInstanceUID, let reason):
            record(
                "instance.refused",
                .warning,
                "instance refused: \(reason)",
                [
                    "association": "\(id)", "sopInstanceUID": sopInstanceUID,
                    "status": DIMSEStatusText.hexadecimal(status),
                ]
            )
        case .writeFailed(let id, let reason):
            record(
                "spool.write-failed",
                .critical,
                "the spool could not be flushed: \(reason)",
                ["association": "\(id)"]
            )
        case .tlsHandshakeFailed(let section, let peer, let reason):
            record(
                "tls.handshake-failed",
                .warning,
                "TLS handshake failed: \(reason)",
                ["section": section, "peer": peer]
            )
        case .tlsRevocationUnknown(let section, let fingerprint, let reason):
            record(
                "tls.revocation-unknown",
                .warning,
                "a certificate was accepted of whose revocation nothing is known: \(reason)",
                ["section": section, "fingerprint": fingerprint]
            )
        case .tlsReloaded(let section):
            record("tls.reloaded", .info, "the certificates were read anew", ["section": section])
        case .tlsReloadFailed(let section, let reason):
            record(
                "tls.reload-failed",
                .critical,
                "the new certificates cannot be used, the former stay: \(reason)",
                ["section": section]
            )
        case .tlsCertificateExpires(let section, let subject, let days):
            record(
                "tls.certificate-expires",
                days < 7 ? .critical : .warning,
                days < 0 ? "a certificate of ours has expired" : "a certificate of ours expires soon",
                ["section": section, "subject": subject, "days": "\(days)"]
            )
        case .archiveFailed(let archive, let operation, let reason):
            record(
                "archive.failed",
                .warning,
                "the archive did not do what it was asked for: \(reason)",
                ["archive": archive, "operation": operation]
            )
        case .archiveIncomplete(let archive, let missing):
            record(
                "archive.incomplete",
                .warning,
                "the archive did not send all that it lists",
                ["archive": archive, "missing": "\(missing)"]
            )
        case .acceptFailed(let reason):
            record("dicom.accept-failed", .critical, "no more associations are taken: \(reason)")
        }
    }

    private func record(_ event: SpoolEvent) {
        switch event {
        case .replaced(let sopInstanceUID, let segment):
            record(
                "instance.replaced",
                .warning,
                "the same SOP instance UID came with other bytes, the newer ones are kept",
                ["sopInstanceUID": "\(sopInstanceUID)", "segment": "\(segment)"]
            )
        case .evicted(let segment, let instances):
            record(
                "spool.evicted",
                .info,
                "a segment of pulled instances was freed",
                ["segment": "\(segment)", "instances": "\(instances)"]
            )
        case .recovered(let segments, let instances):
            record(
                "spool.recovered",
                .info,
                "the log's tail was read after an unclean end",
                ["segments": "\(segments)", "instances": "\(instances)"]
            )
        case .indexRebuilt(let instances, let reason):
            record(
                "spool.index-rebuilt",
                .warning,
                "the index was rebuilt from the log: \(reason)",
                ["instances": "\(instances)"]
            )
        case .damaged(let segment, let offset, let sopInstanceUID):
            record(
                "spool.damaged",
                .critical,
                "a record's checksum is wrong: its instance is no longer served",
                [
                    "segment": "\(segment)", "offset": "\(offset)",
                    "sopInstanceUID": sopInstanceUID.map { "\($0)" } ?? "unknown",
                ]
            )
        case .indexFailed(let reason):
            record("spool.index-failed", .critical, "the index cannot be written: \(reason)")
        }
    }
}

enum DIMSEStatusText {
    /// "A700".
    static func hexadecimal(_ status: UInt16) -> String {
        let digits = String(status, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
