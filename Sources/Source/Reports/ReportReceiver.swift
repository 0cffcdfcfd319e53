// SPDX-License-Identifier: Apache-2.0
import Crypto
import HL7
package import Store
import Linux

/// Answers messages of the RIS. AA means that what the message asks for is on the disk; a message that was answered
/// before is answered again, and does nothing twice; one that is refused is kept for a person to look at.
package struct ReportReceiver: Sendable {
    private static let requiredFlags = ["MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX", "DESTDMP"]

    private let intake: ReportIntake
    private let table: PublicationTable
    private let journal: any SourceJournal
    /// Milliseconds since 1970, and the same as an HL7 time.
    private let now: @Sendable () -> Int64
    private let timestamp: @Sendable () -> String
    /// Whether there is a key for a structure.
    private let knowsStructure: @Sendable (String) -> Bool
    private let allowsMaskedAndInvisible: Bool
    private let wake: @Sendable () -> Void

    package init(
        intake: ReportIntake,
        table: PublicationTable,
        journal: any SourceJournal,
        now: @escaping @Sendable () -> Int64,
        timestamp: @escaping @Sendable () -> String,
        knowsStructure: @escaping @Sendable (String) -> Bool,
        allowsMaskedAndInvisible: Bool,
        wake: @escaping @Sendable () -> Void
    ) {
        self.intake = intake
        self.table = table
        self.journal = journal
        self.now = now
        self.timestamp = timestamp
        self.knowsStructure = knowsStructure
        self.allowsMaskedAndInvisible = allowsMaskedAndInvisible
        self.wake = wake
    }

    /// The acknowledgement of a message.
    package func answer(_ bytes: [UInt8]) -> [UInt8] {
        let digest = SHA256.hash(data: bytes).hexadecimal
        do {
            let known = try table.transaction { (session) throws(SQLiteError) in
                try session.message(digest: digest)
            }
            if let known, known.code == "AA" {
                journal.record(.messageRepeated(controlID: known.controlID))
                return known.answer
            }
        } catch {
            return unkept(bytes, error)
        }
        var errors: [HL7Error] = []
        var understood = Understood(controlID: "", kind: "", requests: [])
        do throws(HL7Error) {
            understood = try read(HL7Message(bytes), &errors)
        } catch {
            errors.append(error)
        }
        let answer = Acknowledgement(
            to: bytes,
            errors: errors,
            time: timestamp(),
            controlID: "DRIMBOX-\(digest.prefix(20))"
        )
        let reason = errors.isEmpty ? nil : errors.map(\.description).joined(separator: "; ")
        let message = PublicationMessage(
            digest: digest,
            controlID: understood.controlID.isEmpty ? Self.controlID(bytes) : understood.controlID,
            received: now(),
            code: answer.code,
            answer: answer.bytes,
            reason: reason,
            body: errors.isEmpty ? nil : bytes
        )
        do {
            let exams = try intake.apply(errors.isEmpty ? understood.requests : [], message: message)
            if let reason {
                journal.record(
                    .messageRefused(controlID: message.controlID, code: answer.code, reason: reason)
                )
            } else {
                journal.record(
                    .messageAccepted(controlID: message.controlID, kind: understood.kind, exams: exams)
                )
                wake()
            }
            return answer.bytes
        } catch {
            return unkept(bytes, error)
        }
    }

    /// What cannot be kept is not acknowledged: the sender keeps it.
    private func unkept(_ bytes: [UInt8], _ error: any Error) -> [UInt8] {
        journal.record(.storeFailed(reason: "\(error)"))
        let failure = HL7Error(
            .applicationError,
            "MSH",
            found: "no room to keep the message",
            expected: "it again, later",
            application: .other
        )
        return Acknowledgement(to: bytes, errors: [failure], time: timestamp(), controlID: "DRIMBOX-0").bytes
    }

    private static func controlID(_ bytes: [UInt8]) -> String {
        (try? HL7Message(bytes))?.first("MSH").flatMap { try? $0.text(10) } ?? ""
    }

    private struct Understood {
        let controlID: String
        let kind: String
        let requests: [ReportIntake.Request]
    }

    private func read(_ message: HL7Message, _ errors: inout [HL7Error]) throws(HL7Error) -> Understood {
        if try message.required("MSH").text(9) == "OMI" {
            let order = try OrderMessage(message)
            let requests = order.procedures.map { procedure -> ReportIntake.Request in
                switch order.action {
                case .changed: .lookAgain(study: procedure.studyInstanceUID)
                case .cancelled: .cancel(study: procedure.studyInstanceUID, reason: "the exam was cancelled")
                }
            }
            return Understood(controlID: order.controlID, kind: "order", requests: requests)
        }
        let report = try ReportMessage(message)
        let document = try ClinicalDocument(report.document)
        errors += report.contradictions(in: document)
        let contexts = try ReportContext.all(document, report)
        if report.action == .delete {
            // Of the report itself and of the versions before it.
            let reports = [document.identifier.text] + document.parents.map(\.text)
            let requests = contexts.map { context in
                ReportIntake.Request.withdraw(
                    reports: reports,
                    study: context.studyInstanceUID,
                    reason: "the report was withdrawn"
                )
            }
            return Understood(controlID: report.controlID, kind: "delete", requests: requests)
        }
        for context in contexts { check(context, &errors) }
        // Whom a report is hidden from is said, never supposed.
        for flag in Self.requiredFlags where !report.knownFlags.contains(flag) {
            errors.append(HL7Error(.requiredField, "OBX-3", found: "no \(flag)", expected: "it, with Y or N"))
        }
        let obstacle = Self.obstacle(report)
        let requests = contexts.map { context -> ReportIntake.Request in
            obstacle.map { .keepOut(context, reason: $0) } ?? .publish(context)
        }
        return Understood(controlID: report.controlID, kind: report.action.rawValue, requests: requests)
    }

    /// What the record would refuse, or nobody here could sign.
    private func check(_ context: ReportContext, _ errors: inout [HL7Error]) {
        if !knowsStructure(context.structure.identifier) {
            errors.append(
                HL7Error(
                    .applicationError,
                    "ClinicalDocument/legalAuthenticator/assignedEntity/representedOrganization/id",
                    found: "a structure without a certificate here",
                    expected: "one of dmp.structures",
                    application: .authorNotAllowed
                )
            )
        }
        let visibility = context.visibility
        if visibility.isMaskedFromProfessionals, visibility.isInvisibleToPatient, !allowsMaskedAndInvisible {
            errors.append(
                HL7Error(
                    .applicationError,
                    "OBX-5",
                    found: "MASQUE_PS and INVISIBLE_PATIENT",
                    expected: "one of them at most",
                    application: .other
                )
            )
        }
    }

    /// Why a report is not for the record; nil where it is.
    private static func obstacle(_ report: ReportMessage) -> String? {
        if !report.isSet("DESTDMP") {
            return "the report is not destined for the record (DESTDMP)"
        }
        return report.isQualified ? nil : "the identity is not qualified (PID-32)"
    }
}
