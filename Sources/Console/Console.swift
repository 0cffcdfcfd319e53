// SPDX-License-Identifier: Apache-2.0
import Admin
import Linux
import Transfer

/// The serial console: plays a `ConsoleDialogue` on a terminal and the admin socket.
package struct Console<Line: ConsoleTerminal>: Sendable {
    /// What was typed while the box worked for so long was not meant for the question that comes then.
    private static var typeAhead: Duration { .seconds(2) }
    /// 10 000 events of `/v1/events`.
    private static var longestAnswer: Int { 16 << 20 }
    /// A question without a time of its own looks that often whether the line is still there.
    private static var longestWait: Duration { .seconds(3600) }

    private let client: UnixHTTPClient
    private let language: ConsoleLanguage
    private let terminal: Line
    private let settings: ConsoleSettings
    /// Nil where the terminal is given to nobody else.
    private let shell: (@Sendable (Duration) async -> Void)?

    /// `socket`: path of the admin API's.
    package init(
        socket: String,
        language: ConsoleLanguage,
        terminal: Line,
        settings: ConsoleSettings = ConsoleSettings(),
        shell: (@Sendable (Duration) async -> Void)? = nil
    ) {
        self.shell = shell
        client = UnixHTTPClient(socketPath: socket)
        self.language = language
        self.terminal = terminal
        self.settings = settings
    }

    /// Returns when the line is gone, with the status of the process: it is to be started again.
    package func run() async -> Int32 {
        let start = ContinuousClock.now
        func now() -> ConsoleMoment {
            ConsoleMoment(
                date: Timestamp(milliseconds: WallClock.milliseconds()),
                uptime: ContinuousClock.now - start
            )
        }
        var dialogue = ConsoleDialogue(language: language, settings: settings, now: now())
        var keyboard = Keyboard()
        var actions = dialogue.start()
        do {
            while !Task.isCancelled {
                var event: ConsoleEvent?
                for action in actions {
                    switch action {
                    case .write(let text): try await write(text)
                    case .ask(let question): event = try await answer(to: question, &keyboard)
                    case .request(let request): event = .answer(await send(request))
                    case .sleep(let duration):
                        try await Task.sleep(for: duration)
                        event = .woke
                    case .shell(let duration):
                        await shell?(duration)
                        event = .woke
                    case .end(let status): return status
                    }
                }
                guard let event else { return 0 }
                actions = dialogue.handle(event, at: now())
            }
            return 0
        } catch is EndOfLine {
            return 0
        } catch {
            return 1
        }
    }

    private struct EndOfLine: Error {}

    private struct Keyboard {
        var editor = LineEditor()
        /// Read from the terminal and not looked at yet.
        var bytes: [UInt8] = []
        /// When the last question was answered.
        var lastAnswer = ContinuousClock.now
    }

    private func write(_ text: String) async throws {
        try await terminal.write(Array(text.replacing("\n", with: "\r\n").utf8))
    }

    private func answer(to question: ConsoleQuestion, _ keyboard: inout Keyboard) async throws -> ConsoleEvent
    {
        switch question.start {
        case .fresh:
            if ContinuousClock.now - keyboard.lastAnswer > Self.typeAhead {
                keyboard.bytes = []
                terminal.discardInput()
            }
            keyboard.editor.begin(isSecret: question.isSecret)
            try await write(question.prompt)
        case .silent: break
        case .shown: try await write(question.prompt + (question.isSecret ? "" : keyboard.editor.text))
        }
        defer { keyboard.lastAnswer = ContinuousClock.now }
        var end = question.timeout.map { ContinuousClock.now + $0 }
        while true {
            while !keyboard.bytes.isEmpty {
                let (outcome, echo) = keyboard.editor.feed(keyboard.bytes.removeFirst())
                if !echo.isEmpty { try await terminal.write(Array(echo.utf8)) }
                switch outcome {
                case .line(let line): return .line(line)
                case .interrupted: return .interrupted
                case .nothing: break
                }
            }
            let rest = end.map { $0 - ContinuousClock.now } ?? Self.longestWait
            guard rest > .zero else { return .timedOut }
            guard let bytes = try await terminal.read(timeout: min(rest, Self.longestWait)) else { continue }
            if bytes.isEmpty { throw EndOfLine() }
            keyboard.bytes = bytes
            if question.isExtendedByTyping, let timeout = question.timeout {
                end = ContinuousClock.now + timeout
            }
        }
    }

    private func send(_ request: ConsoleRequest) async -> ConsoleAnswer {
        do {
            let response = try await client.request(
                request.method,
                request.target,
                headers: request.headers,
                body: request.body,
                deadline: .seconds(request.seconds),
                bodyLimit: Self.longestAnswer
            )
            return .response(
                status: response.status,
                etag: response.headers["etag"],
                body: response.body
            )
        } catch UnixHTTPError.deadline {
            return .late
        } catch {
            return .unreachable
        }
    }
}
