// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Console

@Suite("Software updates at the console") struct UpdateScreenTests {
    private func status(
        _ phase: UpdateStatus.Phase,
        _ hold: UpdateStatus.Hold? = nil,
        _ change: (inout UpdateStatus) -> Void = { _ in }
    ) -> UpdateStatus {
        var status = UpdateStatus(
            running: .init(release: "2026.9.0", slot: "A", rollbackIndex: 3),
            phase: phase,
            hold: hold,
            release: phase == .idle ? nil : "2026.10.0",
            floor: .init(value: 3, keeper: "TPM")
        )
        change(&status)
        return status
    }

    private func player(
        _ status: UpdateStatus,
        media: [String] = [],
        role: Role = .admin,
        _ language: ConsoleLanguage = .english,
        _ prepare: (FakeBox) -> Void = { _ in }
    ) throws -> Player {
        let box = try FakeBox()
        box.users = [("anne", role)]
        box.handlers["GET /v1/updates"] = { _ in FakeBox.ok(status) }
        box.handlers["GET /v1/updates/media"] = { _ in FakeBox.ok(UpdateMediaList(media: media)) }
        prepare(box)
        var player = Player(box, language)
        player.choose(.update)
        return player
    }

    @Test("what runs, what waits, and what may be done about it, in both languages") func screens() throws {
        let waits = status(.staged, .consent)
        let english = try player(waits)
        #expect(english.shows("running       2026.9.0   slot A"))
        #expect(english.shows("update        installed   2026.10.0   waits for consent"))
        #expect(english.shows("floor         3 (TPM)"))
        #expect(english.shows("3  Agree, and reboot into it") && english.shows("4  Drop it"))
        #expect(english.screen.hasSuffix("1-4, Enter = menu: "))
        let french = try player(waits, .french)
        #expect(french.shows("mise a jour   installee   2026.10.0   attend un accord"))
        #expect(french.shows("3  Donner l'accord et redemarrer dessus"))
    }

    @Test("a consent is asked for twice, then given") func consent() throws {
        var given = 0
        var player = try player(status(.staged, .consent)) { box in
            box.handlers["POST /v1/updates/confirm"] = { _ in
                given += 1
                return FakeBox.ok(status(.armed))
            }
        }
        player.enter(["3", "no"])
        #expect(player.shows("Nothing was done.") && given == 0)
        player.enter(["", "10", "3"])
        #expect(player.shows("The box reboots"))
        player.enter("yes")
        #expect(given == 1 && player.shows("installed   2026.10.0"))
    }

    @Test("the previous software is there as long as it can be gone back to") func rollBack() throws {
        var reasons: [String?] = []
        var player = try player(status(.committed) { $0.canRollBack = true }) { box in
            box.handlers["POST /v1/updates/rollback"] = { request in
                reasons.append(request.headers["X-Reason"])
                return FakeBox.ok(status(.committed) { $0.reason = "asked for" })
            }
        }
        #expect(player.shows("3  Previous software"))
        player.enter(["3", "yes"])
        #expect(reasons == ["serial console, user anne"])
        #expect(try !self.player(status(.floorRaised)).shows("Previous software"))
    }

    @Test("from a medium; a failed one again; what is refused is said") func installations() throws {
        var bodies: [String] = []
        func note(_ box: FakeBox) {
            box.handlers["POST /v1/updates/install"] = { request in
                bodies.append(String(decoding: request.body, as: UTF8.self).filter { !$0.isWhitespace })
                return FakeBox.problem(412, "update.state", "TUF 5.4.4: timestamp: expired")
            }
        }
        var medium = try player(status(.idle), media: ["STICK"], .english, note)
        #expect(medium.shows("3  Install from medium STICK"))
        medium.enter(["3", "yes"])
        #expect(medium.shows("Not now (update.state)") && medium.shows("TUF 5.4.4"))
        var again = try player(status(.rolledBack), .english, note)
        again.enter(["3", "yes"])
        #expect(bodies == [#"{"medium":"STICK"}"#, #"{"retry":true}"#])
    }

    @Test("who may only look sees no choice; an operator may look for releases") func roles() throws {
        let viewer = try player(status(.idle), role: .viewer)
        #expect(viewer.shows("nothing under way") && !viewer.shows("1  Look again"))
        let testing = try player(status(.staged, .consent), role: .operator)
        #expect(testing.shows("2  Look for a release") && !testing.shows("Agree"))
        #expect(testing.screen.hasSuffix("1-2, Enter = menu: "))
    }

    @Test("without updates, that is what is said") func unavailable() throws {
        let box = try FakeBox()
        box.handlers["GET /v1/updates"] = { _ in FakeBox.problem(503, "update.unavailable", "no socket") }
        var player = Player(box, .french)
        player.choose(.update)
        #expect(player.shows("Mises a jour indisponibles (update.unavailable)"))
    }

    @Test("every phase, hold and choice has words in both languages") func words() {
        for language in ConsoleLanguage.allCases {
            let text = ConsoleText(language: language)
            let words =
                UpdateStatus.Phase.allCases.map(text.phase) + UpdateStatus.Hold.allCases.map(text.hold)
                + [UpdateChoice.refresh, .check, .retry, .medium("X"), .confirm, .abort, .rollBack]
                .flatMap { [text.update($0), text.question($0) ?? "-"] }
            for word in words { #expect(!word.isEmpty && word == ScreenText.ascii(word)) }
        }
    }
}
