// SPDX-License-Identifier: Apache-2.0

/// A call that was made with `Prefer: respond-async` (RFC 7240 4.1) and takes its time: `GET /v1/jobs/{id}`. Lives as long as
/// the supervisor.
package struct AdminJob: Codable, Equatable, Sendable {
    package enum State: String, Codable, Sendable, CaseIterable {
        case running
        case succeeded
        /// The answer is a problem.
        case failed
    }

    package let id: String
    package let method: String
    package let path: String
    package let user: String
    package let started: Timestamp
    package var state: State
    package var ended: Timestamp?
    /// Of the answer that `GET /v1/jobs/{id}/result` gives.
    package var status: Int?

    package init(id: String, method: String, path: String, user: String, started: Timestamp) {
        self.id = id
        self.method = method
        self.path = path
        self.user = user
        self.started = started
        state = .running
    }
}

/// `GET /v1/jobs`, the newest first.
package struct AdminJobList: Codable, Equatable, Sendable {
    package let jobs: [AdminJob]

    package init(jobs: [AdminJob]) {
        self.jobs = jobs
    }
}
