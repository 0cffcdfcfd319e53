// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// An OpenID provider that nobody of this project wrote (`oidc-provider-mock` of PyPI, on Authlib).
///
/// It has no mutual TLS (a client secret takes its place), no signed userinfo, no introspection, no `acr`, and it does not
/// look at PKCE's parameters: those are tested with the lab's Pro Santé Connect alone.
private final class IndependentProvider {
    static let professional = "899700367909"
    private static let account = "f:1:\(professional)"

    private let directory: TemporaryDirectory
    private let port: Int
    private let tokenSeconds: Int
    private var server: Server?
    private var authorities = ""

    init(tokenSeconds: Int) throws {
        directory = try TemporaryDirectory()
        port = try Bench.freePort()
        self.tokenSeconds = tokenSeconds
    }

    private var url: String { "https://127.0.0.1:\(port)" }

    /// Starts it with one user, and registers a client (RFC 7591); the gateway's section for it.
    func start(_ certificates: String, _ redirectURI: String) throws -> [String: Any] {
        authorities = "\(certificates)/ca.pem"
        let activity = [
            "ancienIdentifiantDeLaStructure": "1300017985", "raisonSocialeSite": "Cabinet B",
            "codeSecteurDactivite": "SA08^1.2.250.1.71.4.2.4",
        ]
        let claims: [String: Any] = [
            "sub": Self.account, "SubjectNameID": Self.professional, "family_name": "CARDIO",
            "given_name": "NOE",
            "SubjectRefPro": [
                "exercices": [
                    ["codeProfession": "10", "codeSavoirFaire": "SM04", "activities": [activity]]
                        as [String: Any]
                ]
            ],
        ]
        let user = String(decoding: try JSONSerialization.data(withJSONObject: claims), as: UTF8.self)
        server = try Server(
            Bench.python,
            [
                Bench.support.appending(path: "independent_provider.py").path, "\(port)",
                "\(certificates)/server.pem", "\(certificates)/server.key", "\(tokenSeconds)", user,
            ],
            log: directory.appending("provider.log")
        )
        var client: [String: Any] = [:]
        let registration = try String(
            decoding: JSONSerialization.data(withJSONObject: ["redirect_uris": [redirectURI]]),
            as: UTF8.self
        )
        let isUp = try eventually(within: 60) {
            let answer = try post("/oauth2/clients", registration)
            client =
                (try? JSONSerialization.jsonObject(with: Data(answer.utf8))) as? [String: Any] ?? [:]
            return !client.isEmpty
        }
        try #require(isUp, "\(server?.logText ?? "")")
        let secret = directory.appending("secret")
        try Data(try #require(client["client_secret"] as? String).utf8).write(to: secret)
        return [
            "issuer": url, "discovery": url + "/.well-known/openid-configuration",
            "clientID": try #require(client["client_id"] as? String), "clientSecretFile": secret.path,
            // Names are standard claims, which it gives to who asks for the profile.
            "scope": "openid profile",
        ]
    }

    /// Forgets every token of the user.
    func revoke() throws {
        _ = try post("/users/\(Self.account)/revoke-tokens", "")
    }

    /// How often something was asked of it with success.
    func count(_ request: String) -> Int {
        (server?.logText ?? "").split(separator: "\n").count { $0.contains(request) && $0.contains(" 200") }
    }

    private func post(_ path: String, _ json: String) throws -> String {
        try Bench.curl([
            "--silent", "--fail", "--cacert", authorities, "--header", "Content-Type: application/json",
            "--data", json, url + path,
        ]).output
    }

    /// What it sends the browser of its user back to.
    func answer(_ authorize: String, to visitor: Visitor, _ choice: [String] = ["sub=\(account)"]) throws
        -> String
    {
        let answer = try visitor.post(authorize, choice)
        try #require(answer.status == 302, "\(answer)")
        return answer.location
    }
}

extension EndToEnd {
    @Suite(
        "Consumer: a provider that is not the lab's",
        .enabled(
            if: ConsumerUnderTest.canRun
                && (try? run(Bench.python, ["-c", "import oidc_provider_mock"]).status) == 0,
            "needs the release build, Orthanc, xmlsec1 and .build/python"
        )
    )
    struct IndependentProviderTests {
        @Test("a professional signs in with it, sees the patient's exams and images, and signs out")
        func path() throws {
            // With less than a minute left of its life, a token is renewed before images are asked for.
            let provider = try IndependentProvider(tokenSeconds: 50)
            let bench = try ConsumerUnderTest(provider: provider.start)
            _ = try bench.publish(instances: 3)
            try bench.source.patient([
                "patientId": ConsumerUnderTest.patientID, "authorization": "VALIDE",
            ])
            let (visitor, late) = (Visitor(bench), Visitor(bench))
            let page = try signIn(visitor, bench, provider)
            #expect(provider.count("POST /oauth2/token") == 1)
            #expect(provider.count("GET /userinfo") == 1)
            let latePage = try signIn(late, bench, provider)
            let lateList = try late.ask(latePage)
            let list = try visitor.ask(page)
            #expect(list.status == 200 && list.body.contains("PAT-TROIS"), "\(list)")

            let images = try open(visitor, page, list)
            #expect(try progress(visitor, images)["seen"] as? Int == 3)
            #expect(provider.count("POST /oauth2/token") == 3)

            // What the provider has forgotten is not renewed, and no box is asked.
            try provider.revoke()
            let refused = try progress(late, try open(late, latePage, lateList))
            #expect(refused["seen"] as? Int == 0)
            #expect((refused["missing"] as? String ?? "").contains("session est terminée"), "\(refused)")

            let stolen = try visitor.cookie()
            #expect(try visitor.post("/consumer/sign-out", ["token=\(list.formToken)"]).status == 303)
            #expect(try bench.ask(bench.url + page, ["--cookie", stolen]).status == 401)
            #expect(provider.count("POST /oauth2/end_session") == 1)
            let actions = Set(try bench.traces().compactMap { $0["action"] as? String })
            #expect(actions.isSuperset(of: ["sign-in", "TD3.1", "WADO-RS client", "sign-out"]), "\(actions)")
            try bench.expectDiscretion()
        }

        @Test("a used code, another's code, another nonce and a refusal sign nobody in")
        func refusals() throws {
            let provider = try IndependentProvider(tokenSeconds: 300)
            let bench = try ConsumerUnderTest(provider: provider.start)
            let owner = Visitor(bench)
            let begun = try owner.ask(try bench.call())
            let used = try provider.answer(begun.location, to: owner)
            #expect(try owner.ask(used).status == 303)

            // A code that was used, in a sign-in whose state is right.
            let thief = Visitor(bench)
            let second = try thief.ask(try bench.call())
            let own = try provider.answer(second.location, to: thief)
            #expect(try thief.ask(try replaced("code", of: own, by: used)).status == 403)
            #expect(try bench.hasTrace("sign-in", "invalid_grant"))

            // A code that was not used, of somebody else: the provider gives tokens for it, whose nonce is not ours.
            let (victim, robber) = (Visitor(bench), Visitor(bench))
            let theirs = try provider.answer(try victim.ask(try bench.call()).location, to: victim)
            let robbers = try provider.answer(try robber.ask(try bench.call()).location, to: robber)
            let tokens = provider.count("POST /oauth2/token")
            #expect(try robber.ask(try replaced("code", of: robbers, by: theirs)).status == 403)
            #expect(provider.count("POST /oauth2/token") == tokens + 1)
            #expect(try bench.hasTrace("sign-in", "ID token nonce"))

            // No consent.
            let unwilling = Visitor(bench)
            let asked = try unwilling.ask(try bench.call())
            let refusal = try provider.answer(asked.location, to: unwilling, ["action=deny"])
            #expect(refusal.contains("access_denied"))
            #expect(try unwilling.ask(refusal).status == 403)

            // None of them is signed in.
            for visitor in [thief, robber, unwilling] {
                #expect(try visitor.ask("/consumer/activity").status == 401)
            }
            try bench.expectDiscretion()
        }

        /// The path of the patient's page.
        private func signIn(_ visitor: Visitor, _ bench: ConsumerUnderTest, _ provider: IndependentProvider)
            throws -> String
        {
            let begun = try visitor.ask(try bench.call())
            let back = try visitor.ask(try provider.answer(begun.location, to: visitor))
            try #require(back.status == 303, "\(back)")
            return String(back.location.dropFirst(bench.url.count))
        }

        /// Asks for the images of the only exam; their path.
        private func open(_ visitor: Visitor, _ page: String, _ list: ConsumerUnderTest.Answer) throws
            -> String
        {
            let number = try #require(list.between("action=\"\(page)/images/", "\""), "\(list)")
            let path = "\(page)/images/\(number)"
            let answer = try visitor.post(path, ["token=\(list.formToken)"])
            #expect(answer.status == 303, "\(answer)")
            return path
        }

        /// When all has come that will.
        private func progress(_ visitor: Visitor, _ images: String) throws -> [String: Any] {
            var progress: [String: Any] = [:]
            let isOver = try eventually(within: 60) {
                let json = Data(try visitor.ask(images + "/progress?seen=0").body.utf8)
                progress = try JSONSerialization.jsonObject(with: json) as? [String: Any] ?? [:]
                return progress["over"] as? Bool == true
            }
            #expect(isOver, "\(progress)")
            return progress
        }

        /// The address with the value that another address has for a name.
        private func replaced(_ name: String, of address: String, by other: String) throws -> String {
            let value = try #require(URLComponents(string: other)?.queryItems?.first { $0.name == name })
            var changed = try #require(URLComponents(string: address))
            changed.queryItems = changed.queryItems?.map { $0.name == name ? value : $0 }
            return try #require(changed.string)
        }
    }
}
