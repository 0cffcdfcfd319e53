// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import Transfer

/// The application entities of the configuration, as the DICOM client sees them.
struct Peers: Sendable {
    struct Entry: Sendable {
        let peer: DICOMPeer
        let roles: Set<GatewayConfiguration.Peer.Role>
    }

    private let entries: [AETitle: Entry]
    /// PACS that can be asked for what is not here, in the order of the configuration.
    let archives: [any ImageArchive]

    init(_ dicom: GatewayConfiguration.DICOM, _ client: DIMSEClient, _ security: Security) throws {
        var entries: [AETitle: Entry] = [:]
        var archives: [any ImageArchive] = []
        for (index, configured) in dicom.peers.enumerated() {
            guard let aeTitle = AETitle(configured.aeTitle) else {
                throw ConfigurationError(
                    path: "dicom.peers[\(index)].aeTitle",
                    found: configured.aeTitle,
                    expected: "an AE title of 1 to 16 characters"
                )
            }
            var peer = DICOMPeer(aeTitle: aeTitle, host: configured.host, port: configured.port)
            peer.maximumAssociations = configured.maximumAssociations
            peer.bandwidth = configured.bytesPerSecond.map { BandwidthLimit(bytesPerSecond: $0) }
            peer.tls = try configured.tls.map { try security.client($0, of: configured) }
            entries[aeTitle] = Entry(peer: peer, roles: configured.roles)
            guard configured.roles.contains(.find) else { continue }
            if configured.roles.contains(.move) {
                archives.append(DIMSEArchive(client: client, peer: peer))
            } else if configured.roles.contains(.get) {
                archives.append(
                    DIMSEArchive(client: client, peer: peer, retrieval: .get(Self.storageClasses))
                )
            }
        }
        self.entries = entries
        self.archives = archives
    }

    subscript(aeTitle: AETitle) -> Entry? { entries[aeTitle] }

    var all: [Entry] { entries.values.sorted { $0.peer.aeTitle.string < $1.peer.aeTitle.string } }

    /// What may come by C-GET: the classes that radiology archives hold, each in what they keep it in.
    private static let storageClasses: [AssociationProposal.Service] = {
        let root = "1.2.840.10008.5.1.4.1.1."
        let images = [
            "1", "1.1", "1.2", "1.3", "1.1.1", "1.2.1", "1.3.1", "2", "2.1", "2.2", "3.1", "4", "4.1", "4.2",
            "4.3",
            "4.4", "6.1", "6.2", "7", "7.1", "7.2", "7.3", "7.4", "12.1", "12.1.1", "12.2", "12.2.1",
            "13.1.1",
            "13.1.2", "13.1.3", "13.1.4", "13.1.5", "14.1", "14.2", "20", "30", "77.1.1", "77.1.2", "77.1.4",
            "128", "128.1", "130", "481.1", "481.2",
        ]
        let others = [
            "11.1", "11.2", "11.3", "11.4", "66", "66.1", "66.2", "66.3", "66.4", "66.5", "88.11", "88.22",
            "88.33",
            "88.34", "88.40", "88.50", "88.59", "88.65", "88.67", "88.68", "88.70", "88.71", "104.1", "104.2",
            "481.3", "481.5",
        ]
        let native = [TransferSyntax.explicitVRLittleEndian, TransferSyntax.implicitVRLittleEndian]
        // In contexts of their own, so that an archive may keep to what it has.
        let compressed = ["4.80", "4.70", "4.57", "4.90", "4.91", "4.50", "4.51", "5"].compactMap {
            UID("1.2.840.10008.1.2." + $0)
        }
        return images.compactMap { UID(root + $0) }.flatMap { image -> [AssociationProposal.Service] in
            [.init(image, native, isSCP: true), .init(image, compressed, isSCP: true)]
        }
            + others.compactMap { UID(root + $0) }.map { .init($0, native, isSCP: true) }
    }()
}
