// SPDX-License-Identifier: Apache-2.0
import Logging
import Testing

@testable import Linux

@Suite("Journal lines") struct JournalTests {
    private func line(_ message: String, _ metadata: Logger.Metadata = [:], marksPriority: Bool = false)
        -> String
    {
        let journal = Journal(label: "gateway", marksPriority: marksPriority)
        let event = LogEvent(
            level: .warning,
            message: "\(message)",
            metadata: metadata,
            source: "s",
            file: "f",
            function: "f",
            line: 1
        )
        return journal.line(for: event, at: 1_795_480_147_737)
    }

    @Test("a line is logfmt with time, level and event, keys in order") func form() {
        #expect(
            line("association.accepted", ["peer": "127.0.0.1:4242", "calling": "PACS"])
                == "ts=2026-11-24T00:29:07.737Z level=warning logger=gateway event=association.accepted "
                + "calling=PACS peer=127.0.0.1:4242\n"
        )
    }

    @Test(
        "what could end a value or forge a line is quoted and escaped",
        arguments: [
            ("", "\"\""), ("two words", "\"two words\""), ("a\"b", "\"a\\\"b\""), ("a=b", "\"a=b\""),
            ("a\\b", "\"a\\\\b\""), ("x\nts=1 level=info", "\"x\\nts=1 level=info\""),
            ("\u{1B}[31m", "\"\\u{1b}[31m\""),
            ("\u{202E}x", "\"\\u{202e}x\""), ("é", "é"),
        ]
    )
    func escaping(value: String, written: String) {
        #expect(line("e", ["k": "\(value)"]).hasSuffix(" k=\(written)\n"))
        #expect(line("e", ["k": "\(value)"]).filter { $0 == "\n" }.count == 1)
    }

    @Test("a key cannot break the line either") func keys() {
        #expect(line("e", ["a b=\n": "v"]).hasSuffix(" a_b__=v\n"))
    }

    @Test("under systemd a line begins with its priority") func priority() {
        #expect(line("e", marksPriority: true).hasPrefix("<4>ts="))
    }
}
