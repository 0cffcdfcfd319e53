// SPDX-License-Identifier: Apache-2.0
import Identity
import NIOHTTP1
import Transfer

/// From the link of a report to a session.
extension ViewerService {
    /// The link: first whether it leads to an exam, then who follows it. Of a link that leads nowhere nobody learns why.
    func follow(_ visit: ViewVisit) async throws -> HTTPResponse {
        guard let door else { throw ViewRefusal(.notFound, .unknownLink) }
        guard let link = ImageDisplayLink(query: visit.request.query) else {
            try refuse("link", outcome: "404", reason: "not of the form of a link")
            throw ViewRefusal(.notFound, .unknownLink)
        }
        _ = try target(of: link, door, by: "nobody")
        let pending: PendingSignIn
        do throws(SignInError) {
            pending = try await door.party.begin()
        } catch {
            throw ViewRefusal(.serviceUnavailable, .later)
        }
        guard
            let (session, secret) = sessions.begin(
                .signingIn(pending, link),
                language: visit.language,
                isSecure: door.isSecure
            )
        else { throw ViewRefusal(.serviceUnavailable, .later) }
        return ViewVisit.redirect(
            pending.url,
            cookies: [ViewSession.cookie(session.handle, secret: secret, isSecure: door.isSecure)]
                + forgotten(visit, isSecure: door.isSecure)
        )
    }

    /// What a link leads to, for a professional whose identifier is known later.
    private func target(of link: ImageDisplayLink, _ door: LinkDoor, by user: String) throws
        -> @Sendable (String) -> ExamAccess
    {
        let study = "study \(link.studyInstanceUID)"
        switch try door.exams.find(link) {
        case .unknown:
            try refuse(study, by: user, outcome: "404", reason: "study, accession and report are of no exam")
            throw ViewRefusal(.notFound, .unknownLink)
        case .withdrawn:
            try refuse(study, by: user, outcome: "410", reason: "withdrawn")
            throw ViewRefusal(.gone, .withdrawn)
        case .unavailable:
            try refuse(study, by: user, outcome: "503", reason: "no manifest is in the record")
            throw ViewRefusal(.serviceUnavailable, .unavailable)
        case .found(let access): return access
        }
    }

    /// Leaves a trace of a refusal, unless too many do.
    func refuse(_ subject: String, by user: String = "nobody", outcome: String, reason: String) throws {
        guard let passedOver = refusals.admit(at: now()) else { return }
        let more = passedOver > 0 ? " (\(passedOver) more refusals before this one)" : ""
        try traces.note(.refusal, by: user, subject, outcome: outcome, reason: reason + more)
    }

    /// Cookies of sessions that have ended are taken back, so that a browser does not collect them.
    private func forgotten(_ visit: ViewVisit, isSecure: Bool) -> [String] {
        visit.handles.prefix(64).filter { !sessions.knows($0) }.map {
            ViewSession.cookie($0, secret: nil, isSecure: isSecure)
        }
    }

    /// The identity provider sends the browser back.
    func signedIn(_ visit: ViewVisit) async throws -> HTTPResponse {
        guard let door, let state = visit.query?["state"], let waiting = waiting(visit, state),
            let (pending, link) = waiting.takeSignIn()
        else {
            try refuse("sign-in", outcome: "403", reason: "no sign-in was begun here")
            throw ViewRefusal(.forbidden, .signInFailed)
        }
        sessions.end(waiting)
        let result: SignedIn
        do throws(SignInError) {
            result = try await finish(pending, visit, state: state, door.party)
        } catch {
            try traces.note(.signIn, by: "nobody", outcome: "refused", reason: "\(error)")
            throw ViewRefusal(.forbidden, .signInFailed)
        }
        let user = result.professional.identifier
        try traces.note(.signIn, by: user, outcome: "signed in")
        let access = try target(of: link, door, by: user)(user)
        guard case .open = try access.state() else {
            try refuse("study \(link.studyInstanceUID)", by: user, outcome: "403", reason: "hidden")
            throw ViewRefusal(.forbidden, .hidden)
        }
        let reader = Reader(role: .doctor, identifier: user, purpose: "report \(link.reportID)")
        // Under another handle and another secret: whoever knew the former ones has nothing (session fixation).
        guard
            let (session, secret) = sessions.begin(
                .open(reader, [access], result.tokens),
                language: waiting.language,
                isSecure: door.isSecure
            )
        else { throw ViewRefusal(.serviceUnavailable, .later) }
        return ViewVisit.redirect(
            session.path + "/",
            cookies: [
                ViewSession.cookie(session.handle, secret: secret, isSecure: door.isSecure),
                ViewSession.cookie(waiting.handle, secret: nil, isSecure: door.isSecure),
            ]
        )
    }

    /// This browser's session that the provider's answer belongs to: a browser may follow several links at a time.
    private func waiting(_ visit: ViewVisit, _ state: String) -> ViewSession? {
        visit.handles.lazy.compactMap { handle in
            self.sessions.find(handle, secret: visit.secret(of: handle), isUse: false)
        }.first { session in
            guard case .signingIn(let pending, _) = session.stage else { return false }
            return SecretToken.digest(pending.state) == SecretToken.digest(state)
        }
    }

    private func finish(
        _ pending: PendingSignIn,
        _ visit: ViewVisit,
        state: String,
        _ party: RelyingParty
    ) async throws(SignInError) -> SignedIn {
        let issuer = visit.query?["iss"]
        if let error = visit.query?["error"] {
            throw await party.refusal(
                pending,
                state: state,
                error: error,
                description: visit.query?["error_description"],
                issuer: issuer
            )
        }
        return try await party.complete(
            pending,
            state: state,
            code: visit.query?["code"] ?? "",
            issuer: issuer
        )
    }
}
