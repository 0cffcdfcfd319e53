// SPDX-License-Identifier: Apache-2.0
import Identity
import NIOHTTP1
import Transfer

/// From the link of a report to a session.
extension ViewerService {
    /// The link: first whether it leads to an exam, then who follows it. Of a link that leads nowhere nobody learns why.
    func follow(_ visit: ViewVisit) async throws -> HTTPResponse {
        let (door, link) = try known(visit)
        guard let patients = door.patients else { return try await begin(visit, link, door, .professionals) }
        let page = DeskPage(language: visit.language, link: link, patientProvider: patients.provider)
        return HTTPResponse(
            .ok,
            headers: ["Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"],
            body: .bytes(Array(page.html.utf8))
        )
    }

    /// The desk that a reader has chosen, for the link that they came with.
    func signIn(_ visit: ViewVisit) async throws -> HTTPResponse {
        guard let desk = SignInDesk(rawValue: visit.steps[2]), door?.party(at: desk) != nil else {
            throw ViewRefusal(.notFound, .notFound)
        }
        let (door, link) = try known(visit)
        return try await begin(visit, link, door, desk)
    }

    /// The link of a visit, which leads to an exam.
    private func known(_ visit: ViewVisit) throws -> (LinkDoor, ImageDisplayLink) {
        guard let door else { throw ViewRefusal(.notFound, .unknownLink) }
        guard let link = ImageDisplayLink(query: visit.request.query) else {
            try refuse("link", outcome: "404", reason: "not of the form of a link")
            throw ViewRefusal(.notFound, .unknownLink)
        }
        _ = try target(of: link, door, by: "nobody")
        return (door, link)
    }

    private func begin(_ visit: ViewVisit, _ link: ImageDisplayLink, _ door: LinkDoor, _ desk: SignInDesk)
        async throws -> HTTPResponse
    {
        guard let party = door.party(at: desk) else { throw ViewRefusal(.notFound, .notFound) }
        let pending: PendingSignIn
        do throws(SignInError) {
            pending = try await party.begin()
        } catch {
            throw ViewRefusal(.serviceUnavailable, .later)
        }
        guard
            let (session, secret) = sessions.begin(
                .signingIn(pending, link, desk),
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

    private func target(of link: ImageDisplayLink, _ door: LinkDoor, by user: String) throws -> LinkedExam {
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
        case .found(let exam): return exam
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

    // MARK: Back from the identity provider

    /// The identity provider of a desk sends the browser back.
    func signedIn(_ visit: ViewVisit, at desk: SignInDesk) async throws -> HTTPResponse {
        guard let door, let party = door.party(at: desk), let state = visit.query?["state"],
            let waiting = waiting(visit, state, at: desk), let (pending, link) = waiting.takeSignIn()
        else {
            try refuse("sign-in", outcome: "403", reason: "no sign-in was begun here")
            throw ViewRefusal(.forbidden, .signInFailed(at: desk))
        }
        sessions.end(waiting)
        let (person, tokens): (SignedInPerson, Tokens)
        do throws(SignInError) {
            let result = try await finish(pending, visit, state: state, party)
            (person, tokens) = (try SignedInPerson(result.claims, door, desk), result.tokens)
        } catch {
            try traces.note(.signIn, by: "nobody", outcome: "refused", reason: "\(error)")
            throw ViewRefusal(.forbidden, .signInFailed(at: desk))
        }
        try traces.note(.signIn, by: person.trace, outcome: "signed in")
        let exam = try target(of: link, door, by: person.trace)
        let study = "study \(link.studyInstanceUID)"
        guard let reader = person.reader(of: exam, purpose: "report \(link.reportID)") else {
            // The same page as for what is hidden: whose exam it is, or is not, nobody learns.
            try refuse(study, by: person.trace, outcome: "403", reason: "another patient's")
            throw ViewRefusal(.forbidden, .hidden(at: desk))
        }
        let access = exam.access(reader)
        guard case .open = try access.state() else {
            try refuse(study, by: reader.identifier, outcome: "403", reason: "hidden")
            throw ViewRefusal(.forbidden, .hidden(at: desk))
        }
        // Under another handle and another secret: whoever knew the former ones has nothing (session fixation).
        guard
            let (session, secret) = sessions.begin(
                .open(reader, [access], tokens),
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
    private func waiting(_ visit: ViewVisit, _ state: String, at desk: SignInDesk) -> ViewSession? {
        visit.handles.lazy.compactMap { handle in
            self.sessions.find(handle, secret: visit.secret(of: handle), isUse: false)
        }.first { session in
            guard case .signingIn(let pending, _, desk) = session.stage else { return false }
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

/// Who has come back from an identity provider.
private enum SignedInPerson {
    case professional(String)
    case patient(PatientIdentity)

    init(_ claims: UserClaims, _ door: ViewerService.LinkDoor, _ desk: SignInDesk) throws(SignInError) {
        switch desk {
        case .professionals: self = .professional(try Professional(claims).identifier)
        case .patients:
            guard let names = door.patients?.claims else { throw .unavailable("nobody signs patients in") }
            self = .patient(try PatientIdentity(claims, names))
        }
    }

    /// As traces name them, before it is known whose exam they ask for.
    var trace: String {
        switch self {
        case .professional(let identifier): identifier
        case .patient: "a patient"
        }
    }

    /// Nil where they have nothing to do with the exam.
    func reader(of exam: LinkedExam, purpose: String) -> Reader? {
        switch self {
        case .professional(let identifier):
            Reader(role: .doctor, identifier: identifier, purpose: purpose)
        case .patient(let person) where person.nationalIdentifier == exam.nationalIdentifier:
            Reader(role: .patient, identifier: "the patient", purpose: purpose)
        case .patient(let person) where person.represented.contains(exam.nationalIdentifier):
            Reader(role: .representative, identifier: "a legal representative", purpose: purpose)
        case .patient: nil
        }
    }
}
