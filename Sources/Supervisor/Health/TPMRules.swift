// SPDX-License-Identifier: Apache-2.0
import Admin

/// What a TPM's answer, or its silence, means.
enum TPMRules {
    enum Reading: Sendable {
        case report(TPMReport)
        case failure(TPMFailure)
        case silent
    }

    /// `pinned`: hash of the endorsement key that this box was enrolled with.
    static func issues(of reading: Reading, pinned: String?, earlier: [Issue], now: Timestamp) -> [Issue] {
        func issue(
            _ code: String,
            _ severity: Severity,
            _ summary: String,
            _ evidence: [String: String] = [:],
            _ suggestions: [String] = []
        ) -> Issue {
            let since = earlier.first { $0.code == code }?.since ?? now
            return Issue(
                code: code,
                severity: severity,
                since: since,
                summary: summary,
                evidence: evidence,
                suggestions: suggestions
            )
        }
        let report: TPMReport
        switch reading {
        case .silent:
            let advice = ["power the box off for 30 s", "what runs goes on; nothing new can be enrolled"]
            return [issue("E-TPM-01", .critical, "the security chip does not answer", [:], advice)]
        case .failure(let failure):
            let evidence = ["call": failure.call, "code": failure.code, "words": failure.words]
            if failure.kind == .absent || failure.kind == .unreachable {
                let advice = [
                    "power the box off for 30 s", "look whether the chip is enabled in the firmware's set-up",
                ]
                return [issue("E-TPM-02", .critical, "there is no security chip", evidence, advice)]
            }
            return [issue("E-TPM-05", .critical, "the security chip reports an error", evidence)]
        case .report(let value): report = value
        }
        var list: [Issue] = []
        if !report.selfTest.hasPassed {
            let evidence = ["code": report.selfTest.code ?? "?"]
            list.append(
                issue(
                    "E-TPM-05",
                    .critical,
                    "the security chip fails its self-test",
                    evidence,
                    ["replace the board"]
                )
            )
        }
        if let lockout = report.lockout, lockout.isLocked {
            let minutes = (lockout.recoverySeconds + 59) / 60
            list.append(
                issue(
                    "E-TPM-03",
                    .critical,
                    "the security chip is locked and is free in \(minutes) min at most",
                    [
                        "minutes": "\(minutes)", "tries": "\(lockout.failedTries)",
                        "maximum": "\(lockout.maximumTries)",
                    ],
                    [
                        "leave the power on and wait",
                        "do not try again meanwhile: each try begins the time anew",
                    ]
                )
            )
        } else if let lockout = report.lockout, lockout.maximumTries > 0,
            lockout.failedTries * 2 >= lockout.maximumTries
        {
            let evidence = ["tries": "\(lockout.failedTries)", "maximum": "\(lockout.maximumTries)"]
            list.append(issue("W-TPM-03", .warning, "the security chip counts wrong tries", evidence))
        }
        if let pinned, let found = report.endorsementKeyHash, found != pinned {
            list.append(
                issue(
                    "E-TPM-04",
                    .critical,
                    "the security chip is another one: the board was changed",
                    ["found": found, "expected": pinned],
                    ["enrol the box again", "or put the board back"]
                )
            )
        }
        return list
    }
}
