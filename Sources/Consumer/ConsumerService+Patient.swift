// SPDX-License-Identifier: Apache-2.0
import DICOM
import DMP
import IHE
import Identity
import NIOHTTP1
import Transfer

/// What a request about an opened patient is in the name of.
struct Consultation {
    let session: Session
    let consultant: Consultant
    let opened: OpenedPatient
    let pages: PatientPages
}

extension ConsumerService {
    /// `/consumer/patients/{name}/…`: of this session's patients only.
    func patient(_ visit: Visit) async throws -> HTTPResponse {
        let (session, professional) = try signedInSession(visit)
        guard let opened = session.patient(visit.steps[2]) else {
            try parts.traces.note(
                .refusal,
                by: professional.identifier,
                "patient",
                outcome: "not of this session"
            )
            throw Refusal(.notFound, .refused, [.notFound])
        }
        guard let activity = activity(professional, opened.patient, session) else {
            session.change { state in
                state.next = opened.path
                state.situation = opened.patient.situation
            }
            return Visit.redirect("/consumer/activity")
        }
        let consultation = Consultation(
            session: session,
            consultant: Consultant(
                professional: professional,
                activity: activity,
                emergency: opened.emergency
            ),
            opened: opened,
            pages: PatientPages(language: visit.language, opened: opened, formToken: session.formToken)
        )
        let steps = visit.steps.dropFirst(3)
        switch (visit.request.method, steps.first, steps.count) {
        case (.GET, nil, _): return try await list(visit, consultation)
        case (.POST, "authorisation", 1): return try await authorise(visit, consultation)
        case (.POST, "emergency", 1): return try await breakGlass(visit, consultation)
        case (_, "images", 2...): return try await images(visit, consultation)
        case (.GET, "reports", 2...): return try await report(visit, consultation)
        default: throw Refusal(.notFound, .refused, [.notFound])
        }
    }

    /// The structure that the patient's call names, or the one that the professional has chosen.
    private func activity(
        _ professional: Professional,
        _ patient: PatientContext,
        _ session: Session
    ) -> Professional.Activity? {
        guard let situation = patient.situation else { return session.activity }
        return professional.activities.first { activity in
            activity.structureIdentifier == situation && parts.knowsStructure(situation)
        }
    }

    // MARK: The list

    private func list(_ visit: Visit, _ consultation: Consultation) async throws -> HTTPResponse {
        let patient = consultation.opened.patient
        let access = try await consult(.existence, consultation) { (record) throws(RecordError) in
            try await record.access(patient, by: consultation.consultant)
        }
        switch access {
        case .granted: break
        case .unauthorised where consultation.consultant.emergency != nil: break
        case .unauthorised, .forbidden, .closed, .none:
            return page(visit, .exams, consultation.pages.access(access))
        }
        let filter = ExamFilter(visit.query)
        let recorded = try await consult(.search, consultation) { (record) throws(RecordError) in
            try await record.search(filter, patient, by: consultation.consultant)
        }
        let found = try await sharedToo(recorded, filter, consultation)
        consultation.opened.take(found.exams)
        return page(visit, .exams, consultation.pages.list(found, filter))
    }

    /// TD0.3, on the professional's word that the patient agrees.
    private func authorise(_ visit: Visit, _ consultation: Consultation) async throws -> HTTPResponse {
        let (_, fields) = try form(visit)
        guard fields["consent"] == "yes" else {
            throw Refusal(.badRequest, .refused, [.notAuthorised, .consentBox])
        }
        try await consult(.authorisation, consultation) { (record) throws(RecordError) in
            try await record.authorise(consultation.opened.patient, by: consultation.consultant)
        }
        return Visit.redirect(consultation.opened.path)
    }

    /// Bris de glace, on the professional's word that care cannot wait. The record decides whether it lets them in.
    private func breakGlass(_ visit: Visit, _ consultation: Consultation) async throws -> HTTPResponse {
        let (_, fields) = try form(visit)
        guard fields["emergency"] == "yes", let reason = fields["reason"].flatMap(Emergency.init) else {
            throw Refusal(.badRequest, .refused, [.notAuthorised, .emergencyBox])
        }
        try parts.traces.note(
            .emergency,
            by: "\(consultation.consultant.professional.identifier) of "
                + (consultation.consultant.activity.structureIdentifier ?? "no structure"),
            of: consultation.opened.patient,
            outcome: "declared",
            reason: reason.rawValue
        )
        consultation.opened.emergency = reason
        return Visit.redirect(consultation.opened.path)
    }

    /// Asks the record for something. Without a trace of it nobody sees what it answered.
    private func consult<Answer: Sendable>(
        _ action: TraceBook.Action,
        _ consultation: Consultation,
        subject: String = "",
        _ ask: (any HealthRecord) async throws(RecordError) -> Answer
    ) async throws -> Answer {
        let user =
            "\(consultation.consultant.professional.identifier) of "
            + (consultation.consultant.activity.structureIdentifier ?? "no structure")
        let patient = consultation.opened.patient
        let answer: Answer
        do throws(RecordError) {
            answer = try await ask(parts.record)
        } catch {
            try parts.traces.note(
                action,
                by: user,
                of: patient,
                subject,
                outcome: "refused",
                reason: "\(error)"
            )
            throw Refusal(error, .recordFailed)
        }
        try parts.traces.note(action, by: user, of: patient, subject, outcome: "answered")
        return answer
    }

    private func document(
        _ visit: Visit,
        _ consultation: Consultation
    ) throws -> (number: Int, document: RegisteredDocument, exam: Exam) {
        guard let number = Int(visit.steps[4]), let found = consultation.opened.document(number) else {
            throw Refusal(.notFound, .refused, [.notFound])
        }
        return (number, found.document, found.exam)
    }

    func contents(_ document: RegisteredDocument, _ consultation: Consultation) async throws
        -> [UInt8]
    {
        if let site = parts.shared.first(where: { $0.has(document) }) {
            return try await contents(document, of: site, consultation)
        }
        return try await recorded(document, consultation)
    }

    private func recorded(_ document: RegisteredDocument, _ consultation: Consultation) async throws
        -> [UInt8]
    {
        try await consult(.retrieval, consultation, subject: document.entry.uniqueID) {
            (record) throws(RecordError) in
            try await record.document(
                document,
                consultation.opened.patient,
                by: consultation.consultant
            )
        }
    }

    // MARK: Images

    private func images(_ visit: Visit, _ consultation: Consultation) async throws -> HTTPResponse {
        let (number, document, exam) = try document(visit, consultation)
        guard document.isManifest else { throw Refusal(.notFound, .refused, [.notFound]) }
        let path = consultation.opened.path(ofImages: document)
        let steps = visit.steps.dropFirst(5)
        if visit.request.method == .POST, steps.isEmpty {
            _ = try form(visit)
            try await begin(number, document, consultation)
            return Visit.redirect(path)
        }
        guard let retrieval = consultation.opened.retrieval(number) else {
            throw Refusal(.notFound, .refused, [.notFound])
        }
        switch (visit.request.method, steps.first, steps.count) {
        case (.GET, nil, _):
            let content = consultation.pages.images(
                document,
                retrieval,
                of: exam,
                hasViewer: parts.viewer != nil
            )
            return page(visit, .images, content)
        case (.GET, "progress", 1):
            let progress = ImageProgress(language: visit.language, retrieval: retrieval, path: path)
            let seen = visit.query["seen"].flatMap { Int($0) } ?? 0
            return HTTPResponse(
                .ok,
                headers: ["Content-Type": "application/json"],
                body: .bytes(progress.json(since: seen))
            )
        case (.GET, "instances", 2):
            return try await instance(steps.last ?? "", retrieval)
        case (.POST, "series", 3) where steps.last == "first":
            _ = try form(visit)
            let number = steps.dropFirst().first.flatMap { Int($0) } ?? -1
            let series = retrieval.manifest.series
            guard series.indices.contains(number) else { throw Refusal(.notFound, .refused, [.notFound]) }
            retrieval.prefer(series[number].seriesInstanceUID)
            return Visit.redirect(path)
        case (.POST, "view", 1):
            _ = try form(visit)
            return try view(number, visit, consultation)
        case (.POST, "import", 1):
            _ = try form(visit)
            guard let importing = retrieval.archiving else {
                throw Refusal(.notFound, .refused, [.noArchive])
            }
            try start(importing, number, retrieval, consultation)
            return Visit.redirect(path)
        default: throw Refusal(.notFound, .refused, [.notFound])
        }
    }

    private func begin(_ number: Int, _ document: RegisteredDocument, _ consultation: Consultation)
        async throws
    {
        guard consultation.opened.retrieval(number) == nil else { return }
        let bytes = try await contents(document, consultation)
        let patient = consultation.opened.patient
        let manifest: ExamManifest
        do throws(ExamManifest.Unusable) {
            manifest = try ExamManifest(bytes, of: document, patient: patient)
        } catch {
            try self.parts.traces.note(
                .refusal,
                by: consultation.consultant.professional.identifier,
                of: patient,
                "manifest \(document.entry.uniqueID)",
                outcome: "cannot be used",
                reason: "\(error)"
            )
            throw Refusal(.badGateway, .refused, [.manifestUnusable], detail: "\(error)")
        }
        let (parts, now) = (parts, now)
        let user = consultation.consultant.professional.identifier
        let name = manifest.sopInstanceUID.string
        try parts.traces.note(
            .manifest,
            by: user,
            of: patient,
            name,
            outcome: "read in its form \(document.manifestForm?.rawValue ?? "")"
        )
        let importing = parts.archive.map { archive in
            ExamImport(
                archive: archive,
                patient: patient,
                trace: { outcome, reason in
                    try parts.traces.note(
                        .archiving,
                        by: user,
                        of: patient,
                        name,
                        outcome: outcome,
                        reason: reason
                    )
                },
                now: now
            )
        }
        let retrieval = self.retrieval(of: manifest, to: settings.viewing, importing, consultation)
        consultation.opened.begin(number, retrieval)?.start()
    }

    /// What came with loss is not for an archive: it comes once more.
    private func start(
        _ importing: ExamImport,
        _ number: Int,
        _ viewed: ExamRetrieval,
        _ consultation: Consultation
    ) throws {
        guard viewed.purpose != .export else {
            _ = importing.start(viewed)
            return
        }
        guard importing.progress.state != .running else { return }
        let again = retrieval(of: viewed.manifest, to: .export, nil, consultation)
        guard let source = consultation.opened.export(number, again) else { return }
        source.start()
        _ = importing.start(source)
    }

    private func retrieval(
        of manifest: ExamManifest,
        to purpose: RetrievePurpose,
        _ importing: ExamImport?,
        _ consultation: Consultation
    ) -> ExamRetrieval {
        let (parts, now) = (parts, now)
        let user = consultation.consultant.professional.identifier
        let patient = consultation.opened.patient
        let session = consultation.session
        let name = manifest.sopInstanceUID.string
        return ExamRetrieval(
            manifest,
            purpose: purpose,
            source: parts.images,
            archiving: importing,
            token: { try await session.accessToken(parts.party, now: now()) },
            trace: { series, outcome, reason in
                try parts.traces.note(
                    .images,
                    by: user,
                    of: patient,
                    "\(name) series \(series)",
                    outcome: outcome,
                    reason: reason
                )
            },
            now: now
        )
    }

    /// A small picture of what has arrived in this session; what another professional fetched is not there.
    private func instance(_ step: String, _ retrieval: ExamRetrieval) async throws -> HTTPResponse {
        let manifest = retrieval.manifest
        guard let position = Int(step), manifest.instances.indices.contains(position) else {
            throw Refusal(.notFound, .refused, [.notFound])
        }
        let progress = retrieval.progress
        if let reason = progress.missing[position] { return .text(.gone, "\(reason)") }
        guard progress.hasArrived(position) else { return .text(.notFound, "the image has not arrived") }
        return await parts.thumbnail(manifest, position)
    }

    // MARK: Reports

    private func report(_ visit: Visit, _ consultation: Consultation) async throws -> HTTPResponse {
        let (number, document, exam) = try document(visit, consultation)
        guard document.isReport else { throw Refusal(.notFound, .refused, [.notFound]) }
        let steps = visit.steps.dropFirst(5)
        let report: ReportDocument
        if !steps.isEmpty, let kept = consultation.opened.report(number) {
            report = kept
        } else {
            report = ReportDocument(try await contents(document, consultation))
            consultation.opened.keep(report, number)
        }
        switch (steps.first, steps.count) {
        case (nil, _):
            let content = consultation.pages.report(
                document,
                hasPDF: report.pdf != nil,
                images: exam.manifests
            )
            return page(visit, .report, content)
        case ("document", 1):
            guard let pdf = report.pdf else { throw Refusal(.notFound, .refused, [.notFound]) }
            return Self.page(ofReport: pdf)
        case ("source", 1):
            return HTTPResponse(
                .ok,
                headers: [
                    "Content-Type": "application/octet-stream",
                    "Content-Disposition": "attachment; filename=\"report.xml\"",
                ],
                body: .bytes(report.source)
            )
        default: throw Refusal(.notFound, .refused, [.notFound])
        }
    }

    /// A PDF within a page of ours: browsers show it with a viewer of their own.
    static func page(ofReport pdf: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            .ok,
            headers: [
                "Content-Type": "application/pdf",
                "Content-Disposition": "inline; filename=\"report.pdf\"",
                "Content-Security-Policy": "frame-ancestors 'self'",
            ],
            body: .bytes(pdf)
        )
    }
}
