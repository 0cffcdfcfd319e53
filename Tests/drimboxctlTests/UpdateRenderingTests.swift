// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import drimboxctl

@Suite("Updates as text") struct UpdateRenderingTests {
    private func render(_ status: UpdateStatus, _ language: Language = .english) -> String {
        Rendering(messages: Messages(language: language), now: Timestamp(milliseconds: 0)).update(status)
    }

    private var fetching: UpdateStatus {
        var status = UpdateStatus(
            running: .init(release: "2026.9.0", slot: "A", rollbackIndex: 3),
            phase: .fetching,
            release: "2026.10.0",
            entries: ["A.efi"],
            floor: .init(value: 3, keeper: "software"),
            failures: [.init(release: "2026.9.9", count: 2)]
        )
        status.progress = .init(
            step: .fetching,
            segments: 12,
            ofSegments: 57,
            bytesFetched: 3 << 20,
            bytesToGo: 9 << 20
        )
        status.progress?.bytesPerSecond = 1 << 20
        status.progress?.secondsLeft = 9
        return status
    }

    @Test("progress with segments, bytes, rate and time left") func progress() {
        #expect(
            render(fetching) == """
                running          2026.9.0   slot A   rollback index 3
                update           being installed   2026.10.0
                                 fetching   12/57   3.0 MiB   1.0 MiB/s   9 s left
                floor            3 (software)
                boot entries     A.efi
                failed           2026.9.9   2x
                """
        )
        #expect(
            render(fetching, .french).contains("téléchargement   12/57   3,0 Mio   1,0 Mio/s   reste 9 s")
        )
    }

    @Test("a committed release says until when it can be gone back from; control characters do not pass")
    func committed() {
        var status = fetching
        status.phase = .committed
        status.progress = nil
        status.canRollBack = true
        status.deadline = Timestamp(milliseconds: 1_795_480_147_737)
        status.problem = "TUF\u{1B}[2J"
        let text = render(status)
        #expect(text.contains("may go back to") && text.contains("update rollback --reason"))
        #expect(!text.unicodeScalars.contains("\u{1B}"))
    }

    @Test("no words are missing in either language") func words() {
        for language in [Language.english, .french] {
            let messages = Messages(language: language)
            #expect(UpdateStatus.Phase.allCases.allSatisfy { !messages.phase($0).isEmpty })
            #expect(Set(UpdateStatus.Hold.allCases.map { messages.hold($0) }).count == 6)
            #expect(Set(UpdateStatus.Progress.Step.allCases.map { messages.step($0) }).count == 6)
        }
    }
}
