// SPDX-License-Identifier: Apache-2.0
import Admin

private enum PowerChoice: CaseIterable, Sendable {
    case restart
    case off
    case reset

    var role: Role { self == .reset ? .admin : .operator }
}

// Restart, switching off, factory reset. Each needs a reason, which the audit keeps.
extension ConsoleDialogue {
    mutating func showPower() {
        for (index, choice) in PowerChoice.allCases.enumerated() {
            say("  \(index + 1)  \(text.power(choice))")
        }
        askChoice(of: PowerChoice.allCases.count) { dialogue, index in
            let choice = PowerChoice.allCases[index]
            guard let person = dialogue.person, person.role >= choice.role else {
                let role = dialogue.person?.role ?? .viewer
                return dialogue.finish([dialogue.text.notPermitted(role, choice.role)])
            }
            dialogue.askReason(choice)
        }
    }

    private mutating func askReason(_ choice: PowerChoice) {
        ask(text.why) { dialogue, reason in
            dialogue.noteActivity()
            guard !reason.isEmpty, reason != "." else { return dialogue.finish([dialogue.text.nothingDone]) }
            switch choice {
            case .restart, .off:
                dialogue.confirm("\(dialogue.text.power(choice)) ?") { dialogue, isSure in
                    guard isSure else { return dialogue.finish([dialogue.text.nothingDone]) }
                    let target = choice == .restart ? "/v1/power/reboot" : "/v1/power/off"
                    dialogue.carryOut(.post(target), reason)
                }
            case .reset: dialogue.askErasure(reason)
            }
        }
    }

    /// The words that the box wants to hear have its site's name in them.
    private mutating func askErasure(_ reason: String) {
        call(.get("/v1/status")) { dialogue, answer in
            guard let status = answer.value(BoxStatus.self) else {
                return dialogue.finish(dialogue.text.failure(answer))
            }
            let words = FactoryResetRequest.expected(site: status.site)
            for line in dialogue.text.erasure { dialogue.say(line) }
            dialogue.say("  \(words)")
            dialogue.ask("> ") { dialogue, line in
                dialogue.noteActivity()
                guard line == ScreenText.ascii(words) else {
                    return dialogue.finish([dialogue.text.nothingDone])
                }
                dialogue.carryOut(.post("/v1/reset", .object(["confirmation": .string(words)])), reason)
            }
        }
    }

    private mutating func carryOut(_ request: ConsoleRequest, _ reason: String) {
        var request = request
        request.headers["X-Reason"] = reason
        report(request) { text, answer in
            answer.value(PowerAnswer.self).map { [text.inSeconds($0.seconds)] }
        }
    }
}

extension ConsoleText {
    fileprivate func power(_ choice: PowerChoice) -> String {
        switch choice {
        case .restart: pick("Restart the box", "Redemarrer la box")
        case .off: pick("Switch the box off", "Eteindre la box")
        case .reset: pick("Factory reset: erase everything", "Retour a l'etat d'usine : tout effacer")
        }
    }

    fileprivate var why: String { pick("Why (. goes back): ", "Pourquoi (. annule) : ") }

    fileprivate var erasure: [String] {
        switch language {
        case .english:
            [
                "All images, revisions, users, certificates, keys and the audit are erased.",
                "Images that the archive (PACS) does not have are lost. To go on, type:",
            ]
        case .french:
            [
                "Toutes les images, revisions, utilisateurs, certificats, cles et l'audit sont",
                "effaces. Ce que le PACS n'a pas est perdu. Pour continuer, tapez :",
            ]
        }
    }

    fileprivate func inSeconds(_ seconds: Int) -> String {
        pick("In \(seconds) s.", "Dans \(seconds) s.")
    }
}
