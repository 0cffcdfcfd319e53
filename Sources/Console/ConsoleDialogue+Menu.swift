// SPDX-License-Identifier: Apache-2.0
import Admin

enum MenuItem: CaseIterable, Sendable {
    case issues
    case tests
    case undo
    case restart
    case health
    case wizard
    case pending
    case events
    case audit
    case update
    case enrolment
    case files
    case power
    case shell
    case language
    case logOut

    var role: Role {
        switch self {
        case .issues, .health, .update, .enrolment, .files, .events, .audit, .language, .logOut: .viewer
        case .tests, .restart, .power: .operator
        case .undo, .wizard, .pending, .shell: .admin
        }
    }
}

extension ConsoleDialogue {
    mutating func showMenu() {
        guard person != nil else { return showStatus() }
        call([.get("/v1/status"), .get("/v1/config")]) { dialogue, answers in
            dialogue.showMenu(StatusSnapshot([answers[0], .unreachable, answers[1]]))
        }
    }

    private mutating func showMenu(_ snapshot: StatusSnapshot) {
        let user = person.map { ScreenText.ascii($0.user) } ?? "-"
        let issues = snapshot.status.map { ", \(text.issueCount($0.issues.count))" } ?? ""
        say()
        say(ScreenText.rule)
        say(
            ScreenText.spread(
                " \(text.state(snapshot))\(issues)",
                "\(user.prefix(20))   \(ScreenText.minute(now.date)) UTC"
            )
        )
        say(ScreenText.rule)
        for (index, item) in MenuItem.allCases.enumerated() {
            say((index < 9 ? "  " : " ") + "\(index + 1)  \(text.menu(item))")
        }
        askMenu()
    }

    private mutating func askMenu() {
        ask("1-\(MenuItem.allCases.count)> ") { dialogue, line in
            if line.isEmpty { return dialogue.askMenu() }
            let items = MenuItem.allCases
            guard let number = Int(line), (1...items.count).contains(number) else {
                dialogue.say(" \(dialogue.text.unknownChoice(line, items.count))")
                return dialogue.askMenu()
            }
            dialogue.noteActivity()
            dialogue.choose(items[number - 1])
        }
    }

    /// Asks for one of `count` lines that stand there, counted from 0 for `then`; an empty answer goes back to the menu.
    mutating func askChoice(of count: Int, then: @escaping Handler<Int>) {
        ask(text.choicePrompt(count)) { dialogue, line in
            dialogue.noteActivity()
            if line.isEmpty { return dialogue.showMenu() }
            guard let number = Int(line), (1...count).contains(number) else {
                dialogue.say(" \(dialogue.text.unknownChoice(line, count))")
                return dialogue.askChoice(of: count, then: then)
            }
            then(&dialogue, number - 1)
        }
    }

    private mutating func choose(_ item: MenuItem) {
        guard let person, person.role >= item.role else {
            say(" \(text.notPermitted(person?.role ?? .viewer, item.role))")
            return askMenu()
        }
        switch item {
        // The code wants the whole screen.
        case .language, .logOut, .enrolment: break
        default: say()
        }
        switch item {
        case .issues: showIssues()
        case .tests: runTests()
        case .undo: showRevisions()
        case .restart: restartGateway()
        case .health: showHealth()
        case .update: showUpdate()
        case .enrolment: showEnrolment()
        case .files: showFiles()
        case .power: showPower()
        case .shell: openShell()
        case .wizard: startWizard()
        case .pending: showPending()
        case .events: showEvents()
        case .audit: showAudit()
        case .language:
            text.language = text.language.other
            showMenu()
        case .logOut:
            notice = text.loggedOut
            logOut()
        }
    }

    /// The answer to one request as lines; the menu after them.
    mutating func report(
        _ request: ConsoleRequest,
        _ lines: @escaping @Sendable (ConsoleText, ConsoleAnswer) -> [String]?
    ) {
        call(request) { dialogue, answer in
            dialogue.noteActivity()
            dialogue.finish(lines(dialogue.text, answer) ?? dialogue.text.failure(answer))
        }
    }
}
