// SPDX-License-Identifier: Apache-2.0
import Admin
import Foundation
import Testing

@testable import Console

@Suite("Console: the break-glass shell") struct ShellTests {
    private static let challenge = ShellChallenge(
        challenge: "4aaf155aeb247364.20261129T0440Z.k7f3-9q2m-4t6v-8xwz",
        expires: Timestamp(milliseconds: 1_795_927_200_000)
    )
    private static let response = String(repeating: "ABCD", count: 25) + "EFG"

    private func box(isStarted: Bool = false) throws -> FakeBox {
        let box = try FakeBox()
        box.handlers["POST /v1/shell/challenge"] = { _ in FakeBox.ok(Self.challenge) }
        box.handlers["POST /v1/shell/open"] = { _ in
            FakeBox.ok(ShellOpening(isStarted: isStarted, seconds: 1800))
        }
        return box
    }

    @Test(
        "reason, challenge, a response over several lines; who had the shell is logged out",
        arguments: ConsoleLanguage.allCases
    )
    func opens(language: ConsoleLanguage) throws {
        let box = try box()
        var player = Player(box, language)
        player.choose(.shell)
        player.enter("raid controller")
        #expect(player.shows(Self.challenge.challenge))
        let request = box.requests.first { $0.target == "/v1/shell/challenge" }
        #expect(request?.headers["X-Reason"] == "serial console, user anne: raid controller")
        player.enter(["abcd-abcd abcd", "a1", String(Self.response.dropFirst(12).prefix(50))])
        #expect(player.shells.isEmpty && !box.requests.contains { $0.target == "/v1/shell/open" })
        player.enter(String(Self.response.dropFirst(62)))
        #expect(player.shells == [.seconds(1800)])
        let body = box.requests.first { $0.target == "/v1/shell/open" }.map {
            String(decoding: $0.body, as: UTF8.self)
        }
        #expect(body?.contains(Self.response) == true)
        #expect(player.dialogue.person == nil)
    }

    @Test(
        "nothing starts here where a unit takes the terminal, where the response is wrong, or nobody goes on"
    )
    func shut() throws {
        var player = Player(try box(isStarted: true))
        player.choose(.shell)
        player.enter(["x", Self.response])
        #expect(player.shells.isEmpty)
        let wrong = try box()
        wrong.handlers["POST /v1/shell/open"] = { _ in FakeBox.problem(403, "shell.signature") }
        player = Player(wrong, .french)
        player.choose(.shell)
        player.enter(["x", Self.response])
        #expect(player.shells.isEmpty && player.shows("le shell reste ferme"))
        player.enter(".")
        #expect(player.shows("Rien n'a ete fait."))
        let none = try FakeBox()
        none.handlers["POST /v1/shell/challenge"] = { _ in FakeBox.problem(409, "shell.no-key") }
        player = Player(none)
        player.choose(.shell)
        player.enter("x")
        #expect(player.shells.isEmpty && player.shows("no break-glass shell"))
    }
}
