// SPDX-License-Identifier: Apache-2.0
package import Admin
package import Store

/// What a person sees of the queue, and decides about it.
package struct PublicationDesk: Sendable {
    /// Items of a list.
    private static let limit = 500

    private let table: PublicationTable
    private let intake: ReportIntake
    private let wake: @Sendable () -> Void

    package init(table: PublicationTable, intake: ReportIntake, wake: @escaping @Sendable () -> Void) {
        self.table = table
        self.intake = intake
        self.wake = wake
    }

    package func queue() throws -> PublicationQueue {
        try table.transaction { (session) throws(SQLiteError) in
            PublicationQueue(
                counts: try session.examCounts(),
                items: try session.unsettledExams(limit: Self.limit).map { PublicationQueue.Item($0) },
                refused: try session.refusedMessages(limit: Self.limit).map { message in
                    PublicationQueue.Refused(
                        digest: message.digest,
                        controlID: message.controlID,
                        received: Timestamp(milliseconds: message.received),
                        code: message.code,
                        reason: message.reason
                    )
                }
            )
        }
    }

    /// What is not done; `imageWaitHours` after its report an exam without images is overdue.
    package func backlog(imageWaitHours: Int, now: Int64) throws -> PipelineStatus.Publications {
        let backlog = try table.transaction { (session) throws(SQLiteError) in
            try session.backlog(imagesBefore: now - Int64(imageWaitHours) * 3_600_000)
        }
        return PipelineStatus.Publications(
            waiting: backlog.waiting,
            waitingSince: backlog.waitingSince.map { Timestamp(milliseconds: $0) },
            awaitingImages: backlog.awaitingImages,
            overdue: backlog.overdue,
            failed: backlog.failed,
            held: backlog.held
        )
    }

    /// The bytes of a message that was refused, by the beginning of its digest; nil where they are not kept, or the
    /// beginning is that of several.
    package func refusedMessage(_ digest: String) throws -> [UInt8]? {
        guard digest.utf8.count >= 8, digest.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
            return nil
        }
        return try table.transaction { (session) throws(SQLiteError) in
            try session.refusedBody(digestPrefix: digest)
        }
    }

    /// Nil where there is no such exam.
    package func item(_ number: Int) throws -> PublicationQueue.Item? {
        try table.transaction { (session) throws(SQLiteError) in
            try session.exam(Int64(number)).map { PublicationQueue.Item($0) }
        }
    }

    package enum Decision: String, Sendable {
        case retry
        case hold
        case drop
    }

    /// What becomes of an exam; nil where there is none.
    package func decide(_ decision: Decision, _ number: Int, reason: String) throws -> PublicationQueue.Item?
    {
        let isKnown =
            switch decision {
            case .retry: try intake.retry(Int64(number))
            case .hold: try intake.hold(Int64(number), reason: reason)
            case .drop: try intake.drop(Int64(number), reason: reason)
            }
        wake()
        return isKnown ? try item(number) : nil
    }
}

extension PublicationQueue.Item {
    fileprivate init(_ exam: PublicationExam) {
        self.init(
            number: Int(exam.number),
            studyInstanceUID: exam.studyInstanceUID,
            state: exam.state.rawValue,
            held: exam.isHeld,
            since: Timestamp(milliseconds: exam.since),
            attempts: exam.attempts,
            due: exam.due.map { Timestamp(milliseconds: $0) },
            reason: exam.reason,
            manifest: exam.manifest ?? exam.madoManifest
        )
    }
}
