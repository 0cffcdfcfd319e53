// SPDX-License-Identifier: Apache-2.0
import NIOHTTP1
package import Store
import Synchronization
package import Transfer

/// Whether who asks may ask at all, whatever for.
package enum RetrieveAdmission: Sendable {
    /// With what a trace is to say of them: a professional and the software that asks in their name.
    case admitted(who: String?)
    case refused(HTTPResponse, reason: String)
}

/// Lets other boxes ask for what this one has published, and keeps who asked for what and what they were given.
package final class TracedAccess: Sendable {
    private let traces: AuditTable
    /// Nil where everybody may ask whom TLS has let in.
    private let admission: (@Sendable (HTTPRequest) async -> RetrieveAdmission)?
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64
    private let refusals = Mutex(RefusalBudget())

    package init(
        traces: AuditTable,
        admission: (@Sendable (HTTPRequest) async -> RetrieveAdmission)? = nil,
        now: @escaping @Sendable () -> Int64
    ) {
        self.traces = traces
        self.admission = admission
        self.now = now
    }

    /// Every answer leaves a trace before its first byte leaves; without one there is no answer. Of refusals in great
    /// numbers the first of a minute do, and how many there were. `subject` is what was asked for, and takes the place of
    /// the one that comes with the answer where nothing is answered.
    func answer(
        _ request: HTTPRequest,
        action: String,
        subject asked: String,
        _ answer: () async -> (response: HTTPResponse, subject: String)
    ) async -> HTTPResponse {
        var user = request.security?.certificate?.subject ?? "no certificate"
        var reason = ""
        var subject = asked
        let response: HTTPResponse
        switch await admission?(request) {
        case .refused(let refusal, let why):
            response = refusal
            reason = why
        case .admitted(let who):
            if let who { user += " for \(who)" }
            (response, subject) = await answer()
        case nil: (response, subject) = await answer()
        }
        let time = now()
        var passedOver = 0
        if response.status.code >= 400 {
            guard let count = refusals.withLock({ $0.admit(at: time) }) else { return response }
            passedOver = count
        }
        if passedOver > 0 { reason += " (\(passedOver) more refusals before this one)" }
        do {
            try traces.append(
                time: time,
                user: user,
                action: action,
                subject: subject,
                outcome: "\(response.status.code)",
                reason: reason
            )
        } catch {
            return .text(.serviceUnavailable, "the access cannot be traced")
        }
        return response
    }
}

/// How many refusals leave a trace: who knocks all night does not fill the disk.
struct RefusalBudget {
    static let perMinute = 100

    private var minute: Int64 = 0
    private var count = 0
    private var passedOver = 0

    /// How many were passed over since the last one that was let in; nil where this one is passed over too. `time` is in
    /// milliseconds.
    mutating func admit(at time: Int64) -> Int? {
        if time / 60_000 != minute { (minute, count) = (time / 60_000, 0) }
        count += 1
        guard count <= Self.perMinute else {
            passedOver += 1
            return nil
        }
        defer { passedOver = 0 }
        return passedOver
    }
}
