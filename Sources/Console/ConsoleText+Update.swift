// SPDX-License-Identifier: Apache-2.0
import Admin

extension ConsoleText {
    var runs: String { pick("running", "en service") }
    var slot: String { pick("slot", "emplacement") }
    var updateTitle: String { pick("update", "mise a jour") }
    var reason: String { pick("reason", "motif") }
    var problem: String { pick("problem", "probleme") }
    var floorTitle: String { pick("floor", "plancher") }
    var failedTitle: String { pick("failed", "en echec") }
    var damagedTitle: String { pick("damaged", "abime") }
    var patience: String { pick("This may take a minute ...", "Cela peut prendre une minute ...") }

    func choicePrompt(_ count: Int) -> String {
        pick("1-\(count), Enter = menu: ", "1-\(count), Entree = menu : ")
    }

    func phase(_ phase: UpdateStatus.Phase) -> String {
        switch phase {
        case .idle: pick("nothing under way", "rien en cours")
        case .checking: pick("checking", "recherche")
        case .offered: pick("offered", "proposee")
        case .fetching: pick("being installed", "en cours d'installation")
        case .staged: pick("installed", "installee")
        case .armed, .rebooting: pick("starts with the next boot", "demarre au prochain redemarrage")
        case .trial: pick("on trial", "a l'essai")
        case .committing: pick("being committed", "validation")
        case .committed: pick("committed", "validee")
        case .floorRaised: pick("committed for good", "validee definitivement")
        case .aborted: pick("dropped", "abandonnee")
        case .rolledBack: pick("went back from", "retiree, retour au precedent")
        }
    }

    func hold(_ hold: UpdateStatus.Hold) -> String {
        switch hold {
        case .window: pick("waits for a maintenance window", "attend une plage de maintenance")
        case .consent: pick("waits for consent", "attend un accord")
        case .cohort: pick("waits for its turn", "attend son tour")
        case .notBefore: pick("waits for its time", "attend son heure")
        case .paused: pick("paused by the vendor", "suspendue par le fournisseur")
        case .failed: pick("has failed, waits for a retry", "a echoue, attend un nouvel essai")
        }
    }

    func update(_ choice: UpdateChoice) -> String {
        switch choice {
        case .refresh: pick("Look again", "Actualiser")
        case .check: pick("Look for a release", "Chercher une mise a jour")
        case .retry: pick("Try the failed release again", "Reessayer celle qui a echoue")
        case .medium(let name): pick("Install from medium \(name)", "Installer depuis le support \(name)")
        case .confirm: pick("Agree, and reboot into it", "Donner l'accord et redemarrer dessus")
        case .abort: pick("Drop it", "L'abandonner")
        case .rollBack: pick("Previous software", "Logiciel precedent")
        }
    }

    /// What somebody should know before they say yes; nil where nothing happens to the box.
    func question(_ choice: UpdateChoice) -> String? {
        switch choice {
        case .refresh, .check: nil
        case .retry, .medium:
            pick(
                "It goes into the slot that does not run; the box goes on working.",
                "Elle va dans l'emplacement inactif ; la box continue de travailler."
            )
        case .confirm:
            pick(
                "The box reboots; if the release is not well, it goes back by itself.",
                "La box redemarre ; si la mise a jour ne va pas, elle revient d'elle-meme."
            )
        case .abort:
            pick("What was fetched stays for the next try.", "Ce qui est recu reste pour un autre essai.")
        case .rollBack:
            pick(
                "The box reboots into the software of before. Data and configuration stay.",
                "La box redemarre sur le logiciel precedent. Donnees et configuration restent."
            )
        }
    }
}
