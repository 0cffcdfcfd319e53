// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Console

@Suite("Console: files and certificates, power") struct FilesTests {
    private static let files = [
        CredentialFile(
            name: "auth.pem",
            kind: .certificates,
            bytes: 900,
            subject: "CN=auth",
            notAfter: FakeBox.since,
            keyFingerprint: "0123456789abcdef",
            usedBy: ["gateway.boxes.tls.certificate"]
        ), CredentialFile(name: "list.xml", kind: .other, bytes: 7),
    ]

    private func player(
        _ language: ConsoleLanguage = .english,
        role: Role = .admin,
        _ prepare: (FakeBox) -> Void = { _ in }
    )
        throws -> Player
    {
        let box = try FakeBox()
        box.users = [("anne", role)]
        box.handlers["GET /v1/credentials"] = { _ in FakeBox.ok(CredentialList(credentials: Self.files)) }
        prepare(box)
        var player = Player(box, language)
        player.choose(.files)
        return player
    }

    @Test("which there are, until when, and whether the configuration uses them") func list() throws {
        let english = try player()
        #expect(english.shows("auth.pem   certificates   to 2026-11-23   key 0123456789abcdef\n"))
        #expect(english.shows("list.xml   other   not used\n"))
        #expect(english.shows("  1  Take over from a USB stick\n"))
        let french = try player(.french)
        #expect(french.shows("auth.pem   certificats   au 2026-11-23   cle 0123456789abcdef\n"))
        // Who may only look gets no choice.
        let viewer = try player(role: .viewer)
        #expect(viewer.shows("list.xml") && viewer.screen.hasSuffix("Enter = menu: "))
    }

    @Test("a stick is taken over after a yes, and each file's fate is told") func stick() throws {
        let medium = Medium(
            name: "sdb1",
            files: [
                .init(path: "credentials/auth.pem", purpose: .credential),
                .init(path: "identity.pem", purpose: .identity),
            ]
        )
        var player = try player { box in
            box.handlers["GET /v1/media"] = { _ in FakeBox.ok(MediumList(media: [medium])) }
            box.handlers["POST /v1/media/sdb1/import"] = { _ in
                FakeBox.ok(
                    MediumReport(items: [
                        .init(path: "credentials/auth.pem", isTaken: true, detail: "certificates CN=auth"),
                        .init(
                            path: "identity.pem",
                            isTaken: false,
                            detail: "found another key, expected the box's"
                        ),
                    ])
                )
            }
        }
        player.enter("1")
        #expect(
            player.shows(
                "sdb1\n  credentials/auth.pem   for the configuration\n  identity.pem   the box's certificate\n"
            )
        )
        player.enter("no")
        #expect(player.shows("Nothing was done."))
        #expect(player.box.requests.allSatisfy { $0.method == "GET" || $0.target == "/v1/sessions" })
        player.enter(["", "12", "1", "yes"])
        #expect(player.shows("taken   credentials/auth.pem  certificates CN=auth\n"))
        #expect(player.shows("REFUSED identity.pem  found another key, expected the box's\n"))
        let request = try #require(player.box.requests.last { $0.method == "POST" })
        #expect(request.headers["X-Reason"] == "serial console, user anne")
    }

    @Test("a box that nobody has configured is, by a stick: who stands there needs no account yet")
    func factoryStick()
        throws
    {
        let box = try FakeBox(factory: true)
        let answers = Medium(name: "sdb", files: [.init(path: "answers.json", purpose: .answers)])
        box.handlers["GET /v1/media"] = { _ in FakeBox.ok(MediumList(media: [answers])) }
        box.handlers["POST /v1/media/sdb/import"] = { _ in
            box.users = [("anne", .admin)]
            return FakeBox.ok(
                MediumReport(items: [.init(path: "answers.json", isTaken: true, detail: "revision 2")])
            )
        }
        var player = Player(box)
        #expect(player.screen.hasSuffix("3 USB stick   Enter refresh: "))
        player.enter(["3", "yes"])
        #expect(player.shows("taken   answers.json  revision 2\n"))
        player.enter("")
        #expect(player.screen.hasSuffix("login: "))
    }

    @Test("without a stick it is said what one may have", arguments: ConsoleLanguage.allCases)
    func noStick(language: ConsoleLanguage) throws {
        var player = try player(language) { box in
            box.handlers["GET /v1/media"] = { _ in FakeBox.ok(MediumList(media: [])) }
        }
        player.enter("1")
        #expect(player.shows("credentials/NAME"))
    }

    @Test("a file is pasted, and what is pasted is not shown") func paste() throws {
        var player = try player { box in
            box.handlers["PUT /v1/credentials/auth.key"] = { _ in
                FakeBox.ok(
                    CredentialFile(name: "auth.key", kind: .privateKey, bytes: 9, keyFingerprint: "ab")
                )
            }
        }
        player.enter(["2", "a b"])
        #expect(player.shows("Expected 1 to 64 letters"))
        player.enter("auth.key")
        #expect(player.question?.isSecret == true)
        player.enter(["-----BEGIN PRIVATE KEY-----", "MIGHAgEAMBMG  ", "-----END PRIVATE KEY-----", "."])
        #expect(player.shows("auth.key   private key   key ab   not used\n"))
        #expect(!player.transcript.contains("MIGH"))
        let body = try #require(player.box.bodies("PUT", "/v1/credentials/auth.key").first)
        guard case .string(let text)? = body[path: "content"] else { return #expect(Bool(false)) }
        let content = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----\n"
        #expect(Data(base64Encoded: text) == Data(content.utf8))
        // Nothing pasted: nothing done.
        player.enter(["", "12", "2", "x", "", "."])
        #expect(player.shows("Nothing was done."))
        // What is refused says why.
        player.box.handlers["PUT /v1/credentials/x"] = { _ in
            FakeBox.problem(422, "credential.content", "x: found PKCS #12, expected PEM")
        }
        player.enter(["", "12", "2", "x", "y", "."])
        #expect(player.shows("x: found PKCS #12, expected PEM"))
    }

    @Test("a file is removed after a yes") func removal() throws {
        var player = try player { box in
            box.handlers["DELETE /v1/credentials/list.xml"] = { _ in
                FakeBox.ok(CredentialList(credentials: []))
            }
        }
        player.enter(["3", "list.xml"])
        #expect(player.screen.hasSuffix("Remove a file: list.xml ? Type yes: "))
        player.enter("yes")
        #expect(player.shows("Removed: list.xml"))
    }

    @Test("the request for the box's certificate, and the certificate") func certificate() throws {
        let csr = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
        var player = try player { box in
            box.handlers["POST /v1/enrolment/csr"] = { _ in FakeBox.ok(EnrolmentAnswer(csr: csr)) }
            box.handlers["PUT /v1/enrolment/certificate"] = { _ in
                FakeBox.problem(422, "enrol.key", "certificate 1: found another key, expected the box's")
            }
        }
        player.enter(["4", "DRX-0042"])
        #expect(player.shows(csr + "Its key's fingerprint is in menu 11.\n"))
        #expect(
            player.box.bodies("POST", "/v1/enrolment/csr").first?[path: "commonName"] == .string("DRX-0042")
        )
        #expect(
            MenuItem.allCases.firstIndex(of: .enrolment) == 10
                && MenuItem.allCases.firstIndex(of: .files) == 11
        )
        player.enter(["", "12", "5", "-----BEGIN CERTIFICATE-----", "."])
        #expect(player.shows("certificate 1: found another key, expected the box's"))
        let chain = player.box.bodies("PUT", "/v1/enrolment/certificate").first?[path: "chain"]
        #expect(chain == .string("-----BEGIN CERTIFICATE-----\n"))
    }

    @Test("the recovery key is shown until its last group is typed from the paper") func recoveryKey() throws
    {
        let key = "glhvjfnj-hcihctjj-ubitvehv-ttkkrfgb-hniijelc-ugfrkevd-gdkcjhce-cvfcgjec"
        var player = try player { box in
            box.handlers["POST /v1/recovery-key"] = { _ in FakeBox.ok(RecoveryKeyReport(key: key)) }
            box.handlers["POST /v1/recovery-key/confirm"] = { request in
                (try? JSONValue(parsing: request.body))?[path: "lastGroup"] == .string("cvfcgjec")
                    ? FakeBox.ok(IssueList(issues: [])) : FakeBox.problem(422, "recovery.key")
            }
        }
        player.enter("6")
        #expect(player.shows("  \(key)\n"))
        let request = try #require(player.box.requests.last)
        #expect(request.headers["X-Reason"] == "serial console, user anne: to be written down")
        player.enter("glhvjfnj")
        #expect(player.shows("Not its last eight letters."))
        player.enter("cvfcgjec")
        #expect(player.shows("The box has forgotten it"))
        player.box.handlers["POST /v1/recovery-key"] = { _ in FakeBox.problem(404, "recovery.none") }
        player.enter(["", "12", "6"])
        #expect(player.shows("There is none to show"))
    }

    // MARK: Power

    private func power(_ role: Role = .admin, _ language: ConsoleLanguage = .english) throws -> Player {
        let box = try FakeBox()
        box.users = [("anne", role)]
        for target in ["/v1/power/reboot", "/v1/power/off", "/v1/reset"] {
            box.handlers["POST \(target)"] = { _ in
                FakeBox.ok(PowerAnswer(action: .reboot, seconds: 2), status: 202)
            }
        }
        var player = Player(box, language)
        player.choose(.power)
        return player
    }

    @Test("a restart needs a reason and a yes") func restart() throws {
        var player = try power(.operator)
        player.enter(["1", "."])
        #expect(player.shows("Nothing was done."))
        player.enter(["", "13", "1", "new rack", "no"])
        #expect(player.shows("Nothing was done."))
        #expect(!player.box.requests.contains { $0.target.hasPrefix("/v1/power") })
        player.enter(["", "13", "2", "new rack", "yes"])
        #expect(player.shows("In 2 s."))
        let request = try #require(player.box.requests.last)
        #expect(request.target == "/v1/power/off")
        #expect(request.headers["X-Reason"] == "serial console, user anne: new rack")
    }

    @Test("a factory reset needs an administrator, and the words with the site's name") func reset() throws {
        var low = try power(.operator)
        low.enter("3")
        #expect(low.shows("Not permitted: you are operator, this needs admin."))
        var player = try power()
        player.enter(["3", "sold"])
        #expect(player.shows("are lost"))
        player.enter("yes")
        #expect(player.shows("Nothing was done."))
        #expect(!player.box.requests.contains { $0.target == "/v1/reset" })
        player.enter(["", "13", "3", "sold", "erase CHU Nantes"])
        #expect(player.shows("In 2 s."))
        #expect(
            player.box.bodies("POST", "/v1/reset").first?[path: "confirmation"] == .string("erase CHU Nantes")
        )
    }
}
