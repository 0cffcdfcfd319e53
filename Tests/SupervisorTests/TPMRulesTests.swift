// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Supervisor

private let now = Timestamp(milliseconds: 1000)

private func report(
    locked: Bool = false,
    tries: Int = 0,
    key: String? = "aa",
    passed: Bool = true
) -> TPMReport {
    TPMReport(
        manufacturer: "IBM",
        model: "SW",
        firmwareVersion: "1",
        selfTest: .init(hasPassed: passed, code: passed ? nil : "0x101"),
        lockout: .init(
            isLocked: locked,
            failedTries: tries,
            maximumTries: 31,
            recoverySeconds: 541,
            lockoutRecoverySeconds: 600,
            hasAuthorization: true
        ),
        endorsementKeyHash: key,
        endorsementKeySource: .eccCertificate,
        pcrs: [:],
        identityKey: .present,
        failures: []
    )
}

@Suite("What a TPM's answer means") struct TPMRulesTests {
    private func codes(_ reading: TPMRules.Reading, pinned: String? = "aa") -> [String] {
        TPMRules.issues(of: reading, pinned: pinned, earlier: [], now: now).map(\.code)
    }

    @Test("a good one raises nothing, each fault its own issue") func table() {
        #expect(codes(.report(report())) == [])
        #expect(codes(.silent) == ["E-TPM-01"])
        #expect(
            codes(.failure(TPMFailure(kind: .absent, call: "c", code: "0x1", words: "w"))) == ["E-TPM-02"]
        )
        #expect(
            codes(.failure(TPMFailure(kind: .unreachable, call: "c", code: "0x1", words: "w"))) == [
                "E-TPM-02"
            ]
        )
        #expect(codes(.failure(TPMFailure(kind: .other, call: "c", code: "0x1", words: "w"))) == ["E-TPM-05"])
        #expect(codes(.report(report(locked: true, tries: 31))) == ["E-TPM-03"])
        #expect(codes(.report(report(tries: 15))) == [])
        #expect(codes(.report(report(tries: 16))) == ["W-TPM-03"])
        #expect(codes(.report(report(key: "bb"))) == ["E-TPM-04"])
        #expect(codes(.report(report(key: "bb")), pinned: nil) == [])
        #expect(codes(.report(report(key: nil))) == [])
        #expect(codes(.report(report(passed: false))) == ["E-TPM-05"])
    }

    @Test("a lockout is told in plain words, and lasts since it began") func lockout() {
        let first = TPMRules.issues(
            of: .report(report(locked: true, tries: 31)),
            pinned: "aa",
            earlier: [],
            now: now
        )
        #expect(first.first?.summary == "the security chip is locked and is free in 10 min at most")
        let later = Timestamp(milliseconds: 9000)
        let second = TPMRules.issues(
            of: .report(report(locked: true, tries: 31)),
            pinned: "aa",
            earlier: first,
            now: later
        )
        #expect(second.first?.since == now)
    }
}
