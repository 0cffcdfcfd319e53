// SPDX-License-Identifier: Apache-2.0
package import Identity
import NIOHTTP1
package import Transfer

/// The viewer's doors: the link of a report, and whoever hands a reader over; behind them sessions, the page, and the
/// images of a session's exams as DICOMweb. Everything but the files of the page belongs to one session.
package final class ViewerService: HTTPResponder {
    package struct Settings: Sendable {
        /// As the page names the box.
        package var site: String
        package var sessionIdleMinutes: Int
        /// Whatever they do, readers come in anew after so long.
        package var sessionHours: Int
        /// Who may take exams away, as files.
        package var downloaders: Set<Reader.Role>

        package init(
            site: String,
            sessionIdleMinutes: Int,
            sessionHours: Int,
            downloaders: Set<Reader.Role> = []
        ) {
            self.site = site
            self.sessionIdleMinutes = sessionIdleMinutes
            self.sessionHours = sessionHours
            self.downloaders = downloaders
        }
    }

    /// The door of reports' links: who signs readers in, and what links lead to.
    package struct LinkDoor: Sendable {
        package var professionals: RelyingParty
        /// Nil where the box knows nobody who signs patients in: then they are shown nothing.
        package var patients: PatientDoor?
        package var exams: any LinkedExams
        /// Whether browsers come to it over TLS.
        package var isSecure: Bool

        package init(
            professionals: RelyingParty,
            patients: PatientDoor? = nil,
            exams: any LinkedExams,
            isSecure: Bool
        ) {
            self.professionals = professionals
            self.patients = patients
            self.exams = exams
            self.isSecure = isSecure
        }
    }

    /// Who signs patients in, and those who represent them in law.
    package struct PatientDoor: Sendable {
        package var party: RelyingParty
        package var claims: PatientIdentity.ClaimNames
        /// As patients know the provider.
        package var provider: String

        package init(party: RelyingParty, claims: PatientIdentity.ClaimNames, provider: String) {
            self.party = party
            self.claims = claims
            self.provider = provider
        }
    }

    let settings: Settings
    let files: StaticFiles
    /// Nil where reports have no links to this box.
    let door: LinkDoor?
    let traces: ViewTraces
    let sessions: ViewSessionTable
    let refusals = RefusalBudget()
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64

    package init(
        _ settings: Settings,
        files: StaticFiles,
        door: LinkDoor?,
        traces: ViewTraces,
        now: @escaping @Sendable () -> Int64
    ) {
        self.settings = settings
        self.files = files
        self.door = door
        self.traces = traces
        self.now = now
        sessions = ViewSessionTable(
            idleMinutes: settings.sessionIdleMinutes,
            hours: settings.sessionHours,
            now: now
        )
    }

    /// Ends sessions that nobody uses any more, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(15))
            for reader in sessions.sweep() {
                try? traces.note(.signOut, by: reader.identifier, outcome: "idle for too long")
            }
        }
        sessions.endAll()
    }

    /// Opens exams for a reader whom somebody else has let in: where their browser goes on, and the cookie that it is known
    /// by. Nil where too many look at images.
    package func open(_ exams: [ExamAccess], by reader: Reader, language: Language, isSecure: Bool) -> (
        location: String, cookie: String
    )? {
        guard
            let (session, secret) = sessions.begin(
                .open(reader, exams, nil),
                language: language,
                isSecure: isSecure
            )
        else { return nil }
        let cookie = ViewSession.cookie(session.handle, secret: secret, isSecure: isSecure)
        return (session.path + "/", cookie)
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        let visit = ViewVisit(request)
        do {
            return sealed(try await route(visit))
        } catch let refusal as ViewRefusal {
            return sealed(page(refusal, visit))
        } catch {
            // Without a trace there is no access, and without the archive's record no exam.
            return sealed(page(ViewRefusal(.serviceUnavailable, .later), visit))
        }
    }

    private func route(_ visit: ViewVisit) async throws -> HTTPResponse {
        let steps = visit.steps
        if visit.request.path == ImageDisplayLink.path, visit.isRead { return try await follow(visit) }
        guard steps.count >= 2, steps[0] == "viewer" else { throw ViewRefusal(.notFound, .notFound) }
        switch (steps[1], steps.count) {
        case (SignInDesk.step, 3) where visit.isRead: return try await signIn(visit)
        case (SignInDesk.professionals.returnStep, 2) where visit.isRead:
            return try await signedIn(visit, at: .professionals)
        case (SignInDesk.patients.returnStep, 2) where visit.isRead:
            return try await signedIn(visit, at: .patients)
        case ("signed-out", 2) where visit.isRead:
            return page(ViewRefusal(.ok, .signedOut), visit)
        case ("page.css", 2) where visit.isRead:
            return HTTPResponse(
                .ok,
                headers: ["Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, no-cache"],
                body: .bytes(Array(DoorPage.style.utf8))
            )
        case ("a", 3) where visit.isRead:
            guard let answer = files.answer(steps[2], to: visit.request) else {
                return .text(.notFound, "no such file")
            }
            return answer
        case ("s", 3...): return try await session(visit)
        default: throw ViewRefusal(.notFound, .notFound)
        }
    }

    // MARK: Answers

    private func page(_ refusal: ViewRefusal, _ visit: ViewVisit) -> HTTPResponse {
        let html = NoticePage(language: visit.language, notice: refusal.notice).html
        var response = HTTPResponse(
            refusal.status,
            headers: ["Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"],
            body: .bytes(Array(html.utf8))
        )
        if refusal.status == .serviceUnavailable { response.headers.add(name: "Retry-After", value: "10") }
        return response
    }

    /// What every answer has: nothing is loaded from elsewhere or told to elsewhere, no other site shows our pages within
    /// its own, and nothing is kept by a browser or a proxy but what is the same for everybody.
    private func sealed(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        func add(_ name: String, _ value: String) {
            if !response.headers.contains(name: name) { response.headers.add(name: name, value: value) }
        }
        add("Content-Security-Policy", Self.contentSecurityPolicy)
        add("X-Content-Type-Options", "nosniff")
        add("Referrer-Policy", "no-referrer")
        add("Cross-Origin-Opener-Policy", "same-origin")
        add("Cross-Origin-Resource-Policy", "same-origin")
        add(
            "Permissions-Policy",
            "camera=(), microphone=(), geolocation=(), payment=(), usb=(), fullscreen=(self)"
        )
        add("Cache-Control", "no-store")
        return response
    }

    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:",
        "connect-src 'self'", "worker-src 'self'", "media-src 'self' blob:", "frame-src 'self' blob:",
        "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
    ].joined(separator: "; ")
}
