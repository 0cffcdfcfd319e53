// SPDX-License-Identifier: Apache-2.0
import DICOM
import IHE
import Identity
import NIOHTTP1
import Transfer

/// From the page of an exam's images to the viewer.
extension ConsumerService {
    /// Opens the exam in the viewer, beside what else of this patient was fetched.
    func view(_ number: Int, _ visit: Visit, _ consultation: Consultation) throws -> HTTPResponse {
        guard let viewer = parts.viewer else { throw Refusal(.notFound, .refused, [.notFound]) }
        let others = consultation.opened.retrievals.keys.filter { $0 != number }.sorted()
        var exams: [FetchedExam] = []
        for number in [number] + others {
            guard let exam = fetched(number, consultation) else { continue }
            try parts.traces.note(
                .viewing,
                by: consultation.consultant.professional.identifier,
                of: consultation.opened.patient,
                "study \(exam.manifest.studyInstanceUID)",
                outcome: "opened"
            )
            exams.append(exam)
        }
        let opened = viewer.open(
            exams,
            by: consultation.consultant.professional,
            language: visit.language.rawValue,
            isSecure: settings.publicURL.hasPrefix("https://")
        )
        guard let opened else { throw Refusal(.serviceUnavailable, .unavailable, [.recordLater]) }
        return Visit.redirect(opened.location, cookie: opened.cookie)
    }

    private func fetched(_ number: Int, _ consultation: Consultation) -> FetchedExam? {
        let (opened, session) = (consultation.opened, consultation.session)
        guard let retrieval = opened.retrieval(number), let found = opened.document(number) else {
            return nil
        }
        let now = now
        let report = found.exam.reports.first.map { document in
            { @Sendable [self] in await shown(document, consultation) }
        }
        return FetchedExam(
            manifest: retrieval.manifest,
            patient: opened.patient,
            title: found.exam.title,
            performed: found.exam.performed,
            modalities: found.exam.modalities,
            accessionNumber: found.document.accessionNumbers.first ?? "",
            institution: found.exam.institution,
            arrived: {
                guard !opened.isClosed, session.professional != nil else { return nil }
                let time = now()
                session.change { $0.used = time }
                // In this order: what arrives between the two is told by the next question.
                let isRunning = retrieval.progress.state == .running
                return (Set(retrieval.arrived), isRunning)
            },
            report: report
        )
    }

    /// A report out of the record, as the page of the report shows it.
    private func shown(_ document: RegisteredDocument, _ consultation: Consultation) async -> HTTPResponse {
        guard !consultation.opened.isClosed else { return .text(.unauthorized, "the session is over") }
        let report: ReportDocument
        do {
            report = ReportDocument(try await contents(document, consultation))
        } catch let refusal as Refusal {
            return .text(refusal.status, refusal.detail ?? "the record does not give the report")
        } catch {
            return .text(.serviceUnavailable, "the access cannot be traced")
        }
        guard let pdf = report.pdf else {
            return .text(.unsupportedMediaType, "the report is in a form that browsers do not show")
        }
        return Self.page(ofReport: pdf)
    }
}
