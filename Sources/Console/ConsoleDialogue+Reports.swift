// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials
import Transfer

extension ConsoleDialogue {
    private static let shownEvents = 20
    private static let shownRows = 10

    // MARK: Issues

    mutating func showIssues() {
        report(.get("/v1/issues")) { text, answer in
            guard let list = answer.value(IssueList.self) else { return nil }
            if list.issues.isEmpty { return [text.noIssues] }
            return list.issues.flatMap { issue -> [String] in
                let head = "\(text.severity(issue.severity)) \(issue.code)  \(text.summary(issue))"
                let facts = issue.evidence.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                return [head, "     \(text.since(issue.since))"]
                    + (facts.isEmpty ? [] : ["     \(facts.joined(separator: ", "))"])
                    + text.suggestions(issue).map { "   -> \($0)" }
            }
        }
    }

    // MARK: Gateway

    mutating func restartGateway() {
        say(text.restartQuestion)
        confirm(text.confirmRestart) { dialogue, isSure in
            guard isSure else { return dialogue.finish([dialogue.text.nothingDone]) }
            dialogue.report(.post("/v1/services/gateway/restart", seconds: 30)) { text, answer in
                answer.value(ServiceStatus.self).map { [text.restarted(text.service($0.state))] }
            }
        }
    }

    // MARK: Health

    mutating func showHealth() {
        report(.get("/v1/health", seconds: 30)) { text, answer in
            if answer.status == 404 { return [text.healthUnavailable] }
            guard let health = answer.value(BoxHealth.self) else { return nil }
            let screen = HealthScreen(text: text)
            return screen.lines(health.report) + screen.lines(health.tpm, failure: health.tpmFailure)
        }
    }

    // MARK: Events

    mutating func showEvents() {
        report(.get("/v1/events?follow=0", seconds: 30)) { text, answer in
            var parser = ServerSentEventParser()
            // An answer that is not understood is said to be so.
            guard answer.isOK, let items = try? parser.feed(answer.body) else { return nil }
            // The audit has a menu of its own.
            let events = items.filter { $0.name != "gap" && $0.name != "audit.row" }.suffix(Self.shownEvents)
                .compactMap {
                    try? JSONDecoder().decode(Event.self, from: Data($0.data.utf8))
                }
            if events.isEmpty { return [text.noEvents] }
            return events.map { event in
                let facts = event.attributes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                let head = "\(ScreenText.second(event.time).dropFirst(5)) \(text.severity(event.severity))"
                let line = "\(head) \(event.kind): \(event.message) \(facts.joined(separator: " "))"
                // One line each: twenty fit on a screen.
                return String(ScreenText.ascii(line).prefix(ScreenText.columns))
            }
        }
    }

    // MARK: Audit

    mutating func showAudit() {
        call(.get("/v1/audit/verify", seconds: 60)) { dialogue, answer in
            guard let verification = answer.value(AuditVerification.self) else {
                return dialogue.finish(dialogue.text.failure(answer))
            }
            // Of a broken chain, the rows where it breaks.
            let since = max(0, verification.rows - Self.shownRows)
            dialogue.report(.get("/v1/audit?since=\(since)")) { text, answer in
                guard let page = answer.value(AuditPage.self) else { return nil }
                let rows = page.rows.prefix(Self.shownRows).flatMap { row in
                    [
                        "\(row.number)  \(ScreenText.second(row.time))  \(row.user)  \(row.outcome)",
                        "     \(row.action) \(row.subject)" + (row.reason.isEmpty ? "" : "  (\(row.reason))"),
                    ].map { String(ScreenText.ascii($0).prefix(ScreenText.columns)) }
                }
                if let broken = verification.firstBroken { return [text.auditBroken(broken)] + rows }
                return rows + [text.auditIntact(verification.rows)]
                    + (verification.head.map { [text.auditHead($0)] } ?? [])
            }
        }
    }
}

/// Disks, TPM and heat as lines.
struct HealthScreen {
    let text: ConsoleText

    func lines(_ report: HealthReport) -> [String] {
        var lines = report.disks.flatMap { disk($0) }
        if report.disks.isEmpty { lines.append(row(text.disks, text.noDisk)) }
        for array in report.raid {
            let state = array.isDegraded ? text.degraded : array.state
            let sync = array.syncPercent.map { ", \(Int($0)) %" } ?? ""
            lines.append(row("RAID", "\(array.name) \(array.level) [\(array.devices)] \(state)\(sync)"))
        }
        for system in report.fileSystems {
            let percent = ScreenText.percent(system.totalBytes - system.freeBytes, of: system.totalBytes)
            let writes = system.takesWrites == false ? "   \(text.refusesWrites)" : ""
            let size = ScreenText.bytes(system.totalBytes)
            lines.append(row(text.files, "\(system.path)   \(percent) % / \(size)\(writes)"))
        }
        if let memory = report.memory {
            let used = ScreenText.percent(memory.totalBytes - memory.availableBytes, of: memory.totalBytes)
            let errors = memory.eccCorrected.map { text.memoryErrors($0, memory.eccUncorrected ?? 0) }
            let parts = ["\(used) % \(text.used) / \(ScreenText.bytes(memory.totalBytes))", errors]
            lines.append(row(text.memory, parts.compactMap { $0 }.joined(separator: "   ")))
        }
        for sensor in report.sensors {
            let limit = sensor.criticalCelsius.map { " (max \(Int($0)))" } ?? ""
            lines.append(row(text.heat, "\(sensor.chip) \(sensor.label)   \(Int(sensor.celsius)) C\(limit)"))
        }
        for fan in report.fans {
            let alarm = fan.hasAlarm ? "   \(text.alarm)" : ""
            lines.append(row(text.fans, "\(fan.chip) \(fan.label)   \(fan.rotationsPerMinute) rpm\(alarm)"))
        }
        if let clock = report.clock {
            let source = clock.source.map { "   \($0)" } ?? ""
            lines.append(row(text.clockTitle, text.clock(clock) + source))
        }
        if let ups = report.ups {
            let charge = ups.chargePercent.map { "   \($0) %" } ?? ""
            let rest = ups.runtimeSeconds.map { "   \(ScreenText.span($0))" } ?? ""
            lines.append(row(text.ups, ups.status.joined(separator: " ") + charge + rest))
        }
        return lines
    }

    private func disk(_ disk: DiskReport) -> [String] {
        let facts = [
            disk.model, disk.temperatureCelsius.map { "\($0) C" },
            disk.wearPercent.map { "\(text.wear) \($0) %" },
        ]
        let parts = [disk.name, text.disk(disk.state)] + facts.compactMap { $0 }
        return [row(text.disks, parts.joined(separator: "   "))]
            + (text.diskAdvice(disk).map { ["   -> \($0)"] } ?? [])
    }

    func lines(_ tpm: TPMReport?, failure: String?) -> [String] {
        guard let tpm else {
            let head = row(text.securityChip, text.noTPM(failure))
            return failure == nil ? [head] : [head, "   -> \(text.tpmAdvice)"]
        }
        let head = row(text.securityChip, "\(tpm.manufacturer) \(tpm.model)   \(text.tpm(tpm))")
        if tpm.lockout?.isLocked == true { return [head, "   -> \(text.lockedTPMAdvice)"] }
        return tpm.selfTest.hasPassed ? [head] : [head, "   -> \(text.tpmAdvice)"]
    }

    private func row(_ title: String, _ value: String) -> String {
        " " + ScreenText.padded(title, 14) + value
    }
}
