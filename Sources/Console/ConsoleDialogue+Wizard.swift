// SPDX-License-Identifier: Apache-2.0
import Admin

// The install wizard: questions, review, application.
extension ConsoleDialogue {
    mutating func startWizard() {
        call(StatusSnapshot.requests) { dialogue, answers in
            let snapshot = StatusSnapshot(answers)
            // Somebody may have made an account since the screen was shown.
            guard dialogue.person != nil || snapshot.isOpen else { return dialogue.showStatus() }
            guard let document = snapshot.document, let users = snapshot.users ?? dialogue.known else {
                dialogue.say(dialogue.text.wizardUnavailable)
                dialogue.sayFailure(answers[snapshot.document == nil ? 2 : 4])
                return dialogue.leaveWizard()
            }
            let kept = dialogue.person == nil ? dialogue.wizard?.answers : nil
            dialogue.wizard = Wizard(
                base: document,
                etag: snapshot.etag,
                answers: kept ?? WizardAnswers(document),
                asksAdministrator: users.users.isEmpty,
                links: snapshot.links
            )
            dialogue.noteActivity()
            dialogue.say("\(dialogue.text.wizardTitle) - \(dialogue.text.selfCheck)")
            let check = SelfCheck(text: dialogue.text, snapshot: snapshot)
            for line in check.lines { dialogue.say(line) }
            dialogue.say(dialogue.text.wizardKeys)
            dialogue.goOn(after: nil)
        }
    }

    /// Who is logged in proves that there is somebody.
    private var known: ConsoleUserList? {
        person.map { ConsoleUserList(users: [ConsoleUser(name: $0.user, role: $0.role, isLocked: false)]) }
    }

    private mutating func leaveWizard() {
        if person == nil {
            wizard?.answers.password = nil
            return showStatus()
        }
        wizard = nil
        backToMenu()
    }

    // MARK: Questions

    private mutating func goOn(after step: WizardStep?) {
        guard var wizard else { return showMenu() }
        let next = wizard.step(after: step)
        if let step { wizard.visited.append(step) }
        self.wizard = wizard
        put(next)
    }

    private mutating func goBack() {
        guard let last = wizard?.visited.popLast() else { return leaveWizard() }
        put(last)
    }

    private mutating func put(_ step: WizardStep) {
        guard let wizard else { return showMenu() }
        if step == .review { return review() }
        say()
        if case .interface = step {
            for (index, name) in wizard.interfaceNames.enumerated() { say(line(index + 1, name, wizard)) }
        }
        for line in text.help(step, wizard.answers) { say(line) }
        question(step)
    }

    private func line(_ number: Int, _ name: String, _ wizard: Wizard) -> String {
        let link = wizard.links.first { $0.name == name }
        let state = ScreenText.padded(link.map { text.link($0.hasCarrier) } ?? "-", 12)
        let label = ScreenText.padded(ScreenText.ascii(name), 15)
        return "  \(number)  \(label) \(state) \(link?.hardwareAddress ?? "")"
    }

    private func prompt(_ step: WizardStep) -> String {
        let question = text.question(step)
        guard let shown = wizard?.standard(step, text)?.shown else { return "\(question): " }
        let room = max(8, ScreenText.columns - question.count - 6)
        return "\(question) [\(ScreenText.ascii(shown).prefix(room))]: "
    }

    private mutating func question(_ step: WizardStep, start: ConsoleQuestion.Start = .fresh) {
        let isSecret = step == .password || step == .passwordAgain
        guard case .interface = step else {
            return ask(prompt(step), isSecret: isSecret) { dialogue, line in dialogue.take(line, for: step) }
        }
        let pause = min(settings.linkPause, idleRest)
        ask(prompt(step), start: start, timeout: pause) { dialogue, line in
            if let line { return dialogue.take(line.trimmingSpaces, for: step) }
            if dialogue.idleRest <= .zero { return dialogue.lock() }
            dialogue.lookAtLinks(step)
        }
    }

    private mutating func take(_ line: String, for step: WizardStep) {
        guard var wizard else { return showMenu() }
        let isSecret = step == .password || step == .passwordAgain
        if !isSecret || line.count <= 2 {
            if line == "." { return goBack() }
            if line == ".." { return leaveWizard() }
        }
        if let error = wizard.accept(line, for: step, text) {
            say("  \(error)")
            if step == .passwordAgain {
                self.wizard?.answers.password = nil
                return question(.password)
            }
            return question(step)
        }
        noteActivity()
        self.wizard = wizard
        switch step {
        // Entered once, the password does not count yet.
        case .password: question(.passwordAgain)
        case .passwordAgain: goOn(after: .password)
        default: goOn(after: step)
        }
    }

    /// Somebody plugs the cable while the question stands: that is an answer too, once Enter says so.
    private mutating func lookAtLinks(_ step: WizardStep) {
        call(.get("/v1/network")) { dialogue, answer in
            guard var wizard = dialogue.wizard, let status = answer.value(NetworkStatus.self) else {
                return dialogue.question(step, start: .silent)
            }
            let links = status.links.filter { $0.name != "lo" }
            let news = links.filter { link in
                wizard.links.first { $0.name == link.name }.map { $0.hasCarrier != link.hasCarrier } ?? true
            }
            wizard.links = links
            wizard.plugged = news.first(where: \.hasCarrier)?.name ?? wizard.plugged
            dialogue.wizard = wizard
            if news.isEmpty { return dialogue.question(step, start: .silent) }
            dialogue.say()
            for link in news {
                let text = dialogue.text
                dialogue.say("  " + (link.hasCarrier ? text.linkUp(link.name) : text.linkDown(link.name)))
            }
            dialogue.question(step, start: .shown)
        }
    }

    // MARK: Review

    private mutating func review() {
        guard let wizard else { return showMenu() }
        self.wizard?.isComplete = true
        call(.post("/v1/config/validate", wizard.document.json)) { dialogue, answer in
            guard let report = answer.value(ValidationReport.self) else {
                dialogue.sayFailure(answer)
                return dialogue.askReview(changes: true)
            }
            guard report.ok else { return dialogue.correct(report) }
            let items = wizard.review(dialogue.text).enumerated().map { index, item in
                let number = (index < 9 ? "  " : " ") + "\(index + 1)"
                return "\(number)  \(ScreenText.padded(dialogue.text.label(item.step), 26)) \(item.value)"
            }
            let head = [dialogue.text.review] + items
            let differences = DifferenceList(report.diff, dialogue.text).lines
            dialogue.say()
            dialogue.page(head + differences) { dialogue, _ in
                dialogue.askReview(changes: !report.diff.isEmpty)
            }
        }
    }

    /// Back to the question whose answer the box does not take.
    private mutating func correct(_ report: ValidationReport) {
        say(text.invalid)
        for error in report.errors { say("  \(error.path): \(text.detail(error.message))") }
        let document = wizard?.document
        guard let step = report.errors.lazy.compactMap({ document?.step(at: $0.path) }).first else {
            return askReview(changes: true)
        }
        put(step)
    }

    private mutating func askReview(changes: Bool) {
        ask(text.reviewQuestion) { dialogue, line in
            guard let wizard = dialogue.wizard else { return dialogue.showMenu() }
            let items = wizard.review(dialogue.text)
            if line == ".." { return dialogue.leaveWizard() }
            if line == "." { return dialogue.goBack() }
            if line.isEmpty { return dialogue.review() }
            if dialogue.text.isYes(line) {
                dialogue.noteActivity()
                return wizard.asksAdministrator
                    ? dialogue.makeAdministrator(changes: changes) : dialogue.apply(changes: changes)
            }
            guard let number = Int(line), (1...items.count).contains(number) else {
                return dialogue.askReview(changes: changes)
            }
            dialogue.noteActivity()
            dialogue.put(items[number - 1].step)
        }
    }

    // MARK: Application

    private mutating func makeAdministrator(changes: Bool) {
        guard let answers = wizard?.answers, let name = answers.administrator, let password = answers.password
        else { return put(.administrator) }
        let account = JSONValue.object([
            "name": .string(name), "role": .string(Role.admin.rawValue), "password": .string(password),
        ])
        call(.post("/v1/users", account, seconds: 30)) { dialogue, answer in
            dialogue.wizard?.answers.password = nil
            guard answer.isOK else {
                dialogue.say(dialogue.text.administratorRefused)
                dialogue.sayFailure(answer)
                return dialogue.put(.administrator)
            }
            dialogue.say(dialogue.text.administratorMade(name))
            dialogue.wizard?.asksAdministrator = false
            // Whoever has just chosen the password is this person.
            dialogue.person = Login(user: name, role: .admin)
            dialogue.noteActivity()
            dialogue.apply(changes: changes)
        }
    }

    private mutating func apply(changes: Bool) {
        guard let wizard else { return showMenu() }
        guard changes else {
            say(text.noDifferences)
            return leaveWizard()
        }
        let change = TransactionRequest(
            document: wizard.document.json,
            comment: "install wizard",
            confirm: ConfirmPolicy(mode: .auto, seconds: settings.confirmSeconds)
        )
        var request = ConsoleRequest.post("/v1/config/transactions", change.json, seconds: 30)
        request.headers["If-Match"] = wizard.etag
        call(request) { dialogue, answer in
            if answer.status == 412 { return dialogue.rebase() }
            guard let status = answer.value(TransactionStatus.self) else {
                dialogue.sayFailure(answer)
                return dialogue.askReview(changes: true)
            }
            dialogue.follow(status) { dialogue, isKept in
                isKept ? dialogue.leaveWizard() : dialogue.askReview(changes: true)
            }
        }
    }

    /// Somebody else has changed the configuration: the answers go over theirs.
    private mutating func rebase() {
        call(.get("/v1/config")) { dialogue, answer in
            guard let document = answer.json else {
                dialogue.sayFailure(answer)
                return dialogue.askReview(changes: true)
            }
            dialogue.wizard?.base = document
            dialogue.wizard?.etag = answer.etag
            dialogue.say(dialogue.text.stale)
            dialogue.review()
        }
    }
}
