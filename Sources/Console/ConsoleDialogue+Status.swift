// SPDX-License-Identifier: Apache-2.0
import Admin

// Without a login: the status screen, and the way in.
extension ConsoleDialogue {
    mutating func showStatus() {
        call(StatusSnapshot.requests) { dialogue, answers in
            let snapshot = StatusSnapshot(answers)
            dialogue.say()
            for line in StatusScreen(snapshot: snapshot, text: dialogue.text, date: dialogue.now.date).lines {
                dialogue.say(line)
            }
            if let notice = dialogue.notice { dialogue.say(" \(notice)") }
            dialogue.notice = nil
            if snapshot.isOpen {
                dialogue.say(" \(dialogue.text.noAdministrator)")
                dialogue.askWhatFirst()
            } else {
                dialogue.askLogin()
            }
        }
    }

    private mutating func switchLanguage(to language: ConsoleLanguage) {
        text.language = language
        showStatus()
    }

    /// `/fr`, `/en`: no name begins like that.
    private func language(_ line: String) -> ConsoleLanguage? {
        line.hasPrefix("/") ? ConsoleLanguage(rawValue: line.dropFirst().lowercased()) : nil
    }

    private mutating func askWhatFirst() {
        askAtDoor(text.factoryPrompt) { dialogue, line in
            switch line {
            case "1":
                dialogue.say()
                dialogue.startWizard()
            case "2": dialogue.switchLanguage(to: dialogue.text.language.other)
            // Where nobody has an account, what a signed answer file says counts as what somebody types does.
            case "3":
                dialogue.noteActivity()
                dialogue.say()
                dialogue.showMedia()
            case "": dialogue.showStatus()
            default: dialogue.askWhatFirst()
            }
        }
    }

    private mutating func askLogin() {
        askAtDoor(text.loginPrompt) { dialogue, line in
            if line.isEmpty { return dialogue.showStatus() }
            guard Self.isUserName(line) else {
                dialogue.say(" \(dialogue.text.badName)")
                return dialogue.askLogin()
            }
            dialogue.askPassword(of: line)
        }
    }

    private mutating func askAtDoor(_ prompt: String, then: @escaping Handler<String>) {
        ask(prompt, timeout: settings.refresh, isExtendedByTyping: true) { dialogue, line in
            guard let line = line?.trimmingSpaces else {
                dialogue.say()
                return dialogue.showStatus()
            }
            if let language = dialogue.language(line) { return dialogue.switchLanguage(to: language) }
            then(&dialogue, line)
        }
    }

    static func isUserName(_ name: String) -> Bool {
        let allowed = name.utf8.allSatisfy { character in
            switch character {
            case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
        return allowed && (1...32).contains(name.utf8.count) && !name.hasPrefix("-")
    }

    private mutating func askPassword(of name: String) {
        ask(text.passwordPrompt, isSecret: true, timeout: settings.login) { dialogue, password in
            guard let password, !password.isEmpty else {
                dialogue.say()
                return dialogue.showStatus()
            }
            let login = JSONValue.object(["user": .string(name), "password": .string(password)])
            dialogue.call(.post("/v1/sessions", login, seconds: 30)) { dialogue, answer in
                dialogue.enter(answer)
            }
        }
    }

    private mutating func enter(_ answer: ConsoleAnswer) {
        if let session = answer.value(Login.self) {
            person = session
            wizard = nil
            noteActivity()
            return showMenu()
        }
        let problem = answer.problem
        switch problem?.code {
        case "auth.delayed": notice = text.delayed(problem?.detail ?? "")
        case "auth.denied": notice = text.wrongLogin
        default: notice = text.loginFailed(text.failure(answer).joined(separator: " "))
        }
        showStatus()
    }
}
