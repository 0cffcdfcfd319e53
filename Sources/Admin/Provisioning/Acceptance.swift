// SPDX-License-Identifier: Apache-2.0

/// What was tested when the box was installed, or later: `GET /v1/acceptance`.
package struct AcceptanceReport: Codable, Equatable, Sendable {
    package enum Topic: String, Codable, Sendable, CaseIterable {
        case configuration
        case network
        case archive
        case nationalRecord = "national-record"
        case certificate
        case securityChip = "security-chip"
        case disk
        case array
        case fileSystem = "file-system"
        case clock
        case audit
    }

    package enum Verdict: String, Codable, Sendable {
        case passed
        case failed
        /// There is nothing to test, or no way to.
        case notTested = "not-tested"
    }

    package struct Check: Codable, Equatable, Sendable {
        package let topic: Topic
        /// What was asked: `10.10.0.1`, `PACS1`, `nvme0`.
        package let target: String
        package let verdict: Verdict
        package let detail: String

        package init(_ topic: Topic, _ target: String, _ verdict: Verdict, _ detail: String) {
            self.topic = topic
            self.target = target
            self.verdict = verdict
            self.detail = detail
        }
    }

    package let time: Timestamp
    package let site: String
    package let software: String
    package let revision: Int
    package let state: ProvisioningState
    package let checks: [Check]

    package init(
        time: Timestamp,
        site: String,
        software: String = Software.version,
        revision: Int,
        state: ProvisioningState,
        checks: [Check]
    ) {
        self.time = time
        self.site = site
        self.software = software
        self.revision = revision
        self.state = state
        self.checks = checks
    }

    /// What was not tested does not count against the box.
    package var hasPassed: Bool { !checks.contains { $0.verdict == .failed } }
}
