// SPDX-License-Identifier: Apache-2.0

/// One screen of state: `GET /v1/status`.
package struct BoxStatus: Codable, Equatable, Sendable {
    package enum State: String, Codable, Sendable {
        case starting
        case inService = "in-service"
        case degraded
        case safeMode = "safe-mode"
        case stopping
    }

    package struct ServiceSummary: Codable, Equatable, Sendable {
        package let name: String
        package let state: ServiceStatus.State
        package let restarts: Int

        package init(_ status: ServiceStatus) {
            name = status.name
            state = status.state
            restarts = status.restarts
        }
    }

    /// The few numbers of `PipelineStatus` that a person looks at first.
    package struct PipelineSummary: Codable, Equatable, Sendable {
        package let openAssociations: Int
        package let receivedInstances: Int
        package let receivedBytes: Int
        package let retrievedInstances: Int
        package let lastInstanceTime: Timestamp?
        package let spoolUsedBytes: Int
        package let spoolCapacityBytes: Int

        package init(_ status: PipelineStatus) {
            openAssociations = status.associations.open
            receivedInstances = status.receive.instances
            receivedBytes = status.receive.bytes
            retrievedInstances = status.retrieve.instances
            lastInstanceTime = status.receive.lastInstanceTime
            spoolUsedBytes = status.spool.usedBytes
            spoolCapacityBytes = status.spool.capacityBytes
        }
    }

    package let site: String
    package let state: State
    /// When `state` began.
    package let since: Timestamp
    /// How far the box is on its way into service.
    package let provisioning: ProvisioningState?
    package let version: String
    /// Of the supervisor.
    package let uptimeSeconds: Int
    package let services: [ServiceSummary]
    /// Absent until the gateway has answered once.
    package let pipeline: PipelineSummary?
    package let issues: [Issue]

    package init(
        site: String,
        state: State,
        since: Timestamp,
        provisioning: ProvisioningState? = nil,
        version: String = Software.version,
        uptimeSeconds: Int,
        services: [ServiceSummary],
        pipeline: PipelineSummary?,
        issues: [Issue]
    ) {
        self.site = site
        self.state = state
        self.since = since
        self.provisioning = provisioning
        self.version = version
        self.uptimeSeconds = uptimeSeconds
        self.services = services
        self.pipeline = pipeline
        self.issues = issues
    }
}

/// Something a person should look at; present as long as its cause is.
package struct Issue: Codable, Equatable, Sendable {
    /// `E-` critical or `W-` warning, topic, number: `E-SVC-01`.
    package let code: String
    package let severity: Severity
    package let since: Timestamp
    /// One English sentence without a full stop.
    package let summary: String
    /// Facts by name; what a translated summary is filled with.
    package let evidence: [String: String]
    package let suggestions: [String]

    package init(
        code: String,
        severity: Severity,
        since: Timestamp,
        summary: String,
        evidence: [String: String] = [:],
        suggestions: [String] = []
    ) {
        self.code = code
        self.severity = severity
        self.since = since
        self.summary = summary
        self.evidence = evidence
        self.suggestions = suggestions
    }
}

/// A supervised program: `GET /v1/services/{name}`.
package struct ServiceStatus: Codable, Equatable, Sendable {
    package enum State: String, Codable, Sendable {
        case starting
        case running
        /// Ended; waits for its next start.
        case backoff
        /// Ended too often; waits for a person.
        case held
        case stopped
        /// Cannot be started at all.
        case failed
    }

    package let name: String
    package let state: State
    package let pid: Int32?
    /// Starts after the first one.
    package let restarts: Int
    /// How it ended last: `exit status 1`, `signal 9`.
    package let lastExit: String?
    /// When `state` began.
    package let since: Timestamp
    package let nextStartInSeconds: Double?

    package init(
        name: String,
        state: State,
        pid: Int32? = nil,
        restarts: Int = 0,
        lastExit: String? = nil,
        since: Timestamp,
        nextStartInSeconds: Double? = nil
    ) {
        self.name = name
        self.state = state
        self.pid = pid
        self.restarts = restarts
        self.lastExit = lastExit
        self.since = since
        self.nextStartInSeconds = nextStartInSeconds
    }
}

/// `GET /v1/services`.
package struct ServiceList: Codable, Equatable, Sendable {
    package let services: [ServiceStatus]

    package init(services: [ServiceStatus]) {
        self.services = services
    }
}
