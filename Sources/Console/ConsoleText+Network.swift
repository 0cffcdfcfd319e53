// SPDX-License-Identifier: Apache-2.0
import Admin

// Tests, causes, changes.
extension ConsoleText {
    var testing: String {
        pick("Tests run, this can take a minute ...", "Tests en cours, jusqu'a une minute ...")
    }
    var nothingToTest: String {
        pick("Nothing to test: no network is configured.", "Rien a tester : aucun reseau configure.")
    }
    var allPassed: String { pick("All tests passed.", "Tous les tests ont reussi.") }

    func kind(_ kind: NetworkTestStep.Kind) -> String {
        switch kind {
        case .link: pick("link", "lien")
        case .gateway: pick("gateway", "routeur")
        case .dns: "dns"
        case .ntp: "ntp"
        case .proxy: "proxy"
        case .pacs: "pacs"
        }
    }

    func step(_ number: Int?, _ step: NetworkTestStep) -> String {
        let mark = number.map { "[\($0)] " } ?? ""
        let left = " \(mark)\(kind(step.kind)) \(ScreenText.ascii(step.target)) \(detail(of: step))"
        return ScreenText.dotted(ScreenText.ascii(left), step.isOK ? "OK" : pick("FAIL", "ECHEC"))
    }

    /// The API's details are English; these are the ones it has.
    private func detail(of step: NetworkTestStep) -> String {
        guard language == .french else { return step.detail }
        if case .wrongPort(let other) = step.cause { return "pas de cable ; \(other) en a un" }
        let phrases = [
            ("answers in ", "repond en "), ("answers, offset ", "repond, ecart "),
            ("answers; our clock is off by ", "repond ; ecart de notre horloge "),
            ("answers, but has no time itself", "repond, mais n'est pas a l'heure"),
            ("connects in ", "connexion en "), ("no such interface", "interface absente"),
            ("no cable", "pas de cable"), ("no DHCP answer", "pas de reponse DHCP"),
            ("802.1X: the port is not authorized", "802.1X : le port n'est pas autorise"),
            ("no answer in ", "pas de reponse en "), ("no answer", "pas de reponse"),
            ("the name is not known", "nom inconnu"),
            ("the gateway does not answer", "la passerelle ne repond pas"),
            ("an answer that is not DNS", "reponse non DNS"),
        ]
        if step.detail == "up" { return "actif" }
        guard let phrase = phrases.first(where: { step.detail.hasPrefix($0.0) }) else { return step.detail }
        let rest = step.detail.dropFirst(phrase.0.count)
        return phrase.1 + rest.replacing("(behind)", with: "(retard)").replacing("(ahead)", with: "(avance)")
    }

    /// What lies at the root of the failures. Without a link or a gateway nothing beyond can answer; else each
    /// failure speaks for itself, and a wrong clock, which makes failures of its own.
    func conclusion(_ steps: [NetworkTestStep]) -> [String] {
        let failed = steps.filter { !$0.isOK && $0.cause != nil }
        let root = failed.first { $0.kind == .link || $0.kind == .gateway }
        let clock = steps.first {
            if case .clockWrong = $0.cause { true } else { false }
        }
        let told = root.map { [$0] } ?? Array(failed.prefix(3))
        return (told + [clock].compactMap { $0 }).flatMap { step -> [String] in
            guard let cause = step.cause else { return [] }
            return [
                pick("Likely cause: ", "Cause probable : ") + self.cause(cause, step.target),
                pick("Advice: ", "Conseil : ") + advice(cause, step.target),
            ]
        }
    }

    func cause(_ cause: NetworkTestStep.Cause, _ target: String) -> String {
        switch cause {
        case .missingDevice:
            pick("the box has no interface \(target).", "la box n'a pas d'interface \(target).")
        case .noCable: pick("no cable in \(target).", "pas de cable sur \(target).")
        case .wrongPort(let other):
            pick(
                "wrong port: \(other) has link, \(target) is configured.",
                "mauvais port : \(other) a un lien, \(target) est configure."
            )
        case .notAuthorized:
            pick(
                "the switch asks \(target) for 802.1X, and has not let the box in.",
                "le commutateur demande 802.1X sur \(target), et n'a pas admis la box."
            )
        case .noLease:
            pick(
                "no DHCP answer on \(target); the cable is good.",
                "pas de reponse DHCP sur \(target) ; le cable est bon."
            )
        case .noRoute:
            pick(
                "no way to \(target): address, prefix or gateway is wrong.",
                "pas de chemin vers \(target) : adresse, prefixe ou routeur errone."
            )
        case .gatewaySilent:
            pick("the gateway \(target) does not answer.", "le routeur \(target) ne repond pas.")
        case .dnsSilent:
            pick("the name server \(target) does not answer.", "le serveur de noms \(target) ne repond pas.")
        case .ntpSilent:
            pick("the time server \(target) does not answer.", "le serveur de temps \(target) ne repond pas.")
        case .ntpUnsynchronised:
            pick(
                "the time server \(target) has no time itself.",
                "le serveur de temps \(target) n'a pas l'heure."
            )
        case .clockWrong(let seconds):
            pick(
                "the box's clock is \(ScreenText.span(abs(seconds))) \(seconds > 0 ? "behind" : "ahead").",
                "l'horloge de la box \(seconds > 0 ? "retarde" : "avance") de \(ScreenText.span(abs(seconds)))."
            )
        case .tcpRefused:
            pick("nobody takes connections at \(target).", "personne n'ecoute sur \(target).")
        case .pacsSilent:
            pick("the PACS \(target) does not answer C-ECHO.", "le PACS \(target) ne repond pas au C-ECHO.")
        }
    }

    func advice(_ cause: NetworkTestStep.Cause, _ target: String) -> String {
        switch cause {
        case .missingDevice:
            pick(
                "menu 6 lists the interfaces; choose one of them. If a card is missing, call support.",
                "le menu 6 liste les interfaces ; choisissez-en une. Si une carte manque, appelez le support."
            )
        case .noCable:
            pick(
                "plug it in until it clicks; try another cable, then another wall socket. "
                    + "Then call the network team: is the switch port on?",
                "branchez-le jusqu'au clic ; essayez un autre cable, puis une autre prise murale. "
                    + "Sinon appelez l'equipe reseau : le port du commutateur est-il actif ?"
            )
        case .wrongPort(let other):
            pick(
                "move the cable to \(target), or choose \(other) in menu 6.",
                "mettez le cable sur \(target), ou choisissez \(other) dans le menu 6."
            )
        case .notAuthorized:
            pick(
                "call the network team: is the box's certificate known and valid on their server (RADIUS)? "
                    + "Is the box's clock right?",
                "appelez l'equipe reseau : le certificat de la box est-il connu et valide sur leur serveur "
                    + "(RADIUS) ? L'horloge de la box est-elle juste ?"
            )
        case .noLease:
            pick(
                "give a fixed address (menu 6), or call the network team: DHCP for this socket and VLAN?",
                "donnez une adresse fixe (menu 6), ou appelez l'equipe reseau : DHCP pour cette prise et ce VLAN ?"
            )
        case .noRoute:
            pick(
                "compare address, prefix and gateway with the network team's note.",
                "comparez adresse, prefixe et routeur avec la fiche de l'equipe reseau."
            )
        case .gatewaySilent:
            pick(
                "call the network team: is the address right, is the wall socket in the right VLAN?",
                "appelez l'equipe reseau : l'adresse est-elle juste, la prise est-elle dans le bon VLAN ?"
            )
        case .dnsSilent:
            pick(
                "ask the network team: UDP 53 from the box to \(target).",
                "demandez a l'equipe reseau : UDP 53 de la box vers \(target)."
            )
        case .ntpSilent:
            pick(
                "ask the network team: UDP 123 from the box to \(target).",
                "demandez a l'equipe reseau : UDP 123 de la box vers \(target)."
            )
        case .ntpUnsynchronised:
            pick(
                "ask the network team for another time server, enter it in menu 6.",
                "demandez un autre serveur de temps a l'equipe reseau, entrez-le dans le menu 6."
            )
        case .clockWrong:
            pick(
                "certificates may seem invalid until it is right. A time server that answers sets it "
                    + "within minutes; else ask the network team for one.",
                "des certificats peuvent sembler invalides. Un serveur de temps qui repond la regle en "
                    + "quelques minutes ; sinon demandez-en un a l'equipe reseau."
            )
        case .tcpRefused:
            pick(
                "check host and port; ask the network team whether a firewall is between.",
                "verifiez adresse et port ; demandez a l'equipe reseau si un pare-feu bloque."
            )
        case .pacsSilent:
            pick(
                "call the PACS team: AE title, address, port, and is this box declared in the PACS?",
                "appelez l'equipe PACS : AE title, adresse, port, et la box est-elle declaree dans le PACS ?"
            )
        }
    }

    // MARK: Changes

    var revisionHistory: String {
        pick("Revisions, the newest first", "Revisions, la plus recente d'abord")
    }
    var current: String { pick("in force", "en vigueur") }
    var rescue: String { pick("rescue", "secours") }
    var nothingToUndo: String {
        pick("There is no earlier revision.", "Il n'y a pas de revision anterieure.")
    }
    func restoreQuestion(_ number: Int) -> String {
        pick(
            "Back to which revision? [\(number)] (. = none) ",
            "Revenir a quelle revision ? [\(number)] (. = aucune) "
        )
    }
    func noRevision(_ found: String) -> String {
        pick(
            "found \"\(found.prefix(20))\", expected the number of an earlier revision",
            "lu \"\(found.prefix(20))\", attendu le numero d'une revision anterieure"
        )
    }
    func confirmRestore(_ number: Int) -> String {
        pick(
            "Try revision \(number)? Connections may break.",
            "Essayer la revision \(number) ? Des connexions peuvent tomber."
        )
    }

    func applying(_ seconds: Int) -> String {
        pick(
            "Applied for a trial; undone after \(seconds) s unless the tests that passed before pass again.",
            "Mis a l'essai ; annule apres \(seconds) s si les tests qui reussissaient ne reussissent plus."
        )
    }
    func confirmed(_ revision: Int) -> String {
        pick("confirmed as revision \(revision)", "confirme : revision \(revision)")
    }
    func undone(_ reason: String) -> String {
        let words = language == .french ? Self.french(reason: reason) : reason
        return pick("undone: \(words)", "annule : \(words)")
    }
    func backAt(_ revision: Int) -> String {
        pick("The box is as before, revision \(revision).", "La box est comme avant, revision \(revision).")
    }
    var undoneAdvice: String {
        pick(
            "Advice: correct the answer that is wrong and apply again, or call the network team.",
            "Conseil : corrigez la reponse fausse et appliquez de nouveau, ou appelez l'equipe reseau."
        )
    }
    var transactionLost: String {
        pick(
            "The supervisor was restarted meanwhile: change not confirmed: undone.",
            "Le superviseur a redemarre entre-temps : changement non confirme, annule."
        )
    }
    var stillTried: String {
        pick(
            "The change is still being tried: see menu 7.",
            "Le changement est encore a l'essai : voir menu 7."
        )
    }

    private static func french(reason: String) -> String {
        let pattern = [("not confirmed in ", "non confirme en "), ("cancelled by ", "annule par ")]
        if let match = pattern.first(where: { reason.hasPrefix($0.0) }) {
            return match.1 + reason.dropFirst(match.0.count)
        }
        return reason.replacing("found ", with: "lu ").replacing(", expected ", with: ", attendu ")
    }

    var noPending: String { pick("No change is pending.", "Aucun changement en attente.") }
    func pendingHead(_ status: TransactionStatus) -> String {
        let author = ScreenText.ascii(status.author)
        let time = ScreenText.second(status.deadline)
        return pick(
            "A change by \(author) is being tried; undone at \(time) UTC unless confirmed.",
            "Un changement de \(author) est a l'essai ; annule a \(time) UTC sauf confirmation."
        )
    }
    var pendingQuestion: String {
        pick("1 confirm   2 cancel   Enter = menu: ", "1 confirmer   2 annuler   Entree = menu : ")
    }
    var confirmKeep: String { pick("Keep this change?", "Garder ce changement ?") }
    var confirmCancel: String { pick("Undo this change now?", "Annuler ce changement maintenant ?") }
    var differences: String { pick("What changes:", "Ce qui change :") }
    var noDifferences: String { pick("Nothing changes.", "Aucun changement.") }
    var disruptiveDifferences: String {
        pick(
            "What changes (connections break for a moment):",
            "Ce qui change (des connexions tombent un moment) :"
        )
    }
}
