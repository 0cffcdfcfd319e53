// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Console

@Suite("Console: the install wizard") struct WizardTests {
    /// An installation in twelve answers.
    private static let installation = [
        "CHU Nantes / Radio-2", "", "10.10.0.5/24 10.10.0.1", "", "10.10.0.53", "10.10.0.123",
        "PACS1 10.10.0.40 11112", "yes", "", FakeBox.password, FakeBox.password, "yes",
    ]

    private static let probes = [
        NetworkTestStep(.link, "eno1", isOK: true, "up"),
        NetworkTestStep(.gateway, "10.10.0.1", isOK: true, "answers in 1 ms"),
    ]

    private func factory(_ language: ConsoleLanguage = .english) throws -> (FakeBox, Player) {
        let box = try FakeBox(factory: true)
        box.transaction = [FakeBox.trial(.awaiting, Self.probes), FakeBox.trial(.confirmed, Self.probes)]
        var player = Player(box, language)
        player.enter("1")
        return (box, player)
    }

    @Test(
        "from the factory to a confirmed configuration in twelve answers",
        arguments: ConsoleLanguage.allCases
    )
    func installation(language: ConsoleLanguage) throws {
        var (box, player) = try factory(language)
        let before = player.answers
        player.enter(Self.installation)
        #expect(player.answers - before == 12)
        let isEnglish = language == .english
        #expect(player.shows(isEnglish ? "confirmed as revision 19" : "confirme : revision 19"))
        #expect(
            player.shows(isEnglish ? "gateway 10.10.0.1 answers in 1 ms" : "routeur 10.10.0.1 repond en 1 ms")
        )
        #expect(!player.transcript.contains(FakeBox.password))

        #expect(box.users.map(\.name) == ["admin"])
        let request = try #require(box.requests.last { $0.target == "/v1/config/transactions" })
        #expect(request.headers["If-Match"] == "\"1\"")
        #expect(request.headers["X-Reason"] == "serial console, user admin")
        let change = try TransactionRequest(json: request.body)
        #expect(change.confirm == ConfirmPolicy(mode: .auto, seconds: 120))
        let document = change.document
        #expect(document[path: "site"] == .string("CHU Nantes / Radio-2"))
        #expect(document[path: "network.interfaces[0].name"] == .string("eno1"))
        #expect(document[path: "network.interfaces[0].zone"] == .string("care"))
        #expect(document[path: "network.interfaces[0].ipv4.address"] == .string("10.10.0.5/24"))
        #expect(document[path: "network.interfaces[0].ipv4.gateway"] == .string("10.10.0.1"))
        #expect(document[path: "network.dns.servers[0]"] == .string("10.10.0.53"))
        #expect(document[path: "network.ntp[0]"] == .string("10.10.0.123"))
        #expect(document[path: "network.firewall[0].service"] == .string("dicom"))
        #expect(document[path: "gateway.dicom.peers[0].aeTitle"] == .string("PACS1"))
        #expect(document[path: "gateway.dicom.peers[0].port"] == .integer(11112))
        #expect(
            document[path: "gateway.dicom.peers[0].roles"]
                == .array([.string("store"), .string("find"), .string("move")])
        )
        #expect(document[path: "gateway.dicom.listen[1]"] == .string("10.10.0.5:11112"))
        #expect(document[path: "gateway.dicom.allowPlaintext"] == .string(WizardAnswers.reason))
        // Who has chosen the password is in.
        player.enter("")
        #expect(player.screen.hasSuffix("1-16> "))
        #expect(player.dialogue.person == Login(user: "admin", role: .admin))
    }

    @Test("the first screen is a self-check") func selfCheck() throws {
        let (_, player) = try factory()
        #expect(
            player.shows(
                " supervisor: sw 1.4.2 .................................................. PASS\n"
                    + " services: gateway running ............................................. PASS\n"
                    + " network interfaces: 1 of 3 with link .................................. PASS\n"
            )
        )
        #expect(player.screen.hasSuffix("Site name [CHU Nantes]: "))
    }

    @Test("what fails in the self-check says FAIL") func failedSelfCheck() throws {
        let box = try FakeBox(factory: true)
        box.health = BoxHealth(
            report: HealthReport(
                time: FakeBox.since,
                disks: [DiskReport(device: "/dev/sda", time: FakeBox.since, state: .failing)],
                memory: MemoryReport(totalBytes: 16 << 30, availableBytes: 8 << 30, eccUncorrected: 2),
                clock: ClockReport(isSynchronised: false)
            ),
            tpmFailure: "Esys_SelfTest: no device"
        )
        var player = Player(box)
        player.enter("1")
        for line in ["disks: sda FAILING", "memory: 16.0 GiB", "clock: clock NOT", "TPM: Esys_SelfTest"] {
            let found = player.screen.split(separator: "\n").first { $0.hasPrefix(" \(line)") }
            #expect(found?.hasSuffix("FAIL") == true, "\(line)")
        }
    }

    @Test(
        "a wrong answer is told with what was found and expected, and the question stands",
        arguments: [
            (
                2, "eno9", "found \"eno9\", expected one of eno1, eno2, eno3",
                "lu \"eno9\", attendu un de eno1"
            ),
            (3, "", "An answer is needed.", "Une reponse est necessaire."),
            (
                3, "10.10.0.5", "found \"10.10.0.5\", expected dhcp, or an address",
                "attendu dhcp, ou une adresse"
            ),
            (3, "10.10.0.256/24 10.10.0.1", "found \"10.10.0.256/24 10.10.0.1\"", "lu \"10.10.0.256/24"),
            (
                3, "10.10.0.0/24 10.10.0.1", "found 10.10.0.0/24, expected the address of a host",
                "attendu l'adresse"
            ),
            (
                3, "127.0.0.1/8", "found 127.0.0.1/8, expected the address of a host",
                "lu 127.0.0.1/8, attendu"
            ),
            (
                3, "10.10.0.5/24 10.11.0.1",
                "found 10.11.0.1, expected an address in the network of 10.10.0.5/24",
                "lu 10.11.0.1, attendu une adresse dans le reseau de 10.10.0.5/24"
            ),
            (
                3, "10.10.0.5/24 10.10.0.5", "found 10.10.0.5, the box's own address, expected another host",
                "lu 10.10.0.5, l'adresse de la box elle-meme, attendu une autre machine"
            ),
            (
                3, "10.10.0.5/24 x", "found \"x\", expected an IP address, or none",
                "lu \"x\", attendu une adresse IP"
            ),
            (4, "maybe", "found \"maybe\", expected yes or no", "lu \"maybe\", attendu oui ou non"),
            (
                5, "10.10.0.53 dns1", "found \"dns1\", expected IP addresses",
                "lu \"dns1\", attendu des adresses IP"
            ),
            (6, "ntp/1", "found \"ntp/1\", expected a host name", "lu \"ntp/1\", attendu des noms"),
            (7, "PACS1", "found \"PACS1\", expected AE title", "lu \"PACS1\", attendu AE title"),
            (
                7, "PACS1 10.10.0.40 99999", "found \"99999\", expected AE title",
                "lu \"99999\", attendu AE title"
            ),
            (
                7, "A\\B 10.10.0.40 104", "found \"A\\B\", expected an AE title",
                "lu \"A\\B\", attendu AE title"
            ),
            (8, "why", "found \"why\", expected yes or no", "lu \"why\", attendu oui ou non"),
            (9, "Anne", "found \"Anne\", expected 1 to 32 of a-z", "lu \"Anne\", attendu 1 a 32"),
            (10, "short", "Too short: expected at least 10", "Trop court : attendu au moins 10"),
            (11, "another password", "Not the same as before", "Pas le meme"),
        ]
    )
    func wrongAnswers(number: Int, answer: String, english: String, french: String) throws {
        for language in ConsoleLanguage.allCases {
            var (box, player) = try factory(language)
            player.enter(Array(Self.installation.prefix(number - 1)))
            let question = player.question
            player.enter(answer)
            let flat = player.screen.replacing("\n    ", with: " ")
            #expect(flat.contains(language == .english ? english : french), "\(player.screen)")
            if number != 11 { #expect(player.question?.prompt == question?.prompt) }
            // The right answer goes on from there.
            player.enter(Array(Self.installation.dropFirst(number == 11 ? 9 : number - 1)))
            #expect(box.requests.contains { $0.target == "/v1/config/transactions" })
        }
    }

    @Test("Ctrl-C at every question drops the line and no more", arguments: ConsoleLanguage.allCases)
    func interrupts(language: ConsoleLanguage) throws {
        var (box, player) = try factory(language)
        for answer in Self.installation {
            let requests = box.requests.count
            let question = try #require(player.question)
            for _ in 0..<3 { player.interrupt() }
            #expect(player.question?.prompt == question.prompt)
            #expect(player.question?.isSecret == question.isSecret)
            #expect(player.question?.start == .fresh)
            #expect(box.requests.count == requests)
            player.enter(answer)
        }
        #expect(player.dialogue.person?.user == "admin")
    }

    @Test("a point goes back, two leave; what was entered is there again") func back() throws {
        var (box, player) = try factory()
        player.enter(Array(Self.installation.prefix(6)))
        #expect(player.screen.hasSuffix("PACS: AE title, host, port: "))
        player.enter([".", "."])
        #expect(player.screen.hasSuffix("DNS servers [10.10.0.53]: "))
        player.enter("..")
        #expect(player.shows("FACTORY"))
        player.enter(["1", "", "", ""])
        #expect(player.screen.hasSuffix("Second network, dmz (yes/no) [no]: "))
        player.enter(Array(Self.installation.dropFirst(3)))
        #expect(player.dialogue.person?.user == "admin")
        #expect(box.revision == 2)
        var (_, other) = try factory()
        other.enter(".")
        #expect(other.shows("FACTORY"))
    }

    @Test("a cable that is plugged in becomes the default") func plug() throws {
        var (box, player) = try factory()
        player.enter("")
        #expect(player.screen.hasSuffix("Interface for care: number or name [eno1]: "))
        player.wait()
        #expect(player.question?.start == .silent)
        #expect(player.screen.isEmpty)
        box.links = [FakeBox.link("lo"), FakeBox.link("eno1", hasCarrier: false), FakeBox.link("eno3")]
        player.wait()
        #expect(player.question?.start == .shown)
        #expect(
            player.screen == """

                  eno1: cable pulled out
                  eno3: cable plugged in
                Interface for care: number or name [eno3]: 
                """
        )
        player.enter(["", "dhcp", ""])
        // With DHCP the name servers come from there, and the box has no address to guess from.
        #expect(player.screen.hasSuffix("DNS servers [from DHCP]: "))
        player.enter("")
        #expect(player.screen.hasSuffix("NTP servers: "))
        player.enter(["10.0.0.1", "none", "yes"])
        let document = try #require(player.dialogue.wizard?.document.json)
        #expect(document[path: "network.interfaces[0].name"] == .string("eno3"))
        #expect(document[path: "network.interfaces[0].ipv4.method"] == .string("dhcp"))
        #expect(document[path: "gateway.dicom.listen"] == .array([.string("0.0.0.0:11112")]))
        #expect(document[path: "gateway.dicom.peers"] == .array([]))
    }

    @Test("no DHCP answer: confirmed, with what to do") func noDHCP() throws {
        var (box, player) = try factory()
        let steps = [NetworkTestStep(.link, "eno1", isOK: false, "no DHCP answer", cause: .noLease)]
        box.transaction = [FakeBox.trial(.awaiting, steps), FakeBox.trial(.confirmed, steps)]
        var answers = Self.installation
        answers[2] = "dhcp"
        player.enter(answers)
        #expect(player.shows("link eno1 no DHCP answer"))
        #expect(player.shows("Likely cause: no DHCP answer on eno1; the cable is good."))
        #expect(player.shows("give a fixed address (menu 6)"))
    }

    @Test("a gateway that is not given with the address is asked for, and guessed") func gatewayQuestion()
        throws
    {
        var (_, player) = try factory()
        player.enter(["", "", "10.10.7.20/22"])
        #expect(player.screen.hasSuffix("care: gateway [10.10.4.1]: "))
        player.enter("10.11.0.1")
        #expect(player.shows("expected an address in the network of 10.10.7.20/22"))
        player.enter("none")
        #expect(player.screen.hasSuffix("Second network, dmz (yes/no) [no]: "))
    }

    @Test("the second network has questions of its own") func dmz() throws {
        var (_, player) = try factory()
        player.enter(["", "1", "10.10.0.5/24 10.10.0.1", "yes"])
        #expect(player.screen.hasSuffix("Interface for dmz: number or name [eno2]: "))
        player.enter("1")
        #expect(player.shows("expected one of eno2, eno3"))
        player.enter(["eno3", "10.10.0.9/16"])
        #expect(player.shows("found 10.10.0.9/16, in the network of eno1"))
        player.enter("192.0.2.5/24 192.0.2.1")
        #expect(player.shows("beside the one of eno1"))
        player.enter("192.0.2.5/24")
        #expect(player.screen.hasSuffix("dmz: gateway [none]: "))
        player.enter("")
        #expect(player.screen.hasSuffix("DNS servers [10.10.0.1]: "))
        let interfaces = player.dialogue.wizard?.document.json[path: "network.interfaces[1]"]
        #expect(interfaces?[path: "zone"] == .string("dmz"))
        #expect(interfaces?[path: "name"] == .string("eno3"))
    }

    // MARK: What the box says to it

    @Test("a finding of the box leads back to its question, a correction to the review") func findings()
        throws
    {
        var (box, player) = try factory()
        var isFirst = true
        box.handlers["POST /v1/config/validate"] = { _ in
            defer { isFirst = false }
            let error = ConfigurationError(
                path: "network.dns.servers[0]",
                found: "\"x\"",
                expected: "an address"
            )
            return FakeBox.ok(isFirst ? ValidationReport(error: error) : ValidationReport(diff: []))
        }
        player.enter(Array(Self.installation.prefix(11)))
        #expect(player.shows("network.dns.servers[0]: found \"x\", expected an address"))
        #expect(player.screen.hasSuffix("DNS servers [10.10.0.53]: "))
        player.enter("10.10.0.54")
        #expect(player.shows("Your answers"))
        #expect(player.shows("10.10.0.54"))
    }

    @Test("an answer is corrected by its number; Enter shows all again") func correction() throws {
        var (_, player) = try factory()
        player.enter(Array(Self.installation.prefix(11)))
        player.enter("7")
        #expect(player.screen.hasSuffix("PACS: AE title, host, port [PACS1 10.10.0.40 11112]: "))
        player.enter("PACS 2 pacs.example")
        #expect(player.shows("  7  PACS                       PACS 2 pacs.example 104\n"))
        player.enter(["99", ""])
        #expect(player.shows("PACS 2 pacs.example 104"))
    }

    @Test("an undone change comes back to the answers") func undone() throws {
        var (box, player) = try factory()
        box.transaction = [
            FakeBox.trial(.rolledBack, Self.probes, reason: "eno1: found no address, expected 10.10.0.5/24")
        ]
        player.enter(Self.installation)
        #expect(player.shows("undone: eno1: found no address, expected 10.10.0.5/24"))
        #expect(player.shows("Advice: correct the answer"))
        #expect(player.question?.prompt.hasPrefix("Apply?") == true)
        // The account is made once.
        box.transaction = [FakeBox.trial(.confirmed, Self.probes)]
        player.enter("yes")
        #expect(player.shows("confirmed as revision 19"))
        #expect(box.bodies("POST", "/v1/users").count == 1)
    }

    @Test("a configuration that changed meanwhile is read again") func stale() throws {
        var (box, player) = try factory()
        player.enter(Array(Self.installation.prefix(11)))
        box.revision = 5
        player.enter("yes")
        #expect(player.shows("changed meanwhile"))
        player.enter("yes")
        #expect(player.shows("confirmed as revision 19"))
    }

    @Test("a pending change, or a refusal, is told; the answers stay") func conflict() throws {
        var (box, player) = try factory(.french)
        box.handlers["POST /v1/config/transactions"] = { _ in
            FakeBox.problem(409, "net.pending", "transaction 1 is not confirmed yet")
        }
        player.enter(Self.installation)
        #expect(player.shows("Un changement est deja a l'essai : voir menu 7 (net.pending)"))
        #expect(player.question?.prompt.hasPrefix("Appliquer ?") == true)
    }

    @Test("an account that is refused is asked for again") func refusedAccount() throws {
        var (box, player) = try factory()
        box.handlers["POST /v1/users"] = { _ in FakeBox.problem(422, "user.invalid", "password: too simple") }
        player.enter(Self.installation)
        #expect(player.shows("The administrator was not created:"))
        #expect(player.screen.hasSuffix("Administrator name [admin]: "))
        box.handlers["POST /v1/users"] = nil
        player.enter(["", "another password", "another password", "yes"])
        #expect(player.dialogue.person?.user == "admin")
        #expect(!player.transcript.contains("another password"))
    }

    @Test("who goes away before there is an account finds the answers, but no password") func idle() throws {
        var (_, player) = try factory()
        player.enter(Array(Self.installation.prefix(11)))
        player.wait()
        #expect(player.shows("Locked"))
        #expect(player.shows("No administrator yet."))
        #expect(player.dialogue.wizard?.answers.password == nil)
        player.enter("1")
        #expect(player.screen.hasSuffix("Site name [CHU Nantes / Radio-2]: "))
    }

    @Test("who has an account leaves nothing behind") func idleWithAccount() throws {
        var settings = ConsoleSettings()
        settings.linkPause = .seconds(400)
        var player = Player(try FakeBox(), settings: settings)
        player.choose(.wizard)
        player.enter("new name")
        player.wait()
        #expect(player.dialogue.person == nil)
        #expect(player.dialogue.wizard == nil)
    }

    @Test("a change with an account asks for no administrator, and for nothing that is known") func change()
        throws
    {
        let box = try FakeBox()
        box.transaction = [FakeBox.trial(.confirmed, Self.probes)]
        var player = Player(box)
        player.choose(.wizard)
        player.enter(["", "", "10.10.0.66/24 10.10.0.1", "", "", "", "none", "no"])
        #expect(player.shows("network.interfaces[eno1].ipv4.address  10.10.0.5/24 -> 10.10.0.66/24"))
        player.enter("oui")
        #expect(player.shows("confirmed as revision 19"))
        #expect(box.bodies("POST", "/v1/users").isEmpty)
        #expect(box.document[path: "gateway.dicom.listen"] == .array([.string("127.0.0.1:11112")]))
        // Nothing changes: nothing is tried.
        player.enter(["", "6", "", "", "", "", "", "", "none", "", "yes"])
        #expect(player.shows("Nothing changes."))
        #expect(box.bodies("POST", "/v1/config/transactions").count == 1)
    }

    @Test("a box that tells nothing starts no wizard") func unavailable() throws {
        let box = try FakeBox()
        box.handlers["GET /v1/config"] = { _ in .late }
        var player = Player(box)
        player.choose(.wizard)
        #expect(player.shows("The wizard cannot start:\nThe supervisor did not answer in time."))
        #expect(player.screen.hasSuffix("Enter = menu: "))
    }
}
