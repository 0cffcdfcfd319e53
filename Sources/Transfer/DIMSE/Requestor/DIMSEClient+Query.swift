// SPDX-License-Identifier: Apache-2.0
package import DICOM

extension DIMSEClient {
    /// C-ECHO; the time from the request to its response.
    package func echo(_ peer: DICOMPeer, priority: TransferPriority = .viewer) async throws -> Duration {
        try await withAssociation(peer, [.init(SOPClass.verification)], priority) { association in
            let start = ContinuousClock.now
            let stream = try association.exchange("C-ECHO-RQ", abstractSyntax: SOPClass.verification) {
                CEchoRQ(messageID: $0).commandSet
            }
            _ = try await Self.final(stream)
            return start.duration(to: .now)
        }
    }

    /// C-FIND in the Study Root information model: the matches in the order of the peer. When `limit` of them are
    /// there the query is cancelled (C-CANCEL), and `isComplete` is false. `isRelational` asks for relational
    /// queries (PS3.4 C.5.1.1), which the peer may not do.
    package func find(
        _ peer: DICOMPeer,
        _ identifier: QueryIdentifier,
        limit: Int = .max,
        isRelational: Bool = false,
        priority: TransferPriority = .viewer
    ) async throws -> (matches: [DataSet], isComplete: Bool) {
        let service = AssociationProposal.Service(SOPClass.studyRootFind, isRelational: isRelational)
        return try await withAssociation(peer, [service], priority) { association in
            try await Self.find(association, identifier, limit: limit, priority: priority)
        }
    }

    private static func find(
        _ association: RequestorAssociation,
        _ identifier: QueryIdentifier,
        limit: Int,
        priority: TransferPriority
    ) async throws -> (matches: [DataSet], isComplete: Bool) {
        // An association of its own has a number of its own.
        let messageID: UInt16 = 1
        let stream = try association.exchange(
            "C-FIND-RQ",
            abstractSyntax: SOPClass.studyRootFind,
            identifier: identifier.dataSet,
            messageID: messageID
        ) { CFindRQ(messageID: $0, priority: priority.dimse).commandSet }
        var matches: [DataSet] = []
        var isCancelled = false
        for try await answer in stream {
            switch answer.response.status.category {
            case .pending:
                guard let match = answer.identifier, matches.count < limit else { continue }
                matches.append(match)
                if matches.count == limit, !isCancelled {
                    isCancelled = true
                    association.cancel(messageID, abstractSyntax: SOPClass.studyRootFind)
                }
            case .success: return (matches, true)
            case .cancel where isCancelled: return (matches, false)
            case .cancel, .warning, .failure: throw refusal(answer.response)
            }
        }
        throw AssociationError.connectionLost
    }

    /// The series of a study, then the instances of each: what every archive can be asked (PS3.4 C.4.1.3.1.1), with
    /// the attributes that the keys name at each level besides UIDs.
    package func instances(
        _ peer: DICOMPeer,
        study: UID,
        series wanted: UID? = nil,
        seriesKeys: [Tag] = [],
        instanceKeys: [Tag] = [],
        priority: TransferPriority = .viewer
    ) async throws -> [FoundSeries] {
        let services = [AssociationProposal.Service(SOPClass.studyRootFind)]
        return try await withAssociation(peer, services, priority) { association in
            var query = QueryIdentifier(level: .series)
            query.match(.studyInstanceUID, [study])
            if let wanted {
                query.match(.seriesInstanceUID, [wanted])
            } else {
                query.request(.seriesInstanceUID)
            }
            query.request(.modality, .seriesNumber)
            for key in seriesKeys { query.request(key) }
            let found = try await Self.find(association, query, limit: .max, priority: priority).matches
            var result: [FoundSeries] = []
            for series in found {
                guard let uid = series.uid(.seriesInstanceUID), wanted == nil || wanted == uid else {
                    continue
                }
                var query = QueryIdentifier(level: .image)
                query.match(.studyInstanceUID, [study])
                query.match(.seriesInstanceUID, [uid])
                query.request(.sopInstanceUID, .sopClassUID, .instanceNumber)
                for key in instanceKeys { query.request(key) }
                let instances = try await Self.find(association, query, limit: .max, priority: priority)
                    .matches
                result.append(FoundSeries(seriesInstanceUID: uid, attributes: series, instances: instances))
            }
            return result
        }
    }

    /// The last response of an exchange that has no pending ones, which must be a success or a warning.
    static func final(
        _ stream: AsyncThrowingStream<RequestorAssociation.Response, any Error>
    ) async throws -> RequestorAssociation.Response {
        for try await answer in stream {
            switch answer.response.status.category {
            case .success, .warning: return answer
            case .pending: continue
            case .failure, .cancel: throw refusal(answer.response)
            }
        }
        throw AssociationError.connectionLost
    }

    static func refusal(_ response: DIMSEResponse) -> AssociationError {
        .refused(response.status, comment: response.detail.errorComment)
    }
}

/// A series as its archive describes it.
package struct FoundSeries: Sendable {
    package let seriesInstanceUID: UID
    package let attributes: DataSet
    /// One data set for each instance, with its SOP Instance UID.
    package let instances: [DataSet]
}
