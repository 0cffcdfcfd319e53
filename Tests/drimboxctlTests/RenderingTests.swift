// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import drimboxctl

private let start = Timestamp(milliseconds: 1_795_480_147_737)
private let now = Timestamp(milliseconds: 1_795_480_147_737 + 12_000)

private func status(site: String = "Radiologie Nord", issues: [Admin.Issue] = []) -> BoxStatus {
    var pipeline = PipelineStatus(process: .init(startTime: start))
    pipeline.associations.open = 3
    pipeline.receive.instances = 1300
    pipeline.receive.lastInstanceTime = start
    pipeline.spool.capacityBytes = 400 << 30
    pipeline.spool.usedBytes = 16 << 30
    return BoxStatus(
        site: site,
        state: issues.isEmpty ? .inService : .degraded,
        since: start,
        version: "1.4.2",
        uptimeSeconds: 41 * 86_400 + 3 * 3600,
        services: [.init(ServiceStatus(name: "gateway", state: .running, since: start))],
        pipeline: .init(pipeline),
        issues: issues
    )
}

private let crashLoop = Admin.Issue(
    code: "E-SVC-01",
    severity: .critical,
    since: start,
    summary: "gateway ends again and again",
    evidence: ["service": "gateway", "lastExit": "signal 9"],
    suggestions: ["look"]
)

@Suite("drimboxctl text") struct RenderingTests {
    private func render(_ status: BoxStatus, _ language: Language) -> String {
        Rendering(messages: Messages(language: language), now: now).status(status)
    }

    @Test("one screen in English") func english() {
        #expect(
            render(status(issues: [crashLoop]), .english) == """
                DRIMbox Radiologie Nord   DEGRADED (1 issue)
                version          1.4.2   up 41 d 3 h
                services         gateway running
                pipeline         3 associations, 1300 received, 0 sent, last 12 s ago
                spool            4 % of 400.0 GiB
                !! E-SVC-01 gateway ends again and again (signal 9)
                   -> look
                """
        )
    }

    @Test("one screen in French") func french() {
        #expect(
            render(status(issues: [crashLoop]), .french) == """
                DRIMbox Radiologie Nord   DÉGRADÉ (1 problème)
                version          1.4.2   en marche depuis 41 j 3 h
                services         gateway en marche
                images           3 associations, 1300 reçues, 0 envoyée, dernière il y a 12 s
                stockage         4 % de 400,0 Gio
                !! E-SVC-01 gateway s'arrête sans cesse (signal 9)
                   -> look
                """
        )
    }

    @Test("text of others cannot steer the terminal") func control() {
        let text = render(status(site: "a\u{1B}[2J\u{7}\u{202E}b\nc"), .english)
        #expect(text.hasPrefix("DRIMbox a?[2J??b?c   IN SERVICE"))
    }

    @Test("an issue that is not known here is told in the box's words") func unknownIssue() {
        let issue = Admin.Issue(code: "W-NEW-01", severity: .warning, since: start, summary: "new thing")
        #expect(render(status(issues: [issue]), .french).contains("! W-NEW-01 new thing"))
    }

    @Test(
        "the language is --lang, else the locale's",
        arguments: [
            (["LC_ALL": "fr_FR.UTF-8", "LANG": "en_US"], Language.french),
            (["LC_ALL": "", "LC_MESSAGES": "fr_BE"], .french),
            (["LC_MESSAGES": "C", "LANG": "fr_FR"], .english),
            (["LANG": "de_DE"], .english), ([:], .english),
        ]
    )
    func language(environment: [String: String], language: Language) {
        #expect(Language(environment: environment) == language)
    }

    @Test(
        "global options may stand before the subcommand",
        arguments: [
            (["--socket", "/s", "status"], ["status", "--socket", "/s"]),
            (
                ["-o", "json", "--lang=fr", "events", "--follow"],
                ["events", "-o", "json", "--lang=fr", "--follow"]
            ),
            (["status", "-o", "json"], ["status", "-o", "json"]), (["--help"], ["--help"]), (["-o"], ["-o"]),
            (["--socket", "/s", "--help"], ["--socket", "/s", "--help"]), ([], []),
        ]
    )
    func globalOptions(given: [String], parsed: [String]) {
        #expect(GlobalOptions.moved(given) == parsed)
    }
}
