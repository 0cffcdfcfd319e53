// SPDX-License-Identifier: Apache-2.0
import Admin
import Testing

@testable import Console

@Suite("Console: lines and line noise") struct LineEditorTests {
    private func play(_ bytes: [UInt8], isSecret: Bool = false) -> (
        lines: [String], echo: String, rest: String
    ) {
        var editor = LineEditor()
        editor.begin(isSecret: isSecret)
        var lines: [String] = []
        var echo = ""
        for byte in bytes {
            let (outcome, shown) = editor.feed(byte)
            echo += shown
            switch outcome {
            case .line(let line): lines.append(line)
            case .interrupted: lines.append("^C")
            case .nothing: break
            }
        }
        return (lines, echo, editor.text)
    }

    @Test(
        "keys",
        arguments: [
            ("abc\r", ["abc"], ""), ("abc\n", ["abc"], ""), ("abc\r\ndef\r\n", ["abc", "def"], ""),
            ("abx\u{8}c\r", ["abc"], ""), ("abx\u{7F}c\r", ["abc"], ""), ("\u{8}\u{7F}a\r", ["a"], ""),
            ("abc\u{15}d\r", ["d"], ""), ("abc\u{3}d\r", ["^C", "d"], ""),
            ("a\u{4}b\u{1A}\u{1C}c", [], "abc"),
            ("a\u{1B}[Ab\r", ["ab"], ""), ("a\u{1B}OPb\u{1B}[15~c\r", ["abc"], ""), ("\u{1B}\r", [""], ""),
            ("\u{1B}[1;5Cx", [], "x"), ("a\tb\0c", [], "abc"),
        ]
    )
    func keys(typed: String, lines: [String], rest: String) {
        let result = play(Array(typed.utf8))
        #expect(result.lines == lines)
        #expect(result.rest == rest)
    }

    @Test("bytes over 0x7F are noise, and a line has its limit") func limits() {
        #expect(play([0x61, 0xFF, 0x80, 0xC3, 0xA9, 0x62, 0x0D]).lines == ["ab"])
        let long = play(Array(repeating: 0x61, count: 1000) + [0x0D])
        #expect(long.lines == [String(repeating: "a", count: 256)])
        #expect(long.echo.count == 256 + 1)
    }

    @Test("a secret has no echo but the end of its line") func secret() {
        #expect(play(Array("sec\u{8}ret\u{15}x\r".utf8), isSecret: true).echo == "\r\n")
        #expect(play(Array("se\u{3}".utf8), isSecret: true).echo == "^C\r\n")
    }

    @Test(
        "noise never logs in, never crashes and never writes what is no ASCII",
        arguments: [1, 2, 3, 4] as [UInt64]
    )
    func noise(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let box = try FakeBox(factory: seed == 4)
        var player = Player(box)
        var editor = LineEditor()
        for _ in 0..<15_000 {
            // Sometimes the bytes that do something, sometimes all of them.
            let byte =
                Bool.random(using: &generator)
                ? UInt8.random(in: 0...255, using: &generator)
                : Array("1290yoqes./\r\n\u{3}\u{8}anne".utf8).randomElement(using: &generator) ?? 0
            let (outcome, echo) = editor.feed(byte)
            if !echo.utf8.allSatisfy({ $0 < 0x7F }) { Issue.record("\(echo.debugDescription)") }
            switch outcome {
            case .line(let line): player.enter(line)
            case .interrupted: player.interrupt()
            case .nothing: break
            }
            if Int.random(in: 0..<500, using: &generator) == 0 { player.wait() }
        }
        #expect(player.dialogue.person == nil)
        #expect(player.question != nil)
        #expect(box.bodies("POST", "/v1/config/transactions").isEmpty)
    }

    @Test("an event that nobody waits for does nothing") func strayEvents() throws {
        var player = Player(try FakeBox())
        let question = player.question
        var dialogue = player.dialogue
        let now = ConsoleMoment(date: FakeBox.since, uptime: .seconds(2000))
        #expect(dialogue.handle(.woke, at: now).isEmpty)
        #expect(dialogue.handle(.answer(.unreachable), at: now).isEmpty)
        player.interrupt()
        #expect(player.question == question)
    }

    @Test("long lines are broken, words that are longer too") func wrapping() {
        let text = "   " + Array(repeating: "abcdefghi", count: 20).joined(separator: " ")
        let lines = ScreenText.wrap(text)
        #expect(lines.allSatisfy { $0.count <= 79 })
        #expect(lines[0].hasPrefix("   abc") && lines[1].hasPrefix("     abc"))
        let word = String(repeating: "x", count: 300)
        #expect(ScreenText.wrap(word).joined().filter { $0 == "x" }.count == 300)
        #expect(ScreenText.wrap(word).allSatisfy { $0.count <= 79 })
        #expect(ScreenText.wrap("") == [""])
    }
}
