// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Linux
import Synchronization
import Testing

@testable import Console

/// Types what was given, a piece per reading, and hangs up.
private final class ScriptedTerminal: ConsoleTerminal {
    private let state: Mutex<(pieces: [[UInt8]?], shown: [UInt8], discards: Int)>

    /// Nil: nothing is typed until the question's time is over.
    init(_ pieces: [String?]) {
        state = Mutex((pieces.map { $0.map { Array($0.utf8) } }, [], 0))
    }

    var shown: String { String(decoding: state.withLock { $0.shown }, as: UTF8.self) }

    func read(timeout: Duration) async throws(SystemCallError) -> [UInt8]? {
        let piece = state.withLock { $0.pieces.isEmpty ? [] : $0.pieces.removeFirst() }
        if piece == nil { try? await Task.sleep(for: timeout) }
        return piece
    }

    func write(_ bytes: [UInt8]) async throws(SystemCallError) {
        state.withLock { $0.shown += bytes }
    }

    func discardInput() {
        state.withLock { $0.discards += 1 }
    }
}

@Suite("Console: on a terminal") struct ConsoleRunTests {
    private let socket = "/tmp/console-nobody-\(UUID().uuidString.prefix(8)).sock"

    @Test("without a supervisor it says so, answers keys, and ends with the line") func nobody() async {
        let terminal = ScriptedTerminal(["/f", "r\r", nil, "x\u{3}", "anne\r", "secret\r"])
        var settings = ConsoleSettings()
        settings.refresh = .milliseconds(20)
        let console = Console(socket: socket, language: .english, terminal: terminal, settings: settings)
        #expect(await console.run() == 0)
        let shown = terminal.shown
        #expect(shown.contains("The supervisor (drimboxd) does not answer.\r\n"))
        #expect(shown.contains("identifiant : x^C\r\nidentifiant : anne\r\nmot de passe : \r\n"))
        #expect(!shown.contains("secret"))
        #expect(!shown.replacing("\r\n", with: "").contains("\n"))
    }

    /// A pseudo-terminal (pty(7)): the side of who types, and the line. TIOCSPTLCK and TIOCGPTN of ioctl_tty(2).
    private func pair() throws -> (main: Int32, line: Int32) {
        let main = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (lock, number): (Int32, Int32) = (0, 0)
        try #require(ioctl(main, 0x4004_5431, &lock) == 0 && ioctl(main, 0x8004_5430, &number) == 0)
        let line = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(line >= 0)
        return (main, line)
    }

    @Test("raw mode comes and goes, bytes pass as they are") func rawMode() async throws {
        let (main, line) = try pair()
        defer {
            close(main)
            close(line)
        }
        func settings() -> termios {
            var settings = termios()
            tcgetattr(line, &settings)
            return settings
        }
        let before = settings()
        do {
            let terminal = try Terminal(input: line, output: line)
            #expect(settings().c_lflag & tcflag_t(ICANON | ECHO | ISIG) == 0)
            #expect(settings().c_iflag & tcflag_t(IXON | ICRNL) == 0)
            #expect(try await terminal.read(timeout: .milliseconds(20)) == nil)
            let typed: [UInt8] = [0x03, 0x04, 0x0D, 0x11, 0x13, 0x1A, 0x1C, 0xFF, 0x41]
            #expect(write(main, typed, typed.count) == typed.count)
            #expect(try await terminal.read(timeout: .seconds(10)) == typed)
            try await terminal.write(Array("a\r\nb".utf8))
            var bytes = [UInt8](repeating: 0, count: 16)
            #expect(read(main, &bytes, 16) == 4)
            #expect(Array(bytes.prefix(4)) == Array("a\r\nb".utf8))
            terminal.restore()
        }
        #expect(settings().c_lflag == before.c_lflag)
        #expect(settings().c_iflag == before.c_iflag)
        #expect(settings().c_oflag == before.c_oflag)
    }

    @Test("a line that was hung up is an end, not an error") func hangUp() async throws {
        let (main, line) = try pair()
        defer { close(line) }
        let terminal = try Terminal(input: line, output: line)
        close(main)
        #expect(try await terminal.read(timeout: .seconds(10)) == [])
    }
}
