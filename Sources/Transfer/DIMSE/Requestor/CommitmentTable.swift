// SPDX-License-Identifier: Apache-2.0
package import DICOM
import Synchronization

/// Takes N-EVENT-REPORT requests, on whichever association they come.
package protocol EventReportReceiver: Sendable {
    /// The status to answer with.
    func receive(_ request: NEventReportRQ, _ eventInformation: [UInt8], _ transferSyntax: UID) -> DIMSEStatus
}

/// The storage commitments that were asked for and not yet reported (PS3.4 J.3). The report comes on the same
/// association or, mostly, on one that the archive opens, minutes or hours later.
package final class CommitmentTable: EventReportReceiver {
    private enum Entry {
        case expected
        case awaited(CheckedContinuation<StorageCommitment?, Never>)
        case reported(StorageCommitment)
    }

    private let entries = Mutex<[UID: Entry]>([:])

    package init() {}

    package func receive(
        _ request: NEventReportRQ,
        _ eventInformation: [UInt8],
        _ transferSyntax: UID
    ) -> DIMSEStatus {
        guard request.affectedSOPClassUID == SOPClass.storageCommitmentPushModel else {
            return .sopClassNotSupported
        }
        guard let dataSet = try? DataSet(decoding: eventInformation, transferSyntax: transferSyntax),
            let report = try? StorageCommitment(eventInformation: dataSet)
        else { return .invalidArgumentValue }
        let found: (isKnown: Bool, waiter: CheckedContinuation<StorageCommitment?, Never>?) =
            entries.withLock { entries in
                switch entries[report.transactionUID] {
                case .awaited(let waiter):
                    entries[report.transactionUID] = nil
                    return (true, waiter)
                case .expected, .reported:
                    entries[report.transactionUID] = .reported(report)
                    return (true, nil)
                case nil: return (false, nil)
                }
            }
        found.waiter?.resume(returning: report)
        // PS3.4 J.3.3.1: a transaction that is not known is an invalid argument.
        return found.isKnown ? .success : .invalidArgumentValue
    }

    func expect(_ transactionUID: UID) {
        entries.withLock { $0[transactionUID] = .expected }
    }

    func isReported(_ transactionUID: UID) -> Bool {
        entries.withLock { entries in
            if case .reported = entries[transactionUID] { true } else { false }
        }
    }

    /// Forgets a transaction; who waits for it gets nil.
    func forget(_ transactionUID: UID) {
        let waiter: CheckedContinuation<StorageCommitment?, Never>? = entries.withLock { entries in
            guard case .awaited(let waiter) = entries.removeValue(forKey: transactionUID) else { return nil }
            return waiter
        }
        waiter?.resume(returning: nil)
    }

    /// The report; nil when it did not come in time.
    func report(of transactionUID: UID, within limit: Duration) async -> StorageCommitment? {
        let timer = Task {
            try await Task.sleep(for: limit)
            forget(transactionUID)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { continuation in
            let report: StorageCommitment?? = entries.withLock { entries in
                switch entries[transactionUID] {
                case .reported(let report):
                    entries[transactionUID] = nil
                    return report
                case .expected:
                    entries[transactionUID] = .awaited(continuation)
                    return .none
                case .awaited, nil: return .some(nil)
                }
            }
            if let report { continuation.resume(returning: report) }
        }
    }
}
