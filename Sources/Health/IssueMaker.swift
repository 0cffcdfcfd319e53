// SPDX-License-Identifier: Apache-2.0
import Admin

/// Makes the issues of one reading. One that was there before keeps the time it began.
///
/// Where several things can have the same issue, the code ends with a colon and the thing's name:
/// `E-DISK-01:nvme0`.
struct IssueMaker {
    private let earlier: [Issue]
    private let now: Timestamp
    private let subject: String?
    private let facts: [String: String?]
    private(set) var issues: [Issue] = []

    /// `facts` are part of the evidence of every issue.
    init(earlier: [Issue], now: Timestamp, about subject: String? = nil, facts: [String: String?] = [:]) {
        self.earlier = earlier
        self.now = now
        self.subject = subject
        self.facts = facts
    }

    /// Critical or a warning by the first letter of its code.
    mutating func raise(
        _ code: String,
        _ summary: String,
        _ evidence: [String: String?] = [:],
        _ suggestions: [String]
    ) {
        let all = facts.merging(evidence) { $1 }
        issues.append(
            Issue(
                code: full(code),
                severity: code.hasPrefix("E-") ? .critical : .warning,
                since: before(code)?.since ?? now,
                summary: summary,
                evidence: all.compactMapValues(\.self),
                suggestions: suggestions
            )
        )
    }

    mutating func keep(_ issue: Issue) {
        issues.append(issue)
    }

    func before(_ code: String) -> Issue? {
        let code = full(code)
        return earlier.first { $0.code == code }
    }

    /// How bad it was: of the two issues that make one scale.
    func severityBefore(warning: String, critical: String) -> Severity? {
        before(critical) != nil ? .critical : before(warning) != nil ? .warning : nil
    }

    private func full(_ code: String) -> String { subject.map { "\(code):\($0)" } ?? code }
}

extension Issue {
    /// Whether the code is one of those that end with `subject`.
    func isAbout(_ subject: String) -> Bool { code.hasSuffix(":\(subject)") }

    /// The code without the name of the thing.
    var kind: Substring { code.prefix { $0 != ":" } }
}

extension String {
    /// As the end of a code, which is also a part of a URL: letters, digits, `.`, `_` and `-`.
    var asSubject: String {
        String(map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" })
    }
}

/// Two limits, each with a gap below it that a value has to cross before the issue goes: a value that moves
/// around a limit does not raise and clear it all day.
struct Limits {
    let warning: Double
    let warningClearsBelow: Double
    let critical: Double
    let criticalClearsBelow: Double

    init(warning: Double, clearsBelow: Double, critical: Double, clearsBelow criticalClearsBelow: Double) {
        self.warning = warning
        self.warningClearsBelow = clearsBelow
        self.critical = critical
        self.criticalClearsBelow = criticalClearsBelow
    }

    init(warning: Double, critical: Double, gap: Double) {
        self.init(
            warning: warning,
            clearsBelow: warning - gap,
            critical: critical,
            clearsBelow: critical - gap
        )
    }

    func severity(_ value: Double, before: Severity?) -> Severity? {
        if value >= critical || (before == .critical && value >= criticalClearsBelow) { return .critical }
        if value >= warning || (before != nil && value >= warningClearsBelow) { return .warning }
        return nil
    }
}
