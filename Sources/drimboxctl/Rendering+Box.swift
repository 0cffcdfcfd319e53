// SPDX-License-Identifier: Apache-2.0
import Admin

// Configuration, network, health and audit.
extension Rendering {
    func differences(_ differences: [ConfigurationDifference]) -> String {
        if differences.isEmpty { return messages.nothingChanges }
        return differences.map {
            let mark = $0.changeClass == .disruptive ? "   (\(messages.disruptive))" : ""
            return "\(clean($0.path))  \(clean($0.old ?? "-")) -> \(clean($0.new ?? "-"))\(mark)"
        }.joined(separator: "\n")
    }

    func validation(_ report: ValidationReport) -> String {
        if report.ok { return differences(report.diff) }
        return report.errors.map { "\(clean($0.path)): \(clean($0.message))  [\(clean($0.code))]" }.joined(
            separator: "\n"
        )
    }

    func transaction(_ status: TransactionStatus) -> String {
        var lines = [differences(status.differences)]
        if !status.probes.isEmpty { lines.append(test(status.probes)) }
        switch status.state {
        case .applying: lines.append(messages.applying(clean(status.tx)))
        case .awaiting where status.confirm.mode == .manual:
            lines.append(messages.confirmBefore(clean(status.tx), "\(status.deadline)"))
        case .awaiting: lines.append(messages.awaiting(clean(status.tx), "\(status.deadline)"))
        case .confirmed: lines.append(messages.confirmed(status.revision ?? 0))
        case .rolledBack: lines.append(messages.rolledBack(status.base, clean(status.reason ?? "-")))
        }
        return lines.joined(separator: "\n")
    }

    func revisions(_ revisions: [RevisionSummary]) -> String {
        var rows = [messages.revisionColumns]
        for revision in revisions {
            let marks = [
                revision.isCurrent ? messages.current : nil, revision.isRescue ? messages.rescue : nil,
            ].compactMap { $0 }.joined(separator: ", ")
            rows.append([
                "\(revision.number)", "\(revision.time)", clean(revision.author), marks.isEmpty ? "-" : marks,
                clean(revision.comment),
            ])
        }
        return table(rows)
    }

    func network(_ status: NetworkStatus) -> String {
        let links = status.links.map {
            [
                clean($0.name), $0.hasCarrier ? messages.linkUp : messages.noCable, "\($0.mtu)",
                clean($0.hardwareAddress ?? "-"),
                $0.addresses.isEmpty ? "-" : clean($0.addresses.joined(separator: " ")),
            ]
        }
        let routes = status.routes.map {
            [clean($0.destination), clean($0.gateway ?? "-"), clean($0.interface ?? "-")]
        }
        return table([messages.linkColumns] + links) + "\n\n" + table([messages.routeColumns] + routes)
    }

    func test(_ steps: [NetworkTestStep]) -> String {
        if steps.isEmpty { return messages.nothingToTest }
        let lines = steps.enumerated().map { index, step in
            let head = "[\(index + 1)] \(step.kind.rawValue) \(clean(step.target)) "
            let dots = String(repeating: ".", count: max(2, 36 - head.count))
            return "\(head)\(dots) \(step.isOK ? "OK  " : "FAIL") \(clean(step.detail))"
        }
        let advice = steps.compactMap(\.cause).compactMap(messages.advice)
        return (lines + advice.prefix(3)).joined(separator: "\n")
    }

    func issues(_ issues: [Issue]) -> String {
        if issues.isEmpty { return messages.issueCount(0) }
        return issues.map {
            "\($0.severity == .critical ? "!!" : "! ") \(clean($0.code))  \(clean(messages.summary($0)))  \(age($0.since))"
        }.joined(separator: "\n")
    }

    func issue(_ issue: Issue) -> String {
        var lines = [issues([issue])]
        lines += issue.evidence.sorted { $0.key < $1.key }.map { "   \(clean($0.key)): \(clean($0.value))" }
        lines += issue.suggestions.map { "   -> \(clean($0))" }
        return lines.joined(separator: "\n")
    }

    func audit(_ rows: [AuditRow]) -> String {
        table(
            rows.map {
                [
                    "\($0.number)", "\($0.time)", clean($0.user), clean($0.action), clean($0.subject),
                    clean($0.outcome), clean($0.reason.isEmpty ? "-" : $0.reason),
                ]
            }
        )
    }

    func verification(_ result: AuditVerification) -> String {
        if let broken = result.firstBroken { return messages.auditBroken(broken) }
        return messages.auditIntact(result.rows, clean(result.head ?? "-"))
    }

    func health(_ health: BoxHealth) -> String {
        let report = health.report
        var lines: [String] = []
        for disk in report.disks {
            let parts = [
                disk.model.map(clean), disk.temperatureCelsius.map { "\($0) C" },
                disk.wearPercent.map { "\(messages.wear) \($0) %" },
                disk.pendingSectors.map { "\(messages.pendingSectors) \($0)" },
            ].compactMap { $0 }
            lines.append(
                row("disk \(clean(disk.name))", "\(disk.state.rawValue)   \(parts.joined(separator: ", "))")
            )
        }
        for array in report.raid {
            lines.append(row("raid \(clean(array.name))", "[\(clean(array.devices))] \(clean(array.state))"))
        }
        if let tpm = health.tpm {
            let lockout = tpm.lockout.map { "\($0.failedTries)/\($0.maximumTries)" } ?? "?"
            lines.append(
                row(
                    "tpm",
                    "\(clean(tpm.manufacturer)) \(clean(tpm.firmwareVersion))   \(messages.tries) \(lockout)"
                )
            )
        } else if let failure = health.tpmFailure {
            lines.append(row("tpm", clean(failure)))
        }
        for system in report.fileSystems {
            let used = system.totalBytes - system.freeBytes
            lines.append(
                row(
                    clean(system.path),
                    "\(percent(used, system.totalBytes)) % \(messages.of(bytes(system.totalBytes)))"
                )
            )
        }
        for sensor in report.sensors {
            lines.append(
                row("\(clean(sensor.chip)) \(clean(sensor.label))", "\(Int(sensor.celsius.rounded())) C")
            )
        }
        if let memory = report.memory {
            let used = memory.totalBytes - memory.availableBytes
            lines.append(
                row("ram", "\(percent(used, memory.totalBytes)) % \(messages.of(bytes(memory.totalBytes)))")
            )
        }
        if let clock = report.clock {
            let source = clock.source.map { " (\(clean($0)))" } ?? ""
            lines.append(
                row(
                    messages.clock,
                    (clock.isSynchronised ? messages.synchronised : messages.notSynchronised) + source
                )
            )
        }
        return lines.joined(separator: "\n")
    }
}
