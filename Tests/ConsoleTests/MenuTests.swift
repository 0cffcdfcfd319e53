// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Console

@Suite("Console: the menu") struct MenuTests {
    /// What a menu entry shows, by language.
    private func screen(_ item: MenuItem, _ language: ConsoleLanguage, _ prepare: (FakeBox) -> Void) throws
        -> Player
    {
        let box = try FakeBox()
        prepare(box)
        var player = Player(box, language)
        player.choose(item)
        return player
    }

    private func step(
        _ kind: NetworkTestStep.Kind,
        _ target: String,
        _ detail: String,
        _ cause: NetworkTestStep.Cause? = nil,
        isOK: Bool = false
    ) -> NetworkTestStep {
        NetworkTestStep(kind, target, isOK: isOK, detail, cause: cause)
    }

    // MARK: Failure flows

    private static let up = NetworkTestStep(.link, "eno1", isOK: true, "up")

    @Test(
        "a failed test is named, and whom to call",
        arguments: [
            (
                [NetworkTestStep(.link, "eno1", isOK: false, "no DHCP answer", cause: .noLease)],
                "no DHCP answer on eno1; the cable is good.", "give a fixed address (menu 6)",
                "pas de reponse DHCP sur eno1", "donnez une adresse fixe (menu 6)"
            ),
            (
                [
                    NetworkTestStep(
                        .link,
                        "eno1",
                        isOK: false,
                        "no cable; eno3 has one",
                        cause: .wrongPort("eno3")
                    )
                ],
                "eno3 has link, eno1 is configured", "move the cable to eno1",
                "eno3 a un lien, eno1 est configure", "mettez le cable sur eno1"
            ),
            (
                [NetworkTestStep(.link, "eno1", isOK: false, "no cable", cause: .noCable)],
                "no cable in eno1", "plug it in until it clicks", "pas de cable sur eno1", "branchez-le"
            ),
            (
                [
                    Self.up,
                    NetworkTestStep(
                        .ntp,
                        "10.10.0.123",
                        isOK: true,
                        "answers; our clock is off by 3 d (behind)",
                        cause: .clockWrong(seconds: 3 * 86_400)
                    ),
                ],
                "clock is 3 d 0 h behind", "certificates may seem invalid", "retarde de 3 d 0 h",
                "certificats"
            ),
            (
                [
                    Self.up,
                    NetworkTestStep(.ntp, "10.10.0.123", isOK: false, "no answer in 2 s", cause: .ntpSilent),
                ],
                "time server 10.10.0.123 does not answer", "UDP 123", "serveur de temps 10.10.0.123",
                "UDP 123"
            ),
            (
                [Self.up, NetworkTestStep(.pacs, "PACS1", isOK: false, "no answer", cause: .pacsSilent)],
                "PACS1 does not answer C-ECHO", "call the PACS team", "ne repond pas au C-ECHO",
                "appelez l'equipe PACS"
            ),
        ] as [([NetworkTestStep], String, String, String, String)]
    )
    func causes(steps: [NetworkTestStep], cause: String, advice: String, french: String, conseil: String)
        throws
    {
        func prepare(_ box: FakeBox) {
            box.handlers["POST /v1/network/tests"] = { _ in FakeBox.ok(NetworkTestReport(steps: steps)) }
        }
        let english = try screen(.tests, .english, prepare)
        #expect(english.shows("Likely cause: "))
        let flat = english.screen.replacing("\n ", with: "").replacing("  ", with: " ")
        #expect(flat.contains(cause), "\(english.screen)")
        #expect(flat.contains(advice), "\(english.screen)")
        #expect(english.screen.hasSuffix("Enter = menu: "))
        let other = try screen(.tests, .french, prepare).screen.replacing("\n ", with: "")
            .replacing("  ", with: " ")
        #expect(other.contains("Cause probable : ") && other.contains("Conseil : "))
        #expect(other.contains(french), "\(other)")
        #expect(other.contains(conseil), "\(other)")
    }

    @Test("every cause has words and advice in both languages") func allCauses() {
        let causes: [NetworkTestStep.Cause] = [
            .missingDevice, .noCable, .wrongPort("b"), .notAuthorized, .noLease, .noRoute, .gatewaySilent,
            .dnsSilent,
            .ntpSilent,
            .ntpUnsynchronised, .clockWrong(seconds: -5), .tcpRefused, .pacsSilent,
        ]
        for cause in causes {
            let texts = ConsoleLanguage.allCases.flatMap { language -> [String] in
                let text = ConsoleText(language: language)
                return [text.cause(cause, "a"), text.advice(cause, "a")]
            }
            #expect(Set(texts).count == 4)
            for text in texts { #expect(text == ScreenText.ascii(text)) }
        }
    }

    @Test("tests are shown step by step; without a gateway nothing beyond is blamed") func tests() throws {
        let player = try screen(.tests, .english) { box in
            box.handlers["POST /v1/network/tests"] = { _ in
                FakeBox.ok(
                    NetworkTestReport(steps: [
                        Self.up, step(.gateway, "10.10.0.1", "no answer", .gatewaySilent),
                        step(.dns, "10.10.0.53", "no answer in 2 s", .dnsSilent),
                    ])
                )
            }
        }
        #expect(
            player.shows(
                " [1] link eno1 up ...................................................... OK\n"
                    + " [2] gateway 10.10.0.1 no answer ....................................... FAIL\n"
            )
        )
        #expect(player.shows("Likely cause: the gateway 10.10.0.1 does not answer."))
        #expect(!player.shows("name server"))
    }

    @Test("a locked TPM and a failing disk say what to do", arguments: ConsoleLanguage.allCases)
    func hardware(language: ConsoleLanguage) throws {
        var disk = DiskReport(device: "/dev/nvme0", time: FakeBox.since, state: .failing)
        disk.model = "SSD 990"
        disk.serial = "S123"
        let lockout = TPMReport.Lockout(
            isLocked: true,
            failedTries: 31,
            maximumTries: 31,
            recoverySeconds: 600,
            lockoutRecoverySeconds: 86_400,
            hasAuthorization: true
        )
        let tpm = TPMReport(
            manufacturer: "IFX",
            model: "SLB9672",
            firmwareVersion: "15.22",
            selfTest: .init(hasPassed: true),
            lockout: lockout,
            endorsementKeyHash: nil,
            endorsementKeySource: nil,
            pcrs: [:],
            identityKey: nil,
            failures: []
        )
        let report = HealthReport(
            time: FakeBox.since,
            disks: [disk],
            raid: [RAIDReport(name: "md0", level: "raid1", devices: "U_", isDegraded: true, state: "clean")],
            sensors: [SensorReading(chip: "coretemp", label: "Package", celsius: 45, criticalCelsius: 100)],
            clock: ClockReport(isSynchronised: false)
        )
        let player = try screen(.health, language) { $0.health = BoxHealth(report: report, tpm: tpm) }
        let isEnglish = language == .english
        #expect(
            player.shows(
                isEnglish ? "LOCKED, free in at most 10 min" : "VERROUILLE, libre dans 10 min au plus"
            )
        )
        #expect(player.shows(isEnglish ? "nvme0   FAILING   SSD 990" : "nvme0   EN PANNE   SSD 990"))
        #expect(
            player.shows(
                isEnglish ? "Replace nvme0 now (SSD 990, serial S123)" : "Remplacez nvme0 tout de suite"
            )
        )
        #expect(player.shows("[U_]"))
        #expect(player.shows(isEnglish ? "clock NOT synchronised" : "horloge NON synchronisee"))
    }

    @Test("a supervisor without /v1/health says so") func noHealth() throws {
        #expect(try screen(.health, .english) { _ in }.shows("does not tell the health"))
        #expect(try screen(.health, .french) { _ in }.shows("ne donne pas l'etat"))
        let mute = try screen(.health, .english) { box in
            box.health = BoxHealth(
                report: HealthReport(time: FakeBox.since),
                tpmFailure: "no answer in 20 s"
            )
        }
        #expect(mute.shows("no report: no answer in 20 s"))
        #expect(mute.shows("power off for 30 s"))
    }

    // MARK: Undo, confirm, cancel

    private func history(_ box: FakeBox) {
        box.handlers["GET /v1/config/revisions"] = { _ in
            FakeBox.ok(
                RevisionList(
                    revisions: (16...18).map {
                        RevisionSummary(
                            number: $0,
                            time: FakeBox.since,
                            author: "root",
                            comment: "comment \($0)",
                            isRescue: $0 == 16,
                            isCurrent: $0 == 18
                        )
                    }
                )
            )
        }
    }

    @Test("undo goes to the revision before, shows each probe, and its end") func undo() throws {
        let box = try FakeBox()
        history(box)
        let silent = NetworkTestStep(.pacs, "PACS1", isOK: false, "no answer", cause: .pacsSilent)
        let echoed = NetworkTestStep(.pacs, "PACS1", isOK: true, "2 ms")
        box.transaction = [
            FakeBox.trial(.applying), FakeBox.trial(.awaiting, [Self.up, silent]),
            FakeBox.trial(.awaiting, [Self.up, silent]), FakeBox.trial(.confirmed, [Self.up, echoed]),
        ]
        var player = Player(box)
        player.choose(.undo)
        #expect(player.shows(" 18    2026-11-23 16:06  root         comment 18 [in force]\n"))
        #expect(player.screen.hasSuffix("Back to which revision? [17] (. = none) "))
        player.enter("")
        #expect(player.shows("Try revision 17? Connections may break. Type yes: "))
        player.enter("yes")
        #expect(
            player.screen.hasSuffix(
                """
                 link eno1 up .......................................................... OK
                 pacs PACS1 no answer .................................................. FAIL
                 pacs PACS1 2 ms ....................................................... OK
                confirmed as revision 19
                Enter = menu: 
                """
            ),
            "\(player.screen)"
        )
        let request = box.requests.first { $0.target == "/v1/config/revisions/17/restore" }
        #expect(request?.headers["X-Reason"] == "serial console, user anne")
        player.enter("")
        #expect(player.screen.hasSuffix("1-16> "))
    }

    @Test("a no is a no, and numbers that are no revision are refused") func undoRefused() throws {
        let box = try FakeBox()
        history(box)
        var player = Player(box, .french)
        player.choose(.undo)
        for wrong in ["18", "0", "x", "99"] {
            player.enter(wrong)
            #expect(player.shows("lu \"\(wrong)\", attendu le numero"))
        }
        player.enter(["16", "non"])
        #expect(player.shows("Rien n'a ete fait."))
        player.enter("")
        player.enter("3")
        player.enter(".")
        #expect(player.shows("Rien n'a ete fait."))
        #expect(!box.requests.contains { $0.method == "POST" && $0.target.hasSuffix("restore") })
    }

    @Test("an undone change tells why and what to do", arguments: ConsoleLanguage.allCases)
    func undone(language: ConsoleLanguage) throws {
        let box = try FakeBox()
        history(box)
        let silent = NetworkTestStep(.gateway, "10.10.0.1", isOK: false, "no answer", cause: .gatewaySilent)
        box.transaction = [
            FakeBox.trial(.applying),
            FakeBox.trial(.rolledBack, [silent], reason: "not confirmed in 120 s"),
        ]
        var player = Player(box, language)
        player.choose(.undo)
        player.enter(["17", "oui"])
        let isEnglish = language == .english
        #expect(player.shows(isEnglish ? "undone: not confirmed in 120 s" : "annule : non confirme en 120 s"))
        #expect(player.shows(isEnglish ? "as before, revision 18" : "comme avant, revision 18"))
        #expect(player.shows(isEnglish ? "call the network team" : "appelez l'equipe reseau"))
    }

    @Test("a supervisor that restarts, or is gone for long, while a change is tried") func lostTransaction()
        throws
    {
        let box = try FakeBox()
        history(box)
        box.transaction = [FakeBox.trial(.applying)]
        var player = Player(box)
        player.choose(.undo)
        player.enter(["17", "yes"])
        #expect(player.shows("change not confirmed: undone."))
        box.transaction = [FakeBox.trial(.applying)]
        box.handlers["GET /v1/config/transactions/7c1f"] = { _ in .unreachable }
        player.enter("")
        player.enter("3")
        player.enter(["17", "yes"])
        #expect(player.shows("drimboxd") && player.shows("see menu 7"))
    }

    @Test("a pending change is shown, confirmed or cancelled") func pending() throws {
        let box = try FakeBox()
        let manual = FakeBox.trial(.awaiting, [Self.up], mode: .manual)
        box.handlers["GET /v1/config/pending"] = { _ in FakeBox.ok(manual) }
        box.handlers["POST /v1/config/transactions/7c1f/confirm"] = { _ in
            FakeBox.ok(FakeBox.trial(.confirmed))
        }
        box.handlers["DELETE /v1/config/transactions/7c1f"] = { _ in
            FakeBox.ok(FakeBox.trial(.rolledBack, reason: "cancelled by root"))
        }
        var player = Player(box)
        player.choose(.pending)
        #expect(player.shows("undone at 2026-11-23 16:08:40 UTC unless\n"))
        #expect(player.shows("network.interfaces[eno1].ipv4.address  10.10.0.5/24 -> 10.10.0.66/24"))
        player.enter(["1", "no"])
        #expect(player.shows("Nothing was done."))
        player.enter(["", "7", "1", "yes"])
        #expect(player.shows("confirmed as revision 19"))
        player.enter(["", "7", "2", "yes"])
        #expect(player.shows("undone: cancelled by root"))
        player.enter(["", "7", "x", ""])
        #expect(player.screen.hasSuffix("1-16> "))
        box.handlers["GET /v1/config/pending"] = nil
        player.enter("7")
        #expect(player.shows("No change is pending."))
    }

    // MARK: The rest

    @Test(
        "only who may, may",
        arguments: [(Role.viewer, [2, 3, 4, 6, 7]), (.operator, [3, 6, 7]), (.admin, [])]
    )
    func roles(role: Role, refused: [Int]) throws {
        let box = try FakeBox()
        box.users = [("anne", role)]
        var player = Player(box)
        player.logIn()
        for item in [2, 3, 4, 6, 7] {
            player.enter("\(item)")
            #expect(player.shows("Not permitted: you are \(role.rawValue)") == refused.contains(item))
            // Back to the menu: nothing is said yes to.
            for _ in 0..<3 where player.question?.prompt != "1-16> " { player.enter(item == 6 ? ".." : ".") }
            if player.question?.prompt != "1-16> " { player.enter("") }
        }
    }

    @Test("restarting asks, and says how it went") func restart() throws {
        let box = try FakeBox()
        box.handlers["POST /v1/services/gateway/restart"] = { _ in
            FakeBox.ok(ServiceStatus(name: "gateway", state: .starting, since: FakeBox.since), status: 202)
        }
        var player = Player(box, .french)
        player.choose(.restart)
        player.enter("o")
        #expect(player.shows("Rien n'a ete fait."))
        player.enter(["", "4", "oui"])
        #expect(player.shows("La passerelle est relancee : demarre"))
    }

    @Test("the last twenty events fit on a screen") func events() throws {
        let box = try FakeBox()
        box.handlers["GET /v1/events"] = { request in
            #expect(request.target == "/v1/events?follow=0")
            let events = (1...50).map { number in
                let event = Admin.Event(
                    seq: UInt64(number),
                    time: FakeBox.since,
                    kind: "box.state",
                    severity: .warning,
                    service: "supervisor",
                    message: String(repeating: "long ", count: 40),
                    attributes: ["number": "\(number)"]
                )
                let data = (try? JSONEncoder().encode(event)) ?? Data()
                return "id: \(number)\nevent: box.state\ndata: \(String(decoding: data, as: UTF8.self))\n\n"
            }
            return .response(status: 200, etag: nil, body: Array(events.joined().utf8))
        }
        var player = Player(box)
        player.choose(.events)
        #expect(player.screen.split(separator: "\n").count == 21)
        #expect(player.screen.hasSuffix("Enter = menu: "))
    }

    @Test("the audit's last rows, and whether its chain holds") func audit() throws {
        let box = try FakeBox()
        box.handlers["GET /v1/audit/verify"] = { _ in
            FakeBox.ok(AuditVerification(isIntact: true, rows: 42, head: "abcd", firstBroken: nil))
        }
        box.handlers["GET /v1/audit"] = { request in
            #expect(request.target == "/v1/audit?since=32")
            return FakeBox.ok(
                AuditPage(
                    rows: (33...42).map {
                        AuditRow(
                            number: $0,
                            time: FakeBox.since,
                            user: "root",
                            action: "POST",
                            subject: "/v1/config/transactions",
                            outcome: "202",
                            reason: "serial console, user anne",
                            hash: "x"
                        )
                    }
                )
            )
        }
        var player = Player(box)
        player.choose(.audit)
        if player.question?.prompt.hasPrefix("-- more") == true { player.enter("") }
        #expect(player.transcript.contains("42  2026-11-23 16:06:40  root  202\n"))
        #expect(player.transcript.contains("Chain intact: 42 rows.\nNewest hash abcd\n"))
        box.handlers["GET /v1/audit/verify"] = { _ in
            FakeBox.ok(AuditVerification(isIntact: false, rows: 41, head: nil, firstBroken: 42))
        }
        box.handlers["GET /v1/audit"] = { _ in FakeBox.ok(AuditPage(rows: [])) }
        player.enter(["", "9"])
        #expect(player.shows("CHAIN BROKEN at row 42"))
    }

    @Test("issues come with evidence and what to do", arguments: ConsoleLanguage.allCases)
    func issues(language: ConsoleLanguage) throws {
        let player = try screen(.issues, language) { box in
            box.issues = [
                Admin.Issue(
                    code: "E-DISK-07:sda",
                    severity: .critical,
                    since: FakeBox.since,
                    summary: "disk sda does not answer",
                    evidence: ["serial": "S1", "model": "M"],
                    suggestions: ["Check the disk's cable and bay, then replace it."]
                )
            ]
        }
        let isEnglish = language == .english
        #expect(
            player.shows(
                "!! E-DISK-07:sda  "
                    + (isEnglish ? "disk sda does not answer" : "le disque sda ne repond pas")
            )
        )
        #expect(player.shows("     model M, serial S1\n"))
        #expect(player.shows(isEnglish ? "-> Check the disk's cable" : "-> Ne redemarrez pas la box."))
    }

    @Test("long lists are shown a page at a time") func pages() throws {
        var player = try screen(.issues, .english) { box in
            box.issues = (0..<30).map {
                Admin.Issue(code: "W-X-\($0)", severity: .warning, since: FakeBox.since, summary: "s \($0)")
            }
        }
        #expect(player.screen.hasSuffix("-- more: Enter, q = stop -- "))
        player.enter("")
        #expect(player.screen.hasSuffix("-- more: Enter, q = stop -- "))
        player.enter("q")
        #expect(player.screen.hasSuffix("Enter = menu: "))
    }

    @Test("a refusal of the box is told with its reason") func refusal() throws {
        let player = try screen(.tests, .french) { box in
            box.handlers["POST /v1/network/tests"] = { _ in
                FakeBox.problem(403, "auth.role", "found the role viewer, expected operator")
            }
        }
        #expect(player.shows("Interdit avec ce role (auth.role)\n  lu the role viewer, attendu operator"))
    }
}
