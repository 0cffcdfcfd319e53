// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Console

private let crashLoop = Admin.Issue(
    code: "E-SVC-01",
    severity: .critical,
    since: FakeBox.since,
    summary: "gateway ends again and again",
    evidence: ["service": "gateway", "lastExit": "signal 9"],
    suggestions: ["drimboxctl events --kind service"]
)

@Suite("Console: the status screen and the login") struct StatusTests {
    @Test("one screen in English") func english() throws {
        let box = try FakeBox()
        box.state = .degraded
        box.issues = [crashLoop]
        #expect(
            Player(box).screen == """

                -------------------------------------------------------------------------------
                 DRIMbox CHU Nantes                                                    DEGRADED
                 2026-11-23 18:02 UTC, clock: unknown                    sw 1.4.2   up 41 d 3 h
                -------------------------------------------------------------------------------
                 eno1       link         care  10.10.0.5/24
                 eno2       no link      -     -
                 eno3       no link      -     -
                 gateway running
                 1 issue
                 !! E-SVC-01  gateway ends again and again (signal 9)
                    -> Look at the events (menu 8).
                -------------------------------------------------------------------------------
                 Enter refresh   /fr en francais
                login: \("")
                """
        )
    }

    @Test("one screen in French, of a box from the factory") func french() throws {
        let box = try FakeBox(factory: true)
        box.health = BoxHealth(
            report: HealthReport(time: FakeBox.since, clock: ClockReport(isSynchronised: false))
        )
        #expect(
            Player(box, .french).screen == """

                -------------------------------------------------------------------------------
                 DRIMbox CHU Nantes                                       USINE - non configure
                 2026-11-23 18:02 UTC, horloge NON synchronisee       sw 1.4.2   actif 41 d 3 h
                -------------------------------------------------------------------------------
                 eno1       lien         -     10.10.0.5/24
                 eno2       pas de lien  -     -
                 eno3       pas de lien  -     -
                 passerelle en marche
                 aucun probleme
                -------------------------------------------------------------------------------
                 Entree actualiser   /en in English
                 Pas encore d'administrateur.
                1 Assistant d'installation   2 English   3 Cle USB   Entree actualiser : \("")
                """
        )
    }

    @Test(
        "the state in both languages",
        arguments: [
            (BoxStatus.State.inService, "IN SERVICE", "EN SERVICE"),
            (.degraded, "DEGRADED", "DEGRADE"),
            (.safeMode, "SAFE MODE", "MODE SECOURS"),
            (.starting, "CONFIGURED - starting", "CONFIGURE - demarre"),
        ]
    )
    func states(state: BoxStatus.State, english: String, french: String) throws {
        let box = try FakeBox()
        box.state = state
        #expect(Player(box).shows(" \(english)\n"))
        #expect(Player(box, .french).shows(" \(french)\n"))
    }

    @Test("many links and issues leave room for the question") func crowded() throws {
        let box = try FakeBox()
        box.links = (0..<40).map { FakeBox.link("eno\($0)") }
        box.issues = (0..<40).map {
            Admin.Issue(
                code: "E-DISK-01:d\($0)",
                severity: .critical,
                since: FakeBox.since,
                summary: String(repeating: "long words ", count: 20),
                suggestions: [String(repeating: "advice ", count: 30)]
            )
        }
        let player = Player(box)
        #expect(player.shows("... and 34 more"))
        #expect(player.screen.hasSuffix("login: "))
    }

    @Test("what the box says cannot steer the terminal") func hostileTexts() throws {
        let box = try FakeBox()
        box.issues = [
            Admin.Issue(
                code: "E-\u{1B}[2J",
                severity: .critical,
                since: FakeBox.since,
                summary: "caf\u{E9} \u{9B}31m\u{7}\n\r",
                evidence: ["a\u{1B}": "\u{202E}b"],
                suggestions: ["\u{1B}]0;x\u{7}"]
            )
        ]
        // The player checks every byte.
        var player = Player(box)
        #expect(player.shows("cafe ?31m???"))
        player.choose(.issues)
        #expect(player.shows("a? ?b"))
    }

    @Test("a supervisor that does not answer is told of", arguments: ConsoleLanguage.allCases)
    func silence(language: ConsoleLanguage) throws {
        let box = try FakeBox()
        for path in ["status", "network", "config", "health", "users"] {
            box.handlers["GET /v1/\(path)"] = { _ in .unreachable }
        }
        let player = Player(box, language)
        #expect(player.shows(language == .english ? "NO ANSWER" : "PAS DE REPONSE"))
        #expect(player.shows("5 minutes"))
        // Without a word from the box nobody comes in without a password.
        #expect(player.screen.hasSuffix(language == .english ? "login: " : "identifiant : "))
    }

    @Test("Enter and time refresh, /fr and /en switch") func refresh() throws {
        var player = Player(try FakeBox())
        #expect(player.question?.timeout == .seconds(30))
        #expect(player.question?.isExtendedByTyping == true)
        player.wait()
        #expect(player.shows("IN SERVICE"))
        player.enter("")
        #expect(player.shows("IN SERVICE"))
        player.enter("/fr")
        #expect(player.shows("EN SERVICE"))
        player.enter("/EN")
        #expect(player.shows("IN SERVICE"))
        player.enter("/xx")
        #expect(player.shows("Not a user name"))
    }

    @Test("a login opens the menu, the password is not shown") func login() throws {
        var player = Player(try FakeBox())
        player.enter("anne")
        #expect(
            player.question == ConsoleQuestion(prompt: "password: ", isSecret: true, timeout: .seconds(60))
        )
        player.enter(FakeBox.password)
        #expect(player.dialogue.person == Login(user: "anne", role: .admin))
        #expect(player.shows("  1  Why degraded?\n"))
        #expect(player.screen.hasSuffix(" 16  Log out\n1-16> "))
        #expect(!player.transcript.contains(FakeBox.password))
    }

    @Test("a wrong password, a delay and a refusal say what they are") func refusals() throws {
        let box = try FakeBox()
        var player = Player(box, .french)
        player.enter(["anne", "wrong"])
        #expect(player.shows(" Identifiant ou mot de passe errone.\nidentifiant : "))
        box.handlers["POST /v1/sessions"] = { _ in
            FakeBox.problem(403, "auth.delayed", "the next try counts in 15 min")
        }
        player.enter(["anne", FakeBox.password])
        #expect(player.shows("Trop d'echecs : le prochain essai comptera dans 15 min"))
        box.handlers["POST /v1/sessions"] = { _ in .late }
        player.enter(["anne", FakeBox.password])
        #expect(player.shows("Echec de connexion"))
        #expect(player.dialogue.person == nil)
    }

    @Test("nobody stays at the password for ever, and an empty one goes back") func passwordTimeout() throws {
        let box = try FakeBox()
        var player = Player(box)
        player.enter("anne")
        player.wait()
        #expect(player.screen.hasSuffix("login: "))
        player.enter(["anne", ""])
        #expect(player.screen.hasSuffix("login: "))
        #expect(box.bodies("POST", "/v1/sessions").isEmpty)
    }

    @Test("five minutes without an answer lock, and garbage is none") func idleLock() throws {
        var settings = ConsoleSettings()
        settings.idle = .seconds(200)
        var player = Player(try FakeBox(), settings: settings)
        player.logIn()
        let opened = try #require(player.question?.timeout)
        #expect((Duration.seconds(199)...Duration.seconds(200)).contains(opened))
        player.pass(.seconds(150))
        player.enter("5")
        // A choice counts, what is none does not.
        let chosen = try #require(player.question?.timeout)
        #expect((Duration.seconds(199)...Duration.seconds(200)).contains(chosen))
        player.enter("")
        for _ in 0..<10 {
            player.pass(.seconds(10))
            player.enter(["garbage", "", "99"])
        }
        let rest = try #require(player.question?.timeout)
        #expect(rest < .seconds(101))
        player.wait()
        #expect(player.dialogue.person == nil)
        #expect(player.shows(" Locked: nobody typed for a while.\nlogin: "))
    }

    @Test("logging out ends the session") func logOut() throws {
        var player = Player(try FakeBox())
        player.choose(.logOut)
        #expect(player.dialogue.person == nil)
        #expect(player.shows("Logged out."))
    }

    @Test("without an account the factory's box asks for the wizard; with one it does not") func factory()
        throws
    {
        let box = try FakeBox(factory: true)
        var player = Player(box)
        #expect(player.shows("No administrator yet.\n1 Install wizard"))
        player.enter("2")
        #expect(player.shows("1 Assistant d'installation"))
        // Somebody makes an account while the screen stands.
        box.users = [("anne", .admin)]
        player.enter("1")
        #expect(player.screen.hasSuffix("identifiant : "))
        // The list of accounts cannot be read: no way in without a password.
        let other = try FakeBox(factory: true)
        other.handlers["GET /v1/users"] = { _ in FakeBox.problem(503, "store.unavailable") }
        #expect(Player(other).screen.hasSuffix("login: "))
        // Configured, but nobody has an account.
        let third = try FakeBox()
        third.users = []
        #expect(Player(third).screen.hasSuffix("login: "))
    }
}
