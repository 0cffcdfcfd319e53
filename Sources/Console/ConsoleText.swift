// SPDX-License-Identifier: Apache-2.0
import Admin

/// The language of the console; both are written in ASCII, French without its accents.
package enum ConsoleLanguage: String, CaseIterable, Sendable {
    case english = "en"
    case french = "fr"

    var other: Self { self == .english ? .french : .english }
}

/// Every word that the console says, in each language.
package struct ConsoleText: Sendable {
    var language: ConsoleLanguage

    func pick(_ english: String, _ french: String) -> String {
        switch language {
        case .english: english
        case .french: french
        }
    }

    // MARK: Status

    func state(_ snapshot: StatusSnapshot) -> String {
        guard let status = snapshot.status else { return pick("NO ANSWER", "PAS DE REPONSE") }
        if status.state == .safeMode { return pick("SAFE MODE", "MODE SECOURS") }
        if snapshot.isFactory { return pick("FACTORY - not configured", "USINE - non configure") }
        return switch status.state {
        case .inService:
            switch status.provisioning {
            case .configured: pick("CONFIGURED - not enrolled", "CONFIGURE - non enrole")
            case .factory, .enrolled, .inService, nil: pick("IN SERVICE", "EN SERVICE")
            }
        case .degraded: pick("DEGRADED", "DEGRADE")
        case .starting: pick("CONFIGURED - starting", "CONFIGURE - demarre")
        case .stopping: pick("CONFIGURED - stopping", "CONFIGURE - s'arrete")
        case .safeMode: pick("SAFE MODE", "MODE SECOURS")
        }
    }

    func issueCount(_ count: Int) -> String {
        switch count {
        case 0: pick("no issue", "aucun probleme")
        case 1: pick("1 issue", "1 probleme")
        default: pick("\(count) issues", "\(count) problemes")
        }
    }

    func clock(_ report: ClockReport?) -> String {
        guard let report else { return pick("clock: unknown", "horloge : inconnue") }
        return report.isSynchronised
            ? pick("clock synchronised", "horloge synchronisee")
            : pick("clock NOT synchronised", "horloge NON synchronisee")
    }

    func up(_ seconds: Int) -> String {
        pick("up \(ScreenText.span(seconds))", "actif \(ScreenText.span(seconds))")
    }

    func link(_ hasCarrier: Bool) -> String {
        hasCarrier ? pick("link", "lien") : pick("no link", "pas de lien")
    }

    var noNetworkAnswer: String {
        pick("network: cannot be looked at", "reseau : ne peut pas etre lu")
    }

    func service(_ state: ServiceStatus.State) -> String {
        switch state {
        case .starting: pick("starting", "demarre")
        case .running: pick("running", "en marche")
        case .backoff: pick("waits for restart", "attend sa relance")
        case .held: pick("HELD", "BLOQUE")
        case .stopped: pick("stopped", "arrete")
        case .failed: pick("FAILED", "EN ECHEC")
        }
    }

    func serviceName(_ name: String) -> String { name == "gateway" ? pick("gateway", "passerelle") : name }

    func more(_ count: Int) -> String { pick("... and \(count) more", "... et \(count) de plus") }

    var supervisorSilent: [String] {
        [
            pick("The supervisor (drimboxd) does not answer.", "Le superviseur (drimboxd) ne repond pas."),
            pick(
                "It is started again by itself. If this stays for 5 minutes: note the date, do not",
                "Il est relance automatiquement. Si cela dure 5 minutes : notez la date, ne"
            ),
            pick("cut the power, call support.", "coupez pas le courant, appelez le support."),
        ]
    }

    var statusKeys: String {
        pick("Enter refresh   /fr en francais", "Entree actualiser   /en in English")
    }

    var loginPrompt: String { pick("login: ", "identifiant : ") }

    var noAdministrator: String { pick("No administrator yet.", "Pas encore d'administrateur.") }

    var factoryPrompt: String {
        pick(
            "1 Install wizard   2 Francais   3 USB stick   Enter refresh: ",
            "1 Assistant d'installation   2 English   3 Cle USB   Entree actualiser : "
        )
    }

    // MARK: Login

    var passwordPrompt: String { pick("password: ", "mot de passe : ") }
    var badName: String {
        pick(
            "Not a user name: expected 1 to 32 of a-z 0-9 . _ -",
            "Pas un identifiant : attendu 1 a 32 caracteres a-z 0-9 . _ -"
        )
    }
    var wrongLogin: String {
        pick("Wrong name or password.", "Identifiant ou mot de passe errone.")
    }
    func delayed(_ detail: String) -> String {
        pick("Too many failures: \(detail)", "Trop d'echecs : \(self.detail(detail))")
    }
    func loginFailed(_ why: String) -> String { pick("Login failed: \(why)", "Echec de connexion : \(why)") }
    var locked: String {
        pick("Locked: nobody typed for a while.", "Verrouille : plus personne au clavier.")
    }
    var loggedOut: String { pick("Logged out.", "Deconnecte.") }

    // MARK: Menu

    func role(_ role: Role) -> String {
        switch role {
        case .viewer: pick("viewer", "lecteur")
        case .operator: pick("operator", "operateur")
        case .admin: pick("admin", "administrateur")
        }
    }

    func menu(_ item: MenuItem) -> String {
        switch item {
        case .issues: pick("Why degraded?", "Pourquoi degrade ?")
        case .tests: pick("Network tests", "Tests du reseau")
        case .undo: pick("Undo last network change", "Annuler le dernier changement reseau")
        case .restart: pick("Restart the gateway", "Relancer la passerelle")
        case .health: pick("Disk, TPM, heat", "Disques, TPM, temperatures")
        case .update: pick("Software update, previous software", "Mise a jour, logiciel precedent")
        case .shell: pick("Vendor's shell, by a signed challenge", "Shell du fournisseur, sur defi signe")
        case .enrolment: pick("Enrolment: the key's fingerprint", "Enrolement : l'empreinte de la cle")
        case .files: pick("Files and certificates, USB stick", "Fichiers et certificats, cle USB")
        case .power: pick("Restart, switch off, factory reset", "Redemarrer, eteindre, etat d'usine")
        case .wizard:
            pick("Install wizard / change network", "Assistant d'installation / changer le reseau")
        case .pending:
            pick("Confirm or cancel a pending change", "Confirmer ou annuler un changement en attente")
        case .events: pick("Events (last 20)", "Evenements (20 derniers)")
        case .audit: pick("Audit (last 10 rows)", "Audit (10 dernieres lignes)")
        case .language: pick("Francais", "English")
        case .logOut: pick("Log out", "Se deconnecter")
        }
    }

    func notPermitted(_ role: Role, _ needed: Role) -> String {
        pick(
            "Not permitted: you are \(self.role(role)), this needs \(self.role(needed)).",
            "Interdit : vous etes \(self.role(role)), il faut \(self.role(needed))."
        )
    }

    func unknownChoice(_ found: String, _ count: Int) -> String {
        pick(
            "found \"\(found.prefix(20))\", expected 1 to \(count)",
            "lu \"\(found.prefix(20))\", attendu 1 a \(count)"
        )
    }

    var more: String { pick("-- more: Enter, q = stop -- ", "-- suite : Entree, q = fin -- ") }
    var enterForMenu: String { pick("Enter = menu: ", "Entree = menu : ") }

    // MARK: Yes and no

    var typeYes: String { pick("Type yes: ", "Tapez oui : ") }
    var nothingDone: String { pick("Nothing was done.", "Rien n'a ete fait.") }

    /// The whole word of either language.
    func isYes(_ line: String) -> Bool { ["yes", "oui"].contains(line.lowercased()) }
    func isNo(_ line: String) -> Bool { ["no", "non", "n"].contains(line.lowercased()) }
    var yesOrNo: String { pick("yes or no", "oui ou non") }
    func yesNo(_ flag: Bool) -> String { flag ? pick("yes", "oui") : pick("no", "non") }
    var none: String { pick("none", "aucun") }
    func isNone(_ line: String) -> Bool {
        ["none", "aucun", "aucune", "-"].contains(line.lowercased())
    }

    // MARK: Actions

    var restartQuestion: String {
        pick(
            "Transfers that run are broken off; their senders try again.",
            "Les transferts en cours sont interrompus ; les emetteurs recommencent."
        )
    }
    var confirmRestart: String { pick("Restart the gateway?", "Relancer la passerelle ?") }
    func restarted(_ state: String) -> String {
        pick("The gateway is restarted: \(state)", "La passerelle est relancee : \(state)")
    }

    var noIssues: String { pick("Nothing is wrong.", "Tout va bien.") }
    func since(_ time: Timestamp) -> String {
        pick("since \(ScreenText.minute(time)) UTC", "depuis le \(ScreenText.minute(time)) UTC")
    }

    var noEvents: String { pick("No events.", "Aucun evenement.") }
    func severity(_ severity: Severity) -> String {
        switch severity {
        case .info: "  "
        case .warning: "! "
        case .critical: "!!"
        }
    }

    func auditIntact(_ rows: Int) -> String {
        pick("Chain intact: \(rows) rows.", "Chaine intacte : \(rows) lignes.")
    }
    func auditHead(_ head: String) -> String { pick("Newest hash \(head)", "Derniere empreinte \(head)") }
    func auditBroken(_ row: Int) -> String {
        pick(
            "CHAIN BROKEN at row \(row). Touch nothing, call support.",
            "CHAINE ROMPUE a la ligne \(row). Ne touchez a rien, appelez le support."
        )
    }

    // MARK: Failures

    func failure(_ answer: ConsoleAnswer) -> [String] {
        guard answer.status != nil else {
            return answer == .late
                ? [pick("The supervisor did not answer in time.", "Le superviseur n'a pas repondu a temps.")]
                : supervisorSilent
        }
        guard let problem = answer.problem else {
            return [
                answer.isOK
                    ? pick("The answer is not understood.", "Reponse incomprise.")
                    : pick(
                        "The supervisor refuses: status \(answer.status ?? 0)",
                        "Refus du superviseur : \(answer.status ?? 0)"
                    )
            ]
        }
        var lines = ["\(title(problem)) (\(problem.code))"]
        if let detail = problem.detail { lines.append("  " + self.detail(detail)) }
        return lines
    }

    private func title(_ problem: Problem) -> String {
        switch problem.code {
        case "auth.denied": pick("Not permitted", "Acces refuse")
        case "auth.role": pick("Not permitted with this role", "Interdit avec ce role")
        case "config.stale":
            pick("Somebody else changed the configuration", "La configuration a ete changee entre-temps")
        case "config.invalid": pick("The configuration is not valid", "La configuration n'est pas valide")
        case "config.unchanged": pick("Nothing changes", "Aucun changement")
        case "config.connection":
            pick(
                "The connection is older than the change",
                "La connexion est plus ancienne que le changement"
            )
        case "config.none": pick("No change is pending", "Aucun changement en attente")
        case "net.pending":
            pick(
                "A change is being tried already: see menu 7",
                "Un changement est deja a l'essai : voir menu 7"
            )
        case "net.rolled_back": pick("The change was undone already", "Le changement a deja ete annule")
        case "net.unavailable": pick("The network cannot be looked at", "Le reseau ne peut pas etre lu")
        case "pipeline.unavailable": pick("The gateway does not answer", "La passerelle ne repond pas")
        case "update.unavailable": pick("Updates are not available", "Mises a jour indisponibles")
        case "update.state": pick("Not now", "Pas maintenant")
        case "state.safe_mode":
            pick(
                "Not in safe mode: it only undoes changes",
                "Pas en mode secours : seul un retour est possible"
            )
        case "store.unavailable": pick("The database fails", "La base de donnees est en panne")
        case "request.path": pick("Not available in this version", "Pas disponible dans cette version")
        default: problem.title
        }
    }

    /// The API speaks English; its two most frequent words are put into French.
    func detail(_ detail: String) -> String {
        guard language == .french else { return detail }
        return detail.replacing("found ", with: "lu ").replacing(", expected ", with: ", attendu ")
            .replacing("the next try counts in ", with: "le prochain essai comptera dans ")
    }
}
