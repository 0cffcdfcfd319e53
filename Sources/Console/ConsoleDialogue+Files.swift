// SPDX-License-Identifier: Apache-2.0
import Admin
import FoundationEssentials

/// What may be done about the files that the configuration names, and about the box's certificate.
private enum FileChoice: CaseIterable, Sendable {
    case stick
    case paste
    case remove
    case request
    case certificate
    case recovery
}

// Files and certificates: on a box without a shell, they come by a USB stick or over the line.
extension ConsoleDialogue {
    /// An answer file's change is tried for two minutes.
    private static let importSeconds = 240
    /// A security chip makes a key.
    private static let requestSeconds = 30
    private static let longestPaste = 256 << 10

    mutating func showFiles() {
        call(.get("/v1/credentials")) { dialogue, answer in
            dialogue.noteActivity()
            guard let list = answer.value(CredentialList.self) else {
                return dialogue.finish(dialogue.text.failure(answer))
            }
            let lines =
                list.credentials.isEmpty
                ? [dialogue.text.noFiles] : list.credentials.map { dialogue.text.file($0) }
            dialogue.page(lines) { dialogue, _ in dialogue.askFiles() }
        }
    }

    private mutating func askFiles() {
        guard let person, person.role == .admin else { return backToMenu() }
        say()
        for (index, choice) in FileChoice.allCases.enumerated() {
            say("  \(index + 1)  \(text.files(choice))")
        }
        askChoice(of: FileChoice.allCases.count) { dialogue, index in
            switch FileChoice.allCases[index] {
            case .stick: dialogue.showMedia()
            case .paste: dialogue.askName()
            case .remove: dialogue.askRemoval()
            case .request: dialogue.askCommonName()
            case .certificate:
                dialogue.say(dialogue.text.pasteCertificate)
                dialogue.paste { $0.takeCertificate($1) }
            case .recovery: dialogue.showRecoveryKey()
            }
        }
    }

    // MARK: A USB stick

    mutating func showMedia() {
        call(.get("/v1/media")) { dialogue, answer in
            guard let list = answer.value(MediumList.self) else {
                return dialogue.finish(dialogue.text.failure(answer))
            }
            guard let medium = list.media.first else { return dialogue.finish(dialogue.text.noStick) }
            let lines = medium.files.map { "  \($0.path)   \(dialogue.text.purpose($0.purpose))" }
            dialogue.page([medium.name] + lines) { dialogue, _ in
                dialogue.confirm(dialogue.text.takeAll) { dialogue, isSure in
                    guard isSure else { return dialogue.finish([dialogue.text.nothingDone]) }
                    dialogue.take(medium)
                }
            }
        }
    }

    private mutating func take(_ medium: Medium) {
        say(text.patience)
        let target = "/v1/media/\(PathSegment.encoded(medium.name))/import"
        report(.post(target, seconds: Self.importSeconds)) { text, answer in
            answer.value(MediumReport.self).map { report in
                report.items.map { "\(text.verdict(isTaken: $0.isTaken)) \($0.path)  \($0.detail)" }
            }
        }
    }

    // MARK: Over the line

    private mutating func askName() {
        ask(text.fileName) { dialogue, name in
            dialogue.noteActivity()
            if name.isEmpty || name == "." { return dialogue.finish([dialogue.text.nothingDone]) }
            guard CredentialUpload.isName(name) else {
                dialogue.say(" \(dialogue.text.badFileName)")
                return dialogue.askName()
            }
            dialogue.say(dialogue.text.pasteFile)
            dialogue.paste { $0.put(name, $1) }
        }
    }

    /// Lines until one with a full stop alone. They are not shown: a private key may be among them.
    private mutating func paste(
        _ lines: [String] = [],
        then: @escaping @Sendable (inout Self, String) -> Void
    ) {
        ask("", isSecret: true) { dialogue, line in
            dialogue.noteActivity()
            let line = line.trimmingSpaces
            guard line == "." else {
                guard lines.reduce(line.utf8.count, { $0 + $1.utf8.count + 1 }) <= Self.longestPaste else {
                    return dialogue.finish([dialogue.text.tooLong(Self.longestPaste)])
                }
                return dialogue.paste(lines + [line], then: then)
            }
            dialogue.say()
            let text = lines.joined(separator: "\n")
            guard text.contains(where: { !$0.isWhitespace }) else {
                return dialogue.finish([dialogue.text.nothingDone])
            }
            then(&dialogue, text + "\n")
        }
    }

    private mutating func put(_ name: String, _ content: String) {
        let body = JSONValue.object(["content": .string(Data(content.utf8).base64EncodedString())])
        report(.put("/v1/credentials/\(PathSegment.encoded(name))", body)) { text, answer in
            answer.value(CredentialFile.self).map { [text.file($0)] }
        }
    }

    private mutating func askRemoval() {
        ask(text.fileName) { dialogue, name in
            dialogue.noteActivity()
            if name.isEmpty || name == "." { return dialogue.finish([dialogue.text.nothingDone]) }
            dialogue.confirm("\(dialogue.text.files(.remove)): \(name.prefix(64)) ?") { dialogue, isSure in
                guard isSure else { return dialogue.finish([dialogue.text.nothingDone]) }
                dialogue.report(.delete("/v1/credentials/\(PathSegment.encoded(name))")) { text, answer in
                    answer.value(CredentialList.self).map { _ in [text.removed(name)] }
                }
            }
        }
    }

    // MARK: The data disk

    private mutating func showRecoveryKey() {
        var request = ConsoleRequest.post("/v1/recovery-key", seconds: Self.requestSeconds)
        request.headers["X-Reason"] = "to be written down"
        call(request) { dialogue, answer in
            guard let report = answer.value(RecoveryKeyReport.self) else {
                let isNone = answer.problem?.code == "recovery.none"
                return dialogue.finish(isNone ? [dialogue.text.noRecoveryKey] : dialogue.text.failure(answer))
            }
            dialogue.say()
            dialogue.say("  \(report.key)")
            dialogue.say()
            for line in dialogue.text.recoveryHelp { dialogue.say(line) }
            dialogue.askLastGroup()
        }
    }

    private mutating func askLastGroup() {
        ask(text.lastGroup) { dialogue, group in
            dialogue.noteActivity()
            if group.isEmpty || group == "." { return dialogue.finish([dialogue.text.keyIsKept]) }
            let body = JSONValue.object(["lastGroup": .string(group)])
            dialogue.call(.post("/v1/recovery-key/confirm", body, seconds: Self.requestSeconds)) {
                dialogue,
                answer in
                if answer.problem?.code == "recovery.key" {
                    dialogue.say(" \(dialogue.text.otherLetters)")
                    return dialogue.askLastGroup()
                }
                dialogue.finish(answer.isOK ? [dialogue.text.keyIsForgotten] : dialogue.text.failure(answer))
            }
        }
    }

    // MARK: The box's certificate

    private mutating func askCommonName() {
        ask(text.commonName) { dialogue, name in
            dialogue.noteActivity()
            if name.isEmpty || name == "." { return dialogue.finish([dialogue.text.nothingDone]) }
            let body = JSONValue.object(["commonName": .string(name)])
            dialogue.report(.post("/v1/enrolment/csr", body, seconds: Self.requestSeconds)) { text, answer in
                answer.value(EnrolmentAnswer.self).map {
                    $0.csr.split(separator: "\n").map(String.init) + [text.compareFingerprint]
                }
            }
        }
    }

    private mutating func takeCertificate(_ chain: String) {
        let body = JSONValue.object(["chain": .string(chain)])
        report(.put("/v1/enrolment/certificate", body, seconds: Self.requestSeconds)) { text, answer in
            answer.value(EnrolmentStatus.self).map { status in
                [status.certificate.map { text.certificate($0.subject, "\($0.notAfter)") } ?? text.noFiles]
            }
        }
    }
}

extension ConsoleText {
    fileprivate func files(_ choice: FileChoice) -> String {
        switch choice {
        case .stick: pick("Take over from a USB stick", "Prendre sur une cle USB")
        case .paste: pick("Paste a file", "Coller un fichier")
        case .remove: pick("Remove a file", "Supprimer un fichier")
        case .request: pick("Certificate request (CSR) of the box", "Demande de certificat (CSR) de la box")
        case .certificate: pick("Paste the box's certificate", "Coller le certificat de la box")
        case .recovery: pick("Recovery key of the data disk", "Cle de secours du disque de donnees")
        }
    }

    fileprivate func file(_ file: CredentialFile) -> String {
        let kind =
            switch file.kind {
            case .certificates: pick("certificates", "certificats")
            case .privateKey: pick("private key", "cle privee")
            case .other: pick("other", "autre")
            }
        let facts = [
            file.notAfter.map { pick("to ", "au ") + String("\($0)".prefix(10)) },
            file.keyFingerprint.map { pick("key ", "cle ") + $0 },
            file.usedBy.isEmpty ? pick("not used", "non utilise") : nil,
        ]
        return ([file.name, kind] + facts.compactMap { $0 }).joined(separator: "   ")
    }

    fileprivate func purpose(_ purpose: Medium.Purpose) -> String {
        switch purpose {
        case .credential: pick("for the configuration", "pour la configuration")
        case .identity: pick("the box's certificate", "le certificat de la box")
        case .answers: pick("answer file", "fichier de reponses")
        }
    }

    fileprivate func verdict(isTaken: Bool) -> String {
        isTaken ? pick("taken  ", "pris   ") : pick("REFUSED", "REFUSE ")
    }

    fileprivate var noFiles: String { pick("There are none yet.", "Il n'y en a pas encore.") }

    fileprivate var noStick: [String] {
        [
            pick("No USB stick with files for this box.", "Pas de cle USB avec des fichiers pour cette box."),
            pick(
                "A directory drimbox on it (FAT, ext4) may have:",
                "Un repertoire drimbox (FAT, ext4) peut contenir :"
            ),
            "  credentials/NAME   identity.pem   authorities.pem   answers.json(.sig)",
        ]
    }

    fileprivate var takeAll: String { pick("Take all of it over?", "Tout prendre ?") }

    fileprivate var fileName: String {
        pick(
            "Name, as the configuration has it (. goes back): ",
            "Nom, comme dans la configuration (. annule) : "
        )
    }

    fileprivate var badFileName: String {
        pick(
            "Expected 1 to 64 letters, digits, \".\", \"_\", \"-\".",
            "Attendu 1 a 64 lettres, chiffres, \".\", \"_\", \"-\"."
        )
    }

    fileprivate var pasteFile: String {
        pick(
            "Paste it (PEM). It is not shown. A line with . alone ends it.",
            "Collez-le (PEM). Rien ne s'affiche. Une ligne avec . seul termine."
        )
    }

    fileprivate var pasteCertificate: String {
        pick(
            "Paste it with those above it (PEM). A line with . alone ends it.",
            "Collez-le avec ceux au-dessus (PEM). Une ligne avec . seul termine."
        )
    }

    fileprivate func tooLong(_ bytes: Int) -> String {
        pick(
            "More than \(bytes) bytes: bring it on a USB stick.",
            "Plus de \(bytes) octets : apportez-le sur une cle USB."
        )
    }

    fileprivate func removed(_ name: String) -> String { pick("Removed: \(name)", "Supprime : \(name)") }

    fileprivate var recoveryHelp: [String] {
        switch language {
        case .english:
            [
                "It opens the data where the security chip does not: another main board,",
                "a broken chip. Write it down, and keep it away from the box.",
                "Type its last eight letters from the paper: the box then forgets it.",
            ]
        case .french:
            [
                "Elle ouvre les donnees quand la puce de securite ne le fait pas : autre carte",
                "mere, puce en panne. Notez-la, et gardez-la loin de la box.",
                "Tapez ses huit dernieres lettres d'apres le papier : la box l'oublie alors.",
            ]
        }
    }

    fileprivate var lastGroup: String { pick("Last group (. goes back): ", "Dernier groupe (. annule) : ") }

    fileprivate var otherLetters: String {
        pick("Not its last eight letters.", "Ce ne sont pas ses huit dernieres lettres.")
    }

    fileprivate var keyIsKept: String {
        pick("The box keeps it until it is written down.", "La box la garde jusqu'a ce qu'elle soit notee.")
    }

    fileprivate var keyIsForgotten: String {
        pick(
            "The box has forgotten it: the paper is all there is.",
            "La box l'a oubliee : il ne reste que le papier."
        )
    }

    fileprivate var noRecoveryKey: String {
        pick(
            "There is none to show: it was written down, or this disk has none.",
            "Rien a afficher : elle a ete notee, ou ce disque n'en a pas."
        )
    }

    fileprivate var commonName: String {
        pick("Common name, DRX-0042 (. goes back): ", "Nom commun, DRX-0042 (. annule) : ")
    }

    fileprivate var compareFingerprint: String {
        pick("Its key's fingerprint is in menu 11.", "L'empreinte de sa cle est au menu 11.")
    }

    fileprivate func certificate(_ subject: String, _ end: String) -> String {
        pick("Taken over: \(subject), to \(end.prefix(10))", "Pris : \(subject), jusqu'au \(end.prefix(10))")
    }
}
