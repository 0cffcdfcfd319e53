// SPDX-License-Identifier: Apache-2.0
package import Admin
import Linux

/// The state of the box: services and issues, and what follows from them.
package actor StatusBoard {
    private struct Entry {
        var status: ServiceStatus
        /// When it is started next; with `.backoff`.
        var nextStart: Timestamp?
    }

    private var site: String
    private let journal: EventJournal
    private let started = Timestamp.now
    private var entries: [String: Entry] = [:]
    private var issues: [String: Issue] = [:]
    private var isStopping = false
    private var state = BoxStatus.State.starting
    private var since = Timestamp.now
    /// Its answer is the last one that the gateway gave.
    private var pipeline: PipelineStatus?

    private let isSafeMode: Bool

    package init(site: String, isSafeMode: Bool = false, journal: EventJournal) {
        self.site = site
        self.isSafeMode = isSafeMode
        self.journal = journal
        if isSafeMode { state = .safeMode }
    }

    package func set(_ status: ServiceStatus, nextStart: Timestamp? = nil) {
        entries[status.name] = Entry(status: status, nextStart: nextStart)
        derive()
    }

    package func set(_ pipeline: PipelineStatus?) {
        self.pipeline = pipeline
        guard let pipeline else { return }
        judge(pipeline.spool)
        if let publications = pipeline.publications { judge(publications) }
        if let list = pipeline.whiteList { judge(list) }
    }

    package func set(site: String) {
        self.site = site
    }

    package var openIssues: [Issue] {
        issues.values.sorted { ($1.severity, $0.code) < ($0.severity, $1.code) }
    }

    package func stop() {
        isStopping = true
        derive()
    }

    package func raise(_ issue: Issue) {
        let isNew = issues[issue.code] == nil
        issues[issue.code] = issues[issue.code].map { issue.began($0.since) } ?? issue
        if isNew {
            journal.record(
                "issue.raised",
                issue.severity,
                issue.summary,
                issue.evidence.merging(["code": issue.code]) { $1 }
            )
        }
        derive()
    }

    package func clear(_ code: String) {
        guard let issue = issues.removeValue(forKey: code) else { return }
        journal.record("issue.cleared", .info, issue.summary, ["code": code])
        derive()
    }

    package var services: [ServiceStatus] {
        let now = Timestamp.now
        return entries.values.sorted { $0.status.name < $1.status.name }.map {
            $0.status.with($0.nextStart, at: now)
        }
    }

    package func service(named name: String) -> ServiceStatus? {
        entries[name].map { $0.status.with($0.nextStart, at: .now) }
    }

    /// `live` is what the gateway says now; nil where it does not, and the last answer stands in.
    package func report(live: PipelineStatus?, provisioning: ProvisioningState? = nil) -> BoxStatus {
        if let live { set(live) }
        return BoxStatus(
            site: site,
            state: state,
            since: since,
            provisioning: provisioning,
            uptimeSeconds: max(0, Int(Timestamp.now.milliseconds - started.milliseconds) / 1000),
            services: services.map(BoxStatus.ServiceSummary.init),
            pipeline: pipeline.map(BoxStatus.PipelineSummary.init),
            issues: openIssues
        )
    }

    /// One line for the service manager.
    package var line: String {
        let states = services.map { "\($0.name) \($0.state.rawValue)" }.joined(separator: ", ")
        return "\(state.rawValue); \(states); \(issues.count) issues"
    }

    package var supervisorProcess: PipelineStatus.Process {
        let usage = ProcessUsage.own()
        return PipelineStatus.Process(
            residentBytes: usage.residentBytes,
            cpuSeconds: usage.cpuSeconds,
            startTime: started
        )
    }

    private func derive() {
        let states = entries.values.map(\.status.state)
        let next: BoxStatus.State
        if isStopping {
            next = .stopping
        } else if isSafeMode {
            next = .safeMode
        } else if !issues.isEmpty {
            next = .degraded
        } else if states.allSatisfy({ $0 == .running }), !states.isEmpty {
            next = .inService
        } else {
            next = state == .starting ? .starting : .degraded
        }
        guard next != state else { return }
        let attributes = ["from": state.rawValue, "to": next.rawValue]
        state = next
        since = .now
        journal.record(
            "box.state",
            next == .degraded ? .warning : .info,
            "the box is \(next.rawValue)",
            attributes
        )
    }

    /// `APPLIANCE` fault table: spool over 80 and 95 %, counting what may not be evicted.
    private func judge(_ spool: PipelineStatus.Spool) {
        guard spool.capacityBytes > 0 else { return }
        let percent = Int(Double(spool.heldBytes) / Double(spool.capacityBytes) * 100)
        let evidence = ["percent": "\(percent)", "capacityBytes": "\(spool.capacityBytes)"]
        let suggestions = ["look why studies wait for publication", "raise spool.capacityBytes"]
        if percent >= 95 {
            raise(
                Issue(
                    code: "E-SPOOL-01",
                    severity: .critical,
                    since: .now,
                    summary: "the spool is full: new instances are refused soon",
                    evidence: evidence,
                    suggestions: suggestions
                )
            )
        } else {
            clear("E-SPOOL-01")
        }
        if (80..<95).contains(percent) {
            raise(
                Issue(
                    code: "W-SPOOL-01",
                    severity: .warning,
                    since: .now,
                    summary: "the spool fills with instances that may not be evicted",
                    evidence: evidence,
                    suggestions: suggestions
                )
            )
        } else {
            clear("W-SPOOL-01")
        }
    }
}

extension Issue {
    fileprivate func began(_ since: Timestamp) -> Issue {
        Issue(
            code: code,
            severity: severity,
            since: since,
            summary: summary,
            evidence: evidence,
            suggestions: suggestions
        )
    }
}

extension ServiceStatus {
    fileprivate func with(_ nextStart: Timestamp?, at now: Timestamp) -> ServiceStatus {
        ServiceStatus(
            name: name,
            state: state,
            pid: pid,
            restarts: restarts,
            lastExit: lastExit,
            since: since,
            nextStartInSeconds: nextStart.map { max(0, Double($0.milliseconds - now.milliseconds) / 1000) }
        )
    }
}
