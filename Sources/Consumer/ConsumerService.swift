// SPDX-License-Identifier: Apache-2.0
import DMP
package import IHE
package import Identity
import NIOHTTP1
package import Transfer

/// The pages of the consumer: a professional signs in, sees which exams a patient has anywhere in the country, looks at
/// their images and takes them into the site's archive.
package final class ConsumerService: HTTPResponder {
    package struct Settings: Sendable {
        /// As browsers name us, without a path: `https://drimbox.example`.
        package var publicURL: String
        /// How images come that are to be looked at: as for the archive, or smaller and with loss; what is imported then
        /// comes once more.
        package var viewing: RetrievePurpose
        /// What is read where there are several forms of a manifest.
        package var preferredManifest: RegisteredDocument.ManifestForm
        package var sessionIdleMinutes: Int
        /// A contextual call that nobody has opened is forgotten after so long.
        package var contextSeconds: Int
        /// LPS_Nom and LPS_Version, as the record knows them.
        package var software: String
        package var version: String

        package init(
            publicURL: String,
            viewing: RetrievePurpose,
            preferredManifest: RegisteredDocument.ManifestForm = .french,
            sessionIdleMinutes: Int,
            contextSeconds: Int,
            software: String,
            version: String
        ) {
            self.publicURL = publicURL
            self.viewing = viewing
            self.preferredManifest = preferredManifest
            self.sessionIdleMinutes = sessionIdleMinutes
            self.contextSeconds = contextSeconds
            self.software = software
            self.version = version
        }
    }

    /// What the pages stand on.
    package struct Parts: Sendable {
        package var party: RelyingParty
        package var record: any HealthRecord
        /// Sites that share their manifests by themselves.
        package var shared: [DocumentConsumer]
        package var images: any ImageSource
        /// Nil where nothing is imported.
        package var archive: (any ImportArchive)?
        /// A small picture of one of a manifest's instances that is in this box.
        package var thumbnail: @Sendable (ExamManifest, _ position: Int) async -> HTTPResponse
        /// Whether the box has a structure's certificates.
        package var knowsStructure: @Sendable (String) -> Bool
        package var traces: TraceBook
        /// Whose access token it is, that software other than ours was given; nil where none may ask with one.
        package var identify: (@Sendable (String) async throws(SignInError) -> Professional)?
        /// Where images are looked at in full; nil where there are small pictures only.
        package var viewer: (any ImageViewer)?

        package init(
            party: RelyingParty,
            record: any HealthRecord,
            shared: [DocumentConsumer] = [],
            images: any ImageSource,
            archive: (any ImportArchive)?,
            thumbnail: @escaping @Sendable (ExamManifest, _ position: Int) async -> HTTPResponse,
            knowsStructure: @escaping @Sendable (String) -> Bool,
            traces: TraceBook,
            identify: (@Sendable (String) async throws(SignInError) -> Professional)? = nil,
            viewer: (any ImageViewer)? = nil
        ) {
            self.party = party
            self.record = record
            self.shared = shared
            self.images = images
            self.archive = archive
            self.thumbnail = thumbnail
            self.knowsStructure = knowsStructure
            self.traces = traces
            self.identify = identify
            self.viewer = viewer
        }
    }

    let settings: Settings
    let parts: Parts
    let contexts: ContextTable
    let sessions: SessionTable
    /// Milliseconds since 1970.
    let now: @Sendable () -> Int64

    package init(_ settings: Settings, _ parts: Parts, now: @escaping @Sendable () -> Int64) {
        self.settings = settings
        self.parts = parts
        self.now = now
        contexts = ContextTable(seconds: settings.contextSeconds, now: now)
        sessions = SessionTable(idleMinutes: settings.sessionIdleMinutes, now: now)
    }

    /// Ends sessions that nobody uses any more, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(15))
            for professional in sessions.sweep() {
                try? parts.traces.note(.signOut, by: professional.identifier, outcome: "idle for too long")
            }
        }
        sessions.endAll()
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        let visit = Visit(request, settings)
        if let wanted = visit.query["lang"].flatMap(Language.init(rawValue:)), request.method == .GET {
            return sealed(visit.chosen(wanted))
        }
        let response: HTTPResponse
        do {
            response = try await route(visit)
        } catch let refusal as Refusal {
            response = answer(refusal, to: visit)
        } catch {
            // Without a trace there is no access.
            response = answer(
                Refusal(
                    .serviceUnavailable,
                    .unavailable,
                    [.recordLater],
                    detail: "the access cannot be traced"
                ),
                to: visit
            )
        }
        return sealed(response)
    }

    private func route(_ visit: Visit) async throws -> HTTPResponse {
        let steps = visit.steps
        switch (visit.request.method, steps.first, steps.count) {
        case (.POST, "api", 3) where steps == ["api", "conso", "parameters"]: return try called(visit)
        case (.POST, "api", 3) where steps == ["api", "conso", "priors"]: return try await priors(visit)
        case (.GET, nil, _): return Visit.redirect("/consumer")
        case (.GET, "consumer", 1): return home(visit)
        case (.GET, "consumer", 2):
            switch steps[1] {
            case "open": return try await open(visit)
            case "sign-in": return try await signIn(visit)
            case "signed-in": return try await signedIn(visit)
            case "activity": return try activities(visit)
            case "about": return about(visit)
            case "style.css": return Visit.asset(Assets.style, "text/css; charset=utf-8")
            case "script.js": return Visit.asset(Assets.script, "text/javascript; charset=utf-8")
            default: break
            }
        case (.POST, "consumer", 2):
            switch steps[1] {
            case "sign-out": return try await signOut(visit)
            case "activity": return try chooseActivity(visit)
            default: break
            }
        case (_, "consumer", 3...) where steps[1] == "patients":
            return try await patient(visit)
        default: break
        }
        throw Refusal(.notFound, .refused, [.notFound])
    }

    // MARK: Answers

    func page(_ visit: Visit, _ title: Phrase, _ content: [HTML], status: HTTPResponseStatus = .ok)
        -> HTTPResponse
    {
        let session = visit.session(in: sessions)
        let professional = session?.professional
        let page = Page(
            language: visit.language,
            professional: professional.map { "\($0.givenName) \($0.familyName)" },
            formToken: professional == nil ? nil : session?.formToken,
            title: visit.language(title),
            path: visit.pagePath,
            query: visit.filters,
            content: content
        )
        return HTTPResponse(
            status,
            headers: ["Content-Type": "text/html; charset=utf-8"],
            body: .bytes(page.html.document)
        )
    }

    private func answer(_ refusal: Refusal, to visit: Visit) -> HTTPResponse {
        let content = Pages(language: visit.language).refusal(
            refusal.title,
            refusal.words,
            detail: refusal.detail
        )
        var response = page(visit, refusal.title, content, status: refusal.status)
        if refusal.status == .serviceUnavailable {
            response.headers.replaceOrAdd(name: "Retry-After", value: "10")
        }
        return response
    }

    /// What every answer has: nothing is kept by a browser or a proxy, nothing is loaded from elsewhere, and no other
    /// site shows our pages within its own.
    private func sealed(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        func add(_ name: String, _ value: String) {
            if !response.headers.contains(name: name) { response.headers.add(name: name, value: value) }
        }
        add(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
                + "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        add("X-Content-Type-Options", "nosniff")
        add("Referrer-Policy", "same-origin")
        add("Cross-Origin-Opener-Policy", "same-origin")
        add("Cross-Origin-Resource-Policy", "same-origin")
        add("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
        response.headers.replaceOrAdd(name: "Cache-Control", value: "no-store")
        if settings.publicURL.hasPrefix("https://") {
            add("Strict-Transport-Security", "max-age=31536000")
        }
        return response
    }
}

/// Why a request is not done, as its page says it.
struct Refusal: Error {
    let status: HTTPResponseStatus
    let title: Phrase
    let words: [Phrase]
    let detail: String?

    init(_ status: HTTPResponseStatus, _ title: Phrase, _ words: [Phrase], detail: String? = nil) {
        self.status = status
        self.title = title
        self.words = words
        self.detail = detail
    }

    /// Of the record, or of a site that shares: `who` says which.
    init(_ error: RecordError, _ who: Phrase) {
        let isPassing = error.kind != .permanent
        self.init(
            isPassing ? .serviceUnavailable : .badGateway,
            .refused,
            [who] + (isPassing ? [.recordLater] : []),
            detail: "\(error)"
        )
    }
}
