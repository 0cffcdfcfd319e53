// SPDX-License-Identifier: Apache-2.0
package import Admin
import Linux
import Logging

/// What happens in the box: each event is kept for `/v1/events`; the supervisor's own are logged too.
package struct EventJournal: Sendable {
    package let log: EventLog
    private let logger = Logger(label: "supervisor")

    package init(log: EventLog = EventLog()) {
        self.log = log
    }

    package func record(
        _ kind: String,
        _ severity: Severity,
        service: String = "supervisor",
        _ message: String,
        _ attributes: [String: String] = [:]
    ) {
        let event = log.append { seq in
            Event(
                seq: seq,
                time: .now,
                kind: kind,
                severity: severity,
                service: service,
                message: message,
                attributes: attributes
            )
        }
        var metadata: Logger.Metadata = [
            "service": "\(service)", "message": "\(message)", "seq": "\(event.seq)",
        ]
        for (key, value) in attributes where metadata[key] == nil { metadata[key] = "\(value)" }
        let level: Logger.Level =
            switch severity {
            case .info: .info
            case .warning: .warning
            case .critical: .critical
            }
        logger.log(level: level, "\(kind)", metadata: metadata)
    }

    /// Keeps an event of a supervised service, with its time, a number of our own and the name that we know
    /// the service by. That process has logged it.
    package func forward(_ event: Event, from service: String) {
        log.append { seq in
            Event(
                seq: seq,
                time: event.time,
                kind: event.kind,
                severity: event.severity,
                service: service,
                message: event.message,
                attributes: event.attributes
            )
        }
    }
}

extension Timestamp {
    static var now: Timestamp { Timestamp(milliseconds: WallClock.milliseconds()) }
}
