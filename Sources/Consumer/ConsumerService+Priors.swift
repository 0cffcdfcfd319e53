// SPDX-License-Identifier: Apache-2.0
import DMP
import FoundationEssentials
import IHE
import Identity
import NIOHTTP1
import Transfer

/// What a RIS is told before an exam is requested or done: which exams of the kind the patient has had already.
struct PriorExams: Encodable {
    struct Entry: Encodable {
        /// YYYYMMDD; empty where the record does not say.
        let date: String
        let modalities: [String]
        /// Codes of JDV 1.2.250.1.213.1.1.5.695.
        let regions: [String]
        let title: String
        let institution: String
        let hasImages: Bool
        let hasReport: Bool
    }

    /// What of the question narrowed the search; of an order, as it was understood.
    struct Asked: Encodable {
        let modalities: [String]
        let regions: [String]
        /// YYYYMMDD
        let from: String?
    }

    /// granted, unauthorised, forbidden, closed, none: whether the record may be read.
    let access: String
    let asked: Asked
    /// The newest first; empty where the record may not be read.
    let exams: [Entry]
    /// Opens the patient, once and for some minutes, in the browser of who asked; nil where the order does not have all
    /// that a contextual call has.
    let open: String?
}

extension ConsumerService {
    /// `POST /api/conso/priors`: a form or an order (see `PriorQuestion`), and an access token of the professional, whom
    /// the RIS has signed in itself. The identity is in the body, since it is not to be in URLs.
    func priors(_ visit: Visit) async throws -> HTTPResponse {
        let consultant: Consultant
        let question: PriorQuestion
        do throws(ContextualCallError) {
            question = try PriorQuestion(visit)
        } catch {
            try parts.traces.note(
                .priors,
                by: "RIS",
                outcome: "refused",
                reason: "\(error.parameter): expected \(error.expected)"
            )
            return .text(.badRequest, "\(error)")
        }
        let patient = question.patient
        switch try await asking(visit, patient) {
        case .success(let found): consultant = found
        case .failure(let refusal): return refusal.response
        }
        let user = consultant.professional.identifier
        let answer: PriorExams
        do throws(RecordError) {
            answer = try await priors(question, consultant)
        } catch {
            try parts.traces.note(.priors, by: user, of: patient, outcome: "refused", reason: "\(error)")
            let status: HTTPResponseStatus = error.kind == .permanent ? .badGateway : .serviceUnavailable
            return .text(status, "\(error)")
        }
        try parts.traces.note(
            .priors,
            by: user,
            of: patient,
            outcome: "\(answer.access), \(answer.exams.count) exams"
        )
        let body = try JSONEncoder().encode(answer)
        return HTTPResponse(.ok, headers: ["Content-Type": "application/json"], body: .bytes(Array(body)))
    }

    private func priors(
        _ question: PriorQuestion,
        _ consultant: Consultant
    ) async throws(RecordError) -> PriorExams {
        let patient = question.patient
        let filter = question.filter(now: now())
        let access = try await parts.record.access(patient, by: consultant)
        let name: String
        switch access {
        case .granted: name = "granted"
        case .unauthorised: name = "unauthorised"
        case .forbidden: name = "forbidden"
        case .closed: name = "closed"
        case .none: name = "none"
        }
        var exams: [Exam] = []
        if case .granted = access {
            exams = try await parts.record.search(filter, patient, by: consultant).exams
        }
        return PriorExams(
            access: name,
            asked: .init(modalities: filter.modalities, regions: filter.regions, from: filter.from),
            exams: exams.map { exam in
                PriorExams.Entry(
                    date: String(exam.performed.prefix(8)),
                    modalities: exam.modalities,
                    regions: exam.regions.map(\.value),
                    title: exam.reports.isEmpty ? "" : exam.title,
                    institution: exam.institution,
                    hasImages: !exam.manifests.isEmpty,
                    hasReport: !exam.reports.isEmpty
                )
            },
            open: !question.canOpen
                ? nil
                : contexts.add(patient).map { "\(settings.publicURL)/consumer/open?context=\($0)" }
        )
    }

    private struct Refused: Error {
        let response: HTTPResponse
    }

    /// The professional in whose name a RIS asks, and the structure.
    private func asking(_ visit: Visit, _ patient: PatientContext) async throws -> Result<Consultant, Refused>
    {
        func refuse(_ status: HTTPResponseStatus, _ words: String) throws -> Result<Consultant, Refused> {
            try parts.traces.note(.priors, by: "RIS", of: patient, outcome: "refused", reason: words)
            var response = HTTPResponse.text(status, words)
            if status == .unauthorized { response.headers.add(name: "WWW-Authenticate", value: "Bearer") }
            return .failure(Refused(response: response))
        }
        guard let identify = parts.identify else {
            return try refuse(
                .notFound,
                "consumer.priorClients: found none, expected the software that may ask"
            )
        }
        let named = visit.request.headers["Authorization"]
        guard let value = named.first, named.count == 1, value.lowercased().hasPrefix("bearer ") else {
            return try refuse(.unauthorized, "Authorization: found no bearer token")
        }
        let professional: Professional
        do throws(SignInError) {
            professional = try await identify(String(value.dropFirst("bearer ".count)))
        } catch {
            if case .unavailable = error { return try refuse(.serviceUnavailable, "\(error)") }
            return try refuse(.unauthorized, "\(error)")
        }
        let possible = professional.activities.filter { activity in
            guard let name = activity.structureIdentifier, parts.knowsStructure(name) else { return false }
            return patient.situation == nil || patient.situation == name
        }
        guard let activity = possible.first, possible.count == 1 else {
            return try refuse(
                .forbidden,
                "Situation: found \(possible.count) structures of the professional that are configured, expected one"
            )
        }
        return .success(Consultant(professional: professional, activity: activity))
    }
}
