// SPDX-License-Identifier: Apache-2.0

/// What is asked for by `POST /v1/transfers`.
package struct TransferRequest: Codable, Equatable, Sendable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// From an archive into the spool (C-MOVE or C-GET).
        case pull
        /// From the spool to an archive (C-STORE).
        case push
        /// From another box into the spool (WADO-RS), and on to `peer`, where one is named, while it arrives.
        case retrieve
    }

    package enum Priority: String, Codable, Sendable, CaseIterable {
        case viewer
        case export
        case prefetch
    }

    package var kind: Kind
    /// AE title. A pull without one asks every archive of the configuration.
    package var peer: String?
    package var study: String
    package var series: String?
    /// Of a retrieval: a study, series or instance of another box.
    package var url: String?
    package var priority: Priority?
    /// After a push: asks the archive to be responsible for the instances (storage commitment).
    package var commit: Bool?

    package init(
        kind: Kind,
        peer: String? = nil,
        study: String,
        series: String? = nil,
        url: String? = nil,
        priority: Priority? = nil,
        commit: Bool? = nil
    ) {
        self.kind = kind
        self.peer = peer
        self.study = study
        self.series = series
        self.url = url
        self.priority = priority
        self.commit = commit
    }
}

/// A transfer that was asked for, and how far it is: `GET /v1/transfers/{id}`.
package struct TransferJob: Codable, Equatable, Sendable {
    package enum State: String, Codable, Sendable, CaseIterable {
        /// Also after a restart in the middle: it begins anew, and what is there is not moved again.
        case queued
        case running
        case succeeded
        /// Some instances could not be transferred.
        case partial
        case failed
        case cancelled

        package var isFinal: Bool { self != .queued && self != .running }
    }

    package struct Failure: Codable, Equatable, Sendable {
        package let sopInstanceUID: String
        package let reason: String

        package init(sopInstanceUID: String, reason: String) {
            self.sopInstanceUID = sopInstanceUID
            self.reason = reason
        }
    }

    /// Failures that are listed one by one; all are counted.
    package static let listedFailures = 100

    package var id: String
    package var request: TransferRequest
    package var state: State
    /// Instances known of so far.
    package var total: Int
    package var done: Int
    package var failed: Int
    package var bytes: Int
    package var failures: [Failure]
    /// Instances that the archive is responsible for; nil where it was not asked.
    package var committed: Int?
    /// Why it ended as it did, where that needs a reason.
    package var reason: String?
    package var created: Timestamp
    package var ended: Timestamp?

    package init(id: String, request: TransferRequest, created: Timestamp) {
        self.id = id
        self.request = request
        self.created = created
        state = .queued
        (total, done, failed, bytes) = (0, 0, 0, 0)
        failures = []
    }
}

package struct TransferJobList: Codable, Equatable, Sendable {
    package var transfers: [TransferJob]

    package init(_ transfers: [TransferJob]) {
        self.transfers = transfers
    }
}

/// A peer of the configuration: `GET /v1/peers`.
package struct PeerStatus: Codable, Equatable, Sendable {
    package var aeTitle: String
    package var host: String
    package var port: Int
    package var roles: [String]
    /// Ours to it that are open now.
    package var associations: Int
    package var isEncrypted: Bool

    package init(
        aeTitle: String,
        host: String,
        port: Int,
        roles: [String],
        associations: Int,
        isEncrypted: Bool
    ) {
        self.aeTitle = aeTitle
        self.host = host
        self.port = port
        self.roles = roles
        self.associations = associations
        self.isEncrypted = isEncrypted
    }
}

package struct PeerList: Codable, Equatable, Sendable {
    package var peers: [PeerStatus]

    package init(_ peers: [PeerStatus]) {
        self.peers = peers
    }
}

/// `POST /v1/peers/{aeTitle}/echo`.
package struct EchoReport: Codable, Equatable, Sendable {
    package var aeTitle: String
    /// From the C-ECHO-RQ to its response; nil where there was none.
    package var milliseconds: Double?
    /// Why there was none.
    package var reason: String?

    package init(aeTitle: String, milliseconds: Double? = nil, reason: String? = nil) {
        self.aeTitle = aeTitle
        self.milliseconds = milliseconds
        self.reason = reason
    }
}
