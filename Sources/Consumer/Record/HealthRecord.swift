// SPDX-License-Identifier: Apache-2.0
package import DMP
package import IHE
package import Identity

/// Who consults: a professional, in one of the structures where they work.
package struct Consultant: Equatable, Sendable {
    package let professional: Professional
    package let activity: Professional.Activity
    /// Nil but where care cannot wait for the patient's authorisation (bris de glace).
    package let emergency: Emergency?

    package init(
        professional: Professional,
        activity: Professional.Activity,
        emergency: Emergency? = nil
    ) {
        self.professional = professional
        self.activity = activity
        self.emergency = emergency
    }
}

/// Why a record is read without its patient's authorisation. The record keeps the words; they are a choice and no free
/// text, which could name the patient.
package enum Emergency: String, CaseIterable, Sendable {
    case unconscious
    case vital

    /// As the record takes it (VIHF, `Mode_Acces_Raison`).
    package var reason: String {
        switch self {
        case .unconscious: "Patient hors d'état d'exprimer sa volonté"
        case .vital: "Urgence vitale : risque immédiat pour la santé du patient"
        }
    }
}

/// Whether a patient's record may be read.
package enum RecordAccess: Equatable, Sendable {
    case granted(isTreatingPhysician: Bool)
    /// The patient has not authorised the structure, or no longer: what the record says.
    case unauthorised(String)
    /// The patient has forbidden it.
    case forbidden
    case closed
    /// The patient has no record.
    case none
}

/// The national record (DMP), as a consultant uses it.
package protocol HealthRecord: Sendable {
    /// TD0.2
    func access(_ patient: PatientContext, by consultant: Consultant) async throws(RecordError)
        -> RecordAccess

    /// TD0.3: the patient has agreed, and the consultant has said so.
    func authorise(_ patient: PatientContext, by consultant: Consultant) async throws(RecordError)

    /// TD3.1
    func search(_ filter: ExamFilter, _ patient: PatientContext, by consultant: Consultant)
        async throws(RecordError) -> RecordSearch

    /// TD3.2; what comes is what the record's entry says of it: hash, size, identifier.
    func document(_ document: RegisteredDocument, _ patient: PatientContext, by consultant: Consultant)
        async throws(RecordError) -> [UInt8]
}

package struct RecordSearch: Equatable, Sendable {
    package var exams: [Exam]
    /// Entries that name no document or no patient.
    package var unreadable: Int
    /// Names of sites that were asked beside the record, and gave no answer, or no whole one.
    package var silent: [String] = []

    package init(exams: [Exam], unreadable: Int) {
        self.exams = exams
        self.unreadable = unreadable
    }
}
