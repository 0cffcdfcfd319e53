// SPDX-License-Identifier: Apache-2.0
import Identity
import NIOHTTP1
import Transfer

extension ConsumerService {
    // MARK: Contextual call

    /// The call of a RIS: 303 to where its user goes on, or 400 with the reason. Each is a statistic event (ModelStat),
    /// whatever comes of it.
    func called(_ visit: Visit) throws -> HTTPResponse {
        let caller = visit.request.security?.certificate?.subject ?? "RIS"
        let type = visit.request.headers.first(name: "Content-Type")?.split(separator: ";").first ?? ""
        let patient: PatientContext
        do throws(ContextualCallError) {
            guard type.lowercased().filter({ $0 != " " }) == "application/x-www-form-urlencoded" else {
                throw ContextualCallError(
                    parameter: "Content-Type",
                    found: "another type",
                    expected: "application/x-www-form-urlencoded"
                )
            }
            patient = try ContextualCall.read(visit.request.body)
        } catch {
            try parts.traces.note(
                .contextualCall,
                by: caller,
                outcome: "erreur",
                reason: "\(error.parameter): expected \(error.expected)"
            )
            return .text(.badRequest, "\(error)")
        }
        return try kept(patient, by: caller)
    }

    private func kept(_ patient: PatientContext, by caller: String) throws -> HTTPResponse {
        guard let name = contexts.add(patient) else {
            try parts.traces.note(
                .contextualCall,
                by: caller,
                of: patient,
                outcome: "erreur",
                reason: "too many calls wait"
            )
            throw Refusal(.serviceUnavailable, .unavailable, [.recordLater])
        }
        try parts.traces.note(.contextualCall, by: caller, of: patient, outcome: "succes")
        return Visit.redirect("\(settings.publicURL)/consumer/open?context=\(name)")
    }

    /// Opens a call's patient in this browser, once.
    func open(_ visit: Visit) async throws -> HTTPResponse {
        guard let name = visit.query["context"], let patient = contexts.take(name) else {
            try parts.traces.note(.refusal, by: user(visit), "context", outcome: "used, expired or unknown")
            throw Refusal(.gone, .refused, [.noContext])
        }
        let opened = OpenedPatient(patient, name: String(RandomToken.make().prefix(32)), opened: now())
        if let session = visit.session(in: sessions), session.professional != nil {
            add(opened, to: session)
            return Visit.redirect(
                chooses(session, for: patient) ? "/consumer/activity" : opened.path
            )
        }
        return try await begin(opened, visit)
    }

    private func add(_ opened: OpenedPatient, to session: Session) {
        let name = opened.path.split(separator: "/").last.map(String.init) ?? ""
        session.change { state in
            state.patients[name] = opened
            state.next = opened.path
            state.situation = opened.patient.situation
        }
    }

    // MARK: Signing in

    func signIn(_ visit: Visit) async throws -> HTTPResponse {
        if visit.session(in: sessions)?.professional != nil { return Visit.redirect("/consumer") }
        return try await begin(nil, visit)
    }

    private func begin(_ opened: OpenedPatient?, _ visit: Visit) async throws -> HTTPResponse {
        let pending: PendingSignIn
        do throws(SignInError) {
            pending = try await parts.party.begin()
        } catch {
            throw Refusal(
                .serviceUnavailable,
                .unavailable,
                [.signInFailed, .recordLater],
                detail: "\(error)"
            )
        }
        guard let (session, secret) = sessions.begin(.signingIn(pending)) else {
            throw Refusal(.serviceUnavailable, .unavailable, [.recordLater])
        }
        if let opened { add(opened, to: session) }
        return Visit.redirect(pending.url, cookie: visit.cookie(secret))
    }

    /// Pro Santé Connect sends the browser back.
    func signedIn(_ visit: Visit) async throws -> HTTPResponse {
        let pending = visit.session(in: sessions).flatMap { session in
            session.change { state -> PendingSignIn? in
                guard case .signingIn(let pending) = state.stage else { return nil }
                // Once: a second answer finds nothing.
                state.stage = .identifying
                return pending
            }.map { (session, $0) }
        }
        guard let (session, pending) = pending else {
            try parts.traces.note(.refusal, by: user(visit), "sign-in", outcome: "no sign-in was begun here")
            throw Refusal(.forbidden, .refused, [.signInFailed])
        }
        let (professional, tokens): (Professional, Tokens)
        do throws(SignInError) {
            let result = try await finish(pending, visit.query)
            (professional, tokens) = (try Professional(result.claims), result.tokens)
        } catch {
            sessions.end(visit.secret)
            try parts.traces.note(.signIn, by: "nobody", outcome: "refused", reason: "\(error)")
            throw Refusal(.forbidden, .refused, [.signInFailed], detail: "\(error)")
        }
        try parts.traces.note(.signIn, by: professional.identifier, outcome: "signed in")
        session.change { $0.stage = .signedIn(professional, tokens) }
        guard let secret = sessions.renew(session, secret: visit.secret) else {
            throw Refusal(.serviceUnavailable, .unavailable, [.recordLater])
        }
        session.change { $0.used = now() }
        let next = session.change { $0.next } ?? "/consumer"
        let choice = chooses(session, for: session.patients.last?.patient)
        return Visit.redirect(choice ? "/consumer/activity" : next, cookie: visit.cookie(secret))
    }

    private func finish(_ pending: PendingSignIn, _ query: SubmittedForm) async throws(SignInError)
        -> SignedIn
    {
        let (state, issuer) = (query["state"] ?? "", query["iss"])
        if let error = query["error"] {
            throw await parts.party.refusal(
                pending,
                state: state,
                error: error,
                description: query["error_description"],
                issuer: issuer
            )
        }
        return try await parts.party.complete(
            pending,
            state: state,
            code: query["code"] ?? "",
            issuer: issuer
        )
    }

    func signOut(_ visit: Visit) async throws -> HTTPResponse {
        let (session, _) = try form(visit)
        if let professional = session.professional {
            try parts.traces.note(.signOut, by: professional.identifier, outcome: "signed out")
        }
        let tokens = session.tokens
        sessions.end(visit.secret)
        if let tokens { await parts.party.end(tokens) }
        return Visit.redirect("/consumer?out=1", cookie: visit.cookie(nil))
    }

    // MARK: The structure

    /// Whether the professional has to say in which structure they work; where only one comes into question it is taken.
    private func chooses(_ session: Session, for patient: PatientContext?) -> Bool {
        guard let professional = session.professional else { return false }
        let possible = professional.activities.filter { activity in
            activity.structureIdentifier.map(parts.knowsStructure) ?? false
        }
        if let situation = patient?.situation {
            return !possible.contains { $0.structureIdentifier == situation }
        }
        if let activity = session.change({ $0.activity }), possible.contains(activity) { return false }
        let only = possible.count == 1 ? possible.first : nil
        session.change { $0.activity = only }
        return only == nil
    }

    func activities(_ visit: Visit) throws -> HTTPResponse {
        let (session, professional) = try signedInSession(visit)
        let situation = session.change { $0.situation }
        let activities = professional.activities.map { activity in
            (
                activity: activity,
                isConfigured: isPossible(activity, situation: situation)
            )
        }
        guard activities.contains(where: \.isConfigured) else {
            let names = professional.activities.compactMap(\.structureIdentifier).joined(separator: ", ")
            throw Refusal(
                .forbidden,
                .refused,
                [.noActivity],
                detail: "dmp.structures: found \(names.isEmpty ? "none" : "none of \(names)")"
                    + (situation.map { ", expected \($0)" } ?? "")
            )
        }
        let content = Pages(language: visit.language).activities(activities, formToken: session.formToken)
        return page(visit, .chooseActivity, content)
    }

    func chooseActivity(_ visit: Visit) throws -> HTTPResponse {
        let (session, fields) = try form(visit)
        guard let professional = session.professional, let index = fields["activity"].flatMap({ Int($0) }),
            professional.activities.indices.contains(index),
            isPossible(professional.activities[index], situation: session.change { $0.situation })
        else { throw Refusal(.badRequest, .refused, [.chooseActivity]) }
        let next = session.change { state in
            state.activity = professional.activities[index]
            return state.next
        }
        return Visit.redirect(next ?? "/consumer")
    }

    private func isPossible(_ activity: Professional.Activity, situation: String?) -> Bool {
        guard let name = activity.structureIdentifier else { return false }
        return parts.knowsStructure(name) && (situation == nil || situation == name)
    }

    // MARK: Every page

    func home(_ visit: Visit) -> HTTPResponse {
        let session = visit.session(in: sessions)
        let isSignedIn = session?.professional != nil
        let patients = (isSignedIn ? session?.patients ?? [] : []).map { opened in
            (path: opened.path, name: "\(opened.patient.birthFamilyName) \(opened.patient.firstGivenName)")
        }
        let content = Pages(language: visit.language).home(
            isSignedIn: isSignedIn,
            isSignedOut: visit.query["out"] != nil && !isSignedIn,
            patients: patients
        )
        return page(visit, .home, content)
    }

    func about(_ visit: Visit) -> HTTPResponse {
        let content = Pages(language: visit.language).about(
            software: settings.software,
            version: settings.version
        )
        return page(visit, .about, content)
    }

    /// Whose request it is, for a trace.
    func user(_ visit: Visit) -> String {
        visit.session(in: sessions)?.professional?.identifier ?? "nobody"
    }

    func signedInSession(_ visit: Visit) throws -> (Session, Professional) {
        guard let session = visit.session(in: sessions), let professional = session.professional else {
            if !visit.secret.isEmpty {
                try parts.traces.note(.refusal, by: "nobody", "session", outcome: "over or unknown")
            }
            throw Refusal(.unauthorized, .refused, [.notSignedIn])
        }
        return (session, professional)
    }

    /// A form that was filled in on one of this session's own pages.
    func form(_ visit: Visit) throws -> (Session, SubmittedForm) {
        let (session, professional) = try signedInSession(visit)
        guard let fields = SubmittedForm(bytes: visit.request.body), let token = fields[Form.tokenField],
            RandomToken.matches(token, session.formToken)
        else {
            try parts.traces.note(
                .refusal,
                by: professional.identifier,
                "form",
                outcome: "of no page of the session"
            )
            throw Refusal(.forbidden, .refused, [.forged])
        }
        return (session, fields)
    }
}
