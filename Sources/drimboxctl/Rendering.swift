// SPDX-License-Identifier: Apache-2.0
import Admin

/// Admin API values as text for a person. Pure: the time is given.
struct Rendering: Sendable {
    let messages: Messages
    let now: Timestamp

    func status(_ status: BoxStatus) -> String {
        let issues = messages.issueCount(status.issues.count)
        var lines = ["DRIMbox \(clean(status.site))   \(messages.state(status.state)) (\(issues))"]
        lines.append(
            row(messages.version, "\(clean(status.version))   \(messages.up) \(span(status.uptimeSeconds))")
        )
        if let provisioning = status.provisioning {
            lines.append(row(messages.provisioning, messages.provisioning(provisioning)))
        }
        let services = status.services.map { "\(clean($0.name)) \(messages.service($0.state))" }
        lines.append(row(messages.services, services.joined(separator: "   ")))
        if let pipeline = status.pipeline {
            let parts = [
                messages.associations(pipeline.openAssociations),
                messages.received(pipeline.receivedInstances),
                messages.sent(pipeline.retrievedInstances), messages.last(age(pipeline.lastInstanceTime)),
            ]
            lines.append(row(messages.pipeline, parts.joined(separator: ", ")))
            let used = "\(percent(pipeline.spoolUsedBytes, pipeline.spoolCapacityBytes)) %"
            lines.append(row(messages.spool, "\(used) \(messages.of(bytes(pipeline.spoolCapacityBytes)))"))
        } else {
            lines.append(row(messages.pipeline, messages.noAnswerYet))
        }
        for issue in status.issues {
            let mark = issue.severity == .critical ? "!!" : "!"
            lines.append("\(mark) \(clean(issue.code)) \(clean(messages.summary(issue)))")
            lines += issue.suggestions.map { "   -> \(clean($0))" }
        }
        return lines.joined(separator: "\n")
    }

    func services(_ services: [ServiceStatus]) -> String {
        var rows = [messages.serviceColumns]
        for service in services {
            rows.append([
                clean(service.name), messages.service(service.state), service.pid.map { "\($0)" } ?? "-",
                "\(service.restarts)", age(service.since), service.lastExit.map(clean) ?? "-",
            ])
        }
        return table(rows)
    }

    func peers(_ peers: [PeerStatus]) -> String {
        var rows = [messages.peerColumns]
        for peer in peers {
            rows.append([
                clean(peer.aeTitle), "\(clean(peer.host)):\(peer.port)",
                peer.roles.map(clean).joined(separator: ","),
                peer.isEncrypted ? "TLS" : "-", "\(peer.associations)",
            ])
        }
        return table(rows)
    }

    func echo(_ report: EchoReport) -> String {
        guard let milliseconds = report.milliseconds else {
            return "\(clean(report.aeTitle))  \(messages.noEcho): \(clean(report.reason ?? "-"))"
        }
        return "\(clean(report.aeTitle))  OK \(milliseconds) ms"
    }

    func transfers(_ jobs: [TransferJob]) -> String {
        var rows = [messages.transferColumns]
        for job in jobs {
            rows.append([
                clean(job.id), job.request.kind.rawValue, clean(job.request.peer ?? "-"),
                messages.transfer(job.state), "\(job.done)/\(job.total)", "\(job.failed)", bytes(job.bytes),
                age(job.created),
            ])
        }
        return table(rows)
    }

    func transfer(_ job: TransferJob) -> String {
        var lines = [
            "\(clean(job.id))  \(messages.transfer(job.state))  \(job.done)/\(job.total)  \(bytes(job.bytes))"
        ]
        if let committed = job.committed { lines.append(messages.committed(committed)) }
        if let reason = job.reason { lines.append(clean(reason)) }
        lines += job.failures.map { "  \(clean($0.sopInstanceUID)): \(clean($0.reason))" }
        return lines.joined(separator: "\n")
    }

    func pipeline(_ status: PipelineStatus) -> String {
        let words = messages
        let associations = status.associations
        let receive = status.receive
        let retrieve = status.retrieve
        let spool = status.spool
        func joined(_ pairs: [(Int, String)]) -> String {
            pairs.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        }
        let rows = [
            row(
                words.associationsRow,
                joined([
                    (associations.open, words.open), (associations.accepted, words.accepted),
                    (associations.rejected, words.rejected), (associations.aborted, words.aborted),
                ])
            ),
            row(
                words.receiveRow,
                "\(receive.instances) \(words.instances), \(bytes(receive.bytes)), "
                    + joined([(receive.duplicates, words.duplicates), (receive.replaced, words.replaced)])
                    + ", \(words.last(age(receive.lastInstanceTime)))"
            ),
            row(words.refusedRow, counts(receive.refused)),
            row(words.flushesRow, "\(receive.flushes) (\(milliseconds(receive.flushSeconds)))"),
            row(
                words.retrieveRow,
                "\(joined([(retrieve.requests, words.requests), (retrieve.instances, words.instances)])), "
                    + bytes(retrieve.bytes)
            ),
            row(words.errorsRow, counts(retrieve.errors)),
            row(
                words.spool,
                "\(bytes(spool.usedBytes)) (\(percent(spool.usedBytes, spool.capacityBytes)) %) "
                    + "\(words.of(bytes(spool.capacityBytes))), \(bytes(spool.heldBytes)) \(words.held), "
                    + joined([
                        (spool.instances, words.instances), (spool.studies, words.studies),
                        (spool.segments, words.segments), (spool.evictedInstances, words.evicted),
                    ])
            ),
            row(
                words.processRow,
                "\(words.memory) \(bytes(status.process.residentBytes)), "
                    + "\(words.processor) \(milliseconds(status.process.cpuSeconds)), "
                    + "\(words.up) \(span(seconds(since: status.process.startTime)))"
            ),
        ]
        let link = status.viewerLink.map { row(words.viewerLinkRow, clean($0)) }
        return (rows + (link.map { [$0] } ?? [])).joined(separator: "\n")
    }

    func event(_ event: Event) -> String {
        let attributes = event.attributes.sorted { $0.key < $1.key }.map {
            "\(clean($0.key))=\(clean($0.value))"
        }
        let head = "\(event.seq) \(event.time) \(messages.severity(event.severity)) \(clean(event.service))"
        return ([head, clean(event.kind), clean(event.message)] + attributes).joined(separator: " ")
    }

    // MARK: Pieces

    func row(_ title: String, _ text: String) -> String {
        title + String(repeating: " ", count: max(1, 17 - title.count)) + text
    }

    func table(_ rows: [[String]]) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    private func counts(_ counts: [String: Int]) -> String {
        if counts.isEmpty { return "0" }
        return counts.sorted { $0.key < $1.key }.map { "\($0.value) x \(clean($0.key))" }.joined(
            separator: ", "
        )
    }

    /// Text of the box or of a peer must not steer the terminal.
    func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: "?"
                    default: scalar
                    }
                }
            )
        )
    }

    private func seconds(since time: Timestamp) -> Int {
        max(0, Int(now.milliseconds - time.milliseconds) / 1000)
    }

    func age(_ time: Timestamp?) -> String {
        time.map { messages.ago(span(seconds(since: $0))) } ?? messages.never
    }

    /// The two largest units.
    private func span(_ seconds: Int) -> String {
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400)
        if days > 0 { return "\(messages.days(days)) \(hours % 24) h" }
        if hours > 0 { return "\(hours) h \(minutes % 60) min" }
        if minutes > 0 { return "\(minutes) min \(seconds % 60) s" }
        return "\(seconds) s"
    }

    func bytes(_ count: Int) -> String {
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < messages.byteUnits.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(count) \(messages.byteUnits[0])" }
        return "\(tenths(value)) \(messages.byteUnits[unit])"
    }

    private func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10)\(messages.language == .french ? "," : ".")\(tenths % 10)"
    }

    private func milliseconds(_ seconds: Double) -> String {
        seconds < 1 ? "\(Int((seconds * 1000).rounded())) ms" : "\(tenths(seconds)) s"
    }

    func percent(_ part: Int, _ whole: Int) -> Int {
        whole > 0 ? Int(Double(part) / Double(whole) * 100) : 0
    }
}
