// SPDX-License-Identifier: Apache-2.0

/// What is to be published and is not, or waits for a person: `/v1/pipeline/queue`. Names no patient.
package struct PublicationQueue: Codable, Equatable, Sendable {
    package struct Item: Codable, Equatable, Sendable {
        package let number: Int
        package let studyInstanceUID: String
        /// waiting, awaiting-images, failed, published, withdrawn, undestined or dropped.
        package let state: String
        package let held: Bool
        package let since: Timestamp
        package let attempts: Int
        package let due: Timestamp?
        package let reason: String?
        /// The SOP Instance UID of the manifest that is in the record.
        package let manifest: String?

        package init(
            number: Int,
            studyInstanceUID: String,
            state: String,
            held: Bool,
            since: Timestamp,
            attempts: Int,
            due: Timestamp?,
            reason: String?,
            manifest: String?
        ) {
            self.number = number
            self.studyInstanceUID = studyInstanceUID
            self.state = state
            self.held = held
            self.since = since
            self.attempts = attempts
            self.due = due
            self.reason = reason
            self.manifest = manifest
        }
    }

    /// A message that was not accepted; its bytes are kept.
    package struct Refused: Codable, Equatable, Sendable {
        /// SHA-256 of its bytes, in hexadecimal: what it is fetched by.
        package let digest: String
        package let controlID: String
        package let received: Timestamp
        package let code: String
        package let reason: String?

        package init(digest: String, controlID: String, received: Timestamp, code: String, reason: String?) {
            self.digest = digest
            self.controlID = controlID
            self.received = received
            self.code = code
            self.reason = reason
        }
    }

    /// Exams by state.
    package let counts: [String: Int]
    /// Those that are not done, the oldest first.
    package let items: [Item]
    /// The newest first.
    package let refused: [Refused]

    package init(counts: [String: Int], items: [Item], refused: [Refused]) {
        self.counts = counts
        self.items = items
        self.refused = refused
    }
}

/// Why a person holds or drops something.
package struct QueueDecision: Codable, Equatable, Sendable {
    package let reason: String

    package init(reason: String) {
        self.reason = reason
    }
}
