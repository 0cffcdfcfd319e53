// SPDX-License-Identifier: Apache-2.0
import Admin
import DICOM
import Identity
import NIOHTTP1
import Transfer

/// What lies below a session's path: its page, what the page is to show, and the images. Whoever has the handle without
/// the cookie, or the cookie of another session, finds nothing.
extension ViewerService {
    private static let examPrefix = "e"

    /// `/viewer/s/{handle}/…`
    func session(_ visit: ViewVisit) async throws -> HTTPResponse {
        let (handle, steps) = (visit.steps[2], visit.steps.dropFirst(3))
        guard let session = sessions.find(handle, secret: visit.secret(of: handle)),
            case .open(let reader, let exams, let tokens) = session.stage
        else {
            try refuse("session", outcome: "401", reason: "over, or another browser's")
            throw ViewRefusal(.unauthorized, .over)
        }
        if visit.request.method == .POST, Array(steps) == ["sign-out"] {
            guard !visit.isForeign else { throw ViewRefusal(.forbidden, .notFound) }
            try traces.note(.signOut, by: reader.identifier, outcome: "signed out")
            sessions.end(session)
            if let tokens { await door?.party(at: reader.desk)?.end(tokens) }
            let cookie = ViewSession.cookie(handle, secret: nil, isSecure: session.isSecure)
            return ViewVisit.redirect("/viewer/signed-out", cookies: [cookie])
        }
        guard visit.isRead else {
            return .text(.methodNotAllowed, "\(visit.request.method): expected GET or HEAD")
        }
        switch (steps.first, steps.count) {
        case (nil, _): return ViewVisit.redirect(session.path + "/")
        case ("", 1): return files.index
        case ("context.json", 1): return try context(session, reader, exams)
        case (Self.examPrefix, 2...):
            guard let number = steps.dropFirst().first.flatMap({ Int($0) }), exams.indices.contains(number),
                "\(number)" == steps.dropFirst().first
            else { return .text(.notFound, "no such exam in this session") }
            return try await exam(visit, session, reader, exams[number], number)
        default: return .text(.notFound, "no such resource")
        }
    }

    // MARK: What the page shows

    private func context(_ session: ViewSession, _ reader: Reader, _ accesses: [ExamAccess]) throws
        -> HTTPResponse
    {
        var notices: [String] = []
        func note(_ notice: String, _ isSo: Bool = true) {
            if isSo, !notices.contains(notice) { notices.append(notice) }
        }
        var exams: [ViewerContext.Exam] = []
        var patient: ViewedPatient?
        for (number, access) in accesses.enumerated() {
            switch try access.state() {
            case .open(let exam):
                try trace(session, reader, exam, number)
                note("replaced", exam.isReplaced)
                note("arriving", exam.isArriving)
                note("incomplete", exam.isIncomplete)
                // Two patients in one session would be an error of who opened it: the first one's exams alone.
                if let patient, patient.nationalIdentifier != exam.patient.nationalIdentifier { continue }
                patient = patient ?? exam.patient
                let root = "\(Self.examPrefix)/\(number)"
                exams.append(
                    ViewerContext.Exam(
                        studyUID: exam.studyInstanceUID.string,
                        description: exam.description,
                        date: exam.date,
                        modalities: exam.modalities,
                        accession: exam.accessionNumber,
                        origin: exam.origin,
                        isOpened: exams.isEmpty,
                        instances: exam.sopInstanceUIDs.count,
                        isArriving: exam.isArriving,
                        root: root,
                        report: access.report == nil ? nil : root + "/report"
                    )
                )
            case .withdrawn, .hidden:
                note("withdrawn")
            case .over:
                sessions.end(session)
                throw ViewRefusal(.unauthorized, .over)
            }
        }
        let context = ViewerContext(
            language: session.language.rawValue,
            role: reader.role.rawValue,
            site: settings.site,
            patient: patient.map { ViewerContext.Patient($0) } ?? ViewerContext.Patient(),
            expires: Timestamp(milliseconds: sessions.expiry(of: session)),
            rights: .init(
                download: mayDownload(reader) && !exams.isEmpty,
                print: true,
                report: exams.contains { $0.report != nil }
            ),
            notices: notices,
            exams: exams
        )
        return HTTPResponse(
            .ok,
            headers: ["Content-Type": "application/json", "Cache-Control": "no-store"],
            body: .bytes(try context.json())
        )
    }

    /// The first view of an exam in a session is traced before its first byte leaves.
    private func trace(_ session: ViewSession, _ reader: Reader, _ exam: ViewedExam, _ number: Int) throws {
        guard session.isFirstView(of: number) else { return }
        try traces.note(
            .view,
            by: reader.identifier,
            "study \(exam.studyInstanceUID)",
            outcome: "\(exam.sopInstanceUIDs.count) instances",
            reason: reader.purpose
        )
        session.noteView(of: number)
    }

    // MARK: Exams

    private func exam(
        _ visit: ViewVisit,
        _ session: ViewSession,
        _ reader: Reader,
        _ access: ExamAccess,
        _ number: Int
    ) async throws -> HTTPResponse {
        let exam: ViewedExam
        switch try access.state() {
        case .open(let found): exam = found
        case .withdrawn, .hidden: return .text(.gone, "the exam was withdrawn")
        case .over:
            sessions.end(session)
            throw ViewRefusal(.unauthorized, .over)
        }
        try trace(session, reader, exam, number)
        let root = "\(session.path)/\(Self.examPrefix)/\(number)"
        switch visit.steps.dropFirst(5).first {
        case "report" where visit.steps.count == 6:
            guard let report = access.report else { return .text(.notFound, "no report is kept here") }
            try traces.note(
                .report,
                by: reader.identifier,
                "study \(exam.studyInstanceUID)",
                outcome: "shown",
                reason: reader.purpose
            )
            return await report()
        case "download" where visit.steps.count == 6:
            guard mayDownload(reader), visit.request.method == .GET else {
                return .text(.notFound, "exams are not downloaded from this box")
            }
            try traces.note(
                .download,
                by: reader.identifier,
                "study \(exam.studyInstanceUID)",
                outcome: "\(exam.sopInstanceUIDs.count) instances",
                reason: reader.purpose
            )
            return await download(visit.request, exam, access.images)
        default: return await images(visit.request, exam, access.images, root)
        }
    }

    private func mayDownload(_ reader: Reader) -> Bool { settings.downloaders.contains(reader.role) }

    /// All that may be seen of the exam, as a file-set in a ZIP.
    private func download(_ request: HTTPRequest, _ exam: ViewedExam, _ service: DICOMwebService) async
        -> HTTPResponse
    {
        let inner = HTTPRequest(
            method: .GET,
            uri: "/dicomweb/studies/\(exam.studyInstanceUID)",
            headers: ["Accept": "application/zip"],
            security: request.security
        )
        let scope = RetrieveScope(sopInstanceUIDs: exam.sopInstanceUIDs)
        return await DICOMwebService(service, scope: scope).respond(to: inner)
    }

    /// DICOMweb of the exam's study alone: what the path says below the exam's root is read as if it were said of it.
    private func images(
        _ request: HTTPRequest,
        _ exam: ViewedExam,
        _ service: DICOMwebService,
        _ root: String
    ) async -> HTTPResponse {
        let below = request.path.dropFirst(root.count)
        let query = request.query.isEmpty ? "" : "?" + request.query
        let inner = HTTPRequest(
            method: request.method,
            uri: "/dicomweb/studies/\(exam.studyInstanceUID)\(below)\(query)",
            headers: request.headers,
            security: request.security
        )
        let scope = RetrieveScope(sopInstanceUIDs: exam.sopInstanceUIDs, studyURL: root)
        return await DICOMwebService(service, scope: scope).respond(to: inner)
    }
}
