// SPDX-License-Identifier: Apache-2.0
package import DICOM

extension DIMSEClient {
    /// Storage commitment (PS3.4 J): asks `peer` to be responsible for instances from now on, and waits for
    /// its report, on this association for `sameAssociation`, then on one that the peer opens.
    ///
    /// - Returns: The report; nil where none came within `limit`.
    package func commit(
        _ peer: DICOMPeer,
        _ references: [StorageCommitment.Reference],
        transactionUID: UID,
        sameAssociation: Duration = .seconds(2),
        within limit: Duration = .seconds(120),
        priority: TransferPriority = .export
    ) async throws -> StorageCommitment? {
        let request = StorageCommitment(transactionUID: transactionUID, referenced: references)
        commitments.expect(transactionUID)
        do {
            let service = AssociationProposal.Service(SOPClass.storageCommitmentPushModel)
            try await withAssociation(peer, [service], priority) { association in
                let stream = try association.exchange(
                    "N-ACTION-RQ",
                    abstractSyntax: SOPClass.storageCommitmentPushModel,
                    identifier: request.actionInformation
                ) { NActionRQ(messageID: $0).commandSet }
                _ = try await Self.final(stream)
                let deadline = ContinuousClock.now + sameAssociation
                while ContinuousClock.now < deadline, !commitments.isReported(transactionUID) {
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        } catch {
            commitments.forget(transactionUID)
            throw error
        }
        return await commitments.report(of: transactionUID, within: limit)
    }
}
