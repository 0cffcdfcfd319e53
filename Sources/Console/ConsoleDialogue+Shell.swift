// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials

// The break-glass shell.
extension ConsoleDialogue {
    mutating func openShell() {
        for line in text.shellWarning { say(line) }
        ask(text.shellReason) { dialogue, line in
            dialogue.noteActivity()
            guard !line.isEmpty, line != "." else { return dialogue.finish([dialogue.text.nothingDone]) }
            // A security chip may take its time, and the box asks twice.
            var request = ConsoleRequest.post(
                "/v1/shell/challenge",
                .object(["terminal": .string(dialogue.settings.terminal)]),
                seconds: 30
            )
            request.headers["X-Reason"] = line
            dialogue.call(request) { dialogue, answer in
                guard let challenge = answer.value(ShellChallenge.self) else {
                    return dialogue.finish(dialogue.text.shellFailure(answer))
                }
                dialogue.say()
                dialogue.say("  \(challenge.challenge)")
                dialogue.say()
                for line in dialogue.text.shellHelp(ScreenText.minute(challenge.expires)) {
                    dialogue.say(line)
                }
                dialogue.askResponse("")
            }
        }
    }

    /// Over as many lines as somebody likes.
    private mutating func askResponse(_ typed: String) {
        ask("\(text.response) \(typed.count)/\(ShellResponse.characters): ") { dialogue, line in
            dialogue.noteActivity()
            if line == "." { return dialogue.finish([dialogue.text.nothingDone]) }
            guard let more = ShellResponse.characters(in: line),
                typed.count + more.count <= ShellResponse.characters
            else {
                dialogue.say("  \(dialogue.text.noResponse)")
                return dialogue.askResponse(typed)
            }
            let response = typed + more
            if response.count < ShellResponse.characters { return dialogue.askResponse(response) }
            dialogue.answer(response)
        }
    }

    private mutating func answer(_ response: String) {
        let body = JSONValue.object(["response": .string(response), "terminal": .string(settings.terminal)])
        call(.post("/v1/shell/open", body, seconds: 30)) { dialogue, answer in
            guard let opening = answer.value(ShellOpening.self) else {
                for line in dialogue.text.shellFailure(answer) { dialogue.say(line) }
                if answer.problem?.code == "shell.signature" { return dialogue.askResponse("") }
                return dialogue.backToMenu()
            }
            for line in dialogue.text.shellOpens(opening.seconds / 60) { dialogue.say(line) }
            // A unit takes the terminal away from this process.
            if opening.isStarted {
                return dialogue.sleep(.seconds(opening.seconds)) { dialogue, _ in dialogue.logOut() }
            }
            dialogue.runShell(.seconds(opening.seconds)) { dialogue, _ in
                dialogue.notice = dialogue.text.shellEnded
                dialogue.logOut()
            }
        }
    }
}

extension ConsoleText {
    fileprivate var shellWarning: [String] {
        switch language {
        case .english:
            [
                "The vendor signs a challenge, and a shell opens once. The audit tells of it,",
                "and the box stays marked until it is restarted.",
            ]
        case .french:
            [
                "Le fournisseur signe un defi, et un shell s'ouvre une fois. L'audit le note,",
                "et la box reste marquee jusqu'a son redemarrage.",
            ]
        }
    }

    fileprivate var shellReason: String { pick("Why (. goes back): ", "Pourquoi (. annule) : ") }

    fileprivate func shellHelp(_ expiry: String) -> [String] {
        switch language {
        case .english:
            [
                "Read it to the vendor, or send it. It counts until \(expiry) UTC.",
                "Enter the response, over as many lines as you like; . goes back.",
            ]
        case .french:
            [
                "Lisez-le au fournisseur, ou envoyez-le. Il vaut jusqu'a \(expiry) UTC.",
                "Tapez la reponse, sur plusieurs lignes si besoin ; . annule.",
            ]
        }
    }

    fileprivate var response: String { pick("response", "reponse") }

    fileprivate var noResponse: String {
        pick(
            "Letters and the digits 2 to 7, \(ShellResponse.characters) in all: enter this line again.",
            "Lettres et chiffres de 2 a 7, \(ShellResponse.characters) en tout : retapez cette ligne."
        )
    }

    fileprivate func shellFailure(_ answer: ConsoleAnswer) -> [String] {
        switch answer.problem?.code {
        case "shell.no-key":
            [
                pick(
                    "This box has no break-glass shell: its document names no key.",
                    "Pas de shell sur cette box : son document ne nomme aucune cle."
                )
            ]
        case "shell.no-identity":
            [
                pick(
                    "The box has no identity key yet: enrol it first.",
                    "La box n'a pas encore de cle d'identite : enrolez-la d'abord."
                )
            ]
        case "shell.no-challenge":
            [
                pick(
                    "The challenge has expired: ask for a new one.",
                    "Le defi a expire : demandez-en un autre."
                )
            ]
        case "shell.signature":
            [
                pick(
                    "The response is not right: the shell stays shut.",
                    "La reponse n'est pas la bonne : le shell reste ferme."
                )
            ]
        default: failure(answer)
        }
    }

    fileprivate func shellOpens(_ minutes: Int) -> [String] {
        [
            pick(
                "The shell opens for \(minutes) min; exit ends it.",
                "Le shell s'ouvre pour \(minutes) min ; exit le ferme."
            )
        ]
    }

    fileprivate var shellEnded: String {
        pick(
            "The shell has ended. Restart the box when the work is done.",
            "Shell ferme. Redemarrez la box quand le travail est fini."
        )
    }
}
