// SPDX-License-Identifier: Apache-2.0
import Glibc
package import Logging

/// Writes each log event to standard error as one logfmt line:
/// `ts=2026-11-23T18:02:11.042Z level=info logger=gateway event="..." key=value`.
///
/// One event is one `write`, so lines of several threads and processes do not mix below PIPE_BUF. Control
/// characters are escaped: a peer's text cannot forge a line. Under systemd the line carries its priority.
package struct Journal: LogHandler {
    package var logLevel: Logger.Level = .info
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let marksPriority: Bool

    /// - Parameters:
    ///   - label: the logger's name.
    ///   - marksPriority: prefix `<N>` for the systemd journal (sd-daemon(3)).
    package init(label: String, marksPriority: Bool = Journal.isConnected) {
        self.label = label
        self.marksPriority = marksPriority
    }

    /// Makes this the process's log. To be called once, before the first logger.
    package static func bootstrap(level: Logger.Level = .info) {
        LoggingSystem.bootstrap { label in
            var journal = Journal(label: label)
            journal.logLevel = level
            return journal
        }
    }

    /// Standard error goes to the systemd journal (systemd.exec(5)).
    package static var isConnected: Bool {
        unsafe getenv("JOURNAL_STREAM") != nil
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = line(for: event, at: WallClock.milliseconds())
        let bytes = Array(line.utf8)
        unsafe bytes.withUnsafeBytes { buffer in
            _ = unsafe write(STDERR_FILENO, buffer.baseAddress, buffer.count)
        }
    }

    /// `time` is in milliseconds since 1970.
    func line(for event: LogEvent, at time: Int64) -> String {
        var line = marksPriority ? "<\(event.level.priority)>" : ""
        line += "ts=\(rfc3339(time)) level=\(event.level.rawValue) logger="
        line.appendLogfmt(label)
        line += " event="
        line.appendLogfmt(event.message.description)
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        if let error = event.error { fields["error"] = "\(error)" }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " "
            line += String(key.unicodeScalars.map { $0.isLogfmtBare ? Character($0) : "_" })
            line += "="
            line.appendLogfmt(value.description)
        }
        line += "\n"
        return line
    }
}

/// `time` is in milliseconds since 1970.
private func rfc3339(_ time: Int64) -> String {
    var seconds = time_t(time / 1000)
    var parts = unsafe tm()
    _ = unsafe gmtime_r(&seconds, &parts)
    func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = "\(padded(Int(unsafe parts.tm_year) + 1900, 4))-\(padded(Int(unsafe parts.tm_mon) + 1, 2))"
    let day = padded(Int(unsafe parts.tm_mday), 2)
    let hour = padded(Int(unsafe parts.tm_hour), 2)
    let minute = padded(Int(unsafe parts.tm_min), 2)
    let second = padded(Int(unsafe parts.tm_sec), 2)
    return "\(date)-\(day)T\(hour):\(minute):\(second).\(padded(Int(time % 1000), 3))Z"
}

extension Logger.Level {
    /// Priority of syslog(3).
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}

extension Unicode.Scalar {
    /// Needs no quotes in a logfmt value.
    fileprivate var isLogfmtBare: Bool {
        value > 0x20 && value != 0x22 && value != 0x3D && value != 0x5C && !isControlLike
    }

    /// C0, DEL, C1, and the line and direction controls that can rewrite what a reader sees.
    fileprivate var isControlLike: Bool {
        switch value {
        case 0..<0x20, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}

extension String {
    fileprivate mutating func appendLogfmt(_ value: String) {
        if !value.isEmpty, value.unicodeScalars.allSatisfy(\.isLogfmtBare) {
            self += value
            return
        }
        self += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": self += "\\\""
            case "\\": self += "\\\\"
            case "\n": self += "\\n"
            case "\r": self += "\\r"
            case "\t": self += "\\t"
            case _ where scalar.isControlLike: self += "\\u{\(String(scalar.value, radix: 16))}"
            default: unicodeScalars.append(scalar)
            }
        }
        self += "\""
    }
}
