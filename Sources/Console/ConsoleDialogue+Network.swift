// SPDX-License-Identifier: Apache-2.0
import Admin

// Tests, and changes that are tried, kept or undone.
extension ConsoleDialogue {
    private static let shownRevisions = 10
    /// A supervisor that is gone for so long while a change is tried counts as lost.
    private static let silence: Duration = .seconds(30)

    // MARK: Tests

    mutating func runTests() {
        say(text.testing)
        report(.post("/v1/network/tests", seconds: 300)) { text, answer in
            guard let report = answer.value(NetworkTestReport.self) else { return nil }
            if report.steps.isEmpty { return [text.nothingToTest] }
            let lines = report.steps.enumerated().map { text.step($0 + 1, $1) }
            let conclusion = text.conclusion(report.steps)
            return lines + (conclusion.isEmpty ? [text.allPassed] : conclusion)
        }
    }

    // MARK: Undo

    mutating func showRevisions() {
        call(.get("/v1/config/revisions")) { dialogue, answer in
            guard let list = answer.value(RevisionList.self) else {
                return dialogue.finish(dialogue.text.failure(answer))
            }
            let revisions = list.revisions.sorted { $0.number > $1.number }
            guard let current = revisions.first(where: \.isCurrent),
                let previous = revisions.first(where: { $0.number < current.number })
            else { return dialogue.finish([dialogue.text.nothingToUndo]) }
            dialogue.say(dialogue.text.revisionHistory)
            for revision in revisions.prefix(Self.shownRevisions) { dialogue.say(dialogue.line(revision)) }
            let numbers = Set(revisions.map(\.number)).subtracting([current.number])
            dialogue.askRevision(numbers, standard: previous.number)
        }
    }

    private func line(_ revision: RevisionSummary) -> String {
        let marks = [revision.isCurrent ? text.current : nil, revision.isRescue ? text.rescue : nil]
            .compactMap { $0 }.joined(separator: ", ")
        let author = ScreenText.padded(ScreenText.ascii(revision.author), 12)
        let number = ScreenText.padded("\(revision.number)", 5)
        let line = " \(number) \(ScreenText.minute(revision.time))  \(author) \(revision.comment) "
        return String(ScreenText.ascii(line + (marks.isEmpty ? "" : "[\(marks)]")).prefix(ScreenText.columns))
    }

    private mutating func askRevision(_ numbers: Set<Int>, standard: Int) {
        ask(text.restoreQuestion(standard)) { dialogue, line in
            if line == "." { return dialogue.finish([dialogue.text.nothingDone]) }
            guard let number = line.isEmpty ? standard : Int(line), numbers.contains(number) else {
                dialogue.say(" \(dialogue.text.noRevision(line))")
                return dialogue.askRevision(numbers, standard: standard)
            }
            dialogue.noteActivity()
            dialogue.confirm(dialogue.text.confirmRestore(number)) { dialogue, isSure in
                guard isSure else { return dialogue.finish([dialogue.text.nothingDone]) }
                dialogue.restore(number)
            }
        }
    }

    private mutating func restore(_ number: Int) {
        let policy = JSONValue.object([
            "mode": .string(ConfirmPolicy.Mode.auto.rawValue), "seconds": .integer(settings.confirmSeconds),
        ])
        call(.post("/v1/config/revisions/\(number)/restore", policy)) { dialogue, answer in
            guard let status = answer.value(TransactionStatus.self) else {
                return dialogue.finish(dialogue.text.failure(answer))
            }
            dialogue.follow(status) { dialogue, _ in dialogue.backToMenu() }
        }
    }

    // MARK: Following a change

    /// Shows each probe as its result comes, and how the change ended; `then` gets whether it was kept.
    mutating func follow(_ status: TransactionStatus, then: @escaping Handler<Bool>) {
        say(text.applying(status.confirm.seconds))
        watch(status, shown: [:], heard: now.uptime, then: then)
    }

    private mutating func watch(
        _ status: TransactionStatus,
        shown: [String: Bool],
        heard: Duration,
        then: @escaping Handler<Bool>
    ) {
        let shown = show(status.probes, shown: shown)
        noteActivity()
        switch status.state {
        case .confirmed:
            for line in text.conclusion(status.probes) { say(line) }
            say(text.confirmed(status.revision ?? status.base))
            return then(&self, true)
        case .rolledBack:
            say(text.undone(status.reason ?? "-"))
            say(text.backAt(status.base))
            let conclusion = text.conclusion(status.probes)
            for line in conclusion.isEmpty ? [text.undoneAdvice] : conclusion { say(line) }
            return then(&self, false)
        case .applying, .awaiting: break
        }
        sleep(settings.transactionPause) { dialogue, _ in
            dialogue.look(status, shown: shown, heard: heard, then: then)
        }
    }

    private mutating func look(
        _ status: TransactionStatus,
        shown: [String: Bool],
        heard: Duration,
        then: @escaping Handler<Bool>
    ) {
        call(.get("/v1/config/transactions/\(PathSegment.encoded(status.tx))")) { dialogue, answer in
            if let next = answer.value(TransactionStatus.self) {
                return dialogue.watch(next, shown: shown, heard: dialogue.now.uptime, then: then)
            }
            dialogue.noteActivity()
            if answer.status == 404 {
                dialogue.say(dialogue.text.transactionLost)
                return then(&dialogue, false)
            }
            guard dialogue.now.uptime - heard < Self.silence else {
                dialogue.sayFailure(answer)
                dialogue.say(dialogue.text.stillTried)
                return then(&dialogue, false)
            }
            dialogue.sleep(dialogue.settings.transactionPause) { dialogue, _ in
                dialogue.look(status, shown: shown, heard: heard, then: then)
            }
        }
    }

    /// Those that are new or came out otherwise than before.
    private mutating func show(_ probes: [NetworkTestStep], shown: [String: Bool]) -> [String: Bool] {
        var shown = shown
        for probe in probes {
            let key = "\(probe.kind.rawValue) \(probe.target)"
            if shown.updateValue(probe.isOK, forKey: key) != probe.isOK { say(text.step(nil, probe)) }
        }
        return shown
    }

    // MARK: Confirm or cancel

    mutating func showPending() {
        call(.get("/v1/config/pending")) { dialogue, answer in
            if answer.status == 404 { return dialogue.finish([dialogue.text.noPending]) }
            guard let status = answer.value(TransactionStatus.self) else {
                return dialogue.finish(dialogue.text.failure(answer))
            }
            let differences = DifferenceList(status.differences, dialogue.text).lines
            let steps = status.probes.map { dialogue.text.step(nil, $0) }
            dialogue.page([dialogue.text.pendingHead(status)] + differences + steps) { dialogue, _ in
                dialogue.askPending(status)
            }
        }
    }

    private mutating func askPending(_ status: TransactionStatus) {
        let target = "/v1/config/transactions/\(PathSegment.encoded(status.tx))"
        ask(text.pendingQuestion) { dialogue, line in
            switch line {
            case "1":
                dialogue.end(dialogue.text.confirmKeep, .post(target + "/confirm", seconds: 30))
            case "2":
                let request = ConsoleRequest(method: "DELETE", target: target, seconds: 90)
                dialogue.end(dialogue.text.confirmCancel, request)
            case "":
                dialogue.noteActivity()
                dialogue.showMenu()
            default: dialogue.askPending(status)
            }
        }
    }

    /// The client opens a connection per request, as confirming needs it.
    private mutating func end(_ question: String, _ request: ConsoleRequest) {
        noteActivity()
        confirm(question) { dialogue, isSure in
            guard isSure else { return dialogue.finish([dialogue.text.nothingDone]) }
            dialogue.report(request) { text, answer in
                guard let status = answer.value(TransactionStatus.self) else { return nil }
                return status.state == .confirmed
                    ? [text.confirmed(status.revision ?? status.base)]
                    : [text.undone(status.reason ?? "-"), text.backAt(status.base)]
            }
        }
    }
}
