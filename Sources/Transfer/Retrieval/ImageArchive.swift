// SPDX-License-Identifier: Apache-2.0
package import DICOM

/// Where instances are when they are not in the spool: the PACS.
package protocol ImageArchive: Sendable {
    /// The archive's AE title, for the log.
    var name: String { get }

    /// What it has of a study, or of one series of it; none where it does not know the study.
    func series(study: UID, series: UID?, priority: TransferPriority) async throws -> [ArchivedSeries]

    /// Has instances sent to the spool; returns when it says that all are sent. `keepAlive` tells whether some
    /// arrived since it was last asked.
    func retrieve(
        _ identifier: RetrieveIdentifier,
        priority: TransferPriority,
        keepAlive: @escaping @Sendable () -> Bool
    ) async throws -> RetrieveProgress
}

package struct ArchivedSeries: Sendable, Equatable {
    package let seriesInstanceUID: UID
    /// In the order of their instance numbers.
    package let sopInstanceUIDs: [UID]

    package init(seriesInstanceUID: UID, sopInstanceUIDs: [UID]) {
        self.seriesInstanceUID = seriesInstanceUID
        self.sopInstanceUIDs = sopInstanceUIDs
    }
}

/// A PACS that is asked by C-FIND and C-MOVE, or C-GET.
package struct DIMSEArchive: ImageArchive {
    package enum Retrieval: Sendable {
        case move
        /// Storage classes that may come.
        case get([AssociationProposal.Service])
    }

    private let client: DIMSEClient
    private let peer: DICOMPeer
    private let retrieval: Retrieval

    package init(client: DIMSEClient, peer: DICOMPeer, retrieval: Retrieval = .move) {
        self.client = client
        self.peer = peer
        self.retrieval = retrieval
    }

    package var name: String { peer.aeTitle.string }

    package func series(
        study: UID,
        series: UID?,
        priority: TransferPriority
    ) async throws -> [ArchivedSeries] {
        let found = try await client.instances(peer, study: study, series: series, priority: priority)
        return found.sorted {
            Self.number($0.attributes, .seriesNumber) < Self.number($1.attributes, .seriesNumber)
        }
        .map { series in
            let instances = series.instances.sorted {
                Self.number($0, .instanceNumber) < Self.number($1, .instanceNumber)
            }
            return ArchivedSeries(
                seriesInstanceUID: series.seriesInstanceUID,
                sopInstanceUIDs: instances.compactMap { $0.uid(.sopInstanceUID) }
            )
        }
    }

    private static func number(_ dataSet: DataSet, _ tag: Tag) -> Int {
        dataSet.integer(tag) ?? .max
    }

    package func retrieve(
        _ identifier: RetrieveIdentifier,
        priority: TransferPriority,
        keepAlive: @escaping @Sendable () -> Bool
    ) async throws -> RetrieveProgress {
        switch retrieval {
        case .move:
            try await client.move(peer, identifier, priority: priority, keepAlive: keepAlive)
        case .get(let classes):
            try await client.get(peer, identifier, storageClasses: classes, priority: priority)
        }
    }
}
