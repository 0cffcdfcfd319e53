// SPDX-License-Identifier: Apache-2.0
import Admin
import Provisioning

/// Shows the data disk's recovery key to an administrator until they have written it down.
struct RecoveryDesk: Sendable {
    static let issueCode = "W-KEY-01"
    private static let seconds = 10

    let hardware: HardwareProbe
    let journal: EventJournal
    var key = RecoveryKey(directory: RecoveryKey.applianceDirectory)

    func show() async throws -> RecoveryKeyReport {
        guard key.isPending else {
            throw Problem(
                status: 404,
                code: "recovery.none",
                title: "there is no recovery key to show",
                detail: "it was written down, or this box's disk has none"
            )
        }
        let report = RecoveryKeyReport(key: try await ask(forget: nil))
        journal.record("recovery.shown", .warning, "the recovery key of the data disk was shown")
        return report
    }

    /// `lastGroup` is typed from the paper.
    func confirm(_ lastGroup: String) async throws {
        _ = try await ask(forget: lastGroup)
        journal.record(
            "recovery.written-down",
            .info,
            "the recovery key is written down, and not on the box any more"
        )
    }

    private func ask(forget group: String?) async throws -> String {
        switch await hardware.ask(.recoveryKey(forget: group), seconds: Self.seconds) {
        case .recoveryKey(let key)?: return key
        case .refused(let reason)?:
            throw Problem(
                status: 422,
                code: ProvisioningError.Code.recoveryKey.rawValue,
                title: "the recovery key stays as it is",
                detail: reason
            )
        default:
            throw Problem(
                status: 504,
                code: "recovery.timeout",
                title: "drimbox-probe does not answer",
                detail: "no answer in \(Self.seconds) s"
            )
        }
    }

    func issues() -> [Issue] {
        guard key.isPending else { return [] }
        return [
            Issue(
                code: Self.issueCode,
                severity: .warning,
                since: .now,
                summary: "the recovery key of the data disk has not been written down",
                evidence: [:],
                suggestions: ["drimboxctl recovery show, or menu 12 of the console"]
            )
        ]
    }
}
