// SPDX-License-Identifier: Apache-2.0
package import Admin

package enum ConsoleEvent: Equatable, Sendable {
    /// Somebody entered a line to the last question.
    case line(String)
    /// Ctrl-C to the last question.
    case interrupted
    /// Nobody answered the last question in time.
    case timedOut
    /// To the last request.
    case answer(ConsoleAnswer)
    /// The last sleep is over.
    case woke
}

package enum ConsoleAction: Equatable, Sendable {
    /// Printable ASCII and line feeds.
    case write(String)
    case ask(ConsoleQuestion)
    case request(ConsoleRequest)
    case sleep(Duration)
    /// Gives the terminal to a shell for so long at most; `woke` comes after it.
    case shell(Duration)
    case end(status: Int32)
}

package struct ConsoleQuestion: Equatable, Sendable {
    package enum Start: Equatable, Sendable {
        /// With an empty line.
        case fresh
        /// The line goes on as if nothing had been; the prompt stands there already.
        case silent
        /// The line goes on behind the prompt that is shown again.
        case shown
    }

    package var prompt: String
    /// What is typed is not shown.
    package var isSecret = false
    package var start = Start.fresh
    package var timeout: Duration?
    /// The time counts from the last key.
    package var isExtendedByTyping = false
}

package struct ConsoleSettings: Equatable, Sendable {
    /// Somebody who is logged in and gives no valid answer for so long is logged out.
    package var idle: Duration = .seconds(300)
    /// The status screen is shown anew.
    package var refresh: Duration = .seconds(30)
    /// Time for the password.
    package var login: Duration = .seconds(60)
    /// Between two looks at the links while the wizard asks for an interface.
    package var linkPause: Duration = .seconds(2)
    /// Between two looks at a change that is tried.
    package var transactionPause: Duration = .milliseconds(500)
    package var confirmSeconds = 120
    /// The terminal's name below /dev; empty where it has none.
    package var terminal = ""

    package init() {}
}

/// What time it is when an event comes.
package struct ConsoleMoment: Sendable {
    package let date: Timestamp
    /// Since some moment before; never runs backwards.
    package let uptime: Duration

    package init(date: Timestamp, uptime: Duration) {
        self.date = date
        self.uptime = uptime
    }
}

/// The console as a value: each event makes actions, the last of which brings the next event. Does no input or
/// output itself.
package struct ConsoleDialogue: Sendable {
    typealias Handler<Input> = @Sendable (inout ConsoleDialogue, Input) -> Void

    private enum Waiting: Sendable {
        case nothing
        /// Nil: nobody answered in time.
        case line(Handler<String?>)
        case answer(Handler<ConsoleAnswer>)
        case wake(Handler<Void>)
    }

    let settings: ConsoleSettings
    var text: ConsoleText
    /// Who is logged in.
    package internal(set) var person: Login?
    /// What was entered so far; kept over an interruption where nobody has an account yet.
    var wizard: Wizard?
    /// A line for the next status screen.
    var notice: String?
    private(set) var now: ConsoleMoment
    /// When somebody last gave an answer that was understood.
    private var lastActivity: Duration
    private var waiting = Waiting.nothing
    private var question: ConsoleQuestion?
    private var actions: [ConsoleAction] = []

    package init(language: ConsoleLanguage, settings: ConsoleSettings = .init(), now: ConsoleMoment) {
        self.settings = settings
        self.now = now
        text = ConsoleText(language: language)
        lastActivity = now.uptime
    }

    package mutating func start() -> [ConsoleAction] {
        showStatus()
        return takeActions()
    }

    /// Events that nobody waits for are dropped.
    package mutating func handle(_ event: ConsoleEvent, at moment: ConsoleMoment) -> [ConsoleAction] {
        now = moment
        switch (waiting, event) {
        case (.line, .interrupted):
            guard var question else { return [] }
            question.start = .fresh
            actions.append(.ask(question))
        case (.line(let handler), .line(let line)):
            waiting = .nothing
            handler(&self, line)
        case (.line(let handler), .timedOut):
            waiting = .nothing
            handler(&self, nil)
        case (.answer(let handler), .answer(let answer)):
            waiting = .nothing
            handler(&self, answer)
        case (.wake(let handler), .woke):
            waiting = .nothing
            handler(&self, ())
        default: return []
        }
        return takeActions()
    }

    private mutating func takeActions() -> [ConsoleAction] {
        defer { actions = [] }
        return actions
    }

    // MARK: Saying and asking

    /// One line, or more where it is long.
    mutating func say(_ line: String = "") {
        for part in ScreenText.wrap(ScreenText.ascii(line)) { actions.append(.write(part + "\n")) }
    }

    /// `then` gets nil where `timeout` is over.
    mutating func ask(
        _ prompt: String,
        isSecret: Bool = false,
        start: ConsoleQuestion.Start = .fresh,
        timeout: Duration?,
        isExtendedByTyping: Bool = false,
        then: @escaping Handler<String?>
    ) {
        let question = ConsoleQuestion(
            prompt: String(ScreenText.ascii(prompt).prefix(ScreenText.columns)),
            isSecret: isSecret,
            start: start,
            timeout: timeout,
            isExtendedByTyping: isExtendedByTyping
        )
        self.question = question
        actions.append(.ask(question))
        waiting = .line(then)
    }

    /// Asks somebody who is logged in; nobody is when the time is over.
    mutating func ask(_ prompt: String, isSecret: Bool = false, then: @escaping Handler<String>) {
        ask(prompt, isSecret: isSecret, timeout: idleRest) { dialogue, line in
            guard let line else { return dialogue.lock() }
            then(&dialogue, isSecret ? line : line.trimmingSpaces)
        }
    }

    /// Time until the person is taken for gone.
    var idleRest: Duration { max(.zero, lastActivity + settings.idle - now.uptime) }

    /// Somebody is there and knows what they do. Garbage from the line is no sign of that.
    mutating func noteActivity() {
        lastActivity = now.uptime
    }

    mutating func lock() {
        say()
        if person != nil || wizard?.answers.password != nil { notice = text.locked }
        logOut()
    }

    /// Answers of the wizard outlast only a person who has no account to come back with.
    mutating func logOut() {
        if person == nil { wizard?.answers.password = nil } else { wizard = nil }
        person = nil
        showStatus()
    }

    /// Asks for the word `yes`; anything else is a no.
    mutating func confirm(_ prompt: String, then: @escaping Handler<Bool>) {
        ask(prompt + " " + text.typeYes) { dialogue, line in
            dialogue.noteActivity()
            then(&dialogue, dialogue.text.isYes(line))
        }
    }

    // MARK: Requests

    mutating func call(_ request: ConsoleRequest, then: @escaping Handler<ConsoleAnswer>) {
        var request = request
        if request.method != "GET" {
            // The caller that the API sees is the console; who stands behind it belongs in the audit.
            let user = person.map { ScreenText.ascii($0.user) } ?? "-"
            let why = request.headers["X-Reason"].map { ": \($0)" } ?? ""
            request.headers["X-Reason"] = "serial console, user \(user)" + why
        }
        actions.append(.request(request))
        waiting = .answer(then)
    }

    /// One after the other; the answers come in the same order.
    mutating func call(_ requests: [ConsoleRequest], then: @escaping Handler<[ConsoleAnswer]>) {
        call(requests[...], answers: [], then: then)
    }

    private mutating func call(
        _ requests: ArraySlice<ConsoleRequest>,
        answers: [ConsoleAnswer],
        then: @escaping Handler<[ConsoleAnswer]>
    ) {
        guard let first = requests.first else { return then(&self, answers) }
        call(first) { dialogue, answer in
            dialogue.call(requests.dropFirst(), answers: answers + [answer], then: then)
        }
    }

    mutating func runShell(_ duration: Duration, then: @escaping Handler<Void>) {
        actions.append(.shell(duration))
        waiting = .wake(then)
    }

    mutating func sleep(_ duration: Duration, then: @escaping Handler<Void>) {
        actions.append(.sleep(duration))
        waiting = .wake(then)
    }

    /// Why there is no good answer.
    mutating func sayFailure(_ answer: ConsoleAnswer) {
        for line in text.failure(answer) { say(line) }
    }

    // MARK: Pages

    /// Shows lines a screen at a time.
    mutating func page(_ lines: [String], then: @escaping Handler<Void>) {
        page(lines.flatMap { ScreenText.wrap(ScreenText.ascii($0)) }[...], then: then)
    }

    private mutating func page(_ lines: ArraySlice<String>, then: @escaping Handler<Void>) {
        for line in lines.prefix(ScreenText.rows) { say(line) }
        let rest = lines.dropFirst(ScreenText.rows)
        if rest.isEmpty { return then(&self, ()) }
        ask(text.more) { dialogue, line in
            dialogue.noteActivity()
            if line.lowercased().hasPrefix("q") { return then(&dialogue, ()) }
            dialogue.page(rest, then: then)
        }
    }

    /// Shows lines, and the menu when they were read.
    mutating func finish(_ lines: [String]) {
        page(lines) { dialogue, _ in dialogue.backToMenu() }
    }

    mutating func backToMenu() {
        ask(text.enterForMenu) { dialogue, _ in
            dialogue.noteActivity()
            dialogue.showMenu()
        }
    }
}

extension String {
    var trimmingSpaces: String {
        var text = self[...]
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}
