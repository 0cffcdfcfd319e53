// SPDX-License-Identifier: Apache-2.0
package import DICOM
import NIOCore

/// How a retrieval ended, or stands.
package struct RetrieveProgress: Sendable, Equatable {
    package var subOperations: SubOperations
    /// Nil while it is under way.
    package var status: DIMSEStatus?
    package var comment: String?

    package init(subOperations: SubOperations, status: DIMSEStatus? = nil, comment: String? = nil) {
        self.subOperations = subOperations
        self.status = status
        self.comment = comment
    }
}

extension DIMSEClient {
    /// C-MOVE to `destination`, by default us, which the archive must know under that title. Instances come to the
    /// Storage SCP and name this request as their origin.
    ///
    /// `keepAlive` is asked about once a second whether instances arrived meanwhile, since some archives send no
    /// pending responses; `onProgress` is called for each that they send.
    package func move(
        _ peer: DICOMPeer,
        _ identifier: RetrieveIdentifier,
        to destination: AETitle? = nil,
        priority: TransferPriority = .viewer,
        keepAlive: @escaping @Sendable () -> Bool = { false },
        onProgress: @escaping @Sendable (RetrieveProgress) -> Void = { _ in }
    ) async throws -> RetrieveProgress {
        guard let messageID = moves.begin() else { throw AssociationError.cancelled }
        defer { moves.end(messageID) }
        let destination = destination ?? aeTitle
        return try await withAssociation(peer, [.init(SOPClass.studyRootMove)], priority) { association in
            let watch = Task {
                while !Task.isCancelled {
                    try await Task.sleep(for: .seconds(1))
                    if keepAlive() { association.noteProgress() }
                }
            }
            defer { watch.cancel() }
            let stream = try association.exchange(
                "C-MOVE-RQ",
                abstractSyntax: SOPClass.studyRootMove,
                identifier: identifier.dataSet,
                messageID: messageID
            ) { CMoveRQ(messageID: $0, moveDestination: destination, priority: priority.dimse).commandSet }
            return try await Self.follow(stream, onProgress)
        }
    }

    /// C-GET: instances come on the same association, so that the archive need not know where we listen.
    /// `storageClasses` are the SOP classes that may come, with their transfer syntaxes; more than fit into one
    /// association are left out.
    package func get(
        _ peer: DICOMPeer,
        _ identifier: RetrieveIdentifier,
        storageClasses: [AssociationProposal.Service],
        priority: TransferPriority = .viewer,
        onProgress: @escaping @Sendable (RetrieveProgress) -> Void = { _ in }
    ) async throws -> RetrieveProgress {
        let services =
            [AssociationProposal.Service(SOPClass.studyRootGet)]
            + storageClasses.prefix(AssociationProposal.maximumContexts - 1)
        return try await withAssociation(peer, services, priority, receives: true) { association in
            let stream = try association.exchange(
                "C-GET-RQ",
                abstractSyntax: SOPClass.studyRootGet,
                identifier: identifier.dataSet
            ) { CGetRQ(messageID: $0, priority: priority.dimse).commandSet }
            return try await Self.follow(stream, onProgress)
        }
    }

    private static func follow(
        _ stream: AsyncThrowingStream<RequestorAssociation.Response, any Error>,
        _ onProgress: @Sendable (RetrieveProgress) -> Void
    ) async throws -> RetrieveProgress {
        for try await answer in stream {
            let response = answer.response
            switch response.status.category {
            case .pending: onProgress(RetrieveProgress(subOperations: response.subOperations))
            // A warning says that some sub-operations failed: the caller looks at what arrived.
            case .success, .warning:
                return RetrieveProgress(
                    subOperations: response.subOperations,
                    status: response.status,
                    comment: response.detail.errorComment
                )
            case .cancel, .failure: throw refusal(response)
            }
        }
        throw AssociationError.connectionLost
    }
}
