// SPDX-License-Identifier: Apache-2.0
import Admin

extension ConsoleDialogue {
    /// Seconds: the vendor's server may take its time.
    private static let patience = 70

    /// What runs and what is under way, then what may be done about it.
    mutating func showUpdate() {
        call([.get("/v1/updates"), .get("/v1/updates/media")]) { dialogue, answers in
            dialogue.noteActivity()
            guard let status = answers[0].value(UpdateStatus.self) else {
                return dialogue.finish(dialogue.text.failure(answers[0]))
            }
            let media = answers[1].value(UpdateMediaList.self)?.media ?? []
            for line in UpdateScreen(text: dialogue.text).lines(status) { dialogue.say(line) }
            dialogue.askUpdate(UpdateChoice.choices(for: status, media: media))
        }
    }

    private mutating func askUpdate(_ choices: [UpdateChoice]) {
        guard let person, person.role >= .operator else { return finish([]) }
        let permitted = choices.filter { person.role >= $0.role }
        say()
        for (index, choice) in permitted.enumerated() { say("  \(index + 1)  \(text.update(choice))") }
        ask(text.choicePrompt(permitted.count)) { dialogue, line in
            dialogue.noteActivity()
            if line.isEmpty { return dialogue.backToMenu() }
            guard let number = Int(line), permitted.indices.contains(number - 1) else {
                dialogue.say(" \(dialogue.text.unknownChoice(line, permitted.count))")
                return dialogue.askUpdate(choices)
            }
            dialogue.choose(permitted[number - 1])
        }
    }

    private mutating func choose(_ choice: UpdateChoice) {
        guard let question = text.question(choice) else { return carryOut(choice) }
        say(question)
        confirm(text.update(choice) + " ?") { dialogue, isSure in
            guard isSure else { return dialogue.finish([dialogue.text.nothingDone]) }
            dialogue.carryOut(choice)
        }
    }

    private mutating func carryOut(_ choice: UpdateChoice) {
        let request: ConsoleRequest =
            switch choice {
            case .refresh: .get("/v1/updates")
            case .check: .post("/v1/updates/check", seconds: Self.patience)
            case .retry: .post("/v1/updates/install", .object(["retry": .bool(true)]), seconds: Self.patience)
            case .medium(let name):
                .post("/v1/updates/install", .object(["medium": .string(name)]), seconds: Self.patience)
            case .confirm: .post("/v1/updates/confirm")
            case .abort: .post("/v1/updates/abort")
            case .rollBack: .post("/v1/updates/rollback")
            }
        say(text.patience)
        call(request) { dialogue, answer in
            dialogue.noteActivity()
            if !answer.isOK { dialogue.sayFailure(answer) }
            dialogue.showUpdate()
        }
    }
}

/// What may be done about an update now.
enum UpdateChoice: Equatable, Sendable {
    case refresh
    case check
    case retry
    case medium(String)
    case confirm
    case abort
    case rollBack

    /// As the admin API has it.
    var role: Role {
        switch self {
        case .refresh: .viewer
        case .check: .operator
        case .retry, .medium, .confirm, .abort, .rollBack: .admin
        }
    }

    static func choices(for status: UpdateStatus, media: [String]) -> [UpdateChoice] {
        var choices: [UpdateChoice] = [.refresh]
        switch status.phase {
        case .fetching, .armed, .rebooting, .trial, .committing: break
        case .idle, .checking, .offered, .staged, .committed, .floorRaised, .aborted, .rolledBack:
            choices += [.check] + media.prefix(4).map { .medium($0) }
        }
        switch (status.phase, status.hold) {
        case (.offered, .failed), (.rolledBack, _): choices.append(.retry)
        case (.offered, .consent), (.offered, .window), (.staged, _): choices.append(.confirm)
        default: break
        }
        switch status.phase {
        case .offered, .fetching, .staged, .armed, .rebooting: choices.append(.abort)
        default: break
        }
        if status.canRollBack { choices.append(.rollBack) }
        return choices
    }
}

/// An update as lines.
struct UpdateScreen {
    let text: ConsoleText

    func lines(_ status: UpdateStatus) -> [String] {
        let running = status.running
        var lines = [
            row(text.runs, "\(running.release)   \(text.slot) \(running.slot)"),
            row(
                text.updateTitle,
                ([text.phase(status.phase), status.release, status.hold.map(text.hold)] as [String?])
                    .compactMap { $0 }.joined(separator: "   ")
            ),
        ]
        if let reason = status.reason { lines.append(row(text.reason, reason)) }
        if let problem = status.problem { lines.append(row(text.problem, text.detail(problem))) }
        if let progress = status.progress {
            var parts = [
                "\(progress.segments)/\(progress.ofSegments)", ScreenText.bytes(progress.bytesFetched),
            ]
            if let left = progress.secondsLeft { parts.append(ScreenText.span(left)) }
            lines.append(row("", parts.joined(separator: "   ")))
        }
        let floor = status.floor.value.map { "\($0)" } ?? "?"
        lines.append(row(text.floorTitle, "\(floor) (\(status.floor.keeper))"))
        lines += status.failures.prefix(3).map { row(text.failedTitle, "\($0.release)   \($0.count)x") }
        lines += status.damaged.prefix(2).map { row(text.damagedTitle, $0) }
        return lines
    }

    private func row(_ title: String, _ value: String) -> String {
        " " + ScreenText.padded(title, 14) + value
    }
}
