// SPDX-License-Identifier: Apache-2.0
package import Admin

/// The identity key's fingerprint as a QR code, and beside it as digits: 23 rows of 79 columns.
package struct EnrolmentScreen: Sendable {
    /// Of what ASCII has, it leaves the least of its place dark, in every font: a camera sees a grey that is even.
    private static let ink = "@@"
    private static let quietColumns = 2
    private static let quietRows = 1
    private static let group = 4
    private static let groupsInLine = 4

    private let code: EnrolmentCode
    private let text: ConsoleText
    /// For a terminal that writes dark on light.
    private let isInverted: Bool

    init(_ code: EnrolmentCode, _ text: ConsoleText, isInverted: Bool) {
        self.code = code
        self.text = text
        self.isInverted = isInverted
    }

    package init(_ code: EnrolmentCode, language: ConsoleLanguage, isInverted: Bool) {
        self.init(code, ConsoleText(language: language), isInverted: isInverted)
    }

    package var lines: [String] {
        guard let picture else { return words(hasCode: false) }
        let beside = [""] + words(hasCode: true)
        return picture.enumerated().map { index, row in
            index < beside.count && !beside[index].isEmpty ? row + "  " + beside[index] : row
        }
    }

    /// Light modules are what the terminal writes, and so is the quiet zone around.
    private var picture: [String]? {
        guard let modules = code.modules, let width = modules.first?.count else { return nil }
        let light = String(repeating: ".", count: width)
        let margin = String(repeating: ".", count: Self.quietColumns)
        let quiet = [String](repeating: light, count: Self.quietRows)
        return (quiet + modules + quiet).map { row in
            (margin + row + margin).map { ($0 == "#") == isInverted ? Self.ink : "  " }.joined()
        }
    }

    private func words(hasCode: Bool) -> [String] {
        let digits = Array(code.fingerprint)
        let groups = stride(from: 0, to: digits.count, by: Self.group).map { start in
            String(digits[start..<min(start + Self.group, digits.count)])
        }
        let lines = stride(from: 0, to: groups.count, by: Self.groupsInLine).map { start in
            "  " + groups[start..<min(start + Self.groupsInLine, groups.count)].joined(separator: " ")
        }
        return text.fingerprintTitle + lines + [""]
            + (hasCode ? text.codeHelp(code.content.count) : text.noCode)
    }
}

// The enrolment's fingerprint.
extension ConsoleDialogue {
    mutating func showEnrolment(isInverted: Bool = false) {
        call(.get("/v1/enrolment/code")) { dialogue, answer in
            dialogue.noteActivity()
            guard let code = answer.value(EnrolmentCode.self) else {
                let isMissing = answer.problem?.code == "enrol.no-key"
                return dialogue.finish(isMissing ? [dialogue.text.noKey] : dialogue.text.failure(answer))
            }
            for line in EnrolmentScreen(code, dialogue.text, isInverted: isInverted).lines {
                dialogue.say(line)
            }
            guard code.modules != nil else { return dialogue.backToMenu() }
            dialogue.ask(dialogue.text.codeQuestion) { dialogue, line in
                dialogue.noteActivity()
                if line.lowercased() == "i" { return dialogue.showEnrolment(isInverted: !isInverted) }
                dialogue.showMenu()
            }
        }
    }
}

extension ConsoleText {
    /// Lines of at most 27 columns: beside the code.
    fileprivate var fingerprintTitle: [String] {
        switch language {
        case .english: ["Fingerprint of the key", "(SHA-256 of the public key)"]
        case .french: ["Empreinte de la cle", "publique (SHA-256)"]
        }
    }

    fileprivate func codeHelp(_ digits: Int) -> [String] {
        switch language {
        case .english:
            [
                "The code holds its first \(digits)", "digits. Who signs the box's",
                "certificate compares them",
                "with the request (CSR).", "", "Not read? Step back a bit,", "or enter i: light and dark",
                "change places.",
            ]
        case .french:
            [
                "Le code en contient les \(digits)", "premiers chiffres ; qui",
                "signe les compare a",
                "la demande (CSR).", "", "Illisible ? Reculez un peu,", "ou tapez i pour echanger",
                "clair et sombre.",
            ]
        }
    }

    fileprivate var noCode: [String] {
        [pick("No code: qrencode is not installed.", "Pas de code : qrencode n'est pas installe.")]
    }

    fileprivate var codeQuestion: String {
        pick("[Enter] menu, i inverts: ", "[Entree] menu, i inverse : ")
    }

    fileprivate var noKey: String {
        pick(
            "The box has no identity key yet: a certificate request makes it (menu 12).",
            "La box n'a pas encore de cle d'identite : une demande (CSR) la cree (menu 12)."
        )
    }
}
